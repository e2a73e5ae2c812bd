//! What a model sees of an image, and what it predicts.

use fkp_core::{BoxConvention, CropSquare, Image, Prediction};

/// A prediction, in pixels of the image, and the crop that it was made from.
#[derive(Clone)]
pub(super) struct Found<'a> {
    pub(super) crop: Crop<'a>,
    pub(super) prediction: Prediction,
}

/// What the model sees of an image.
#[derive(Clone, Copy)]
pub(super) struct Crop<'a> {
    pub(super) image: &'a Image,
    pub(super) square: CropSquare,
    /// What the box is around that the square follows from; `None` where the image is a crop already.
    pub(super) convention: Option<BoxConvention>,
}
