//! A face with everything computed that does not depend on the pixel, and the shading of a pixel.

use crate::accessories::{self, Fit, Follow, Painter, Shadow};
use crate::config::KeypointSet;
use crate::landmarks;
use crate::layer::Behind;
use crate::light::{Lights, Strands};
use crate::math::{Vec3, add, blend, dot, normalized, scaled, smoothstep, sub};
use crate::mesh::visibility::{NOTHING, Samples, ScreenVertex, Sides, unhidden, weights};
use crate::mesh::{Mesh, VisibilityBuffer};
use crate::noise::NoiseTexture;
use crate::paint::eye::Eyeball;
use crate::paint::hair::Part;
use crate::paint::skin::Mole;
use crate::paint::{self, Ray, Spot};
use crate::params::{Color, CropAround, FaceParams, Foreground, HairStyle, Lens, Pose, View};
use crate::pose::{Projection, Rotation};
use crate::shadow::{LightView, ShadowMap};
use crate::shape::hair::Hairline;
use crate::shape::{Detail, Features, Surface};
use fkp_core::{BoundingBox, CropSquare, FaceBox, Keypoint, Keypoints, Visibility};

/// A vertex placed in the scene.
#[derive(Debug, Clone, Copy)]
struct Vertex {
    /// Position and normal in the viewer's frame.
    at: Vec3,
    normal: Vec3,
    surface: [f32; 3],
}

/// A mesh placed in the scene.
#[derive(Debug, Clone)]
struct Placed {
    vertices: Vec<Vertex>,
    triangles: Vec<[u32; 3]>,
    screen: Vec<ScreenVertex>,
}

/// The opaque parts, in the order of their triangle numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Solid {
    Head,
    Ear,
    /// The accessory with this index.
    Worn(usize),
}

/// Lenses, which let the image behind them through.
#[derive(Debug, Clone)]
struct Lenses {
    lens: Lens,
    placed: Placed,
    visible: VisibilityBuffer,
}

/// A layer of hair.
#[derive(Debug, Clone)]
struct HairLayer {
    part: Part,
    placed: Placed,
    visible: VisibilityBuffer,
}

/// A point of a surface to be shaded.
#[derive(Debug, Clone, Copy)]
struct Fragment {
    surface: [f32; 3],
    at: Vec3,
    normal: Vec3,
    near: f32,
}

pub(crate) struct Scene<'a> {
    face: &'a FaceParams,
    pub(crate) size: usize,
    features: Features,
    rotation: Rotation,
    body: Rotation,
    pub(crate) projection: Projection,
    camera_at: Vec3,
    /// The labeled points in the head's frame.
    points: Vec<Vec3>,
    noise: NoiseTexture,
    lights: Lights,
    solids: Vec<(Solid, Placed)>,
    visible: VisibilityBuffer,
    hair: Vec<HairLayer>,
    hairline: Hairline,
    eyeballs: [Eyeball; 2],
    skin: Color,
    moles: Vec<Mole>,
    shadows: ShadowMap,
    worn: Vec<Box<dyn Painter>>,
    /// The first triangle number of the accessories.
    worn_from: u32,
    fit: Option<Fit>,
    lenses: Option<Lenses>,
}

/// What a scene has labels of, and how its image is chosen.
#[derive(Debug, Clone, Copy)]
enum Labels {
    /// Keypoints, in the crop of the face's view.
    Keypoints(KeypointSet),
    /// The outline of the face, at this place.
    Outline(Placement),
}

/// Size and position of a head in an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    /// Pixels per eye unit at the depth of the face.
    pub(crate) px_per_unit: f32,
    /// Where the mean of eye centers and mouth corners is, in pixels.
    pub(crate) at: [f32; 2],
}

impl<'a> Scene<'a> {
    /// A face in the crop of its view, for an image of `size × size` pixels.
    pub(crate) fn new(face: &'a FaceParams, size: usize, set: KeypointSet) -> Self {
        Self::build(face, size, Labels::Keypoints(set))
    }

    /// A head at a place in an image of `size × size` pixels, without keypoints.
    pub(crate) fn of_head(face: &'a FaceParams, size: usize, placement: Placement) -> Self {
        Self::build(face, size, Labels::Outline(placement))
    }

