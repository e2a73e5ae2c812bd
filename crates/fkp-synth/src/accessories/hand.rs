//! Hands: palm, fingers with joints and nails, and the arm they belong to.

use super::drape::{in_front, normal};
use super::item::{Item, Painter};
use crate::math::{Vec3, add, cross, dot, mix, normalized, ridge, scaled, smoothstep, sub};
use crate::mesh::Mesh;
use crate::mesh::tube::{Section, rounded, spline};
use crate::noise::NoiseTexture;
use crate::paint::skin;
use crate::paint::{Material, Ray, Spot};
use crate::params::{Color, Fabric, Hand, Skin};
use crate::shape::Surface;

/// Knuckles from the index to the little finger: across and along the hand.
const KNUCKLES: [[f32; 2]; 4] = [[0.95, 0.0], [0.32, 0.12], [-0.32, 0.06], [-0.92, -0.2]];
const LENGTHS: [f32; 4] = [2.2, 2.45, 2.3, 1.8];
const RADII: [f32; 4] = [0.285, 0.295, 0.275, 0.24];
/// Shares of the three bones of a finger.
const BONES: [f32; 3] = [0.46, 0.3, 0.24];
/// Where the wrist is along the hand.
const WRIST: f32 = -2.9;

/// Where a hand is: its axes in the head's frame.
struct Frame {
    origin: Vec3,
    /// Toward the thumb, along the fingers, away from the face.
    across: Vec3,
    along: Vec3,
    out: Vec3,
    size: f32,
}

impl Frame {
    fn at(&self, p: f32, q: f32, h: f32) -> Vec3 {
        let [p, q, h] = [p, q, h].map(|c| c * self.size);
        add(
            add(self.origin, scaled(self.across, p)),
            add(scaled(self.along, q), scaled(self.out, h)),
        )
    }
}

impl Hand {
    pub(crate) fn mirrored(mut self) -> Self {
        self.at[0] = -self.at[0];
        self.angle = -self.angle;
        self.thumb_at_larger_x = !self.thumb_at_larger_x;
        self.wrist.angle = -self.wrist.angle;
        self
    }

    fn side(&self) -> f32 {
        if self.thumb_at_larger_x { 1.0 } else { -1.0 }
    }

    /// The hand in the head's frame.
    pub(crate) fn item(&self, surface: &Surface, skin: &Skin) -> Item {
        let [x, y] = self.at;
        let (sin, cos) = self.angle.sin_cos();
        // Below the chin a hand is in front of the throat.
        let out = normal(surface, x.clamp(-2.0, 2.0), y.clamp(-2.5, 2.9));
        let flat = [sin, -cos, 0.0];
        let along = normalized(sub(flat, scaled(out, dot(flat, out))));
        let right = cross(out, along);
        let across = scaled(right, self.side() * right_sign(right, along));
        let base = surface.point(x.clamp(-2.2, 2.2), y.clamp(-3.0, 3.3));
        let room = 0.36 + 0.5 * self.curl.iter().sum::<f32>() / 4.0;
        let frame = Frame {
            origin: add([x, y, base[2]], scaled(out, self.lift + room * self.size)),
            across,
            along,
            out,
            size: self.size,
        };
        let clear = |p: Vec3, radius: f32| in_front(surface, p, out, radius + self.lift);
        let mut mesh = Mesh::default();
        self.palm(&frame, &mut mesh, clear);
        for finger in 0..4 {
            let [kp, kq] = KNUCKLES[finger];
            let fan = (1.5 - finger as f32) * (0.04 + 0.17 * self.spread);
            let (fan_sin, fan_cos) = fan.sin_cos();
            let curl = self.curl[finger].clamp(0.0, 1.0);
            let (mut distance, mut height) = (0.0, 0.0);
            let mut fold = 0.0;
            let mut joints = vec![frame.at(kp * 0.92, kq - 0.5, 0.0), frame.at(kp, kq, 0.08)];
            for (bone, turn) in [0.95, 1.55, 0.9].into_iter().enumerate() {
                fold += 0.06 + curl * turn;
                let length = LENGTHS[finger] * BONES[bone];
                distance += length * fold.cos();
                height -= length * fold.sin();
                let p = kp + fan_sin * distance;
                let q = kq + fan_cos * distance;
                joints.push(frame.at(p, q, 0.06 + height));
            }
            let radius = RADII[finger] * self.size;
            for joint in &mut joints[1..] {
                *joint = clear(*joint, 0.8 * radius);
            }
            // Turned away from the face beneath the hand, the tip is hidden; it must not stretch.
            self.finger(&joints, radius, out, finger as f32, &mut mesh);
        }
        let thumb = 0.35 + self.thumb;
        let joints: Vec<Vec3> = {
            let (sin, cos) = thumb.sin_cos();
            let root = [0.6, -2.2];
            let middle = [root[0] + 1.15 * (sin + 0.1), root[1] + 1.15 * cos];
            let (sin2, cos2) = (thumb - 0.4).sin_cos();
            let tip = |length: f32| [middle[0] + length * sin2, middle[1] + length * cos2];
            [root, middle, tip(0.8), tip(1.4)]
                .iter()
                .map(|[p, q]| clear(frame.at(*p, *q, -0.15), 0.22 * self.size))
                .collect()
        };
        self.finger(
            &joints,
            0.32 * self.size,
            normalized(add(out, scaled(across, 0.5))),
            4.0,
            &mut mesh,
        );
        Item::on_head(
            mesh,
            HandPaint {
                base: skin::base(skin),
                skin: *skin,
                polish: self.polish,
                sleeve: self.wrist.sleeve,
            },
        )
    }

