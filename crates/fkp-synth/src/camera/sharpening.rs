//! Halos along edges, as cameras and video encoders add them.

use crate::raster::{Raster, gaussian};

/// An unsharp mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpening {
    /// How much of the difference from the blurred image is added; 0 is none.
    pub amount: f32,
    /// Standard deviation of the blur in pixels of the sensor.
    pub radius_px: f32,
}

impl Sharpening {
    /// No sharpening.
    pub const NONE: Self = Self {
        amount: 0.0,
        radius_px: 1.0,
    };

    /// Sharpens the values of the image.
    pub(super) fn apply(&self, raster: &mut Raster) {
        if self.amount <= 0.0 {
            return;
        }
        let mut blurred = raster.clone();
        gaussian(&mut blurred, self.radius_px);
        for (value, blurred) in raster.data.iter_mut().zip(&blurred.data) {
            *value = (*value + self.amount * (*value - blurred)).clamp(0.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_gets_halos_and_flat_parts_keep_their_values() {
        let mut raster = Raster::zeros(40, 3);
        for (i, value) in raster.data.iter_mut().enumerate() {
            *value = if i / 3 % 40 < 20 { 0.3 } else { 0.7 };
        }
        let before: f32 = raster.data.iter().sum();
        let sharpening = Sharpening {
            amount: 0.8,
            radius_px: 1.0,
        };
        sharpening.apply(&mut raster);
        let at = |x: usize| raster.data[(10 * 40 + x) * 3];
        assert!((at(5) - 0.3).abs() < 1e-4 && (at(35) - 0.7).abs() < 1e-4);
        assert!(at(19) < 0.25 && at(20) > 0.75, "{} {}", at(19), at(20));
        let after: f32 = raster.data.iter().sum();
        assert!((after - before).abs() < 1e-3 * before);
    }
}
