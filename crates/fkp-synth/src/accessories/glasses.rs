//! Glasses: frames of several shapes, fitted to the nose.

use super::item::{Item, Painter, Shadow};
use crate::math::{Vec3, length, mix, ridge, smoothstep};
use crate::mesh::tube::{Section, rounded, spline};
use crate::mesh::{Edge, Mesh};
use crate::noise::{Layer, NoiseTexture};
use crate::paint::Material;
use crate::params::{Color, FaceParams, Glasses, GlassesShape};
use crate::shape::Surface;
use std::f32::consts::{PI, TAU};

impl Glasses {
    pub(crate) fn mirrored(mut self) -> Self {
        self.lens.window[0] = -self.lens.window[0];
        self
    }
}

/// Points on the outline of a lens.
const OUTLINE: usize = 28;

/// Glasses on a face.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub(crate) glasses: Glasses,
    /// Center of the lenses, `[outward, down]`.
    middle: [f32; 2],
    /// z of the front at x = 0 at the level of the center.
    plane: f32,
    /// Distance of the outline from the center, by angle.
    radii: [f32; OUTLINE],
}

impl Fit {
    pub(crate) fn new(face: &FaceParams, surface: &Surface) -> Option<Self> {
        let glasses = face.accessories.glasses?;
        let gap = 0.24 * face.nose.bridge_width.clamp(0.6, 1.6) + glasses.rim;
        let eyes = 0.5 * (face.eyes[0].at[0] + face.eyes[1].at[0]);
        let x = (gap + glasses.half_size[0]).max(eyes - 0.03);
        let y = 0.5 * (face.eyes[0].at[1] + face.eyes[1].at[1]) + 0.13 + glasses.slide;
        let mut fit = Self {
            glasses,
            middle: [x, y],
            plane: 0.0,
            radii: [0.0; OUTLINE],
        };
        // Where it rests on the nose, and where it must not enter brows and cheeks.
        let need = |x: f32, y: f32| surface.point(x, y)[2] - fit.depth(x, y);
        let bridge = y - 0.2;
        let on_nose = need(0.0, bridge)
            .max(need(0.14, bridge))
            .max(need(-0.14, bridge))
            + 0.04;
        let clear = (0..OUTLINE / 2).map(|step| {
            let [u, v] = fit.outline(TAU * step as f32 / (OUTLINE / 2) as f32);
            need(x + u, y + v).max(need(-x - u, y + v)) + 0.08
        });
        fit.plane = clear.fold(on_nose, f32::max).min(on_nose + 0.3);
        fit.radii = fit.polar();
        Some(fit)
    }

    /// z of the front surface.
    fn depth(&self, x: f32, y: f32) -> f32 {
        let wrap = 0.03 + 0.11 * self.glasses.wrap;
        self.plane - wrap * x * x - 0.14 * (y - self.middle[1])
    }

    /// The outline of a lens around its center, `[outward, down]`; angle 0 is outward.
    fn outline(&self, angle: f32) -> [f32; 2] {
        let [w, h] = self.glasses.half_size;
        let exponent = match self.glasses.shape {
            GlassesShape::Round | GlassesShape::Oval => 1.0,
            GlassesShape::Rectangular => 0.42,
            GlassesShape::Aviator => 0.8,
            GlassesShape::CatEye => 0.66,
            GlassesShape::Browline => 0.55,
        };
        let (sin, cos) = angle.sin_cos();
        let curved = |c: f32| c.signum() * c.abs().powf(exponent);
        let (u, v) = (curved(cos), curved(sin));
        let below = v.max(0.0);
        let (inner, outer) = ((-u).max(0.0), u.max(0.0));
        let (u, v) = match self.glasses.shape {
            GlassesShape::Round => (u, v),
            GlassesShape::Aviator => (
                u + 0.1 * below + 0.38 * inner * below,
                v + 0.1 * below * (1.0 - inner),
            ),
            GlassesShape::CatEye => (
                u + 0.18 * inner * below,
                v - 0.4 * outer * outer * (1.0 - below) - 0.1 * outer,
            ),
            _ => (u + 0.1 * inner * below, v),
        };
        [w * u, h * v]
    }

