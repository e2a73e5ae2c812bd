//! The distribution that cameras are sampled from.

use super::{
    Camera, ColorResponse, Enlargement, Film, Jpeg, MotionBlur, Resolution, SensorNoise,
    Sharpening, Television, ToneCurve, Vignette,
};
use crate::distributions::Sampler;
use crate::error::SynthError;
use crate::ranges::{Chance, Limits};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// How often cameras have which effects, and how strong they are.
///
/// An image is a photograph or, with the probability `video`, a frame of a video, which is taken at
/// a lower resolution, sharpened and compressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CameraDistribution {
    /// Probability of a black and white photograph.
    pub monochrome: f32,
    /// Probability of a video frame.
    pub video: f32,
    /// Exposure that the camera chooses, in stops: 0 shows white as white, and skin in the key
    /// light almost so.
    pub metering: f32,
    /// Limit of the usual errors of exposure, in stops.
    pub exposure: f32,
    /// Strong underexposure, in stops.
    pub underexposed: Chance,
    /// Strong overexposure, in stops.
    pub overexposed: Chance,
    /// Limit of the white balance between blue and red, in stops.
    pub temperature: f32,
    /// Limit of the white balance between green and magenta, in stops.
    pub tint: f32,
    /// Range of the saturation.
    pub saturation: [f32; 2],
    /// How far the weights of gray images are from those of the luminance: 0 equal, 1 any.
    pub gray_mix: f32,
    /// Range of the shoulder of the tone curve.
    pub shoulder: [f32; 2],
    /// Range of the contrast.
    pub contrast: [f32; 2],
    /// Limit of the brightness.
    pub brightness: f32,
    /// Faded blacks.
    pub fade: Chance,
    /// Strength of the vignette.
    pub vignette: Chance,
    /// Blur of the lens as a fraction of the side; its logarithm is uniform.
    pub lens_blur: Chance,
    /// Length of motion blur as a fraction of the side; its logarithm is uniform.
    pub motion_blur: Chance,
    /// Reduction of the resolution of photographs; its logarithm is uniform.
    pub reduction: Chance,
    /// Range of the reduction of the resolution of video frames; its logarithm is uniform.
    pub video_reduction: [f32; 2],
    /// Noise: standard deviation at a light of 1; its logarithm is uniform.
    pub noise: Chance,
    /// JPEG quality of photographs.
    pub jpeg: Chance,
    /// Range of the JPEG quality of video frames.
    pub video_quality: [f32; 2],
    /// Amount of sharpening of photographs.
    pub sharpening: Chance,
    /// Amount of sharpening of video frames.
    pub video_sharpening: Chance,
    /// Shift between the interlaced fields of video frames, as a fraction of the side.
    pub field_shift: Chance,
    /// Depth of scan lines of video frames.
    pub scan_lines: Chance,
    /// Film grain of photographs.
    pub grain: Chance,
    /// Brown tone of black and white photographs.
    pub sepia: Chance,
}

impl Default for CameraDistribution {
    /// Web photographs, most of them slightly degraded, and a quarter of frames of television.
    fn default() -> Self {
        Self {
            monochrome: 0.12,
            video: 0.25,
            metering: -0.7,
            exposure: 0.6,
            underexposed: Chance::new(0.06, 0.7, 2.2),
            overexposed: Chance::new(0.06, 0.6, 1.7),
            temperature: 0.35,
            tint: 0.12,
            saturation: [0.6, 1.35],
            gray_mix: 0.6,
            shoulder: [0.0, 1.0],
            contrast: [0.8, 1.35],
            brightness: 0.08,
            fade: Chance::new(0.12, 0.02, 0.16),
            vignette: Chance::new(0.3, 0.1, 0.6),
            lens_blur: Chance::new(0.7, 0.003, 0.016),
            motion_blur: Chance::new(0.08, 0.012, 0.06),
            reduction: Chance::new(0.12, 1.2, 2.5),
            video_reduction: [1.0, 2.5],
            noise: Chance::new(0.5, 0.004, 0.03),
            jpeg: Chance::new(0.55, 25.0, 95.0),
            video_quality: [25.0, 85.0],
            sharpening: Chance::new(0.3, 0.2, 1.0),
            video_sharpening: Chance::new(0.6, 0.3, 1.8),
            field_shift: Chance::new(0.06, 0.005, 0.03),
            scan_lines: Chance::new(0.08, 0.1, 0.45),
            grain: Chance::new(0.08, 0.01, 0.05),
            sepia: Chance::new(0.2, 0.3, 1.0),
        }
    }
}