    fn build(face: &'a FaceParams, size: usize, labels: Labels) -> Self {
        let rotation = Rotation::new(&face.pose);
        let features = Features::new(face);
        let surface = Surface::new(face, &features);
        let noise = NoiseTexture::new(face.texture);
        let anchor = rotation.apply(anchor(&features, &surface));
        let camera_at = add(anchor, [0.0, 0.0, face.view.distance]);
        let head = Head {
            face,
            features: &features,
            surface: &surface,
            rotation,
            camera_at,
        };
        let (points, projection) = match labels {
            Labels::Keypoints(set) => {
                let points = head.keypoints(set);
                let projection = Projection::new(&face.view, anchor, size);
                let projection = head.crop(projection, size, set, &points);
                (points, projection)
            }
            Labels::Outline(Placement { px_per_unit, at }) => (
                landmarks::outline(&surface),
                Projection::placed(px_per_unit, at, anchor, face.view.distance),
            ),
        };
        // The body follows the head a little, and a head is not turned much further than its body.
        let body = Rotation::new(&Pose {
            yaw: if face.pose.yaw.abs() <= MAX_NECK_TURN {
                0.35 * face.pose.yaw
            } else {
                face.pose.yaw - (0.65 * MAX_NECK_TURN).copysign(face.pose.yaw)
            },
            pitch: 0.15 * face.pose.pitch,
            roll: 0.25 * face.pose.roll,
        });
        let place = |mesh: Mesh, follows: &dyn Fn(&[f32; 3], &Vec3) -> f32| -> Placed {
            let turn = |p: Vec3, follow: f32| {
                let with_head = rotation.apply(p);
                if follow >= 1.0 {
                    return with_head;
                }
                let with_body = add(body.apply(sub(p, NECK)), rotation.apply(NECK));
                blend(with_body, with_head, follow)
            };
            let parts = mesh.positions.iter().zip(&mesh.normals).zip(&mesh.surface);
            let vertices: Vec<Vertex> = parts
                .map(|((at, normal), surface)| {
                    let follow = follows(surface, at);
                    let mut turned = rotation.apply(*normal);
                    if follow < 1.0 {
                        turned = normalized(blend(body.apply(*normal), turned, follow));
                    }
                    Vertex {
                        at: turn(*at, follow),
                        normal: turned,
                        surface: *surface,
                    }
                })
                .collect();
            let screen = vertices.iter().map(|v| projection.to_screen(v.at));
            Placed {
                screen: screen.collect(),
                vertices,
                triangles: mesh.triangles,
            }
        };
        let always = |_: &[f32; 3], _: &Vec3| 1.0;
        let px = 1.0 / projection.px_per_unit;
        let detail = match labels {
            Labels::Keypoints(_) => Detail::of(px),
            Labels::Outline(_) => Detail::of_many(px),
        };
        let by_height = |surface: &[f32; 3], _: &Vec3| smoothstep(5.2, 3.6, surface[1]);
        let mut solids = vec![(Solid::Head, place(surface.mesh(detail), &by_height))];
        let ears = !face.accessories.cover_ears();
        if ears && (face.hair.length < 1.0 || face.hair.style == HairStyle::Bald) {
            for side in [1.0, -1.0] {
                let ear = crate::shape::ear::mesh(&surface, &face.head, side);
                solids.push((Solid::Ear, place(ear, &always)));
            }
        }
        let worn_index = solids.len();
        let (mut worn, mut casts) = (Vec::new(), Vec::new());
        let fit = Fit::new(face, &surface);
        let with_neck = |_: &[f32; 3], at: &Vec3| smoothstep(5.2, 3.6, at[1]);
        for item in accessories::items(face, &surface, fit.as_ref(), &noise) {
            let placed = match item.follow {
                Follow::Head => place(item.mesh, &always),
                Follow::Neck => place(item.mesh, &with_neck),
            };
            solids.push((Solid::Worn(worn.len()), placed));
            worn.push(item.painter);
            casts.push(item.shadow == Shadow::Cast);
        }
        let worn_from = solids[..worn_index]
            .iter()
            .map(|(_, placed)| placed.triangles.len() as u32)
            .sum();
        let lenses = fit.as_ref().map(|fit| {
            let placed = place(fit.lenses(), &always);
            let mut visible = VisibilityBuffer::new(size);
            visible.draw(&placed.screen, &placed.triangles, 0, Sides::Both);
            Lenses {
                lens: fit.glasses.lens,
                placed,
                visible,
            }
        });
        let mut visible = VisibilityBuffer::new(size);
        let mut first = 0;
        for (solid, placed) in &solids {
            let sides = match solid {
                Solid::Head => Sides::Front,
                Solid::Ear | Solid::Worn(_) => Sides::Both,
            };
            visible.draw(&placed.screen, &placed.triangles, first, sides);
            first += placed.triangles.len() as u32;
        }
        let hairline = Hairline::new(&face.hair);
        let mut hair = Vec::new();
        if face.hair.style == HairStyle::Grown {
            let mut layer = |part: Part, mesh: Mesh| {
                let placed = place(mesh, &|s: &[f32; 3], _: &Vec3| smoothstep(7.0, 2.5, s[1]));
                let mut visible = VisibilityBuffer::new(size);
                let sides = if part == Part::Curtain {
                    Sides::Both
                } else {
                    Sides::Front
                };
                visible.draw(&placed.screen, &placed.triangles, 0, sides);
                hair.push(HairLayer {
                    part,
                    placed,
                    visible,
                });
            };
            if let Some(curtain) = crate::shape::hair::curtain(&surface, &face.hair, &noise) {
                layer(Part::Curtain, curtain);
            }
            let shell =
                |lift| crate::shape::hair::shell(&surface, &face.hair, &hairline, &noise, lift, px);
            layer(Part::Shell, shell(0.0));
            // Single hairs are narrower than a pixel of a small image.
            if px < 0.035 {
                let lift = 0.05 + 0.08 * face.hair.curl + 0.1 * face.hair.ragged;
                layer(Part::Wisps, shell(lift));
            }
        }
        let lights = Lights::new(&face.light, rotation);
        let mut from_light = LightView::new(lights.key());
        let mut cast = |placed: &Placed, sides| {
            let positions = placed.vertices.iter().map(|v| v.at);
            from_light.draw(positions, &placed.triangles, sides);
        };
        for (solid, placed) in &solids {
            match solid {
                Solid::Worn(index) if casts[*index] => cast(placed, Sides::Both),
                Solid::Worn(_) => {}
                Solid::Head | Solid::Ear => cast(placed, Sides::Front),
            }
        }
        for layer in hair.iter().filter(|layer| layer.part != Part::Wisps) {
            cast(&layer.placed, Sides::Front);
        }
        let shadows = from_light.shadows(face.light.softness);
        let eyeballs = [0, 1].map(|index| {
            let side = if index == 0 { 1.0 } else { -1.0 };
            Eyeball::new(
                &surface,
                &features.eyes[index],
                &face.eyes[index],
                side,
                face.expression.gaze,
                &face.iris,
            )
        });
        Self {
            face,
            size,
            features,
            rotation,
            body,
            projection,
            camera_at,
            points,
            noise,
            lights,
            solids,
            visible,
            hair,
            hairline,
            eyeballs,
            skin: paint::skin::base(&face.skin),
            moles: paint::skin::moles(&face.skin, face.texture),
            shadows,
            worn,
            worn_from,
            fit,
            lenses,
        }
    }