    /// Distance of the outline at each of [`OUTLINE`] directions from the center.
    fn polar(&self) -> [f32; OUTLINE] {
        const FINE: usize = 96;
        let points: Vec<[f32; 2]> = (0..=FINE)
            .map(|step| self.outline(TAU * step as f32 / FINE as f32))
            .collect();
        std::array::from_fn(|index| {
            let direction = TAU * index as f32 / OUTLINE as f32;
            let (sin, cos) = direction.sin_cos();
            // The segment that crosses the ray.
            let crossing = points.windows(2).find_map(|pair| {
                let side = pair
                    .iter()
                    .map(|p| cos * p[1] - sin * p[0])
                    .collect::<Vec<_>>();
                let ahead = pair
                    .iter()
                    .map(|p| cos * p[0] + sin * p[1])
                    .collect::<Vec<_>>();
                let crosses = side[0] <= 0.0 && side[1] > 0.0 && ahead[0] > 0.0;
                crosses.then(|| {
                    let t = side[0] / (side[0] - side[1]);
                    mix(ahead[0], ahead[1], t)
                })
            });
            crossing.unwrap_or_else(|| {
                length(
                    self.glasses.half_size[0] * cos,
                    self.glasses.half_size[1] * sin,
                )
            })
        })
    }

    /// Signed distance of a point from the outline of the nearer lens, negative inside.
    fn distance_from_outline(&self, x: f32, y: f32) -> f32 {
        let (u, v) = (x.abs() - self.middle[0], y - self.middle[1]);
        let turn = v.atan2(u) / TAU * OUTLINE as f32;
        let turn = turn.rem_euclid(OUTLINE as f32);
        let index = turn as usize % OUTLINE;
        let radius = mix(
            self.radii[index],
            self.radii[(index + 1) % OUTLINE],
            turn.fract(),
        );
        length(u, v) - radius
    }

    /// The fraction of the key light that passes frame and lenses to a point of the face, in the
    /// head's frame. `softness` is the width of the edge of shadows.
    pub(crate) fn lets_pass(&self, at: Vec3, toward: Vec3, softness: f32) -> f32 {
        if toward[2] < 0.2 || at[1] > 2.6 || at[1] < -1.4 || at[2] < 0.8 {
            return 1.0;
        }
        let mut t = (self.depth(at[0], at[1]) - at[2]) / toward[2];
        if t < 0.0 {
            return 1.0;
        }
        // Once more, for the curvature of the front.
        t = (self.depth(at[0] + t * toward[0], at[1] + t * toward[1]) - at[2]).max(0.0) / toward[2];
        let (x, y) = (at[0] + t * toward[0], at[1] + t * toward[1]);
        let edge = self.distance_from_outline(x, y);
        let blur = 0.04 + 0.35 * softness * t.min(1.2);
        let rim = self.glasses.rim;
        // A blurred line loses darkness as it becomes wider.
        let frame = (rim / (0.6 * rim + 0.5 * blur)).min(1.0) * ridge(edge, rim + blur);
        let lens = 0.8 * smoothstep(blur, -blur, edge) * self.glasses.lens.mean_density();
        (1.0 - 0.75 * frame) * (1.0 - lens)
    }

