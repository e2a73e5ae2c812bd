//! Glasses: two lenses in rims in a plane in front of the eyes, a bridge and the temples.

use crate::math::{Vec3, coverage, length, smoothstep};
use crate::params::{FaceParams, Glasses};
use crate::pose::Rotation;

/// Distance of the plane of the lenses from the surface at the eyes.
const LENS_DISTANCE: f32 = 0.3;

/// Glasses with everything computed that does not depend on the pixel.
#[derive(Debug, Clone)]
pub(crate) struct Worn {
    glasses: Glasses,
    /// x and y of the center of each lens, `[left, right]`, in the head's frame.
    middles: [[f32; 2]; 2],
    plane: f32,
    rotation: Rotation,
    /// Ends of each temple in the viewer's frame, if it is visible.
    temples: [Option<[[f32; 2]; 2]>; 2],
}

/// How glasses change the light that passes them.
pub(crate) struct LensEffect {
    /// Coverage by the rim.
    pub(crate) rim: f32,
    /// Fraction of the light that passes.
    pub(crate) transmittance: f32,
    /// Reflected light that is added.
    pub(crate) glare: f32,
}

impl Worn {
    pub(crate) fn new(face: &FaceParams, rotation: Rotation, eye_height: f32) -> Option<Self> {
        let glasses = face.glasses?;
        let x = |eye: usize| face.eyes[eye].at[0].max(glasses.half_size[0] + 0.2);
        let y = 0.5 * (face.eyes[0].at[1] + face.eyes[1].at[1]) + 0.06;
        let plane = eye_height + LENS_DISTANCE;
        let temple = |side: f32, middle: f32| {
            // Only the temple on the side that is turned toward the viewer is visible.
            let seen = side * rotation.toward_viewer()[0] > 0.06;
            let hinge = [side * (middle + glasses.half_size[0]), y - 0.15, plane];
            let ear = [side * (face.head.half_width + 0.05), y - 0.05, -0.1];
            let flat = |p: Vec3| {
                let [x, y, _] = rotation.apply(p);
                [x, y]
            };
            seen.then(|| [flat(hinge), flat(ear)])
        };
        Some(Self {
            glasses,
            middles: [[x(0), y], [-x(1), y]],
            plane,
            rotation,
            temples: [temple(1.0, x(0)), temple(-1.0, x(1))],
        })
    }

    /// The effect on the ray through (x, y) in the viewer's frame; `None` if it misses the glasses.
    pub(crate) fn at(&self, viewer: [f32; 2], px: f32) -> Option<LensEffect> {
        let d = self.rotation.toward_viewer();
        let start = self.rotation.undo([viewer[0], viewer[1], 0.0]);
        let t = (self.plane - start[2]) / d[2];
        let (x, y) = (start[0] + t * d[0], start[1] + t * d[1]);
        let rim = self.glasses.rim;
        let mut frame = f32::INFINITY;
        let mut inside = f32::INFINITY;
        let near = (y - self.middles[0][1]).abs() < self.glasses.half_size[1] + 0.3;
        for middle in self.middles.iter().filter(|_| near) {
            let edge = rounded_box(
                [x - middle[0], y - middle[1]],
                self.glasses.half_size,
                self.glasses.rounding,
            );
            frame = frame.min(edge.abs() - rim);
            inside = inside.min(edge);
        }
        // The bridge between the lenses.
        let gap = [self.middles[1][0], self.middles[0][0]];
        let within = x > gap[0] && x < gap[1] && inside > 0.0;
        if within {
            let arc = y - self.middles[0][1] + 0.22 - 0.25 * x * x;
            frame = frame.min(arc.abs() - 0.8 * rim - 0.01);
        }
        for temple in self.temples.iter().flatten() {
            frame = frame.min(to_segment(viewer, temple) - rim - 0.01);
        }
        let (frame, inside) = (coverage(frame, px), coverage(inside, px));
        if frame <= 0.0 && inside <= 0.0 {
            return None;
        }
        let streak = smoothstep(0.16, 0.0, (x.abs() - 1.0 - 0.5 * (y + 0.1) + 0.2).abs());
        Some(LensEffect {
            rim: frame,
            transmittance: 1.0 - inside * self.glasses.tint,
            glare: inside * self.glasses.glare * (0.12 + 0.5 * streak),
        })
    }
}

/// Signed distance from a rectangle with rounded corners about the origin.
fn rounded_box([x, y]: [f32; 2], half: [f32; 2], radius: f32) -> f32 {
    let (u, v) = (x.abs() - half[0] + radius, y.abs() - half[1] + radius);
    length(u.max(0.0), v.max(0.0)) + u.max(v).min(0.0) - radius
}

fn to_segment(p: [f32; 2], [a, b]: &[[f32; 2]; 2]) -> f32 {
    let (px, py) = (p[0] - a[0], p[1] - a[1]);
    let (bx, by) = (b[0] - a[0], b[1] - a[1]);
    let t = ((px * bx + py * by) / (bx * bx + by * by).max(1e-9)).clamp(0.0, 1.0);
    length(px - t * bx, py - t * by)
}