    /// Surface coordinates of a finger: angle around it, 0 on the back of the hand; joints passed
    /// from 0 to 4; 10 + number of the finger.
    fn finger(&self, joints: &[Vec3], radius: f32, up: Vec3, number: f32, mesh: &mut Mesh) {
        const PARTS: usize = 3;
        let path = spline(joints, PARTS);
        let last = path.len() - 1;
        let sections: Vec<Section> = path
            .iter()
            .enumerate()
            .map(|(index, at)| {
                let t = index as f32 / last as f32;
                // Thinner to the tip, thicker at the joints.
                let joint = (index as f32 / PARTS as f32 * std::f32::consts::TAU).cos();
                let r = radius * (mix(1.06, 0.8, t) + 0.04 * joint);
                Section {
                    at: *at,
                    half: [r, 0.9 * r],
                }
            })
            .collect();
        let sections = rounded(&sections);
        mesh.add_tube(&sections, up, 9, |row, angle| {
            let passed = (row as f32 - 2.0).clamp(-0.6, last as f32 + 0.9) / PARTS as f32;
            [angle, passed, 10.0 + number]
        });
    }

    /// Palm, wrist and forearm. Surface coordinates: angle around, position along the hand, 0 for
    /// skin and 1 for the sleeve.
    fn palm(&self, frame: &Frame, mesh: &mut Mesh, clear: impl Fn(Vec3, f32) -> Vec3) {
        // Position along, half the width, half the thickness, shift toward the thumb.
        const SHAPE: [[f32; 4]; 8] = [
            [0.22, 0.85, 0.22, 0.0],
            [0.02, 1.16, 0.34, 0.0],
            [-0.5, 1.24, 0.4, 0.02],
            [-1.2, 1.22, 0.46, 0.05],
            [-2.0, 1.12, 0.52, 0.08],
            [-2.6, 0.94, 0.5, 0.02],
            [WRIST - 0.15, 0.84, 0.5, 0.0],
            [WRIST - 0.7, 0.85, 0.55, 0.0],
        ];
        let size = self.size;
        let mut sections: Vec<(Section, f32)> = SHAPE
            .iter()
            .map(|[q, wide, thick, shift]| {
                let at = clear(frame.at(*shift, *q, 0.0), 0.8 * thick * size);
                (
                    Section {
                        at,
                        half: [wide * size, thick * size],
                    },
                    *q,
                )
            })
            .collect();
        let wrist = sections[SHAPE.len() - 1].0.at;
        let (sin, cos) = (self.wrist.angle * self.side()).sin_cos();
        for step in 1..=5 {
            let length = step as f32 * 1.5;
            let toward = add(scaled(frame.across, -sin), scaled(frame.along, -cos));
            // The forearm leaves the face.
            let away = scaled(frame.out, 0.02 * length * length);
            let at = add(add(wrist, scaled(toward, length * size)), away);
            let grow = (1.0 + 0.09 * length).min(1.5);
            sections.push((
                Section {
                    at,
                    half: [0.88 * grow * size, 0.68 * grow * size],
                },
                WRIST - 0.7 - length,
            ));
        }
        let tube: Vec<Section> = sections.iter().map(|(section, _)| *section).collect();
        // Rings of the tube run from the fingers to the elbow.
        mesh.add_tube(&tube, frame.out, 14, |row, angle| {
            [angle, sections[row].1, 0.0]
        });
        // The sleeve is a wider tube over the forearm.
        let start = WRIST - self.wrist.bare.max(0.1);
        let mut sleeve = Vec::new();
        for pair in sections.windows(2) {
            let ((a, from), (b, to)) = (pair[0], pair[1]);
            for part in [0.0, 0.5] {
                let q = mix(from, to, part);
                if q <= start {
                    let mut half = [
                        mix(a.half[0], b.half[0], part),
                        mix(a.half[1], b.half[1], part),
                    ];
                    half = half.map(|h| 1.12 * h + 0.1);
                    let at = std::array::from_fn(|i| mix(a.at[i], b.at[i], part));
                    sleeve.push(Section { at, half });
                }
            }
        }
        mesh.add_tube(&sleeve, frame.out, 14, |row, angle| {
            [angle, 0.75 * row as f32, 1.0]
        });
    }
}