    /// Light of a pixel, composed over the background from back to front.
    pub(crate) fn pixel<B: Behind>(&self, x: usize, y: usize, background: B) -> B {
        let samples = self.visible.pixel(x, y);
        let mut out = background;
        let hairs = self.hairs(x, y, &samples);
        let passes: f32 = hairs.iter().flatten().map(|h| 1.0 - h.opacity).product();
        // Less than a step of an 8-bit image.
        if passes > 1e-3 {
            out = self.solid(x, y, &samples, out);
        }
        let mut glass = self.glass(x, y, &samples);
        for hair in hairs.iter().flatten() {
            if let Some(glass) = glass.take_if(|glass| glass.near < hair.near) {
                out = glass.over(out);
            }
            out = out.under(hair.light, hair.opacity);
        }
        if let Some(glass) = glass {
            out = glass.over(out);
        }
        if let Some(foreground) = &self.face.accessories.foreground {
            let (opacity, albedo) = self.foreground(foreground, [x as f32, y as f32]);
            if opacity > 0.0 {
                let light = self.lights.arriving_from([0.0, -0.2, 1.0]);
                let lit = std::array::from_fn(|i| 0.8 * albedo[i] * light[i].min(1.5));
                out = out.under(lit, opacity);
            }
        }
        out
    }

    /// The opaque parts in a pixel, over what is behind them.
    fn solid<B: Behind>(&self, x: usize, y: usize, samples: &Samples, background: B) -> B {
        let mut covered = 0.0;
        let mut sum: Color = [0.0; 3];
        let mut first = 0;
        for (solid, placed) in &self.solids {
            if covered >= 1.0 || samples.iter().all(|(id, _)| *id == NOTHING) {
                break;
            }
            let count = placed.triangles.len() as u32;
            if let Some((fragment, share)) = fragment(placed, samples, first, count, x, y) {
                let light = match solid {
                    Solid::Head => self.head(&fragment),
                    Solid::Ear => self.ear(&fragment),
                    Solid::Worn(index) => self.worn(*index, &fragment),
                };
                for i in 0..3 {
                    sum[i] += share * light[i];
                }
                covered += share;
            }
            first += count;
        }
        background.beside(sum, covered)
    }

