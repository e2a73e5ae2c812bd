//! Woven, knitted and printed cloth.

use crate::math::{length, mix, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::paint::Material;
use crate::params::{Fabric, Pattern};

impl Fabric {
    /// The material at a point of the cloth; `at` is in eye units, the first coordinate changes its
    /// sign in the mirror.
    pub(crate) fn material(&self, at: [f32; 2], px: f32, noise: &NoiseTexture) -> Material {
        let [u, v] = at.map(|c| c * self.scale);
        // Patterns finer than a pixel become their mean.
        let shown = smoothstep(0.7, 0.35, px * self.scale);
        let phase = |x: f32| (x - x.floor() - 0.5).abs();
        let band = |x: f32| smoothstep(0.19, 0.31, phase(x));
        let (mut second, mut slope, mut open) = (0.0, [0.0; 2], 1.0);
        match self.pattern {
            Pattern::Plain => {}
            Pattern::Stripes => second = mix(0.5, band(v), shown),
            Pattern::Checks => second = mix(0.5, 0.5 * band(u) + 0.5 * band(v), shown),
            Pattern::Dots => {
                let r = length(phase(u), phase(v));
                second = mix(0.25, smoothstep(0.32, 0.24, r), shown);
            }
            Pattern::Print => {
                let patch = noise.at(Layer::Tufts, 1.6 * u, 1.6 * v);
                let small = noise.at(Layer::Curls, 3.7 * u, 3.7 * v);
                second = smoothstep(0.46, 0.56, 0.7 * patch + 0.3 * small);
            }
            Pattern::Knit => {
                let rib = phase(u) * 2.0;
                open = 1.0 - 0.45 * shown * smoothstep(0.55, 1.0, rib);
                let side = if (u - u.floor()) < 0.5 { -1.0 } else { 1.0 };
                slope[0] = 0.5 * shown * side * rib;
                second = 0.25 * noise.at(Layer::Curls, 2.0 * u, 2.0 * v);
            }
        }
        let weave = noise.at(Layer::Cloth, 9.0 * at[0], 9.0 * at[1]) - 0.5;
        let fold = noise.at(Layer::LongHair, 1.4 * at[0], 1.1 * at[1]) - 0.5;
        slope[0] += 0.35 * noise.sign * fold;
        slope[1] += 0.3 * (noise.at(Layer::Tufts, 1.2 * at[0], 1.5 * at[1]) - 0.5);
        let light = 1.0 + 0.1 * weave + 0.16 * fold;
        Material {
            albedo: std::array::from_fn(|i| mix(self.color[i], self.second[i], second) * light),
            open,
            gloss: 0.0,
            translucency: 0.15,
            slope,
        }
    }
}
