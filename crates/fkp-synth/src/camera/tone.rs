//! The tone curve: from linear light to the values of the image.

use crate::raster::Raster;
use std::sync::LazyLock;

/// The light of the last entry of a table. All that is brighter is white.
const BRIGHTEST: f32 = 4.0;

/// Added to the light before its bits are the index: indices are linear in the light far below
/// this, and logarithmic far above, as the curve nearly is.
const OFFSET: f32 = 1.0 / 128.0;

/// The lowest bits of the mantissa, which are not part of the index. Its other 7 bits are.
const DROPPED: u32 = 16;

/// Entries of a table.
const ENTRIES: usize = last_index() + 1;

/// The tone curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToneCurve {
    /// Where bright light is compressed: 0 clips at 1 (digital), 1 compresses above 0.35 (film).
    pub shoulder: f32,
    /// Slope about the middle gray of the image; 1 is unchanged.
    pub contrast: f32,
    /// Added to the values, of which 1 is white.
    pub brightness: f32,
    /// Faded blacks: the value of black, while white is lowered by half as much.
    pub fade: f32,
}

impl ToneCurve {
    /// A medium shoulder and nothing else.
    pub const NEUTRAL: Self = Self {
        shoulder: 0.6,
        contrast: 1.0,
        brightness: 0.0,
        fade: 0.0,
    };

    /// Replaces linear light by values of the image in [0, 1].
    pub(super) fn apply(&self, raster: &mut Raster) {
        let table = self.table();
        for value in &mut raster.data {
            *value = table[index(*value)];
        }
    }

    fn table(&self) -> Box<[f32; ENTRIES]> {
        let mut table = Box::new([0.0; ENTRIES]);
        let scale = 1.0 - 1.5 * self.fade;
        for (entry, light) in table.iter_mut().zip(LIGHTS.iter()) {
            let value = SRGB[index(self.compressed(*light))];
            let value = (value - 0.45) * self.contrast + 0.45 + self.brightness;
            *entry = self.fade + scale * value.clamp(0.0, 1.0);
        }
        table
    }

    /// Light after the shoulder, which is the extended operator of Reinhard et al., *Photographic
    /// tone reproduction*, 2002, above a knee.
    fn compressed(&self, light: f32) -> f32 {
        const WHITE: f32 = 4.0;
        let width = (0.65 * self.shoulder).max(1e-4);
        let knee = 1.0 - width;
        let above = ((light - knee) / width).clamp(0.0, WHITE);
        let shoulder = above * (1.0 + above / (WHITE * WHITE)) / (1.0 + above);
        light.min(knee) + width * shoulder
    }
}

const fn last_index() -> usize {
    ((BRIGHTEST + OFFSET).to_bits() >> DROPPED) as usize - (OFFSET.to_bits() >> DROPPED) as usize
}

/// The entry of a light: at most a third of a gray level of 255 away.
fn index(light: f32) -> usize {
    let bits = (light.clamp(0.0, BRIGHTEST) + OFFSET).to_bits();
    let index = (bits >> DROPPED) - (OFFSET.to_bits() >> DROPPED);
    (index as usize).min(ENTRIES - 1)
}

/// The light in the middle of each entry.
static LIGHTS: LazyLock<[f32; ENTRIES]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let first = (OFFSET.to_bits() >> DROPPED) + i as u32;
        let middle = f32::from_bits((first << DROPPED) + (1 << (DROPPED - 1)));
        if i == 0 { 0.0 } else { middle - OFFSET }
    })
});

/// The transfer function of sRGB (IEC 61966-2-1).
static SRGB: LazyLock<[f32; ENTRIES]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let light = LIGHTS[i].min(1.0);
        if light <= 0.003_130_8 {
            12.92 * light
        } else {
            1.055 * light.powf(1.0 / 2.4) - 0.055
        }
    })
});

#[cfg(test)]
mod tests {
    use super::*;

    fn toned(curve: ToneCurve, light: f32) -> f32 {
        let mut raster = Raster::zeros(1, 1);
        raster.data[0] = light;
        curve.apply(&mut raster);
        raster.data[0]
    }

    #[test]
    fn without_shoulder_the_curve_is_srgb() {
        let curve = ToneCurve {
            shoulder: 0.0,
            ..ToneCurve::NEUTRAL
        };
        for (light, value) in [
            (0.0, 0.0),
            (0.002, 0.02584),
            (0.2140, 0.5),
            (1.0, 1.0),
            (9.0, 1.0),
        ] {
            let found = toned(curve, light);
            assert!(
                (found - value).abs() < 0.002,
                "{light}: {found}, wanted {value}"
            );
        }
    }

    #[test]
    fn curves_are_monotonic_and_within_0_and_1() {
        for shoulder in [0.0, 0.3, 1.0] {
            for contrast in [0.6, 1.5] {
                let curve = ToneCurve {
                    shoulder,
                    contrast,
                    brightness: 0.05,
                    fade: 0.1,
                };
                let table = curve.table();
                assert!(table.windows(2).all(|pair| pair[0] <= pair[1]));
                assert!(table[0] >= 0.1 && table[ENTRIES - 1] <= 0.951);
            }
        }
    }

    #[test]
    fn the_shoulder_separates_what_clipping_makes_white() {
        let film = ToneCurve {
            shoulder: 1.0,
            ..ToneCurve::NEUTRAL
        };
        assert!(toned(film, 1.0) + 0.02 < toned(film, 1.6));
        assert!(toned(film, 1.6) + 0.01 < toned(film, 2.5));
    }

    #[test]
    fn light_that_is_not_a_number_does_not_panic() {
        for light in [f32::NAN, f32::INFINITY, -1.0] {
            assert!((0.0..=1.0).contains(&toned(ToneCurve::NEUTRAL, light)));
        }
    }
}