impl CameraDistribution {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn validate(&self) -> Result<(), SynthError> {
        let limits = |field, lowest, highest, expected| Limits {
            field,
            lowest,
            highest,
            expected,
        };
        let probability = "between 0 and 1";
        for (field, value) in [
            ("camera.monochrome", self.monochrome),
            ("camera.video", self.video),
            ("camera.gray_mix", self.gray_mix),
        ] {
            limits(field, 0.0, 1.0, probability).check(&[value])?;
        }
        for (field, value, highest, expected) in [
            ("camera.exposure", self.exposure, 4.0, "between 0 and 4"),
            (
                "camera.temperature",
                self.temperature,
                2.0,
                "between 0 and 2",
            ),
            ("camera.tint", self.tint, 2.0, "between 0 and 2"),
            (
                "camera.brightness",
                self.brightness,
                0.5,
                "between 0 and 0.5",
            ),
        ] {
            limits(field, 0.0, highest, expected).check(&[value])?;
        }
        let stops = "between −4 and 4";
        limits("camera.metering", -4.0, 4.0, stops).check(&[self.metering])?;
        let within_1 = "a range [low, high] within 0 and 1";
        for (field, range, lowest, highest, expected) in [
            ("camera.shoulder", self.shoulder, 0.0, 1.0, within_1),
            (
                "camera.saturation",
                self.saturation,
                0.0,
                3.0,
                "a range [low, high] within 0 and 3",
            ),
            (
                "camera.contrast",
                self.contrast,
                0.2,
                3.0,
                "a range [low, high] within 0.2 and 3",
            ),
            (
                "camera.video_reduction",
                self.video_reduction,
                1.0,
                8.0,
                "a range [low, high] within 1 and 8",
            ),
            (
                "camera.video_quality",
                self.video_quality,
                1.0,
                100.0,
                "a range [low, high] within 1 and 100",
            ),
        ] {
            limits(field, lowest, highest, expected).check_range(range)?;
        }
        self.validate_chances()
    }

    fn validate_chances(&self) -> Result<(), SynthError> {
        let stops = "a probability and a range within 0 and 4";
        let amount = "a probability and a range within 0 and 4";
        let fraction = "a probability and a range within 0 and 1";
        let length = "a probability and a range within 0.0001 and 0.5";
        let strength = "a probability and a range within 0.0001 and 1";
        let half = "a probability and a range within 0 and 0.5";
        let quality = "a probability and a range within 1 and 100";
        let reduction = "a probability and a range within 1 and 8";
        for (field, chance, lowest, highest, expected) in [
            ("camera.underexposed", self.underexposed, 0.0, 4.0, stops),
            ("camera.overexposed", self.overexposed, 0.0, 4.0, stops),
            ("camera.fade", self.fade, 0.0, 0.5, half),
            ("camera.vignette", self.vignette, 0.0, 1.0, fraction),
            // The logarithm of these is uniform, so that 0 is not allowed.
            ("camera.lens_blur", self.lens_blur, 1e-4, 0.5, length),
            ("camera.motion_blur", self.motion_blur, 1e-4, 0.5, length),
            ("camera.reduction", self.reduction, 1.0, 8.0, reduction),
            ("camera.noise", self.noise, 1e-4, 1.0, strength),
            ("camera.jpeg", self.jpeg, 1.0, 100.0, quality),
            ("camera.sharpening", self.sharpening, 0.0, 4.0, amount),
            (
                "camera.video_sharpening",
                self.video_sharpening,
                0.0,
                4.0,
                amount,
            ),
            ("camera.field_shift", self.field_shift, 0.0, 0.5, half),
            ("camera.scan_lines", self.scan_lines, 0.0, 1.0, fraction),
            ("camera.grain", self.grain, 0.0, 0.5, half),
            ("camera.sepia", self.sepia, 0.0, 1.0, fraction),
        ] {
            let limits = Limits {
                field,
                lowest,
                highest,
                expected,
            };
            limits.check_chance(chance)?;
        }
        Ok(())
    }