    /// The layers of hair in a pixel that nothing solid hides, from back to front.
    fn hairs(&self, x: usize, y: usize, solid: &Samples) -> [Option<Hairs>; HAIR_LAYERS] {
        let mut out = [None; HAIR_LAYERS];
        for (layer, out) in self.hair.iter().zip(&mut out) {
            let samples = unhidden(layer.visible.pixel(x, y), solid);
            let count = layer.placed.triangles.len() as u32;
            if let Some((fragment, share)) = fragment(&layer.placed, &samples, 0, count, x, y) {
                let (opacity, light) = self.hair(layer.part, &fragment);
                *out = Some(Hairs {
                    opacity: opacity * share,
                    light,
                    near: fragment.near,
                });
            }
        }
        out
    }

    /// The look of something close to the camera at a position in pixels.
    fn foreground(&self, foreground: &Foreground, at: [f32; 2]) -> (f32, Color) {
        let size = self.size as f32;
        let at = at.map(|c| (c + 0.5) / size - 0.5);
        foreground.look(at, 1.0 / size, &self.noise)
    }

    /// The lens in a pixel.
    fn glass(&self, x: usize, y: usize, solid: &Samples) -> Option<Glass> {
        let lenses = self.lenses.as_ref()?;
        let samples = unhidden(lenses.visible.pixel(x, y), solid);
        let count = lenses.placed.triangles.len() as u32;
        let (fragment, share) = fragment(&lenses.placed, &samples, 0, count, x, y)?;
        let toward = normalized(sub(self.camera_at, fragment.at));
        let normal = facing(fragment.normal, toward);
        let (passes, reflected) = lenses
            .lens
            .look(fragment.surface, normal, toward, &self.lights);
        Some(Glass {
            passes,
            reflected,
            share,
            near: fragment.near,
        })
    }

    /// An accessory.
    fn worn(&self, index: usize, fragment: &Fragment) -> Color {
        let toward = normalized(sub(self.camera_at, fragment.at));
        let normal = facing(fragment.normal, toward);
        let material =
            self.worn[index].material(fragment.surface, self.px(fragment.near), &self.noise);
        let shadow = self.shadows.lit(fragment.at, normal);
        let normal = self.tilted(normal, material.slope);
        self.lights.shade(&material, normal, toward, shadow)
    }

    /// Width of a pixel at this nearness, in eye units.
    fn px(&self, near: f32) -> f32 {
        1.0 / (self.projection.px_per_unit * near)
    }

    fn head(&self, fragment: &Fragment) -> Color {
        let face = self.face;
        let [x, y, angle] = fragment.surface;
        let px = self.px(fragment.near);
        let toward = normalized(sub(self.camera_at, fragment.at));
        let spot = Spot {
            at: [x, y],
            px,
            ray: Ray {
                at: self.rotation.undo(fragment.at),
                toward_camera: self.rotation.undo(toward),
            },
        };
        let mut shadow = self.shadows.lit(fragment.at, fragment.normal);
        if let Some(fit) = &self.fit {
            shadow *= fit.lets_pass(spot.ray.at, self.lights.key_on_head, face.light.softness);
        }
        let mut material =
            paint::skin::material(&face.skin, self.skin, &self.moles, &self.noise, &spot);
        let front = angle.abs() < 1.5 && y < 4.2;
        let mut opening = None;
        if front {
            let index = usize::from(x < 0.0);
            let side = if x < 0.0 { -1.0 } else { 1.0 };
            paint::wrinkles::paint(&mut material, face, &self.features, &spot, self.noise.sign);
            paint::nose::paint(&mut material, &face.nose, self.skin, &spot);
            let brow = &self.features.brows[index];
            let shape = &self.features.eyes[index];
            let local = shape.local(side * x, y);
            if local[0].abs() < 0.95 && local[1].abs() < 0.75 {
                paint::lids::paint(&mut material, face, shape, index, local, &spot, &self.noise);
                let s = local[0] / shape.half_width;
                let edge = (shape.upper_edge(s) - local[1])
                    .max(local[1] - shape.lower_edge(s))
                    .max((s.abs() - 1.0) * shape.half_width);
                let open = crate::math::coverage(edge, px);
                if open > 0.0 {
                    opening = Some((index, local, open));
                }
            }
            paint::mouth::paint(
                &mut material,
                face,
                &self.features.mouth,
                self.skin,
                &spot,
                &self.noise,
            );
            let hairs = darker(face.hair.color, 0.8);
            paint::beard::paint(
                &mut material,
                face,
                &self.features.mouth,
                hairs,
                &spot,
                &self.noise,
            );
            paint::brow::paint(
                &mut material,
                brow,
                darker(face.hair.color, 0.6),
                &spot,
                &self.noise,
            );
        }
        // The shade of the jaw on the neck, and of hair on the skin beside it.
        if y > 2.6 {
            let under = smoothstep(3.2, 3.8, y) * smoothstep(5.4, 4.0, y);
            material.open *= 1.0 - 0.5 * under;
        }
        if face.hair.style == HairStyle::Grown && y < 3.0 {
            let below = self.hairline.below(x, y);
            material.open *= 1.0 - 0.35 * smoothstep(0.35, 0.0, below);
        }
        paint::cloth::paint(
            &mut material,
            &face.clothes,
            fragment.surface,
            px,
            &self.noise,
        );
        let normal = self.tilted(fragment.normal, material.slope);
        let light = self.lights.shade(&material, normal, toward, shadow);
        match opening {
            Some((index, local, open)) => {
                let eye = self.eyeballs[index].radiance(
                    &self.features.eyes[index],
                    local,
                    &spot,
                    &self.lights,
                    shadow,
                    &self.noise,
                );
                blend(light, eye, open)
            }
            None => light,
        }
    }

