//! Eyes, brows and mouth after the expression has moved them, in face coordinates.

use crate::math::{falloff, mix, smoothstep};
use crate::params::{Brow, Expression, Eye, FaceParams};

/// The opening of one eye. x is outward from the middle of the face.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EyeShape {
    /// Middle of the line between the corners, `[outward, down]`.
    pub(crate) at: [f32; 2],
    pub(crate) half_width: f32,
    /// Height of the edge of the upper lid above the line between the corners; negative when the
    /// lid is lower than that line.
    pub(crate) upper: f32,
    /// Depth of the edge of the lower lid below the line.
    pub(crate) lower: f32,
    /// Sine and cosine of the angle by which the outer corner is raised.
    tilt: (f32, f32),
}

impl EyeShape {
    fn new(eye: &Eye, expression: &Expression, side: usize) -> Self {
        let blink = expression.blink[side].clamp(0.0, 1.0);
        let smile = expression.smile[side].max(0.0);
        let squint = (expression.squint + 0.45 * smile).clamp(0.0, 1.3);
        let upper = eye.upper_lid * (1.0 + 0.4 * expression.wide - 0.3 * squint)
            - 0.25 * eye.upper_lid * expression.gaze[1].max(0.0) * 2.0;
        let lower = eye.lower_lid * (1.0 + 0.15 * expression.wide - 0.6 * squint);
        // The upper lid travels most of the way, and a closed line hangs a little.
        let closed = -0.6 * eye.lower_lid - 0.01;
        Self {
            at: eye.at,
            half_width: eye.half_width,
            upper: mix(upper, closed, blink),
            lower: mix(lower, -closed, 0.6 * blink),
            tilt: eye.tilt.sin_cos(),
        }
    }

    /// From (outward, down) on the face to the frame of the eye: x toward the outer corner, y down
    /// from the line between the corners.
    pub(crate) fn local(&self, outward: f32, y: f32) -> [f32; 2] {
        let (sin, cos) = self.tilt;
        let (dx, dy) = (outward - self.at[0], y - self.at[1]);
        [cos * dx - sin * dy, sin * dx + cos * dy]
    }

    /// From the frame of the eye to (outward, down) on the face.
    pub(crate) fn on_face(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.tilt;
        [
            self.at[0] + cos * x + sin * y,
            self.at[1] - sin * x + cos * y,
        ]
    }

    /// y of the edge of the upper lid at `s` = x / half the width, in the frame of the eye.
    pub(crate) fn upper_edge(&self, s: f32) -> f32 {
        // The highest point is nearer to the nose.
        let s = (s + 0.12 * (1.0 - s * s)).clamp(-1.0, 1.0);
        -self.upper * lid(s)
    }

    /// y of the edge of the lower lid; its deepest point is nearer to the outer corner.
    pub(crate) fn lower_edge(&self, s: f32) -> f32 {
        let s = (s - 0.15 * (1.0 - s * s)).clamp(-1.0, 1.0);
        self.lower * lid(s)
    }

    /// The middle of the opening, in the frame of the eye.
    pub(crate) fn middle(&self) -> [f32; 2] {
        [0.0, 0.5 * (self.upper_edge(0.0) + self.lower_edge(0.0))]
    }
}

/// Outline of a lid: 1 in the middle, 0 at the corners.
fn lid(s: f32) -> f32 {
    let u = (1.0 - s * s).max(0.0);
    0.6 * u + 0.4 * u.sqrt()
}

/// One eyebrow after the expression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrowShape {
    pub(crate) inner: [f32; 2],
    pub(crate) outer: [f32; 2],
    pub(crate) arch: f32,
    pub(crate) thickness: f32,
    pub(crate) density: f32,
}

impl BrowShape {
    fn new(brow: &Brow, expression: &Expression, side: usize) -> Self {
        let raise = expression.brow_raise[side];
        let (frown, worry) = (expression.frown, expression.worry);
        Self {
            inner: [
                brow.inner[0] - 0.1 * frown,
                brow.inner[1] - 0.22 * raise + 0.14 * frown - 0.2 * worry,
            ],
            outer: [
                brow.outer[0],
                brow.outer[1] - 0.18 * raise + 0.03 * frown + 0.04 * worry,
            ],
            arch: brow.arch + 0.06 * raise - 0.04 * frown - 0.05 * worry,
            thickness: brow.thickness,
            density: brow.density,
        }
    }

    /// Position along the brow, 0 at the inner and 1 at the outer end, may lie beyond.
    pub(crate) fn along(&self, outward: f32) -> f32 {
        (outward - self.inner[0]) / (self.outer[0] - self.inner[0]).max(0.1)
    }

    /// `[outward, down]` of the middle line at a position along the brow.
    pub(crate) fn at(&self, along: f32) -> [f32; 2] {
        // The arch is highest at two thirds.
        let lift = self.arch * along * (1.0 - along) * (1.0 + along) * 2.6;
        [
            mix(self.inner[0], self.outer[0], along),
            mix(self.inner[1], self.outer[1], along) - lift,
        ]
    }
}

/// The mouth after the expression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MouthShape {
    /// x of its middle.
    pub(crate) x: f32,
    pub(crate) half_width: f32,
    /// y of the `[left, right]` corners.
    pub(crate) corners: [f32; 2],
    /// y of the top of the upper lip, in the middle.
    pub(crate) top: f32,
    /// y of the bottom of the lower lip.
    pub(crate) bottom: f32,
    /// y of the lower edge of the upper lip.
    pub(crate) inner_top: f32,
    /// y of the upper edge of the lower lip.
    pub(crate) inner_bottom: f32,
    pub(crate) bow: f32,
    pub(crate) protrusion: f32,
}

