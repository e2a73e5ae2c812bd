//! What the photometric transforms share: the image that is changed in place, and operations on it.

mod canvas;
mod color;
mod gaussian;
mod histogram;
mod light;
mod normal;
mod pointwise;

pub(crate) use canvas::{Canvas, view};
pub(crate) use color::{for_rgb, luma};
pub(crate) use gaussian::{add_scaled, gaussian_blur, reflect};
pub(crate) use histogram::{BINS, cumulate, histogram, remap};
pub(crate) use light::{Factor, multiply_along};
pub(crate) use normal::{QUANTILES, quantiles};
pub(crate) use pointwise::map_values;