    /// The normal of a surface with a fine relief of this slope along x and y of the face.
    fn tilted(&self, normal: Vec3, slope: [f32; 2]) -> Vec3 {
        if slope == [0.0; 2] {
            return normal;
        }
        let tilt = self.rotation.apply([slope[0], slope[1], 0.0]);
        normalized(sub(normal, tilt))
    }

    fn ear(&self, fragment: &Fragment) -> Color {
        let [p, q, _] = fragment.surface;
        let toward = normalized(sub(self.camera_at, fragment.at));
        let normal = facing(fragment.normal, toward);
        let spot = Spot {
            at: [2.3 + p, q],
            px: self.px(fragment.near),
            ray: Ray {
                at: fragment.at,
                toward_camera: toward,
            },
        };
        let mut material =
            paint::skin::material(&self.face.skin, self.skin, &[], &self.noise, &spot);
        material.tint(0.6, [1.0, 0.82, 0.8]);
        let bowl = crate::math::length((p - 0.35) / 0.3, (q - 0.1) / 0.42);
        material.crease(0.55 * smoothstep(1.0, 0.2, bowl));
        material.crease(0.3 * crate::math::ridge(p - 0.78, 0.1) * smoothstep(0.7, 0.2, q));
        material.open *= 0.85;
        material.translucency = (material.translucency * 1.4).min(1.0);
        let shadow = self.shadows.lit(fragment.at, normal);
        self.lights.shade(&material, normal, toward, shadow)
    }

    fn hair(&self, part: Part, fragment: &Fragment) -> (f32, Color) {
        let hair = &self.face.hair;
        let px = self.px(fragment.near);
        let look = paint::hair::look(
            hair,
            &self.hairline,
            part,
            fragment.surface,
            px,
            &self.noise,
        );
        if look.opacity <= 0.0 {
            return (0.0, [0.0; 3]);
        }
        let toward = normalized(sub(self.camera_at, fragment.at));
        let inner = part == Part::Curtain && dot(fragment.normal, toward) < 0.0;
        let normal = facing(fragment.normal, toward);
        let down = self.rotation.apply([0.25 * hair.sweep, 1.0, 0.15]);
        let along = sub(down, scaled(normal, dot(down, normal)));
        let tangent = normalized(add(along, scaled(normal, look.tilt * 0.6)));
        let shadow = self.shadows.lit(fragment.at, normal);
        let open = look.open * if inner { 0.35 } else { 1.0 };
        let shadow = if inner { 0.2 * shadow } else { shadow };
        let strands = Strands {
            albedo: look.albedo,
            tangent,
            gloss: hair.gloss,
            open,
        };
        let light = self.lights.on_hair(&strands, normal, toward, shadow);
        (look.opacity, light)
    }
}

/// A layer of hair in a pixel.
#[derive(Debug, Clone, Copy)]
struct Hairs {
    opacity: f32,
    light: Color,
    near: f32,
}

/// The most layers of hair: the curtain, the shell and wisps.
const HAIR_LAYERS: usize = 3;

/// What a lens does to a pixel.
#[derive(Debug, Clone, Copy)]
struct Glass {
    passes: Color,
    reflected: Color,
    share: f32,
    near: f32,
}

impl Glass {
    fn over<B: Behind>(&self, behind: B) -> B {
        behind.through(self.passes, self.reflected, self.share)
    }
}

/// Where the neck joins the body, about which the head turns against the body.
const NECK: Vec3 = [0.0, 3.2, -0.6];

