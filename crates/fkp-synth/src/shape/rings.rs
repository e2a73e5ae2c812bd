//! The base of the head: a stack of rings from the crown to the chest, joined by splines.
//!
//! A ring is a closed curve around the head with a point in the middle of the front, one on each
//! side and one in the middle of the back. Rings need not be level: below the chin the front of a
//! ring is the throat while its sides are still at the jaw. Nose, lips and the other features are
//! added by [`super::relief`].

use crate::math::Vec3;
use crate::params::Head;

/// One ring. Lengths are in eye units, see [`crate::params`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ring {
    /// y and z of the middle of the front.
    pub(crate) front: [f32; 2],
    /// x, y and z of the subject's left side; the right side is its mirror image.
    pub(crate) side: Vec3,
    /// y and z of the middle of the back.
    pub(crate) back: [f32; 2],
    /// 0 if the front is elliptical, positive if it is flatter, negative if it is more pointed.
    pub(crate) flatness: f32,
}

/// The average head: front y, z; side x, y, z; back y, z; flatness. The proportions are those of
/// Farkas, *Anthropometry of the Head and Face* (1994), at an interpupillary distance of 63 mm.
#[rustfmt::skip]
const AVERAGE: [[f32; 8]; COUNT] = [
    // Crown, forehead.
    [-3.62, -0.35, 0.02, -3.62, -0.35, -3.62, -0.36, 0.0],
    [-3.50,  0.75, 1.05, -3.48, -0.40, -3.46, -1.45, 0.0],
    [-3.05,  1.75, 1.80, -2.95, -0.45, -2.90, -2.40, 0.1],
    [-2.35,  2.48, 2.20, -2.20, -0.50, -2.05, -2.95, 0.25],
    [-1.55,  2.86, 2.36, -1.40, -0.50, -1.15, -3.15, 0.35],
    [-0.80,  3.00, 2.38, -0.65, -0.45, -0.30, -3.15, 0.40],
    // Eyes, cheeks, mouth.
    [-0.15,  2.90, 2.34,  0.00, -0.35,  0.50, -3.00, 0.40],
    [ 0.50,  2.80, 2.28,  0.62, -0.25,  1.20, -2.65, 0.35],
    [ 1.10,  2.82, 2.18,  1.15, -0.18,  1.80, -2.25, 0.25],
    [ 1.65,  2.88, 2.06,  1.60, -0.15,  2.30, -1.95, 0.12],
    [ 2.15,  2.88, 1.95,  1.98, -0.15,  2.75, -1.78, 0.02],
    [ 2.65,  2.76, 1.83,  2.30, -0.18,  3.10, -1.70, -0.05],
    // Chin, underside of the jaw, throat.
    [ 3.08,  2.70, 1.70,  2.60, -0.22,  3.42, -1.65, -0.12],
    [ 3.40,  2.42, 1.57,  2.85, -0.30,  3.70, -1.63, -0.10],
    [ 3.54,  1.90, 1.48,  3.08, -0.36,  4.00, -1.64, 0.0],
    [ 3.64,  1.30, 1.42,  3.38, -0.42,  4.30, -1.68, 0.0],
    [ 4.02,  0.90, 1.40,  3.90, -0.48,  4.68, -1.76, 0.0],
    // Neck, shoulders, chest.
    [ 4.90,  0.68, 1.52,  4.85, -0.58,  5.20, -1.88, 0.0],
    [ 5.55,  0.62, 2.30,  5.40, -0.68,  5.65, -2.05, 0.0],
    [ 6.10,  0.85, 4.30,  6.00, -0.70,  6.20, -2.30, 0.2],
    [ 7.20,  1.30, 5.90,  7.20, -0.60,  7.40, -2.45, 0.4],
    [11.00,  1.60, 6.20, 11.00, -0.60, 11.00, -2.45, 0.4],
];

/// Number of rings.
pub(crate) const COUNT: usize = 22;
/// The ring at the level of the eyes.
const EYES: f32 = 6.0;
/// The ring on the lower edge of the chin.
const CHIN: f32 = 13.0;
/// The last ring that moves with the head; the ones after it belong to neck and body.
pub(crate) const LAST_OF_HEAD: f32 = 15.0;

/// The rings of one head.
#[derive(Debug, Clone)]
pub(crate) struct Rings {
    rings: [[f32; 8]; COUNT],
}

