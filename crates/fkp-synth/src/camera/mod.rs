//! The camera: from the light of a scene to the pixels of a published photograph or video frame.
//!
//! The order of the effects is that of a real chain: lens, movement, sensor, noise, tone curve,
//! sharpening, compression, enlargement, print. Light is linear, and 1 is a white surface under
//! full light. Each effect is off in [`Camera::NEUTRAL`], and then costs nothing.

mod channels;
mod color;
mod distribution;
mod film;
mod jpeg;
mod motion_blur;
mod noise;
mod resolution;
mod sharpening;
mod television;
mod tone;
mod vignette;

pub use channels::Channels;
pub use color::ColorResponse;
pub use distribution::CameraDistribution;
pub use film::Film;
pub use jpeg::Jpeg;
pub use motion_blur::MotionBlur;
pub use noise::SensorNoise;
pub use resolution::{Enlargement, Resolution};
pub use sharpening::Sharpening;
pub use television::Television;
pub use tone::ToneCurve;
pub use vignette::Vignette;

use crate::raster::{Raster, gaussian};
use crate::texture::Texture;
use fkp_core::Image;

/// A camera and what happened to its image afterward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Exposure, white balance, saturation and gray conversion.
    pub color: ColorResponse,
    /// Darker corners.
    pub vignette: Vignette,
    /// Standard deviation of the blur of the lens, as a fraction of the side.
    pub lens_blur: f32,
    /// Blur by movement.
    pub motion_blur: MotionBlur,
    /// Resolution of the sensor.
    pub resolution: Resolution,
    /// Noise of the sensor.
    pub noise: SensorNoise,
    /// The tone curve.
    pub tone: ToneCurve,
    /// Fields and lines of old television.
    pub television: Television,
    /// Sharpening.
    pub sharpening: Sharpening,
    /// Compression, if any.
    pub jpeg: Option<Jpeg>,
    /// Looks of an old print.
    pub film: Film,
}

impl Camera {
    /// The tone curve and nothing else.
    pub const NEUTRAL: Self = Self {
        color: ColorResponse::NEUTRAL,
        vignette: Vignette::NONE,
        lens_blur: 0.0,
        motion_blur: MotionBlur::NONE,
        resolution: Resolution::FULL,
        noise: SensorNoise::NONE,
        tone: ToneCurve::NEUTRAL,
        television: Television::NONE,
        sharpening: Sharpening::NONE,
        jpeg: None,
        film: Film::NONE,
    };

    /// The camera for the mirrored scene. With the mirrored [`Texture`] it develops the mirrored
    /// light to the mirror image, including noise and JPEG blocks.
    pub fn mirrored(mut self) -> Self {
        self.vignette.center[0] = -self.vignette.center[0];
        self.motion_blur.angle = -self.motion_blur.angle;
        self.television.field_shift = -self.television.field_shift;
        self
    }

    /// The image of `light`, linear RGB of `size × size` pixels row by row.
    ///
    /// ```
    /// use fkp_synth::Texture;
    /// use fkp_synth::camera::{Camera, Channels};
    /// let light = vec![[0.0, 0.2, 1.0]; 16 * 16];
    /// let texture = Texture { seed: 1, mirrored: false };
    /// let image = Camera::NEUTRAL.develop(&light, 16, Channels::Rgb, texture);
    /// assert_eq!(image.size(), (16, 16));
    /// assert_eq!(image.pixel(3, 3), [0, 123, 233]);
    /// ```
    ///
    /// # Panics
    /// If `size` is zero or the number of pixels is not `size²`.
    pub fn develop(
        &self,
        light: &[[f32; 3]],
        size: usize,
        channels: Channels,
        texture: Texture,
    ) -> Image {
        assert!(
            size > 0 && light.len() == size * size,
            "size² pixels of light"
        );
        if !texture.mirrored {
            let raster = self.developed(light, size, channels, texture.seed);
            return self.printed(&raster, channels);
        }
        // The original is developed and mirrored, so that blocks and noise are mirrored, too.
        let mut original = light.to_vec();
        original.chunks_exact_mut(size).for_each(<[_]>::reverse);
        let raster = self
            .mirrored()
            .developed(&original, size, channels, texture.seed);
        let mut image = self.printed(&raster, channels);
        for row in image
            .as_bytes_mut()
            .chunks_exact_mut(size * channels.count())
        {
            if channels == Channels::Rgb {
                row.as_chunks_mut::<3>().0.reverse();
            } else {
                row.reverse();
            }
        }
        image
    }

    /// The values of the image, of which 1 is white.
    fn developed(&self, light: &[[f32; 3]], size: usize, channels: Channels, seed: u32) -> Raster {
        let mut raster = self.color.expose(light, size, channels);
        self.vignette.apply(&mut raster);
        gaussian(&mut raster, self.lens_blur * size as f32);
        self.motion_blur.apply(&mut raster);
        raster = self.resolution.reduce(raster);
        self.noise.apply(&mut raster, seed);
        self.tone.apply(&mut raster);
        self.television.interlace(&mut raster);
        self.sharpening.apply(&mut raster);
        if let Some(jpeg) = &self.jpeg {
            jpeg.apply(&mut raster);
        }
        raster = self.resolution.enlarge(raster, size);
        self.television.draw_lines(&mut raster);
        self.film.add_grain(&mut raster, seed);
        raster
    }

