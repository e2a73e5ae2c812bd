//! Renders a face: its image, pixel by pixel, and its keypoints.

use crate::body::{Body, Ear};
use crate::camera;
use crate::features::{Material, beard, brow, eye, folds, mouth, nose};
use crate::glasses::Worn;
use crate::hair;
use crate::head::{Hit, Surface};
use crate::landmarks;
use crate::math::{Vec3, coverage, length, mix, normalized, smoothstep};
use crate::noise::NoiseTexture;
use crate::params::FaceParams;
use crate::pose::{Projection, Rotation};
use crate::shading::Lamp;
use fkp_core::{Image, Keypoint, Keypoints, Visibility};

/// Renders a face as a `size × size` gray image, with the 15 keypoints of the `kaggle15` schema in
/// pixels.
///
/// The same parameters at another size give the same image at another resolution, except for the
/// noise. A keypoint hidden by hair or by the turned head is [`Visibility::Occluded`], one outside
/// the image [`Visibility::OutOfFrame`]; their positions are exact, too.
///
/// ```
/// use fkp_core::{Purpose, rng_for};
/// use fkp_synth::{FaceParams, render};
/// let face = FaceParams::sample(&mut rng_for(1, Purpose::Render, 0, 0));
/// let (image, keypoints) = render(&face, 64);
/// assert_eq!((image.size(), image.channels(), keypoints.len()), ((64, 64), 1, 15));
/// assert!(keypoints[0].x > keypoints[1].x, "the subject's left eye is at the larger x");
/// ```
///
/// # Panics
/// If `size` is zero.
pub fn render(face: &FaceParams, size: usize) -> (Image, Keypoints) {
    assert!(size > 0, "an image needs at least one pixel");
    let scene = Scene::new(face, size);
    let mut light = Vec::with_capacity(size * size);
    // The surface is continuous, so the depth of a pixel is extrapolated from the two before.
    let mut depths = [scene.surface.in_front(); 2];
    for y in 0..size {
        for x in 0..size {
            let mut depth = 2.0 * depths[1] - depths[0];
            light.push(scene.pixel([x as f32, y as f32], &mut depth));
            depths = [depths[1], depth];
        }
        depths = [depths[1]; 2];
    }
    let bytes = camera::develop(light, size, &face.camera, face.texture);
    let mut image = Image::filled(size, size, 1, 0);
    image.as_bytes_mut().copy_from_slice(&bytes);
    (image, scene.keypoints())
}

/// A face with everything computed that does not depend on the pixel.
struct Scene<'a> {
    face: &'a FaceParams,
    size: usize,
    rotation: Rotation,
    projection: Projection,
    /// Width of a pixel in eye units.
    px: f32,
    surface: Surface,
    noise: NoiseTexture,
    keypoints: [Vec3; 15],
    lamp: Lamp,
    /// Direction to the light, in the head's frame.
    lamp_on_head: Vec3,
    body: Body,
    ears: [Option<Ear>; 2],
    glasses: Option<Worn>,
}

impl<'a> Scene<'a> {
    fn new(face: &'a FaceParams, size: usize) -> Self {
        let rotation = Rotation::new(&face.pose);
        let surface = Surface::new(face);
        let keypoints = landmarks::on_head(face, &surface);
        let anchor = rotation.apply(landmarks::anchor(&keypoints));
        let projection = Projection::new(&face.camera, anchor, size);
        let lamp = Lamp::new(&face.light);
        Self {
            face,
            size,
            rotation,
            projection,
            px: 1.0 / projection.px_per_unit,
            noise: NoiseTexture::new(face.texture),
            keypoints,
            lamp,
            lamp_on_head: rotation.undo(lamp.toward()),
            body: Body::new(face, rotation),
            ears: [1.0, -1.0].map(|side| Ear::new(face, rotation, side)),
            glasses: Worn::new(face, rotation, surface.height(1.0, 0.0)),
            surface,
        }
    }

