//! Where the keypoints are on the head.

use crate::math::{Vec3, mix};
use crate::params::FaceParams;
use crate::shape::{Features, Surface};
use std::f32::consts::FRAC_PI_2;

/// The corners of the eyes as fractions of the half width: annotators mark where the white of the
/// eye ends, which is beside the caruncle and the outer fold of the lids.
const EYE_CORNER: f32 = 0.9;

/// The subject's left and right, as factors of x.
const SIDES: [f32; 2] = [1.0, -1.0];

/// The 15 keypoints of the `kaggle15` schema, in the head's frame.
pub(crate) fn kaggle15(face: &FaceParams, features: &Features, surface: &Surface) -> Vec<Vec3> {
    let eye = |index: usize, local: [f32; 2]| {
        let [out, y] = features.eyes[index].on_face(local);
        [SIDES[index] * out, y]
    };
    let hw = |index: usize| features.eyes[index].half_width;
    let brow = |index: usize, along: f32| {
        let [out, y] = features.brows[index].at(along);
        [SIDES[index] * out, y]
    };
    let mouth = &features.mouth;
    let lips = mouth.curves(0.0);
    [
        eye(0, features.eyes[0].middle()),
        eye(1, features.eyes[1].middle()),
        eye(0, [-EYE_CORNER * hw(0), 0.0]),
        eye(0, [EYE_CORNER * hw(0), 0.0]),
        eye(1, [-EYE_CORNER * hw(1), 0.0]),
        eye(1, [EYE_CORNER * hw(1), 0.0]),
        brow(0, 0.0),
        brow(0, 1.0),
        brow(1, 0.0),
        brow(1, 1.0),
        nose_tip(face, surface),
        mouth.corner(0),
        mouth.corner(1),
        [mouth.x, lips.top],
        [mouth.x, lips.bottom],
    ]
    .map(|[x, y]| surface.point(x, y))
    .to_vec()
}

/// The path of the jaw line: levels of rings and positions around them, from beside the upper end
/// of the ear down to the middle of the chin.
const JAW: [Place; 9] = [
    Place::new(6.0, 0.94),
    Place::new(7.4, 0.95),
    Place::new(8.6, 0.96),
    Place::new(9.9, 0.96),
    Place::new(11.2, 0.93),
    Place::new(12.2, 0.82),
    Place::new(12.85, 0.58),
    Place::new(13.15, 0.3),
    Place::new(13.25, 0.0),
];

/// The 68 keypoints of the `ibug68` schema, in the head's frame.
///
/// The jaw line is on the visible outline of the face, as annotators drew it: where the true line
/// is behind the cheek, its points move along the surface to the outline (Zhu et al.,
/// *Face Alignment Across Large Poses*, CVPR 2016, section 3.3). From the chin to each ear they are
/// equally spaced in the image. `image` gives the position of a point of the head in the image,
/// which is upright.
pub(crate) fn ibug68(
    face: &FaceParams,
    features: &Features,
    surface: &Surface,
    image: impl Fn(Vec3) -> [f32; 2],
) -> Vec<Vec3> {
    let mut points = Vec::with_capacity(68);
    // The jaw line from the subject's right to the left, the chin once.
    points.extend(half_of_jaw(surface, -1.0, &image));
    points.extend(half_of_jaw(surface, 1.0, &image).into_iter().rev().skip(1));
    let mut add = |[x, y]: [f32; 2]| points.push(surface.point(x, y));
    // Brows, both from left to right in the image.
    for step in 0..5 {
        let [out, y] = features.brows[1].at(1.0 - 0.25 * step as f32);
        add([-out, y]);
    }
    for step in 0..5 {
        add(features.brows[0].at(0.25 * step as f32));
    }
    // The ridge of the nose, and the line below it.
    let tip = nose_tip(face, surface);
    const ROOT: f32 = 0.02;
    for step in 0..4 {
        let t = step as f32 / 3.0;
        add([tip[0] * t, mix(ROOT, tip[1], t)]);
    }
    let [nx, ny] = face.nose.at;
    let w = face.nose.width;
    for (x, y) in [
        (-0.42, 0.28),
        (-0.2, 0.37),
        (0.0, 0.42),
        (0.2, 0.37),
        (0.42, 0.28),
    ] {
        add([nx + x * w, ny + y]);
    }
    // Eyes: from the corner that is left in the image along the upper lid and back.
    let lid = 0.36;
    for index in [1, 0] {
        let eye = &features.eyes[index];
        let side = SIDES[index];
        // From left to right in the image is from the outer to the inner corner of the right eye.
        let order = -side;
        let corner = EYE_CORNER;
        for (s, upper) in [
            (corner, true),
            (lid, true),
            (-lid, true),
            (-corner, false),
            (-lid, false),
            (lid, false),
        ] {
            let s: f32 = s * order;
            let y = if s.abs() >= corner {
                0.0
            } else if upper {
                eye.upper_edge(s)
            } else {
                eye.lower_edge(s)
            };
            let [out, y] = eye.on_face([s * eye.half_width, y]);
            add([side * out, y]);
        }
    }
    // Outer and inner outline of the lips.
    let mouth = &features.mouth;
    let at = |s: f32| [mouth.x + s * mouth.half_width, s];
    let mut lip = |s: f32, which: fn(&crate::shape::features::LipCurves) -> f32| {
        let [x, s] = at(s);
        add([x, which(&mouth.curves(s))]);
    };
    for s in [-1.0, -0.62, -0.24, 0.0, 0.24, 0.62, 1.0] {
        lip(s, |c| c.top);
    }
    for s in [0.62, 0.3, 0.0, -0.3, -0.62] {
        lip(s, |c| c.bottom);
    }
    for s in [-0.9, -0.32, 0.0, 0.32, 0.9] {
        lip(s, |c| c.inner_top);
    }
    for s in [0.32, 0.0, -0.32] {
        lip(s, |c| c.inner_bottom);
    }
    points
}