    /// The image in bytes.
    fn printed(&self, raster: &Raster, channels: Channels) -> Image {
        // 2²³ plus a number has the rounded number in its lowest bits, which is faster than `as`.
        let byte = |value: f32| ((255.0 * value).clamp(0.0, 255.0) + 8_388_608.0).to_bits() as u8;
        let mut image = Image::filled(raster.size, raster.size, channels.count(), 0);
        if raster.channels == channels.count() {
            for (to, from) in image.as_bytes_mut().iter_mut().zip(&raster.data) {
                *to = byte(*from);
            }
        } else {
            let (pixels, _) = image.as_bytes_mut().as_chunks_mut::<3>();
            for (to, from) in pixels.iter_mut().zip(&raster.data) {
                *to = self.film.print(from.clamp(0.0, 1.0)).map(byte);
            }
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::Sampler;
    use fkp_core::{Purpose, rng_for};

    const TEXTURE: Texture = Texture {
        seed: 6,
        mirrored: false,
    };

    /// A scene without symmetry.
    fn scene(size: usize) -> Vec<[f32; 3]> {
        let pixel = |i: usize| {
            let (x, y) = (
                (i % size) as f32 / size as f32,
                (i / size) as f32 / size as f32,
            );
            let spot = 1.5 * (-60.0 * ((x - 0.3).powi(2) + (y - 0.6).powi(2))).exp();
            let stripe = if (x * 5.0 + y * 3.0).fract() < 0.3 {
                0.3
            } else {
                0.0
            };
            [0.1 + spot + 0.2 * x, 0.1 + spot + stripe, 0.3 * y + stripe]
        };
        (0..size * size).map(pixel).collect()
    }

    fn sampled(index: u64) -> Camera {
        let mut rng = rng_for(3, Purpose::Render, 0, index);
        CameraDistribution::default().sample_with(&mut Sampler::new(&mut rng))
    }

    #[test]
    fn mirrored_light_develops_to_the_mirror_image_exactly() {
        for (index, size) in (0..60).zip([96, 64, 50].into_iter().cycle()) {
            let camera = sampled(index);
            let light = scene(size);
            let mut flipped = light.clone();
            flipped.chunks_exact_mut(size).for_each(<[_]>::reverse);
            let mirrored_texture = Texture {
                mirrored: true,
                ..TEXTURE
            };
            for channels in [Channels::Gray, Channels::Rgb] {
                let a = camera.develop(&light, size, channels, TEXTURE);
                let b = camera
                    .mirrored()
                    .develop(&flipped, size, channels, mirrored_texture);
                for y in 0..size {
                    for x in 0..size {
                        assert_eq!(a.pixel(x, y), b.pixel(size - 1 - x, y), "camera {index}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_seed_changes_noise_alone() {
        let light = scene(32);
        let other = Texture { seed: 7, ..TEXTURE };
        let develop = |camera: Camera, texture| camera.develop(&light, 32, Channels::Rgb, texture);
        assert_eq!(
            develop(Camera::NEUTRAL, TEXTURE),
            develop(Camera::NEUTRAL, other)
        );
        let mut noisy = Camera::NEUTRAL;
        noisy.noise.read = 0.05;
        assert_ne!(develop(noisy, TEXTURE), develop(noisy, other));
        assert_eq!(develop(noisy, TEXTURE), develop(noisy, TEXTURE));
    }

    #[test]
    fn black_and_white_photographs_have_three_equal_channels() {
        let mut camera = Camera::NEUTRAL;
        camera.color.monochrome = true;
        let rgb = camera.develop(&scene(32), 32, Channels::Rgb, TEXTURE);
        let gray = camera.develop(&scene(32), 32, Channels::Gray, TEXTURE);
        assert_eq!(rgb.channels(), 3);
        for (pixel, value) in rgb.as_bytes().chunks(3).zip(gray.as_bytes()) {
            assert_eq!(pixel, [*value; 3]);
        }
    }

    /// A bright dot is where it was after any chain of effects.
    #[test]
    fn effects_do_not_move_a_dot() {
        let size = 96;
        let (at_x, at_y) = (41.0, 55.0);
        let mut light = vec![[0.02; 3]; size * size];
        for (i, pixel) in light.iter_mut().enumerate() {
            let (x, y) = ((i % size) as f32 - at_x, (i / size) as f32 - at_y);
            *pixel = [0.02 + 0.6 * (-(x * x + y * y) / 18.0).exp(); 3];
        }
        for index in 0..200 {
            let mut camera = sampled(index);
            // Without what changes the light on one side of the dot.
            camera.vignette = Vignette::NONE;
            camera.noise = SensorNoise::NONE;
            camera.film = Film::NONE;
            camera.jpeg = None;
            let image = camera.develop(&light, size, Channels::Gray, TEXTURE);
            let base = f32::from(*image.as_bytes().iter().min().unwrap());
            let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
            for j in 0..size {
                for i in 0..size {
                    let near = (i as f32 - at_x).hypot(j as f32 - at_y) < 16.0;
                    let value = f32::from(image.pixel(i, j)[0]) - base;
                    let value = if near { value } else { 0.0 };
                    sum += value;
                    x += value * i as f32;
                    y += value * j as f32;
                }
            }
            let off = (x / sum - at_x).hypot(y / sum - at_y);
            assert!(off < 0.75, "camera {index}: {off} px, {camera:?}");
        }
    }
}