/// 1 if `right` is on the side of larger x when `along` points up in the image, seen by the viewer.
fn right_sign(right: Vec3, along: Vec3) -> f32 {
    // Clockwise of `along` seen from the front.
    let clockwise = along[0] * right[1] - along[1] * right[0];
    if clockwise >= 0.0 { 1.0 } else { -1.0 }
}

/// Skin, nails and the sleeve.
pub(super) struct HandPaint {
    pub(super) base: Color,
    pub(super) skin: Skin,
    pub(super) polish: (f32, Color),
    pub(super) sleeve: Fabric,
}

impl Painter for HandPaint {
    fn material(&self, [angle, t, part]: [f32; 3], px: f32, noise: &NoiseTexture) -> Material {
        if (0.5..5.0).contains(&part) {
            return self.sleeve.material([angle, t], px, noise);
        }
        // A part of the skin without features.
        let spot = Spot {
            at: [5.0 * noise.sign + 0.6 * angle, -3.0 + 0.5 * t],
            px: px.max(0.05),
            ray: Ray {
                at: [0.0; 3],
                toward_camera: [0.0, 0.0, 1.0],
            },
        };
        let mut material = skin::material(&self.skin, self.base, &[], noise, &spot);
        let light = 1.0 - 0.7 * self.skin.melanin;
        material.gloss *= 0.7;
        let palm = smoothstep(1.7, 2.4, angle.abs());
        // Palms are lighter and redder.
        material.tint(palm * (0.3 + 0.7 * self.skin.melanin), [1.5, 1.35, 1.25]);
        if part < 0.5 {
            // Tendons and the knuckles.
            let tendon =
                (angle * 4.5).cos() * smoothstep(-2.4, -0.6, t) * smoothstep(1.3, 1.0, angle.abs());
            material.slope[0] += 0.12 * tendon * noise.sign;
            material.tint(0.5 * light * smoothstep(-0.8, 0.1, t), [1.0, 0.86, 0.84]);
            material.open *= 1.0
                - 0.25 * smoothstep(-0.2, 0.25, t) * (1.0 - ridge((angle * 4.5).cos() - 1.0, 0.8));
            return material;
        }
        // Redder at joints and tip, creased at the joints.
        let joint = ridge(t - 2.0, 0.3) + ridge(t - 3.0, 0.25);
        material.tint(
            0.6 * light * (joint + smoothstep(3.2, 4.0, t)).min(1.0),
            [1.0, 0.82, 0.8],
        );
        let lines =
            0.7 * ridge(t - 1.95, 0.06) + 0.7 * ridge(t - 2.07, 0.06) + 0.5 * ridge(t - 3.0, 0.06);
        let back = smoothstep(1.3, 0.8, angle.abs());
        material.open *= 1.0 - (0.22 + 0.2 * self.skin.age) * lines.min(1.0) * (0.4 + 0.6 * back);
        // Fingers shade each other.
        material.open *= 1.0 - 0.45 * ridge(angle.abs() - 1.57, 0.7);
        let nail = smoothstep(0.85, 0.75, angle.abs())
            * smoothstep(3.4, 3.5, t)
            * smoothstep(4.12, 4.04, t);
        if nail > 0.0 {
            let tip = smoothstep(3.95, 4.0, t);
            let pale: Color = material.albedo.map(|c| mix(c, 0.75, 0.18 + 0.4 * tip));
            material.paint(0.85 * nail, pale);
            let (polish, color) = self.polish;
            material.paint(polish * nail, color);
            material.gloss = mix(material.gloss, 0.9, nail);
        } else if t > 3.3 && back > 0.0 {
            // The fold around the nail.
            material.open *= 1.0 - 0.15 * smoothstep(3.3, 3.4, t) * back;
        }
        material
    }
}