/// The angle between head and shoulders at which the shoulders turn as far as the head, in radians.
const MAX_NECK_TURN: f32 = 1.4;

/// The shape of a head and where it is seen from.
struct Head<'s> {
    face: &'s FaceParams,
    features: &'s Features,
    surface: &'s Surface,
    rotation: Rotation,
    camera_at: Vec3,
}

impl Head<'_> {
    /// The keypoints in the head's frame.
    fn keypoints(&self, set: KeypointSet) -> Vec<Vec3> {
        let Self {
            face,
            features,
            surface,
            ..
        } = *self;
        if set == KeypointSet::Kaggle15 {
            return landmarks::kaggle15(face, features, surface);
        }
        // In the plane of the image without the roll.
        let upright = Rotation::new(&Pose {
            roll: 0.0,
            ..face.pose
        });
        let camera = self.rotation.undo(self.camera_at);
        let [right, down] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]].map(|axis| upright.undo(axis));
        let toward = upright.toward_viewer();
        let distance = dot(camera, toward);
        landmarks::ibug68(face, features, surface, |p| {
            let off = sub(p, camera);
            let depth = (distance - dot(p, toward)).max(0.1);
            [dot(off, right) / depth, dot(off, down) / depth]
        })
    }

    /// The projection to the crop of the view. `projection` has eyes and mouth at their mean
    /// places.
    fn crop(
        &self,
        projection: Projection,
        size: usize,
        set: KeypointSet,
        points: &[Vec3],
    ) -> Projection {
        let View {
            crop, scale, shift, ..
        } = self.face.view;
        let bounds = |points: &[Vec3]| {
            let points = points.iter();
            let at = points.map(|p| projection.to_screen(self.rotation.apply(*p)).at);
            BoundingBox::around(at.map(|[x, y]| (f64::from(x), f64::from(y))))
        };
        let square = match crop {
            CropAround::EyesAndMouth => return projection,
            CropAround::Keypoints => bounds(points).and_then(|bounds| {
                let rule = set.crop_rule();
                rule.square_of(&FaceBox::keypoints(bounds)).ok()
            }),
            CropAround::FaceBox(fraction) => {
                let bounds = match set {
                    KeypointSet::Ibug68 => bounds(points),
                    KeypointSet::Kaggle15 => bounds(&self.keypoints(KeypointSet::Ibug68)),
                };
                bounds
                    .and_then(|bounds| CropSquare::around(&bounds).ok())
                    .map(|square| CropSquare {
                        side: square.side / f64::from(fraction),
                        ..square
                    })
            }
        };
        let Some(square) = square else {
            return projection;
        };
        // The view's own scale is already in the projection, and is applied once more here.
        let zoom = size as f32 * scale / square.side as f32;
        let (x, y) = square.center;
        let center = [x as f32, y as f32];
        let middle = |axis: usize| (0.5 + shift[axis]) * size as f32 - 0.5;
        projection.refitted(zoom, [0, 1].map(|i| middle(i) - zoom * center[i]))
    }
}

fn darker(color: Color, by: f32) -> Color {
    let limit = 0.12;
    color.map(|c| (by * c).min(limit + 0.3 * (by * c - limit).max(0.0)))
}

fn facing(normal: Vec3, toward: Vec3) -> Vec3 {
    if dot(normal, toward) < 0.0 {
        normal.map(|c| -c)
    } else {
        normal
    }
}

/// The mean of eye centers and mouth corners, which determines the position of the face.
fn anchor(features: &Features, surface: &Surface) -> Vec3 {
    let eye = |index: usize, side: f32| {
        let shape = &features.eyes[index];
        surface.point(side * shape.at[0], shape.at[1])
    };
    let corner = |index: usize| {
        let [x, y] = features.mouth.corner(index);
        surface.point(x, y)
    };
    let parts = [eye(0, 1.0), eye(1, -1.0), corner(0), corner(1)];
    std::array::from_fn(|axis| parts.iter().map(|p| 0.25 * p[axis]).sum())
}

