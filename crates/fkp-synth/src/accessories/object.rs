//! Things that are held to the face or worn at it.

use super::hand::HandPaint;
use super::item::{Item, Painter};
use crate::math::{Vec3, add, cross, dot, mix, normalized, ridge, scaled, smoothstep};
use crate::mesh::tube::{Section, rounded, spline};
use crate::mesh::{Edge, Mesh};
use crate::noise::{Layer, NoiseTexture};
use crate::paint::{Material, skin};
use crate::params::{FaceParams, Object, ObjectKind};
use crate::shape::Surface;

impl Object {
    pub(crate) fn mirrored(mut self) -> Self {
        self.at[0] = -self.at[0];
        self.angle = -self.angle;
        self
    }

    /// Unit vector from the tip to the other end.
    fn axis(&self) -> Vec3 {
        let (sin, cos) = self.angle.sin_cos();
        let (forward, flat) = self.forward.sin_cos();
        [sin * flat, cos * flat, forward]
    }

    pub(crate) fn items(&self, surface: &Surface, face: &FaceParams) -> Vec<Item> {
        let [x, y] = self.at;
        let size = self.size;
        let start = add(
            surface.point(x.clamp(-2.2, 2.2), y.clamp(-2.5, 3.3)),
            [0.0, 0.0, self.lift],
        );
        let ear = surface.ring(7.0).side;
        let phone = self.kind == ObjectKind::Phone;
        // A phone is beside the ear, its back outward.
        let start = [x, y, if phone { ear[2] + self.lift } else { start[2] }];
        let axis = self.axis();
        let side = if x < 0.0 { -1.0 } else { 1.0 };
        let toward = if phone {
            [side * 0.9, 0.0, 0.35]
        } else {
            [0.0, 0.0, 1.0]
        };
        let along = |t: f32| add(start, scaled(axis, t * size));
        // A direction across the axis, toward the viewer.
        let up = normalized(cross(cross(axis, toward), axis));
        let up = if dot(up, up) < 0.5 {
            [0.0, 1.0, 0.0]
        } else {
            up
        };
        let mut mesh = Mesh::default();
        // A solid of revolution from [position, radius, part].
        let mut turned = |profile: &[[f32; 3]], columns: usize| {
            let sections: Vec<Section> = profile
                .iter()
                .map(|[t, r, _]| Section {
                    at: along(*t),
                    half: [r * size; 2],
                })
                .collect();
            mesh.add_tube(&sections, up, columns, |row, angle| {
                [angle, profile[row][0], profile[row][2]]
            });
        };
        let mut grip = None;
        match self.kind {
            ObjectKind::Microphone => {
                turned(
                    &[
                        [0.0, 0.02, 1.0],
                        [0.08, 0.4, 1.0],
                        [0.3, 0.66, 1.0],
                        [0.65, 0.78, 1.0],
                        [1.0, 0.72, 1.0],
                        [1.3, 0.52, 1.0],
                        [1.32, 0.54, 2.0],
                        [1.45, 0.5, 2.0],
                        [1.5, 0.4, 0.0],
                        [4.5, 0.3, 0.0],
                        [6.5, 0.28, 0.0],
                    ],
                    14,
                );
                grip = Some((3.0, [0.36; 2], 2.8));
            }
            ObjectKind::StickMicrophone => {
                turned(
                    &[
                        [0.0, 0.02, 1.0],
                        [0.1, 0.24, 1.0],
                        [0.9, 0.28, 1.0],
                        [0.95, 0.22, 0.0],
                        [3.5, 0.18, 0.0],
                        [8.0, 0.12, 0.0],
                    ],
                    10,
                );
                grip = Some((3.4, [0.2; 2], 3.0));
            }
            ObjectKind::Cup => {
                turned(
                    &[
                        [0.15, 0.9, 0.0],
                        [0.0, 1.02, 0.0],
                        [0.05, 1.08, 2.0],
                        [0.3, 1.06, 0.0],
                        [1.2, 1.0, 0.0],
                        [2.6, 0.86, 0.0],
                        [2.7, 0.7, 0.0],
                        [2.7, 0.05, 0.0],
                    ],
                    20,
                );
                grip = Some((1.6, [0.98; 2], 1.9));
            }
            ObjectKind::Bottle => {
                turned(
                    &[
                        [0.0, 0.05, 2.0],
                        [0.0, 0.3, 2.0],
                        [0.5, 0.33, 2.0],
                        [0.55, 0.3, 0.0],
                        [1.6, 0.42, 0.0],
                        [2.4, 0.95, 0.0],
                        [3.0, 1.05, 1.0],
                        [5.0, 1.05, 1.0],
                        [6.5, 1.0, 0.0],
                    ],
                    18,
                );
                grip = Some((3.4, [1.05; 2], 1.9));
            }
            ObjectKind::Cigarette => {
                turned(
                    &[
                        [0.0, 0.02, 2.0],
                        [0.0, 0.12, 2.0],
                        [0.7, 0.12, 2.0],
                        [0.72, 0.12, 0.0],
                        [2.2, 0.12, 0.0],
                        [2.25, 0.11, 3.0],
                        [2.4, 0.09, 3.0],
                        [2.42, 0.01, 3.0],
                    ],
                    8,
                );
                grip = None;
            }
            ObjectKind::Phone => {
                self.slab(&mut mesh, along(2.0), axis, up, [1.12, 2.35, 0.14]);
                grip = Some((2.6, [0.2, 1.05], 1.45));
            }
            ObjectKind::Board => {
                self.slab(&mut mesh, along(1.2), axis, up, [1.5, 2.0, 0.06]);
            }
            ObjectKind::Headset => self.headset(surface, &mut mesh),
        }
        let mut items = vec![Item::on_head(mesh, ObjectPaint { object: *self })];
        if let (true, Some((t, radii, far))) = (self.held, grip) {
            items.push(self.grip(along(t), axis, radii.map(|r| r * size), far, face));
        }
        items
    }

