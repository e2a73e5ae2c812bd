//! The noise texture of skin, hair and background.

use crate::math::{hash, mix};
use crate::params::Texture;

/// The use of the noise. Layers are independent of each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Layer {
    Blotches,
    Freckles,
    Pores,
    Veins,
    Iris,
    Lashes,
    Lips,
    Brow,
    Beard,
    Tufts,
    Curls,
    HairEnd,
    LongHair,
    Strands,
    FineStrands,
    Cloth,
    Foreground,
}

/// Side of the tile, a power of two.
const SIDE: usize = 32;

/// Value noise from a repeating tile of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct NoiseTexture {
    tile: Vec<f32>,
    /// −1 if left and right are swapped, else 1.
    pub(crate) sign: f32,
}

impl NoiseTexture {
    pub(crate) fn new(texture: Texture) -> Self {
        let number = |index| (hash(index, texture.seed) >> 8) as f32 / (1 << 24) as f32;
        Self {
            tile: (0..(SIDE * SIDE) as u32).map(number).collect(),
            sign: if texture.mirrored { -1.0 } else { 1.0 },
        }
    }

    /// Smooth noise in [0, 1) with a wavelength of about 1; x = 0 is the middle of the face.
    pub(crate) fn at(&self, layer: Layer, x: f32, y: f32) -> f32 {
        let x = self.sign * x;
        let (ix, iy) = (floor(x), floor(y));
        let (fx, fy) = (x - ix as f32, y - iy as f32);
        let (sx, sy) = (fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy));
        // Each layer has another offset on the tile.
        let shift = layer as usize;
        let wrap = |i: i32, shift: usize| (i as usize).wrapping_add(shift) % SIDE;
        let (x0, y0) = (wrap(ix, 11 * shift), wrap(iy, 7 * shift) * SIDE);
        let (x1, y1) = ((x0 + 1) % SIDE, (y0 + SIDE) % (SIDE * SIDE));
        let tile = &self.tile;
        let top = mix(tile[y0 + x0], tile[y0 + x1], sx);
        let bottom = mix(tile[y1 + x0], tile[y1 + x1], sx);
        mix(top, bottom, sy)
    }
}

/// `f32::floor` is a function call on processors without SSE 4.1, which the default build targets.
fn floor(x: f32) -> i32 {
    let truncated = x as i32;
    truncated - i32::from(x < truncated as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_continuous_and_has_the_values_of_the_tile() {
        let noise = NoiseTexture::new(Texture {
            seed: 5,
            mirrored: false,
        });
        for i in -50..50 {
            let x = i as f32;
            let (left, right) = (
                noise.at(Layer::Blotches, x - 1e-4, 0.3),
                noise.at(Layer::Blotches, x + 1e-4, 0.3),
            );
            assert!((left - right).abs() < 1e-3, "step at {x}");
        }
        assert_eq!(
            noise.at(Layer::Blotches, 3.0, 2.0),
            noise.tile[2 * SIDE + 3]
        );
    }
}
