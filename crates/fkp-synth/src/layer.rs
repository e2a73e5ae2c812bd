//! Composing a pixel of a head over what is behind it.

use crate::math::blend;
use crate::params::Color;

/// What is behind the parts of a head in a pixel, while they are composed from back to front.
pub(crate) trait Behind: Copy {
    /// With light of this opacity in front.
    fn under(self, light: Color, opacity: f32) -> Self;

    /// With a lens in front that covers this share of the pixel, lets a part of the light pass and
    /// reflects light.
    fn through(self, passes: Color, reflected: Color, share: f32) -> Self;

    /// Beside opaque parts that cover a part of the pixel; `light` is already multiplied by it.
    fn beside(self, light: Color, covered: f32) -> Self;
}

impl Behind for Color {
    fn under(self, light: Color, opacity: f32) -> Self {
        blend(self, light, opacity)
    }

    fn through(self, passes: Color, reflected: Color, share: f32) -> Self {
        let seen = std::array::from_fn(|i| self[i] * passes[i] + reflected[i]);
        blend(self, seen, share)
    }

    fn beside(self, light: Color, covered: f32) -> Self {
        std::array::from_fn(|i| light[i] + (1.0 - covered) * self[i])
    }
}

/// A pixel of something in front of an unknown background. The composed pixel is
/// `light + passes · background`, per channel because lenses are colored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Layer {
    /// Light that is added.
    pub(crate) light: Color,
    /// Fraction of the background's light that passes.
    pub(crate) passes: Color,
}

impl Layer {
    /// Nothing.
    pub(crate) const CLEAR: Self = Self {
        light: [0.0; 3],
        passes: [1.0; 3],
    };

    /// The largest of the fractions that pass.
    pub(crate) fn most_passes(&self) -> f32 {
        let [r, g, b] = self.passes;
        r.max(g).max(b)
    }

    /// The mean of some pixels.
    pub(crate) fn mean(layers: impl ExactSizeIterator<Item = Self>) -> Self {
        let part = 1.0 / layers.len().max(1) as f32;
        let mut mean = Self {
            light: [0.0; 3],
            passes: [0.0; 3],
        };
        for layer in layers {
            for i in 0..3 {
                mean.light[i] += part * layer.light[i];
                mean.passes[i] += part * layer.passes[i];
            }
        }
        mean
    }

    /// The layer with another one behind it.
    pub(crate) fn over(self, behind: Self) -> Self {
        Self {
            light: std::array::from_fn(|i| self.light[i] + self.passes[i] * behind.light[i]),
            passes: std::array::from_fn(|i| self.passes[i] * behind.passes[i]),
        }
    }
}

/// Both fields depend linearly on the background, and only `light` gets light.
impl Behind for Layer {
    fn under(self, light: Color, opacity: f32) -> Self {
        Self {
            light: self.light.under(light, opacity),
            passes: self.passes.under([0.0; 3], opacity),
        }
    }

    fn through(self, passes: Color, reflected: Color, share: f32) -> Self {
        Self {
            light: self.light.through(passes, reflected, share),
            passes: self.passes.through(passes, [0.0; 3], share),
        }
    }

    fn beside(self, light: Color, covered: f32) -> Self {
        Self {
            light: self.light.beside(light, covered),
            passes: self.passes.beside([0.0; 3], covered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_over_a_color_is_what_the_color_composes_to() {
        fn compose<B: Behind>(behind: B) -> B {
            let hair = behind.beside([0.1, 0.2, 0.3], 0.4).under([0.7; 3], 0.3);
            hair.through([0.9, 0.5, 0.2], [0.1; 3], 0.8)
        }
        let background = [0.3, 0.9, 0.05];
        let layer = compose(Layer::CLEAR);
        let whole = compose(background);
        for i in 0..3 {
            let composed = layer.light[i] + layer.passes[i] * background[i];
            assert!((composed - whole[i]).abs() < 1e-6);
        }
        assert_eq!(layer.over(Layer::CLEAR), layer);
        assert_eq!(Layer::CLEAR.over(layer), layer);
    }
}