/// The point of a mesh to shade in a pixel, and the share of the pixel's samples that show it.
fn fragment(
    placed: &Placed,
    samples: &Samples,
    first: u32,
    count: u32,
    x: usize,
    y: usize,
) -> Option<(Fragment, f32)> {
    let mut shown = 0;
    let (mut middle, mut triangle) = ([0.0; 2], None);
    for (sample, (id, _)) in samples.iter().enumerate() {
        if id.wrapping_sub(first) < count {
            let at = VisibilityBuffer::position(x, y, sample);
            middle = [middle[0] + at[0], middle[1] + at[1]];
            shown += 1;
            triangle = Some(placed.triangles[(id - first) as usize]);
        }
    }
    let triangle = triangle?;
    let middle = middle.map(|c| c / shown as f32);
    let vertices = triangle.map(|v| placed.screen[v as usize]);
    let w = weights(vertices, middle);
    // Outside the triangle, beside the outline of the mesh, weights may run away.
    let w = {
        let w = w.map(|w| w.clamp(-0.5, 1.5));
        let total: f32 = w.iter().sum();
        w.map(|w| w / total)
    };
    let corners = triangle.map(|v| &placed.vertices[v as usize]);
    let of = |value: fn(&Vertex) -> Vec3| -> Vec3 {
        let [a, b, c] = corners.map(value);
        std::array::from_fn(|i| w[0] * a[i] + w[1] * b[i] + w[2] * c[i])
    };
    let near = w[0] * vertices[0].near + w[1] * vertices[1].near + w[2] * vertices[2].near;
    let mut surface = of(|v| v.surface);
    // Surface coordinates jump in the middle of the back, where angles do by a full turn.
    let angles = corners.map(|v| v.surface[2]);
    if angles.iter().any(|angle| (angle - angles[0]).abs() > 4.0) {
        let nearest = (0..3).max_by(|a, b| w[*a].total_cmp(&w[*b]));
        surface = corners[nearest.unwrap_or(0)].surface;
    }
    Some((
        Fragment {
            surface,
            at: of(|v| v.at),
            normal: normalized(of(|v| v.normal)),
            near,
        },
        shown as f32 / samples.len() as f32,
    ))
}