    /// A box with rounded edges. Surface coordinates: across and along in −1..1, side.
    fn slab(&self, mesh: &mut Mesh, middle: Vec3, axis: Vec3, up: Vec3, half: [f32; 3]) {
        let half = half.map(|h| h * self.size);
        let across = cross(axis, up);
        let profile = [
            [-1.0, 0.003],
            [-1.0, 0.93],
            [-0.99, 1.0],
            [0.99, 1.0],
            [1.0, 0.93],
            [1.0, 0.003],
        ];
        const COLUMNS: usize = 28;
        mesh.add_grid([profile.len(), COLUMNS], Edge::Joined, |row, column| {
            let turn = std::f32::consts::TAU * (column as f32 + 0.5) / COLUMNS as f32;
            let (sin, cos) = turn.sin_cos();
            let corner = |c: f32| c.signum() * c.abs().powf(0.16);
            let [level, wide] = profile[row];
            let (u, v) = (wide * corner(sin), wide * corner(cos));
            let at = add(
                add(middle, scaled(across, u * half[0])),
                add(scaled(axis, v * half[1]), scaled(up, level * half[2])),
            );
            (at, [u, v, if level > 0.0 { 0.0 } else { 1.0 }])
        });
    }

    fn headset(&self, surface: &Surface, mesh: &mut Mesh) {
        let side = if self.at[0] < 0.0 { -1.0 } else { 1.0 };
        let ear = surface.ring(7.0);
        let cup: Vec3 = [side * (ear.side[0] + 0.35), 0.75, ear.side[2] - 0.35];
        let cushion: Vec<Section> = [[0.0, 0.9], [0.28, 0.95], [0.3, 0.8], [0.42, 0.05]]
            .map(|[out, r]| Section {
                at: add(cup, [side * out, 0.0, 0.0]),
                half: [r * self.size; 2],
            })
            .to_vec();
        mesh.add_tube(&cushion, [0.0, 1.0, 0.0], 16, |_, angle| [angle, 0.0, 0.0]);
        // The band over the head, behind the forehead.
        let band: Vec<Section> = (0..=14)
            .map(|step| {
                let t = step as f32 / 14.0 * std::f32::consts::PI;
                let top = surface.ring(0.0).front[0] - 0.45;
                Section {
                    at: [
                        side * (ear.side[0] + 0.4) * t.cos(),
                        mix(0.2, top, t.sin()),
                        ear.side[2] - 0.1,
                    ],
                    half: [0.06, 0.22],
                }
            })
            .collect();
        mesh.add_tube(&band, [0.0, 0.0, 1.0], 6, |_, angle| [angle, 0.0, 0.0]);
        // The arm beside the cheek, and the foam in front of the corner of the mouth.
        let [x, y] = self.at;
        let beside = add(surface.point(side * 1.95, 1.7), [side * 0.3, 0.0, 0.35]);
        let mouth = surface.point(x, y);
        let tip = [x, y, mouth[2] + 0.3 + self.lift];
        let path = spline(&[add(cup, [side * 0.3, 0.2, 0.3]), beside, tip], 6);
        let arm: Vec<Section> = path
            .iter()
            .map(|at| Section {
                at: *at,
                half: [0.055; 2],
            })
            .collect();
        mesh.add_tube(&arm, [0.0, 1.0, 0.1], 6, |_, angle| [angle, 0.0, 0.0]);
        let foam = [-0.12, 0.12].map(|off| Section {
            at: add(tip, [-side * off, 0.0, 0.1 * off]),
            half: [0.24 * self.size; 2],
        });
        mesh.add_tube(&rounded(&foam), [0.0, 1.0, 0.0], 10, |_, angle| {
            [angle, 0.0, 1.0]
        });
    }

