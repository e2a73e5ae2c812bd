//! The tone curve: from linear light to the values of the image.

use crate::raster::Raster;
use std::sync::LazyLock;

/// Entries of a table. Indices are proportional to the square root of the light, so that the curve
/// is nearly straight between them.
const ENTRIES: usize = 1024;

/// The light of the last entry. All that is brighter is white.
const BRIGHTEST: f32 = 8.0;

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
        for (i, entry) in table.iter_mut().enumerate() {
            let compressed = self.compressed(light(i));
            let value = SRGB[index(compressed)];
            let value = (value - 0.45) * self.contrast + 0.45 + self.brightness;
            *entry = self.fade + (1.0 - 1.5 * self.fade) * value.clamp(0.0, 1.0);
        }
        table
    }

    /// Light after the shoulder, which is the extended operator of Reinhard et al., *Photographic
    /// tone reproduction*, 2002, above a knee.
    fn compressed(&self, light: f32) -> f32 {
        const WHITE: f32 = 4.0;
        let knee = 1.0 - 0.65 * self.shoulder;
        let width = 1.0 - knee;
        if light <= knee || width < 1e-3 {
            return light.min(1.0);
        }
        let above = (light - knee) / width;
        let shoulder = above * (1.0 + above / (WHITE * WHITE)) / (1.0 + above);
        (knee + width * shoulder).min(1.0)
    }
}

/// The light of an entry.
fn light(index: usize) -> f32 {
    let root = index as f32 / (ENTRIES - 1) as f32;
    BRIGHTEST * root * root
}

/// The entry of a light: the nearest, at most a third of a gray level of 255 away.
fn index(light: f32) -> usize {
    let last = (ENTRIES - 1) as f32;
    let scaled = (light.max(0.0) * (last * last / BRIGHTEST))
        .sqrt()
        .min(last);
    // 2²³ plus a number has the rounded number in its lowest bits, which is faster than `as`.
    let nearest = (scaled + 8_388_608.0).to_bits();
    nearest as usize & (ENTRIES - 1)
}

/// The transfer function of sRGB (IEC 61966-2-1).
static SRGB: LazyLock<[f32; ENTRIES]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let light = light(i).min(1.0);
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