    /// Brightness of a pixel, composed from back to front. The search for the head starts at
    /// `depth`, which is set to the depth that was found.
    fn pixel(&self, at: [f32; 2], depth: &mut f32) -> f32 {
        let viewer = self.projection.to_viewer(at);
        let start = self.rotation.undo([viewer[0], viewer[1], 0.0]);
        let hit = self
            .surface
            .trace(start, self.rotation.toward_viewer(), depth);
        let head = coverage(hit.outside, self.px);
        let mut light = 0.0;
        if head < 1.0 {
            light = self.around_head(at, viewer, &hit);
        }
        if head > 0.0 {
            light = mix(light, self.head(&hit, viewer), head);
        }
        for ear in self
            .ears
            .iter()
            .flatten()
            .filter(|ear| ear.in_front_of_head)
        {
            let (opacity, brightness) = ear.at(viewer, self.px, &self.lamp);
            light = mix(light, brightness, opacity);
        }
        if let Some(effect) = self.glasses.as_ref().and_then(|g| g.at(viewer, self.px)) {
            let rim = self.face.glasses.map_or(0.0, |g| g.tone);
            let behind = light * effect.transmittance + effect.glare;
            light = mix(
                behind,
                rim * self.lamp.diffuse([0.0, -0.3, 0.95], 1.0),
                effect.rim,
            );
        }
        light
    }

    /// Background, hair behind the neck, neck, far ear, and the hair around the head.
    fn around_head(&self, at: [f32; 2], viewer: [f32; 2], hit: &Hit) -> f32 {
        let face = self.face;
        let size = self.size as f32;
        let position = [(at[0] + 0.5) / size, (at[1] + 0.5) / size];
        let mut light = face.background.brightness(position, &self.noise);
        let hair_light = |brightness| self.hair_light(hit, viewer) * brightness;
        let (sin, cos) = face.pose.roll.sin_cos();
        let upright = [
            cos * viewer[0] + sin * viewer[1],
            cos * viewer[1] - sin * viewer[0],
        ];
        let soft = self.px.max(0.08);
        let behind = face.hair.behind(face.head.half_width, upright, &self.noise);
        light = blend(light, coverage(behind, soft), || hair_light(0.6));
        let (opacity, brightness) = self.body.at(viewer, self.px, &self.lamp);
        light = mix(light, brightness, opacity);
        for ear in self
            .ears
            .iter()
            .flatten()
            .filter(|ear| !ear.in_front_of_head)
        {
            let (opacity, brightness) = ear.at(viewer, self.px, &self.lamp);
            light = mix(light, brightness, opacity);
        }
        let nearest = [hit.at[0], hit.at[1]];
        let around = face.hair.around(hit.outside, nearest, &self.noise);
        blend(light, coverage(around, soft), || hair_light(1.0))
    }

    /// The head itself: skin, features, hair.
    fn head(&self, hit: &Hit, viewer: [f32; 2]) -> f32 {
        let face = self.face;
        let at = [hit.at[0], hit.at[1]];
        let (hair, shadow) = hair::on_face(face, &self.noise, at, self.px);
        // Behind the ears there is only skin or hair.
        let back = smoothstep(0.1, -0.15, hit.at[2]) * f32::from(u8::from(face.hair.volume > 0.0));
        let upper = smoothstep(face.hair.length + 0.3, face.hair.length - 0.3, at[1]);
        let hair = hair.max(back * upper);
        let mut light = 0.0;
        if hair < 1.0 {
            let mut material = Material {
                albedo: face.skin.tone,
                open: 1.0 - shadow,
                gloss: face.skin.gloss,
                glint: 0.0,
            };
            if hit.at[2] > 0.0 {
                folds::paint(&mut material, face, &self.noise, at);
                beard::paint(&mut material, face, &self.noise, at);
                for (side, index) in [(1.0, 0), (-1.0, 1)] {
                    eye::paint(&mut material, face, &face.eyes[index], side, at, self.px);
                    brow::paint(
                        &mut material,
                        face,
                        &self.noise,
                        &face.brows[index],
                        side,
                        at,
                        self.px,
                    );
                }
                nose::paint(&mut material, face, at);
                mouth::paint(&mut material, face, at, self.px);
            }
            let normal = self.rotation.apply(self.surface.normal(hit.at));
            light = self.lamp.shade(&material, normal, self.unshadowed(at));
        }
        if hair > 0.0 {
            light = mix(light, self.hair_light(hit, viewer), hair);
        }
        light
    }

