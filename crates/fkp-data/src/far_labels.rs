//! Labels far outside their image, which are errors of the annotation.

use crate::DataError;
use crate::error::AnnotationError;
use crate::image_folder::AnnotatedImage;
use fkp_core::{Keypoint, Keypoints};
use image::ImageReader;
use rayon::prelude::*;
use std::path::Path;

/// How to handle a label that lies farther outside its image than the size of the image: x below
/// −width or above 2 · width, or y likewise. One label of 9999 would dominate a loss.
///
/// A label nearer outside is kept, as [`fkp_core::Visibility::OutOfFrame`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FarLabels {
    /// Opening the data set fails: the error names file, row and column.
    #[default]
    Refuse,
    /// The keypoint is treated as unlabeled. [`crate::OpenedDataset::notes`] lists each with file,
    /// row, column and value.
    Unlabel,
}

/// A coordinate far outside its image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FarLabel {
    pub(crate) keypoint: usize,
    /// 0 for x, 1 for y.
    pub(crate) axis: usize,
    /// In pixels, counted from 0.
    pub(crate) value: f32,
    size: (usize, usize),
}

impl FarLabel {
    /// The error for a coordinate that is written as `text` in the file.
    pub(crate) fn error(&self, text: String) -> AnnotationError {
        let (width, height) = self.size;
        AnnotationError::FarOutsideImage {
            text,
            width,
            height,
        }
    }
}

impl FarLabels {
    /// Refuses or unlabels the far keypoints of one image of (width, height) pixels. `error` adds
    /// the place in the file.
    pub(crate) fn apply(
        self,
        keypoints: &mut Keypoints,
        size: (usize, usize),
        notes: &mut Vec<String>,
        error: impl Fn(FarLabel) -> DataError,
    ) -> Result<(), DataError> {
        for index in 0..keypoints.len() {
            let Some(far) = far_label(&keypoints[index], index, size) else {
                continue;
            };
            match self {
                Self::Refuse => return Err(error(far)),
                Self::Unlabel => {
                    notes.push(format!("{}; treated as unlabeled", error(far)));
                    keypoints[index] = Keypoint::unlabeled();
                }
            }
        }
        Ok(())
    }

    /// The same for image files, whose headers are read in parallel. An image without a readable
    /// header is skipped: reading its sample fails with an error of its own.
    pub(crate) fn apply_to_files(
        self,
        images: &mut [AnnotatedImage],
        notes: &mut Vec<String>,
        error: impl Fn(usize, FarLabel) -> DataError,
    ) -> Result<(), DataError> {
        let sizes: Vec<_> = images.par_iter().map(|p| size_in_header(&p.path)).collect();
        for (index, (image, size)) in images.iter_mut().zip(sizes).enumerate() {
            if let Some(size) = size {
                self.apply(&mut image.keypoints, size, notes, |far| error(index, far))?;
            }
        }
        Ok(())
    }
}

fn far_label(label: &Keypoint, keypoint: usize, size: (usize, usize)) -> Option<FarLabel> {
    let is_far = |(value, side): (f32, f32)| !(-side..=2.0 * side).contains(&value);
    let coordinates = [(label.x, size.0 as f32), (label.y, size.1 as f32)];
    let axis = coordinates.into_iter().position(is_far)?;
    label.is_labeled().then_some(FarLabel {
        keypoint,
        axis,
        value: coordinates[axis].0,
        size,
    })
}

fn size_in_header(path: &Path) -> Option<(usize, usize)> {
    let reader = ImageReader::open(path).ok()?.with_guessed_format().ok()?;
    let (width, height) = reader.into_dimensions().ok()?;
    Some((width as usize, height as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_size_of_the_image_on_each_axis() {
        let size = (10, 20);
        let is_far = |x, y| far_label(&Keypoint::new(x, y), 0, size).map(|far| far.axis);
        for near in [(0.0, 0.0), (-10.0, -20.0), (20.0, 40.0)] {
            assert_eq!(is_far(near.0, near.1), None, "{near:?}");
        }
        for x in [-10.5, 20.5, 9999.0] {
            assert_eq!(is_far(x, 0.0), Some(0), "{x}");
        }
        for y in [-20.5, 40.5] {
            assert_eq!(is_far(0.0, y), Some(1), "{y}");
        }
        assert_eq!(far_label(&Keypoint::unlabeled(), 0, (0, 0)), None);
    }
}