/// Levels of the rings through the hairline and through the ears, between which the outline of a
/// face becomes wider.
const FOREHEAD: [f32; 2] = [3.0, 5.6];

/// Points of the face from the hairline to the chin and from ear to ear, in the head's frame. Seen
/// from any side, the box around them is that of the visible oval of the face: no corner of it is
/// beyond the rounded forehead or the chin.
pub(crate) fn outline(surface: &Surface) -> Vec<Vec3> {
    const ROWS: usize = 7;
    const HALF_COLUMNS: i8 = 6;
    let [top, ears] = FOREHEAD;
    let forehead = (0..ROWS).map(|row| {
        // Denser at the top, where the outline is almost level.
        let down = (row as f32 / ROWS as f32).powi(2);
        let around = (1.0 - (1.0 - down).powi(2)).sqrt().asin() / FRAC_PI_2;
        Place::new(mix(top, ears, down), around)
    });
    let mut points = Vec::with_capacity((ROWS + JAW.len()) * (2 * HALF_COLUMNS as usize + 1));
    for place in forehead.chain(JAW) {
        for column in -HALF_COLUMNS..=HALF_COLUMNS {
            let t = f32::from(column) / f32::from(HALF_COLUMNS);
            points.push(Place::new(place.level, t * place.around).on(surface));
        }
    }
    points
}

/// A place on the surface of the head.
#[derive(Clone, Copy)]
struct Place {
    /// Level of the ring.
    level: f32,
    /// Position around it, as for [`Surface::on_ring`].
    around: f32,
}

impl Place {
    const fn new(level: f32, around: f32) -> Self {
        Self { level, around }
    }

    fn toward(self, other: Self, t: f32) -> Self {
        Self {
            level: mix(self.level, other.level, t),
            around: mix(self.around, other.around, t),
        }
    }

    fn on(self, surface: &Surface) -> Vec3 {
        surface.on_ring(self.level, self.around)
    }
}

/// The jaw line of a side (−1 is the subject's right) from the ear to the chin, at equal distances
/// in the image.
fn half_of_jaw(
    surface: &Surface,
    side: f32,
    image: &impl Fn(Vec3) -> [f32; 2],
) -> [Vec3; JAW.len()] {
    /// Places of the outline per place of the path: the more, the closer to equal the distances.
    const PARTS: usize = 2;
    const PLACES: usize = PARTS * (JAW.len() - 1) + 1;
    let outline: [Place; PLACES] = std::array::from_fn(|index| {
        let from = JAW[index / PARTS];
        let to = JAW[(index / PARTS + 1).min(JAW.len() - 1)];
        let on_path = from.toward(to, (index % PARTS) as f32 / PARTS as f32);
        outermost(surface, on_path, side, image)
    });
    let seen = outline.map(|place| image(place.on(surface)));
    let mut length = [0.0; PLACES];
    for index in 1..PLACES {
        let [[ax, ay], [bx, by]] = [seen[index - 1], seen[index]];
        length[index] = length[index - 1] + (bx - ax).hypot(by - ay);
    }
    std::array::from_fn(|index| {
        let at = length[PLACES - 1] * index as f32 / (JAW.len() - 1) as f32;
        let next = length.partition_point(|l| *l < at).clamp(1, PLACES - 1);
        let step = (length[next] - length[next - 1]).max(1e-6);
        outline[next - 1]
            .toward(outline[next], (at - length[next - 1]) / step)
            .on(surface)
    })
}

/// The place of a ring between the front and a place that is farthest out on a side.
fn outermost(
    surface: &Surface,
    place: Place,
    side: f32,
    image: &impl Fn(Vec3) -> [f32; 2],
) -> Place {
    const STEPS: usize = 16;
    let at = |t: f32| Place::new(place.level, side * place.around * t);
    let out = |t: f32| side * image(at(t).on(surface))[0];
    let values: [f32; STEPS + 1] = std::array::from_fn(|step| out(step as f32 / STEPS as f32));
    let best = (0..=STEPS)
        .max_by(|a, b| values[*a].total_cmp(&values[*b]))
        .unwrap_or(STEPS);
    let mut t = best as f32 / STEPS as f32;
    if (1..STEPS).contains(&best) {
        // The vertex of the parabola through three values.
        let [a, b, c] = [values[best - 1], values[best], values[best + 1]];
        let curvature = a - 2.0 * b + c;
        if curvature < -1e-9 {
            t += 0.5 * (a - c) / curvature / STEPS as f32;
        }
    }
    at(t)
}

/// The tip of the nose: the point of the ridge that is farthest in front.
fn nose_tip(face: &FaceParams, surface: &Surface) -> [f32; 2] {
    let [mut x, mut y] = face.nose.at;
    let mut top = surface.point(x, y)[2];
    let mut step = 0.08;
    // Hill climbing along the axes with decreasing steps.
    while step > 2e-3 {
        let around = [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)];
        let higher = around.into_iter().find_map(|(dx, dy)| {
            let height = surface.point(x + dx, y + dy)[2];
            (height > top).then_some((x + dx, y + dy, height))
        });
        match higher {
            Some(higher) => (x, y, top) = higher,
            None => step *= 0.5,
        }
    }
    [x, y]
}