    /// Fraction of the direct light at a point of the face that the nose does not block.
    fn unshadowed(&self, [x, y]: [f32; 2]) -> f32 {
        let [nx, ny] = self.face.nose.at;
        if (x - nx).abs() > 1.4 || (y - ny).abs() > 1.4 {
            return 1.0;
        }
        // The shadow of the tip is opposite to the light; the lower the light, the longer it is.
        let [lx, ly, lz] = self.lamp_on_head;
        let shadow_length = 0.55 * self.face.nose.protrusion / lz.max(0.4);
        let end = [-lx * shadow_length, -ly * shadow_length];
        let (dx, dy) = (x - nx, y - ny - 0.12);
        let length2 = (end[0] * end[0] + end[1] * end[1]).max(1e-6);
        let t = ((dx * end[0] + dy * end[1]) / length2).clamp(0.0, 1.0);
        let distance = length(dx - t * end[0], dy - t * end[1]);
        // The nose itself, where t is small, is not in the shadow.
        1.0 - 0.55 * smoothstep(0.34, 0.1, distance) * smoothstep(0.25, 0.8, t)
    }

    /// Brightness of the hair, shaded as a rounded volume around the head.
    fn hair_light(&self, hit: &Hit, viewer: [f32; 2]) -> f32 {
        let face = self.face;
        let tone = face.hair.tone_at([hit.at[0], hit.at[1]], &self.noise);
        let middle = self.rotation.apply([0.0, face.head.middle - 0.6, 0.0]);
        let n = [
            (viewer[0] - middle[0]) / face.head.half_width,
            (viewer[1] - middle[1]) / face.head.crown,
        ];
        let normal = normalized([0.9 * n[0], 0.9 * n[1], 0.9]);
        let material = Material {
            albedo: tone,
            open: 1.0,
            gloss: 0.12,
            glint: 0.0,
        };
        self.lamp.shade(&material, normal, 1.0)
    }

    /// The labels in pixels.
    fn keypoints(&self) -> Keypoints {
        let keypoints = self.keypoints.iter().map(|&at| {
            let [x, y] = self.projection.to_px(self.rotation.apply(at));
            let mut keypoint = Keypoint::new(x, y);
            if self.is_hidden(at) {
                keypoint.visibility = Visibility::Occluded;
            }
            keypoint
        });
        let frame = (self.size, self.size);
        keypoints.collect::<Keypoints>().mark_out_of_frame(frame)
    }

    /// Whether hair or the head itself hides a point of the face.
    fn is_hidden(&self, at: Vec3) -> bool {
        let (hair, _) = hair::on_face(self.face, &self.noise, [at[0], at[1]], self.px);
        let [x, y, z] = self.rotation.apply(at);
        let start = self.rotation.undo([x, y, 0.0]);
        let mut depth = self.surface.in_front();
        let hit = self
            .surface
            .trace(start, self.rotation.toward_viewer(), &mut depth);
        let seen = self.rotation.apply(hit.at)[2];
        hair > 0.5 || seen > z + 0.1
    }
}

/// Blends `above` over `below`; `above` is only computed if it is visible.
fn blend(below: f32, opacity: f32, above: impl FnOnce() -> f32) -> f32 {
    if opacity > 0.0 {
        mix(below, above(), opacity)
    } else {
        below
    }
}
