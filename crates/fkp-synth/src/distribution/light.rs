//! The light on the scene.

use super::{Normal, Probability, Uniform, distribution};
use crate::distributions::Sampler;
use crate::math::mix;
use crate::params::{Color, Lamp, Light};

distribution! {
    /// Light on the scene; see [`Light`].
    LightDistribution {
        /// Direction of the key light to the side, as a multiple of the direction to the viewer.
        side: Normal = Normal::new(0.0, 0.75),
        /// Its direction up.
        up: Normal = Normal::new(0.55, 0.45),
        /// Probability of a key light from behind the head.
        from_behind: Probability = Probability(0.06),
        /// Fraction of the light that comes from the key light.
        hardness: Uniform = Uniform::new(0.2, 0.85),
        /// Width of the edge of shadows in eye units.
        softness: Uniform = Uniform::new(0.1, 0.9),
        /// Probability of each further lamp.
        fill: Probability = Probability(0.45),
        /// Standard deviation of the color temperature of a lamp: 0 is white, 1 candle light, −1
        /// blue sky.
        temperature: Normal = Normal::new(0.08, 0.22),
        /// Probability of a lamp of a strong color.
        colored: Probability = Probability(0.06),
    }
}

impl LightDistribution {
    pub(crate) fn sample(&self, sampler: &mut Sampler) -> Light {
        let behind = self.from_behind.sample(sampler);
        let hardness = self.hardness.sample(sampler);
        let (side, up) = (self.side.sample(sampler), self.up.sample(sampler));
        let key = Lamp {
            toward: [side, -up, if behind { -0.6 } else { 1.0 }],
            color: self.color(sampler).map(|c| 1.25 * hardness * c),
        };
        let mut fill = || {
            let lit = self.fill.sample(sampler);
            let toward = [
                sampler.uniform(-1.5, 1.5),
                sampler.uniform(-1.0, 0.4),
                sampler.uniform(-1.0, 1.0),
            ];
            let strength = sampler.uniform(0.1, 0.6) * f32::from(u8::from(lit));
            Lamp {
                toward,
                color: self.color(sampler).map(|c| strength * c),
            }
        };
        let fills = [fill(), fill()];
        let around = 1.05 - 0.9 * hardness + if behind { 0.35 } else { 0.0 };
        let sky = self.color(sampler);
        let ground = self.color(sampler);
        let below = sampler.uniform(0.3, 0.9);
        Light {
            key,
            fills,
            sky: sky.map(|c| around * c),
            ground: ground.map(|c| around * below * c),
            softness: self.softness.sample(sampler),
        }
    }

    /// The color of a lamp, of unit luminance.
    fn color(&self, sampler: &mut Sampler) -> Color {
        let temperature = self.temperature.sample(sampler);
        let strong = self.colored.sample(sampler);
        let hue: Color = std::array::from_fn(|_| sampler.unit_uniform());
        let warm = temperature.max(0.0);
        let cold = (-temperature).max(0.0);
        let color = [
            1.0 + 0.3 * warm - 0.3 * cold,
            1.0 - 0.12 * warm - 0.03 * cold,
            1.0 - 0.55 * warm + 0.3 * cold,
        ];
        let color: Color = std::array::from_fn(|i| {
            mix(color[i], 0.3 + 1.2 * hue[i], if strong { 0.8 } else { 0.0 })
        });
        let luminance = 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2];
        color.map(|c| c / luminance.max(0.1))
    }
}