impl Scene<'_> {
    /// The keypoints in pixels.
    pub(crate) fn keypoints(&self) -> Keypoints {
        self.points.iter().map(|p| self.keypoint(*p)).collect()
    }

    /// The box around the labeled points, in pixels.
    pub(crate) fn bounds(&self) -> Option<BoundingBox> {
        let points = self.points.iter();
        let at = points.map(|p| self.projection.to_screen(self.rotation.apply(*p)).at);
        BoundingBox::around(at.map(|[x, y]| (f64::from(x), f64::from(y))))
    }

    /// Where a point of the body is in the image, in pixels. Its frame is that of a head that looks
    /// straight ahead.
    pub(crate) fn on_body(&self, p: Vec3) -> [f32; 2] {
        let at = add(self.body.apply(sub(p, NECK)), self.rotation.apply(NECK));
        self.projection.to_screen(at).at
    }

    fn keypoint(&self, p: Vec3) -> Keypoint {
        let place = self.projection.to_screen(self.rotation.apply(p));
        let [x, y] = place.at;
        let limit = self.size as f32 - 0.5;
        let visibility = if !(-0.5..=limit).contains(&x) || !(-0.5..=limit).contains(&y) {
            Visibility::OutOfFrame
        } else if self.hidden(place) {
            Visibility::Occluded
        } else {
            Visibility::Visible
        };
        Keypoint {
            visibility,
            ..Keypoint::new(x, y)
        }
    }

    /// Whether something is in front of a point.
    fn hidden(&self, place: ScreenVertex) -> bool {
        // A quarter of an eye unit, as nearness.
        let tolerance = 0.25 / self.face.view.distance;
        let last = self.size - 1;
        let (x, y) = (
            (place.at[0].round().max(0.0) as usize).min(last),
            (place.at[1].round().max(0.0) as usize).min(last),
        );
        // What is worn touches the skin, and is never under it.
        let close = -0.05 / self.face.view.distance;
        let behind = |samples: &Samples, tolerance: f32| {
            samples.iter().all(|(id, near)| {
                let tolerance = if *id >= self.worn_from {
                    tolerance.min(close)
                } else {
                    tolerance
                };
                *id != NOTHING && *near > place.near + tolerance
            })
        };
        if let Some(foreground) = &self.face.accessories.foreground
            && self.foreground(foreground, place.at).0 > 0.6
        {
            return true;
        }
        if let Some(lenses) = &self.lenses {
            let samples = lenses.visible.pixel(x, y);
            let count = lenses.placed.triangles.len() as u32;
            let behind = samples
                .iter()
                .all(|(id, near)| *id != NOTHING && *near > place.near);
            if behind
                && fragment(&lenses.placed, &samples, 0, count, x, y)
                    .is_some_and(|(fragment, _)| lenses.lens.opacity(fragment.surface[1]) > 0.75)
            {
                return true;
            }
        }
        if behind(&self.visible.pixel(x, y), tolerance) {
            return true;
        }
        self.hair.iter().any(|layer| {
            let samples = layer.visible.pixel(x, y);
            let count = layer.placed.triangles.len() as u32;
            behind(&samples, 0.02 / self.face.view.distance)
                && fragment(&layer.placed, &samples, 0, count, x, y)
                    .is_some_and(|(fragment, _)| self.hair(layer.part, &fragment).0 > 0.5)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::FaceDistribution;
    use fkp_core::{Purpose, rng_for};

    /// The part that has the triangle of this number, and the triangle.
    fn solid_triangle<'s>(scene: &'s Scene, id: u32) -> Option<(&'s Placed, [u32; 3])> {
        let mut index = id as usize;
        for (_, placed) in &scene.solids {
            match placed.triangles.get(index) {
                Some(triangle) => return Some((placed, *triangle)),
                None => index -= placed.triangles.len(),
            }
            if id == NOTHING {
                return None;
            }
        }
        None
    }

    /// Where a small ball around a point of the head is seen in the rendered image: the centroid of
    /// the samples whose surface is within the ball.
    fn measured(scene: &Scene, at: Vec3, radius: f32) -> Option<[f32; 2]> {
        let (mut sum, mut count) = ([0.0; 2], 0.0);
        for y in 0..scene.size {
            for x in 0..scene.size {
                for (sample, (id, _)) in scene.visible.pixel(x, y).into_iter().enumerate() {
                    let Some((placed, triangle)) = solid_triangle(scene, id) else {
                        continue;
                    };
                    let place = VisibilityBuffer::position(x, y, sample);
                    let w = weights(triangle.map(|v| placed.screen[v as usize]), place);
                    let [a, b, c] = triangle.map(|v| placed.vertices[v as usize].at);
                    let here: Vec3 =
                        std::array::from_fn(|i| w[0] * a[i] + w[1] * b[i] + w[2] * c[i]);
                    let off = sub(here, at);
                    if dot(off, off) < radius * radius {
                        sum = [sum[0] + place[0], sum[1] + place[1]];
                        count += 1.0;
                    }
                }
            }
        }
        (count > 3.0).then(|| sum.map(|c| c / count))
    }

    #[test]
    fn labels_are_where_their_points_are_seen_in_the_image() {
        let distribution = FaceDistribution::default();
        let mut measurements = 0;
        for (index, yaw) in [0.0, 0.35, -0.7, 1.0, -1.3].into_iter().enumerate() {
            for pitch in [0.0, 0.4, -0.4] {
                let mut rng = rng_for(8, Purpose::Render, 0, index as u64);
                let mut face = distribution.sample(&mut rng);
                face.pose = Pose {
                    yaw,
                    pitch,
                    roll: 0.2,
                };
                face.hair.style = HairStyle::Bald;
                face.view.crop = CropAround::FaceBox(0.7);
                (face.view.scale, face.view.shift) = (1.0, [0.0; 2]);
                let scene = Scene::new(&face, 256, KeypointSet::Ibug68);
                let points = &scene.points;
                for (point, (p, label)) in points.iter().zip(scene.keypoints().iter()).enumerate() {
                    if label.visibility != Visibility::Visible {
                        continue;
                    }
                    let at = scene.rotation.apply(*p);
                    let Some(seen) = measured(&scene, at, 0.03) else {
                        continue;
                    };
                    measurements += 1;
                    let off = crate::math::length(seen[0] - label.x, seen[1] - label.y);
                    assert!(
                        off < 1.0,
                        "yaw {yaw}, pitch {pitch}: point {point} is {off} px off"
                    );
                }
            }
        }
        assert!(measurements > 600, "{measurements} points were seen");
    }

    #[test]
    fn a_hidden_label_has_something_in_front_of_it() {
        let distribution = FaceDistribution::default();
        let (mut visible, mut seen) = (0, 0);
        for index in 0..20 {
            let mut face = distribution.sample(&mut rng_for(9, Purpose::Render, 0, index));
            face.hair.style = HairStyle::Bald;
            face.view.crop = CropAround::FaceBox(0.7);
            let scene = Scene::new(&face, 128, KeypointSet::Ibug68);
            let points = &scene.points;
            // The jaw line is beside the ears, whose edges cover parts of pixels.
            for (p, label) in points.iter().zip(scene.keypoints().iter()).skip(17) {
                let at = scene.rotation.apply(*p);
                match label.visibility {
                    Visibility::Occluded => assert!(measured(&scene, at, 0.02).is_none()),
                    Visibility::Visible => {
                        visible += 1;
                        seen += usize::from(measured(&scene, at, 0.3).is_some());
                    }
                    _ => {}
                }
            }
        }
        // The edge of a fold in front of a point may cover a part of its pixel.
        assert!(
            100 * seen > 98 * visible,
            "{seen} of {visible} visible points are seen"
        );
    }
}
