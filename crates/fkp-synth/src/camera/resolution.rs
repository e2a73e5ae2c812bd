//! Small images that were enlarged.

use crate::raster::{Raster, Resampling, resized};

/// How a small image is enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enlargement {
    /// The nearest pixel.
    Nearest,
    /// Linear interpolation.
    Bilinear,
    /// Cubic interpolation.
    Bicubic,
}

/// The resolution at which an image is taken and encoded, before it is enlarged to its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution {
    /// The side of the image divided by the number of pixels taken along it; 1 is full resolution.
    pub reduction: f32,
    /// How the image is enlarged.
    pub enlargement: Enlargement,
}

impl Resolution {
    /// Every pixel of the image is one of the sensor.
    pub const FULL: Self = Self {
        reduction: 1.0,
        enlargement: Enlargement::Bilinear,
    };

    /// The image at the resolution of the sensor, each pixel the mean over its area.
    pub(super) fn reduce(&self, raster: Raster) -> Raster {
        let size = (raster.size as f32 / self.reduction.max(1.0)).round() as usize;
        if size >= raster.size {
            return raster;
        }
        resized(&raster, size.max(1), Resampling::Area)
    }

    /// The image enlarged to `size`.
    pub(super) fn enlarge(&self, raster: Raster, size: usize) -> Raster {
        if raster.size == size {
            return raster;
        }
        let resampling = match self.enlargement {
            Enlargement::Nearest => Resampling::Nearest,
            Enlargement::Bilinear => Resampling::Bilinear,
            Enlargement::Bicubic => Resampling::Bicubic,
        };
        resized(&raster, size, resampling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::testing::{dot, moments};

    #[test]
    fn a_dot_of_the_sensor_stays_in_place() {
        for enlargement in [
            Enlargement::Nearest,
            Enlargement::Bilinear,
            Enlargement::Bicubic,
        ] {
            let resolution = Resolution {
                reduction: 3.0,
                enlargement,
            };
            // The middle of a sensor pixel of 3×3 pixels.
            let small = resolution.reduce(dot(96, 1, 31, 46));
            assert_eq!(small.size, 32);
            let [sum, x, y] = moments(&resolution.enlarge(small, 96));
            assert!((sum - 1.0).abs() < 0.01, "{sum}");
            assert!(
                (x - 31.0).abs() < 0.05 && (y - 46.0).abs() < 0.05,
                "{x} {y}"
            );
        }
    }

    #[test]
    fn full_resolution_changes_nothing() {
        let raster = dot(9, 3, 2, 3);
        let same = Resolution::FULL.reduce(raster.clone());
        assert_eq!(Resolution::FULL.enlarge(same, 9), raster);
    }
}