    /// Rims, bridge and temples.
    pub(crate) fn frame(&self, surface: &Surface) -> Item {
        let glasses = &self.glasses;
        let [mx, my] = self.middle;
        let mut mesh = Mesh::default();
        let at = |side: f32, [u, v]: [f32; 2], scale: f32| -> Vec3 {
            let (x, y) = (side * (mx + scale * u), my + scale * v);
            [x, y, self.depth(x, y)]
        };
        let thin = glasses.rim.max(0.022);
        let up = [0.0, 0.0, 1.0];
        for side in [1.0, -1.0] {
            if glasses.rim > 0.0 {
                let rim: Vec<Section> = (0..=OUTLINE)
                    .map(|step| {
                        let angle = TAU * (step % OUTLINE) as f32 / OUTLINE as f32;
                        let above = (-angle.sin()).max(0.0);
                        let thick = match glasses.shape {
                            GlassesShape::Browline => mix(0.35, 1.7, smoothstep(0.0, 0.5, above)),
                            GlassesShape::CatEye => mix(0.8, 1.4, above),
                            _ => mix(0.9, 1.15, above),
                        };
                        Section {
                            at: at(side, self.outline(angle), 1.0),
                            half: [glasses.rim * thick, 0.03 + 0.35 * glasses.rim],
                        }
                    })
                    .collect();
                mesh.add_tube(&rim, up, 6, |row, _| rim[row].at);
            }
            // The temple, from the outer edge of the front past the skin to the top of the ear.
            let hinge = at(side, self.outline(PI + 0.82 * PI), 1.02);
            let ear = surface.ring(6.4);
            let end = [ear.side[0] + 0.03, -0.12, ear.side[2] - 0.25];
            let mut path: Vec<Vec3> = (0..=6)
                .map(|step| {
                    let t = step as f32 / 6.0;
                    let z = mix(hinge[2] - 0.05, end[2], t);
                    let straight = mix(hinge[0].abs() + 0.04, end[0], (2.0 * t).min(1.0));
                    let x = straight.max(beside(surface, z) + 0.05);
                    [side * x, mix(hinge[1], end[1], t), z]
                })
                .collect();
            path.push([side * (end[0] - 0.08), end[1] + 0.3, end[2] - 0.4]);
            path.push([side * (end[0] - 0.12), end[1] + 0.75, end[2] - 0.5]);
            let temple: Vec<Section> = path
                .iter()
                .map(|at| Section {
                    at: *at,
                    half: [glasses.temple.max(0.025), 0.03],
                })
                .collect();
            mesh.add_tube(&temple, [side, 0.0, 0.0], 6, |row, _| temple[row].at);
            // The corner between front and temple.
            let corner = [
                at(side, self.outline(PI + 0.82 * PI), 0.97),
                path[0],
                path[1],
            ]
            .map(|at| Section {
                at,
                half: [glasses.temple.max(0.03), 0.035],
            });
            mesh.add_tube(&rounded(&corner), [side * 0.7, 0.0, 0.7], 6, |_, _| {
                corner[1].at
            });
            // A pad on the side of the nose.
            let inner = self.outline(0.9 * PI);
            let x = side * (mx + inner[0] - 0.05);
            let y = my + inner[1] + 0.05;
            let pad = [-0.1, 0.1].map(|down| Section {
                at: [
                    x - side * 0.03 * (down / 0.1),
                    y + down,
                    self.depth(x, y) - 0.12,
                ],
                half: [0.035, 0.06],
            });
            mesh.add_tube(&rounded(&pad), up, 5, |_, _| [x, y, 0.0]);
        }
        // The bridge, at a height where the outlines are close.
        let mut bar = |angle: f32, rise: f32, half: f32| {
            let [u, v] = self.outline(angle);
            let (x, y) = (mx + u, my + v);
            let points: Vec<Vec3> = [-1.0, -0.5, 0.0, 0.5, 1.0_f32]
                .map(|s| {
                    let arch = rise * (1.0 - s * s);
                    let (px, py) = (s * x, y - arch);
                    let skin = surface.point(px, py)[2] + 0.05;
                    [px, py, self.depth(px, py).max(skin)]
                })
                .to_vec();
            let bar: Vec<Section> = spline(&points, 2)
                .into_iter()
                .map(|at| Section {
                    at,
                    half: [half, 0.04],
                })
                .collect();
            mesh.add_tube(&bar, up, 6, |row, _| bar[row].at);
        };
        bar(PI + 0.14 * PI, 0.1, (1.1 * thin).max(0.03));
        if glasses.shape == GlassesShape::Aviator {
            bar(PI + 0.36 * PI, 0.0, 0.035);
        }
        let mut item = Item::on_head(
            mesh,
            FramePaint {
                color: glasses.color,
                second: glasses.second,
                gloss: glasses.gloss,
            },
        );
        // Too thin for the shadow map; see `lets_pass`.
        item.shadow = Shadow::None;
        item
    }

    /// Both lenses. Surface coordinates: x, height from −1 at the top to 1, distance from the
    /// center from 0 to 1.
    pub(crate) fn lenses(&self) -> Mesh {
        const RADII: [f32; 4] = [0.02, 0.55, 0.85, 0.99];
        let mut mesh = Mesh::default();
        for side in [1.0, -1.0] {
            mesh.add_grid([RADII.len(), OUTLINE], Edge::Joined, |row, column| {
                let r = RADII[row];
                let [u, v] = self
                    .outline(TAU * column as f32 / OUTLINE as f32)
                    .map(|c| c * r);
                let (x, y) = (side * (self.middle[0] + u), self.middle[1] + v);
                let bulge = 0.07 * (1.0 - r * r);
                let height = v / self.glasses.half_size[1];
                ([x, y, self.depth(x, y) + bulge], [x, height, r])
            });
        }
        mesh
    }
}

/// Half the width of the head at the level of the temples, at this z.
fn beside(surface: &Surface, z: f32) -> f32 {
    let ring = surface.ring(5.9);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..12 {
        let middle: f32 = 0.5 * (low + high);
        if ring.front_at(middle)[2] > z {
            low = middle;
        } else {
            high = middle;
        }
    }
    low * ring.side[0]
}

/// Plastic, horn or metal.
struct FramePaint {
    color: Color,
    second: Color,
    gloss: f32,
}

impl Painter for FramePaint {
    fn material(&self, [x, y, z]: [f32; 3], _: f32, noise: &NoiseTexture) -> Material {
        let spot = noise.at(Layer::Tufts, 3.5 * x, 3.5 * (y + 0.7 * z));
        let spots = smoothstep(0.5, 0.62, spot);
        Material {
            albedo: std::array::from_fn(|i| mix(self.color[i], self.second[i], spots)),
            open: 0.9,
            gloss: self.gloss,
            translucency: 0.0,
            slope: [0.0; 2],
        }
    }
}
