//! Crops of whole samples: the image and its keypoints together.

use crate::{CropError, CropRule, CropSquare, InputSpec, Sample};

impl CropRule {
    /// The sample as the network sees it: cropped to `input.size` in the input's channels, its
    /// keypoints moved along.
    ///
    /// # Errors
    /// If there are neither enough keypoints nor a box to compute the crop from.
    pub fn apply(&self, sample: Sample, input: &InputSpec) -> Result<Sample, CropError> {
        let square = self.square(&sample.image, &sample.keypoints, sample.face_box.as_ref())?;
        square.apply(sample, input)
    }
}

impl CropSquare {
    /// The sample as the network sees it in this square, its keypoints moved along.
    ///
    /// # Errors
    /// If the square does not have a finite positive side.
    pub fn apply(&self, sample: Sample, input: &InputSpec) -> Result<Sample, CropError> {
        let (image, crop_from_image) = input.crop(&sample.image, self)?;
        let keypoints = sample.keypoints.map(&crop_from_image);
        Ok(Sample {
            image,
            keypoints: keypoints.mark_out_of_frame((input.size, input.size)),
            face_box: None,
            ..sample
        })
    }
}