    /// Fingers around the object, with the arm below. `radii` are those of the object to the side
    /// and to the front, `far` is the angle that the fingers end at.
    fn grip(&self, middle: Vec3, axis: Vec3, radii: [f32; 2], far: f32, face: &FaceParams) -> Item {
        let mut mesh = Mesh::default();
        let side = if self.at[0] + 0.4 * self.angle < 0.0 {
            -1.0
        } else {
            1.0
        };
        let up = normalized([0.2 * side, 0.0, 1.0]);
        let across = normalized(cross(axis, up));
        let across = scaled(across, if across[0] * side < 0.0 { -1.0 } else { 1.0 });
        let toward = normalized(cross(axis, across));
        let toward = scaled(toward, if toward[2] < 0.0 { -1.0 } else { 1.0 });
        let r = 0.27 * self.size.clamp(0.8, 1.2);
        let around = |turn: f32, t: f32, extra: f32| {
            // From the back of the hand (on the side) over the front of the object.
            let (sin, cos) = turn.sin_cos();
            add(
                add(middle, scaled(axis, t)),
                add(
                    scaled(across, (radii[0] + extra) * cos),
                    scaled(toward, (radii[1] + extra) * sin),
                ),
            )
        };
        for finger in 0..4 {
            let t = (finger as f32 - 1.5) * 1.95 * r;
            let far = far + [-0.05, 0.1, 0.0, -0.25][finger];
            let points: Vec<Vec3> = (0..=8)
                .map(|step| around(mix(-0.5, far, step as f32 / 8.0), t, 0.8 * r))
                .collect();
            let sections: Vec<Section> = points
                .iter()
                .enumerate()
                .map(|(index, at)| {
                    let taper = mix(1.08, 0.8, index as f32 / 8.0);
                    Section {
                        at: *at,
                        half: [r * taper; 2],
                    }
                })
                .collect();
            let last = sections.len() as f32;
            mesh.add_tube(&rounded(&sections), axis, 9, |row, angle| {
                // The back of the finger is away from the object.
                let turned = side * (angle.abs() - std::f32::consts::FRAC_PI_2);
                [turned, 4.0 * (row as f32 - 1.0) / last, 10.0]
            });
        }
        // The back of the hand, and the arm.
        let wrist = add(around(-0.5, 1.6, 1.0), [side * 0.5, 1.5, -0.2]);
        let elbow = add(wrist, [side * 1.8, 6.0, 0.2]);
        let path = [around(0.2, -0.6, 0.5), around(-0.3, 0.3, 0.6), wrist, elbow];
        let halves = [[0.9, 0.4], [1.05, 0.5], [0.75, 0.55], [1.1, 0.9]];
        let sections: Vec<Section> = path
            .iter()
            .zip(halves)
            .map(|(at, half)| Section { at: *at, half })
            .collect();
        let (hand, arm) = (&sections[..3], &sections[2..]);
        mesh.add_tube(&rounded(hand), across, 12, |row, angle| {
            [angle, -0.6 * row as f32, 0.0]
        });
        let sleeve: Vec<Section> = arm
            .iter()
            .map(|s| Section {
                at: s.at,
                half: s.half.map(|h| h + 0.12),
            })
            .collect();
        mesh.add_tube(&sleeve, across, 12, |row, angle| {
            [angle, 3.0 * row as f32, 1.0]
        });
        Item::on_head(
            mesh,
            HandPaint {
                base: skin::base(&face.skin),
                skin: face.skin,
                polish: (0.0, [0.0; 3]),
                sleeve: self.sleeve,
            },
        )
    }
}