/// The four curves of the mouth at one x.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LipCurves {
    pub(crate) top: f32,
    pub(crate) inner_top: f32,
    pub(crate) inner_bottom: f32,
    pub(crate) bottom: f32,
}

impl MouthShape {
    fn new(face: &FaceParams) -> Self {
        let (mouth, e) = (&face.mouth, &face.expression);
        let smile = 0.5 * (e.smile[0] + e.smile[1]);
        let (up, down) = (smile.max(0.0), (-smile).max(0.0));
        let jaw = jaw_drop(e);
        let gap = 0.16 * e.lips_apart;
        let line = mouth.at[1] + 0.05 * e.purse;
        let thin = (1.0 - 0.22 * up - 0.55 * e.press) * (1.0 + 0.2 * e.purse);
        let inner_top = line - 0.12 * jaw - 0.75 * gap;
        let inner_bottom = line + 0.9 * jaw + 0.35 * gap + 0.03 * down;
        let corner = |side: usize| {
            let s = e.smile[side];
            line + mouth.droop + 0.36 * jaw - 0.26 * s.max(0.0) + 0.16 * (-s).max(0.0)
        };
        Self {
            x: mouth.at[0] + 0.06 * (e.smile[0] - e.smile[1]),
            half_width: mouth.half_width + 0.2 * up + 0.04 * down - 0.2 * e.purse - 0.13 * jaw,
            corners: [corner(0), corner(1)],
            top: inner_top - mouth.upper_lip * thin - 0.06 * e.sneer,
            bottom: inner_bottom + mouth.lower_lip * thin,
            inner_top,
            inner_bottom,
            bow: mouth.bow * (1.0 - 0.5 * up),
            protrusion: mouth.protrusion + 0.2 * e.purse - 0.08 * e.press - 0.04 * up,
        }
    }

    /// Height of the line between the corners at `s` in −1..1 from right to left of the subject.
    fn chord(&self, s: f32) -> f32 {
        mix(self.corners[1], self.corners[0], 0.5 + 0.5 * s)
    }

    /// The corner on a side: 0 for the subject's left, 1 for the right; `[x, y]`.
    pub(crate) fn corner(&self, side: usize) -> [f32; 2] {
        let sign = if side == 0 { 1.0 } else { -1.0 };
        [self.x + sign * self.half_width, self.corners[side]]
    }

    /// x / half the width, −1 to 1 from right to left of the subject.
    pub(crate) fn across(&self, x: f32) -> f32 {
        (x - self.x) / self.half_width
    }

    /// The curves of the lips at `s` in −1..1.
    pub(crate) fn curves(&self, s: f32) -> LipCurves {
        let s = s.clamp(-1.0, 1.0);
        let (chord, middle) = (self.chord(s), self.chord(0.0));
        let u = (1.0 - s * s).max(0.0);
        let (arc, full) = (u, 0.55 * u + 0.45 * u.sqrt());
        // The upper lip's outline has two peaks beside the notch in the middle.
        let peak = 0.06 * self.bow * falloff(((s.abs() - 0.24) / 0.26).powi(2));
        let mut curves = LipCurves {
            top: chord + (self.top - middle) * (0.75 * arc + 0.25 * u * u) - peak,
            inner_top: chord + (self.inner_top - middle) * arc,
            inner_bottom: chord + (self.inner_bottom - middle) * arc,
            bottom: chord + (self.bottom - middle) * full,
        };
        // The lips meet where one would cross the other.
        curves.inner_bottom = curves.inner_bottom.max(curves.inner_top);
        curves.top = curves.top.min(curves.inner_top);
        curves.bottom = curves.bottom.max(curves.inner_bottom);
        curves
    }

    /// How far the lips stand out at a point, in eye units.
    pub(crate) fn relief(&self, x: f32, y: f32) -> f32 {
        let s = self.across(x);
        if s.abs() >= 1.0 || y < self.top - 0.4 || y > self.bottom + 0.4 {
            return 0.0;
        }
        let c = self.curves(s);
        if y <= c.top || y >= c.bottom {
            return 0.0;
        }
        let ends = smoothstep(1.0, 0.55, s.abs());
        let swell = |from: f32, to: f32, height: f32| {
            let t = (y - from) / (to - from).max(1e-3);
            height * (4.0 * t * (1.0 - t)).max(0.0).sqrt() * ends
        };
        if y < c.inner_top {
            swell(c.top, c.inner_top, 0.06 + self.protrusion)
        } else if y > c.inner_bottom {
            swell(c.inner_bottom, c.bottom, 0.08 + self.protrusion)
        } else {
            let depth = (c.inner_bottom - c.inner_top).min(0.3);
            -swell(c.inner_top, c.inner_bottom, 0.4 * depth)
        }
    }
}

/// How far an expression lowers the jaw, in eye units.
pub(crate) fn jaw_drop(expression: &Expression) -> f32 {
    0.85 * expression.jaw_open.clamp(0.0, 1.2)
}

/// All features of one face.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Features {
    pub(crate) eyes: [EyeShape; 2],
    pub(crate) brows: [BrowShape; 2],
    pub(crate) mouth: MouthShape,
}

impl Features {
    pub(crate) fn new(face: &FaceParams) -> Self {
        let e = &face.expression;
        Self {
            eyes: [0, 1].map(|side| EyeShape::new(&face.eyes[side], e, side)),
            brows: [0, 1].map(|side| BrowShape::new(&face.brows[side], e, side)),
            mouth: MouthShape::new(face),
        }
    }
}