    /// A random camera. The same generator state gives the same camera.
    ///
    /// ```
    /// use fkp_core::{Purpose, rng_for};
    /// use fkp_synth::camera::CameraDistribution;
    /// let distribution = CameraDistribution { video: 1.0, ..Default::default() };
    /// let camera = distribution.sample(&mut rng_for(1, Purpose::Render, 0, 0));
    /// assert!(camera.jpeg.is_some(), "video frames are compressed");
    /// ```
    pub fn sample(&self, rng: &mut dyn Rng) -> Camera {
        self.sample_with(&mut Sampler::new(rng))
    }

    /// A random camera. Consumes the same number of random values, whatever it is.
    pub(crate) fn sample_with(&self, sampler: &mut Sampler) -> Camera {
        let is_video = sampler.bernoulli(self.video);
        let color = self.color(sampler);
        let motion_blur = MotionBlur {
            length: self.motion_blur.sample_log(sampler).unwrap_or(0.0),
            angle: sampler.uniform(0.0, std::f32::consts::PI),
        };
        let tone = ToneCurve {
            shoulder: uniform(sampler, self.shoulder),
            contrast: uniform(sampler, self.contrast),
            brightness: sampler.triangular(self.brightness),
            fade: self.fade.sample(sampler).unwrap_or(0.0),
        };
        let film = Film {
            grain: self
                .grain
                .sample(sampler)
                .filter(|_| !is_video)
                .unwrap_or(0.0),
            grain_px: sampler.uniform(0.5, 1.1),
            sepia: self.sepia.sample(sampler).unwrap_or(0.0),
        };
        Camera {
            color,
            vignette: self.vignette(sampler),
            lens_blur: self.lens_blur.sample_log(sampler).unwrap_or(0.0),
            motion_blur,
            resolution: self.resolution(is_video, sampler),
            noise: self.noise(sampler),
            tone,
            television: self.television(is_video, sampler),
            sharpening: self.sharpening(is_video, sampler),
            jpeg: self.jpeg(is_video, sampler),
            film,
        }
    }

    fn color(&self, sampler: &mut Sampler) -> ColorResponse {
        let usual = sampler.triangular(self.exposure);
        let under = self.underexposed.sample(sampler);
        let over = self.overexposed.sample(sampler);
        let luminance = ColorResponse::NEUTRAL.gray_mix;
        let random = [(); 3].map(|()| sampler.unit_uniform());
        let amount = self.gray_mix * sampler.unit_uniform();
        let total = random.iter().sum::<f32>().max(1e-6);
        let mixed = |c: usize| luminance[c] + amount * (random[c] / total - luminance[c]);
        ColorResponse {
            exposure: self.metering + over.or(under.map(|stops| -stops)).unwrap_or(usual),
            temperature: sampler.triangular(self.temperature),
            tint: sampler.triangular(self.tint),
            saturation: uniform(sampler, self.saturation),
            gray_mix: [mixed(0), mixed(1), mixed(2)],
            monochrome: sampler.bernoulli(self.monochrome),
        }
    }

    fn vignette(&self, sampler: &mut Sampler) -> Vignette {
        Vignette {
            strength: self.vignette.sample(sampler).unwrap_or(0.0),
            center: [sampler.triangular(0.4), sampler.triangular(0.4)],
        }
    }

    fn resolution(&self, is_video: bool, sampler: &mut Sampler) -> Resolution {
        let of_photograph = self.reduction.sample_log(sampler).unwrap_or(1.0);
        let [low, high] = self.video_reduction;
        let of_video = sampler.uniform(low.ln(), high.ln()).exp();
        let kind = sampler.unit_uniform();
        Resolution {
            reduction: if is_video { of_video } else { of_photograph },
            enlargement: if kind < 0.07 {
                Enlargement::Nearest
            } else if kind < 0.55 {
                Enlargement::Bilinear
            } else {
                Enlargement::Bicubic
            },
        }
    }

    fn noise(&self, sampler: &mut Sampler) -> SensorNoise {
        let shot = self.noise.sample_log(sampler).unwrap_or(0.0);
        SensorNoise {
            shot,
            read: shot * sampler.uniform(0.03, 0.2),
            chroma: sampler.unit_uniform().powi(2),
            correlated: sampler.bernoulli(0.45),
        }
    }

