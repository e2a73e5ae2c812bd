//! Loss of resolution.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, view};
use crate::{AugmentError, Range};
use fkp_core::warp::{InverseMap, Sampling, warp};
use fkp_core::{Affine, Border, Channel, Filter, Rng};
use serde::{Deserialize, Serialize};

/// Resizes to a smaller size by the area filter, and back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Downscale {
    /// Factor on the sides; within [0.05, 1].
    pub factor: Range,
}

/// The sampled parameters of [`Downscale`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DownscaleStep {
    /// Factor on the sides, at most 1.
    pub factor: f64,
}

impl Photometric for Downscale {
    type Step = DownscaleStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.factor.check("factor", 0.05, 1.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> DownscaleStep {
        DownscaleStep {
            factor: self.factor.sample(rng),
        }
    }
}

impl PixelStep for DownscaleStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let size = (canvas.width, canvas.height);
        let side = |side: usize| ((side as f64 * self.factor).round() as usize).clamp(1, side);
        let small = (side(size.0), side(size.1));
        let Ok(down) = Affine::resize(size, small) else {
            return;
        };
        let (channels, scratch) = (canvas.channels, &mut *canvas.scratch);
        let mut resize = |src: &[T], map: Affine, from, to, dst: &mut Vec<T>| {
            let map = InverseMap::Affine(map.inverse().rows());
            warp(view(src, from, channels), map, to, AREA, scratch, dst);
        };
        resize(canvas.data, down, size, small, canvas.second);
        resize(canvas.second, down.inverse(), small, size, canvas.third);
        canvas.data.copy_from_slice(canvas.third);
    }
}

const AREA: Sampling = Sampling {
    border: Border::Replicate,
    interpolation: Filter::Area,
};
