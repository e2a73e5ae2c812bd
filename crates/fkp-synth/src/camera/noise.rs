//! Noise of the sensor.

use crate::raster::{NormalStream, Raster, binomial};

/// Noise in linear light. Its variance grows linearly with the light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SensorNoise {
    /// Standard deviation of the shot noise where the light is 1.
    pub shot: f32,
    /// Standard deviation of the read noise, everywhere.
    pub read: f32,
    /// Fraction of the variance that is independent in each color channel: 0 is gray noise, 1 color
    /// noise.
    pub chroma: f32,
    /// Whether the noise is blurred as by demosaicing or noise reduction. Its standard deviation
    /// stays the same.
    pub correlated: bool,
}

impl SensorNoise {
    /// No noise.
    pub const NONE: Self = Self {
        shot: 0.0,
        read: 0.0,
        chroma: 0.0,
        correlated: false,
    };

    /// Adds noise to linear light.
    pub(super) fn apply(&self, raster: &mut Raster, seed: u32) {
        if self.shot <= 0.0 && self.read <= 0.0 {
            return;
        }
        let mut stream = NormalStream::new(seed);
        let (shot2, read2) = (self.shot * self.shot, self.read * self.read);
        let noise = self.unit_noise(raster.size, raster.channels, &mut stream);
        for (value, noise) in raster.data.iter_mut().zip(&noise.data) {
            *value = (*value + noise * (shot2 * *value + read2).sqrt()).max(0.0);
        }
    }

    /// Noise of standard deviation 1.
    fn unit_noise(&self, size: usize, channels: usize, stream: &mut NormalStream) -> Raster {
        let mut noise = Raster::zeros(size, channels);
        if channels == 1 || self.chroma >= 1.0 {
            stream.fill(&mut noise.data);
        } else {
            let mut common = vec![0.0; size * size];
            stream.fill(&mut common);
            let (of_common, of_own) = ((1.0 - self.chroma).sqrt(), self.chroma.sqrt());
            if of_own > 0.0 {
                stream.fill(&mut noise.data);
            }
            let (pixels, _) = noise.data.as_chunks_mut::<3>();
            for (pixel, common) in pixels.iter_mut().zip(&common) {
                *pixel = pixel.map(|own| of_own * own + of_common * common);
            }
        }
        if self.correlated {
            binomial(&mut noise);
            // The sum of the squared weights is (3/8)².
            noise.data.iter_mut().for_each(|value| *value *= 8.0 / 3.0);
        }
        noise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(noise: SensorNoise, light: f32, channels: usize, seed: u32) -> Raster {
        let mut raster = Raster::zeros(64, channels);
        raster.data.fill(light);
        noise.apply(&mut raster, seed);
        raster
    }

    fn mean_and_sd(values: &[f32]) -> (f32, f32) {
        let count = values.len() as f32;
        let mean = values.iter().sum::<f32>() / count;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count;
        (mean, variance.sqrt())
    }

    #[test]
    fn noise_has_the_stated_standard_deviation_and_keeps_the_mean() {
        for (channels, chroma, correlated) in [
            (1, 0.0, false),
            (3, 0.0, false),
            (3, 0.4, true),
            (3, 1.0, true),
        ] {
            let noise = SensorNoise {
                shot: 0.05,
                read: 0.01,
                chroma,
                correlated,
            };
            for light in [0.2f32, 0.8] {
                let (mean, sd) = mean_and_sd(&noisy(noise, light, channels, 5).data);
                let wanted = (0.0025 * light + 0.0001).sqrt();
                assert!((mean - light).abs() < 0.003, "{mean}");
                assert!((sd / wanted - 1.0).abs() < 0.06, "{sd}, wanted {wanted}");
            }
        }
    }

    #[test]
    fn gray_noise_is_the_same_in_all_channels() {
        let gray = SensorNoise {
            shot: 0.05,
            ..SensorNoise::NONE
        };
        let difference = |noise| {
            let raster = noisy(noise, 0.5, 3, 5);
            let pixels = raster.data.chunks_exact(3);
            let differences: Vec<f32> = pixels.map(|p| p[0] - p[2]).collect();
            mean_and_sd(&differences).1
        };
        assert!(difference(gray) < 1e-6);
        assert!(
            difference(SensorNoise {
                chroma: 0.5,
                ..gray
            }) > 0.02
        );
    }

    #[test]
    fn the_seed_decides() {
        let noise = SensorNoise {
            read: 0.05,
            ..SensorNoise::NONE
        };
        assert_eq!(noisy(noise, 0.5, 3, 5), noisy(noise, 0.5, 3, 5));
        assert_ne!(noisy(noise, 0.5, 3, 5), noisy(noise, 0.5, 3, 6));
    }
}