struct ObjectPaint {
    object: Object,
}

impl Painter for ObjectPaint {
    fn material(&self, [u, v, part]: [f32; 3], px: f32, noise: &NoiseTexture) -> Material {
        let object = &self.object;
        let fabric = &object.fabric;
        let mut material = Material {
            albedo: fabric.color,
            open: 1.0,
            gloss: object.gloss,
            translucency: 0.0,
            slope: [0.0; 2],
        };
        match object.kind {
            ObjectKind::Microphone | ObjectKind::StickMicrophone if part > 1.5 => {
                material.albedo = [0.25; 3];
            }
            ObjectKind::Microphone => {
                if part > 0.5 {
                    // The wire mesh.
                    let fine = smoothstep(0.08, 0.03, px);
                    let wires = (12.0 * u).sin() * (22.0 * v).sin();
                    material.albedo = fabric.second;
                    material.open *= 1.0 - fine * 0.5 * smoothstep(0.2, 0.7, wires.abs());
                    material.open *= mix(0.7, 1.0, 1.0 - 0.5 * fine);
                }
            }
            ObjectKind::StickMicrophone | ObjectKind::Headset => {
                if part > 0.5 {
                    let foam = noise.at(Layer::Pores, 9.0 * u, 14.0 * v);
                    material.albedo = fabric.second;
                    material.open *= 0.7 + 0.3 * foam;
                    material.gloss *= 0.2;
                }
            }
            ObjectKind::Cup | ObjectKind::Bottle => {
                let mut printed = fabric.material([0.9 * u, v], px, noise);
                printed.slope = [0.0; 2];
                printed.gloss = object.gloss;
                if object.kind == ObjectKind::Cup || part > 0.5 {
                    material = printed;
                }
                if part > 1.5 {
                    material.albedo = fabric.second;
                }
            }
            ObjectKind::Cigarette => {
                material.albedo = match part {
                    p if p > 2.5 => [0.35, 0.12, 0.06],
                    p if p > 1.5 => fabric.second,
                    _ => fabric.color,
                };
            }
            ObjectKind::Phone => {
                // The camera and its frame.
                let (x, y) = (u.abs(), v);
                let camera = smoothstep(
                    0.16,
                    0.13,
                    crate::math::length(1.12 * (x - 0.6), 2.35 * (y + 0.8)),
                );
                material.paint(camera, [0.01; 3]);
                material.paint(0.6 * smoothstep(0.93, 0.97, x.max(y.abs())), fabric.second);
            }
            ObjectKind::Board => {
                material = fabric.material([1.5 * u, 2.0 * v], px, noise);
                material.gloss = object.gloss;
                material.slope = material.slope.map(|s| 0.3 * s);
                // Lines of print.
                let line = ridge((6.0 * v).rem_euclid(1.0) - 0.5, 0.22);
                let words = smoothstep(
                    0.35,
                    0.5,
                    noise.at(Layer::Strands, 5.0 * u, (6.0 * v).floor()),
                );
                let inside = smoothstep(0.85, 0.8, u.abs().max(v.abs()));
                let shown = smoothstep(0.12, 0.05, px);
                material.paint(0.6 * line * words * inside * shown, fabric.second);
            }
        }
        material
    }
}