    fn television(&self, is_video: bool, sampler: &mut Sampler) -> Television {
        let field_shift = self.field_shift.sample(sampler);
        let to_the_left = sampler.bernoulli(0.5);
        let scan_lines = self.scan_lines.sample(sampler);
        let lines = sampler.uniform(24.0, 60.0);
        if !is_video {
            return Television::NONE;
        }
        let shift = field_shift.unwrap_or(0.0);
        Television {
            field_shift: if to_the_left { -shift } else { shift },
            scan_lines: scan_lines.unwrap_or(0.0),
            lines,
        }
    }

    fn sharpening(&self, is_video: bool, sampler: &mut Sampler) -> Sharpening {
        let of_photograph = self.sharpening.sample(sampler);
        let of_video = self.video_sharpening.sample(sampler);
        let amount = if is_video { of_video } else { of_photograph };
        Sharpening {
            amount: amount.unwrap_or(0.0),
            radius_px: sampler.uniform(0.6, 1.4),
        }
    }

    fn jpeg(&self, is_video: bool, sampler: &mut Sampler) -> Option<Jpeg> {
        let of_photograph = self.jpeg.sample(sampler);
        let of_video = uniform(sampler, self.video_quality);
        let aligned = sampler.bernoulli(0.4);
        let bits = sampler.bits();
        let grid = if aligned {
            [0, 0]
        } else {
            [(bits % 8) as u8, (bits / 8 % 8) as u8]
        };
        let quality = if is_video {
            Some(of_video)
        } else {
            of_photograph
        };
        quality.map(|quality| Jpeg { quality, grid })
    }
}

fn uniform(sampler: &mut Sampler, [low, high]: [f32; 2]) -> f32 {
    sampler.uniform(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Purpose, rng_for};

    #[test]
    fn an_error_names_the_invalid_field() {
        let good = CameraDistribution::default();
        assert!(good.validate().is_ok());
        let refused = |change: &dyn Fn(&mut CameraDistribution)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad.validate().unwrap_err().to_string()
        };
        assert!(refused(&|d| d.video = f32::NAN).contains("camera.video`"));
        assert!(refused(&|d| d.contrast = [1.2, 0.8]).contains("camera.contrast"));
        assert!(refused(&|d| d.brightness = -0.1).contains("camera.brightness"));
        assert!(refused(&|d| d.noise.range[0] = 0.0).contains("camera.noise"));
        assert!(refused(&|d| d.jpeg.probability = 1.1).contains("camera.jpeg"));
        assert!(refused(&|d| d.video_quality[1] = 101.0).contains("camera.video_quality"));
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_default() {
        let parsed: CameraDistribution = toml::from_str("video = 0.5").unwrap();
        let default = CameraDistribution::default();
        assert_eq!(
            parsed,
            CameraDistribution {
                video: 0.5,
                ..default
            }
        );
        assert!(toml::from_str::<CameraDistribution>("vidoe = 0.5").is_err());
        let chance = "noise = { probability = 0.5, rnage = [0.1, 0.2] }";
        assert!(toml::from_str::<CameraDistribution>(chance).is_err());
    }

    #[test]
    fn every_camera_consumes_the_same_number_of_random_values() {
        let distributions = [
            CameraDistribution::default(),
            CameraDistribution {
                video: 1.0,
                monochrome: 1.0,
                jpeg: Chance::new(0.0, 10.0, 20.0),
                ..CameraDistribution::default()
            },
        ];
        for index in 0..20 {
            let [a, b] = distributions.each_ref().map(|distribution| {
                let mut rng = rng_for(1, Purpose::Render, 0, index);
                distribution.sample(&mut rng);
                rng.next_u64()
            });
            assert_eq!(a, b);
        }
    }

    #[test]
    fn effects_are_as_frequent_as_stated() {
        let distribution = CameraDistribution::default();
        let cameras: Vec<Camera> = (0..2000)
            .map(|index| distribution.sample(&mut rng_for(2, Purpose::Render, 0, index)))
            .collect();
        let share = |is: &dyn Fn(&Camera) -> bool| {
            cameras.iter().filter(|camera| is(camera)).count() as f32 / 2000.0
        };
        let near = |found: f32, wanted: f32| (found - wanted).abs() < 0.035;
        assert!(near(share(&|c| c.color.monochrome), 0.12));
        assert!(near(share(&|c| c.lens_blur > 0.0), 0.7));
        assert!(near(share(&|c| c.jpeg.is_some()), 0.25 + 0.75 * 0.55));
        let usual = distribution.metering + distribution.exposure;
        assert!(near(share(&|c| c.color.exposure > usual), 0.06));
    }
}