impl Rings {
    /// The rings of a head whose mouth is opened by `jaw_drop` eye units.
    pub(crate) fn new(head: &Head, jaw_drop: f32) -> Self {
        let mut rings = AVERAGE;
        for (index, ring) in rings.iter_mut().enumerate() {
            let r = index as f32;
            // 1 at the level, 0 `width` rings away from it.
            let near = |level: f32, width: f32| {
                let t = (1.0 - ((r - level) / width).abs()).max(0.0);
                t * t * (3.0 - 2.0 * t)
            };
            let of_head = crate::math::smoothstep(LAST_OF_HEAD + 2.0, LAST_OF_HEAD - 1.0, r);
            let [fy, fz, sx, sy, sz, by, bz, flatness] = ring;
            *sx *= 1.0 + of_head * (head.width - 1.0);
            *sx += head.cheekbone_width * near(7.0, 2.5)
                + head.jaw_width * near(11.5, 3.5)
                + head.forehead_width * near(4.5, 2.5)
                + head.fullness * (0.16 * near(10.0, 3.0) + 0.2 * near(14.5, 3.0))
                + head.neck_width * near(17.0, 2.5);
            // Below the eyes the face is longer or shorter, above them the forehead and the skull.
            let down = (r - EYES) / (CHIN - EYES);
            let longer = if r >= EYES {
                head.face_length * down.min(1.0)
            } else {
                -head.forehead_height * ((EYES - r) / EYES).min(1.0)
            };
            *fy += longer;
            *sy += longer * if r < EYES { 1.0 } else { 0.75 };
            *by += longer * if r < EYES { 1.0 } else { 0.5 };
            // Opening the mouth turns the jaw about the joint below the ear.
            let jaw =
                crate::math::smoothstep(9.6, 11.0, r) * crate::math::smoothstep(17.0, 14.5, r);
            *fy += jaw_drop * jaw;
            *fz -= 0.28 * jaw_drop * jaw;
            *sy += 0.3 * jaw_drop * jaw;
            // Profile: slope of the forehead, projection of mid-face and chin, double chin.
            *fz += head.forehead_slope * near(3.0, 3.0)
                + head.midface * near(9.0, 3.0)
                + head.chin_projection * near(12.5, 2.5)
                + head.fullness * (0.3 * near(14.5, 2.5));
            *fy += head.fullness * 0.25 * near(14.5, 2.5);
            *bz *= 1.0 + of_head * (head.depth - 1.0);
            *sz *= 1.0;
            *flatness += head.flatness * near(7.5, 4.0) + head.chin_squareness * near(12.5, 2.0);
        }
        Self { rings }
    }

    /// The ring at a level, which need not be a whole number: a Catmull-Rom spline through the
    /// rings.
    pub(crate) fn at(&self, level: f32) -> Ring {
        let last = (COUNT - 1) as f32;
        let level = level.clamp(0.0, last);
        let index = (level as usize).min(COUNT - 2);
        let t = level - index as f32;
        let [before, a, b, after] = [
            &self.rings[index.saturating_sub(1)],
            &self.rings[index],
            &self.rings[index + 1],
            &self.rings[(index + 2).min(COUNT - 1)],
        ];
        let (t2, t3) = (t * t, t * t * t);
        let w = [
            -0.5 * t3 + t2 - 0.5 * t,
            1.5 * t3 - 2.5 * t2 + 1.0,
            -1.5 * t3 + 2.0 * t2 + 0.5 * t,
            0.5 * t3 - 0.5 * t2,
        ];
        let v: [f32; 8] =
            std::array::from_fn(|i| w[0] * before[i] + w[1] * a[i] + w[2] * b[i] + w[3] * after[i]);
        Ring {
            front: [v[0], v[1]],
            side: [v[2], v[3], v[4]],
            back: [v[5], v[6]],
            flatness: v[7],
        }
    }

    /// The level whose ring passes through the point of the front with these x and y.
    pub(crate) fn level_through(&self, x: f32, y: f32) -> f32 {
        let (mut low, mut high) = (0.5, LAST_OF_HEAD - 1.0);
        for _ in 0..24 {
            let middle = 0.5 * (low + high);
            let ring = self.at(middle);
            let s = (x / ring.side[0]).clamp(-1.0, 1.0);
            if ring.front_y(s) < y {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}

impl Ring {
    /// y of the front at `s` = x / half the width, in −1..1.
    fn front_y(&self, s: f32) -> f32 {
        self.front[0] + (self.side[1] - self.front[0]) * s * s
    }

    /// The point of the front at `s` = x / half the width, in −1..1.
    pub(crate) fn front_at(&self, s: f32) -> Vec3 {
        let s2 = s * s;
        let across = s2 * (1.0 - self.flatness + self.flatness * s2);
        let [x, _, z] = self.side;
        let depth = (1.0 - across).max(0.0).sqrt();
        [s * x, self.front_y(s), z + (self.front[1] - z) * depth]
    }

    /// The point of the back at `s` = x / half the width, in −1..1.
    pub(crate) fn back_at(&self, s: f32) -> Vec3 {
        let [x, y, z] = self.side;
        let depth = (1.0 - s * s).max(0.0).sqrt();
        [
            s * x,
            self.back[0] + (y - self.back[0]) * s * s,
            z + (self.back[1] - z) * depth,
        ]
    }
}
