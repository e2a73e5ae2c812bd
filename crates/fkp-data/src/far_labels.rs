//! Labels far outside their image, which are errors of the annotation.

use crate::DataError;
use crate::annotated_set::AnnotatedImage;
use crate::error::AnnotationError;
use fkp_core::{BoundingBox, Keypoint, Keypoints};
use rayon::prelude::*;

/// How to handle a label that lies farther outside its image than the size of the image: x below
/// −width or above 2 · width, or y likewise. One label of 9999 would dominate a loss.
///
/// A label nearer outside is kept, as [`fkp_core::Visibility::OutOfFrame`]. For a box the limit holds
/// for its edges, and a part of it must be in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FarLabels {
    /// Opening the data set fails: the error names file, row and column.
    #[default]
    Refuse,
    /// The keypoint is treated as unlabeled, the box as one to ignore.
    /// [`crate::OpenedDataset::notes`] lists each with file, row, column and value.
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

/// A box outside its image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FarBox {
    /// Which box of the image.
    pub(crate) index: usize,
    /// Which of its numbers x, y, width, height.
    pub(crate) number: usize,
    pub(crate) error: AnnotationError,
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

    /// The same for the boxes of image files.
    pub(crate) fn apply_to_boxes(
        self,
        images: &mut [AnnotatedImage],
        notes: &mut Vec<String>,
        error: impl Fn(usize, FarBox) -> DataError,
    ) -> Result<(), DataError> {
        let sizes = sizes_in_headers(images);
        for (index, (image, size)) in images.iter_mut().zip(sizes).enumerate() {
            let Some(size) = size else { continue };
            for (number, label) in image.boxes.iter_mut().enumerate() {
                let Some(far) = far_box(&label.bounds, number, size) else {
                    continue;
                };
                match self {
                    Self::Refuse => return Err(error(index, far)),
                    Self::Unlabel => {
                        notes.push(format!("{}; treated as ignored", error(index, far)));
                        label.ignore = true;
                    }
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
        let sizes = sizes_in_headers(images);
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

fn far_box(bounds: &BoundingBox, index: usize, size: (usize, usize)) -> Option<FarBox> {
    let (width, height) = size;
    let axes = [
        // From the outer edge of the image.
        (bounds.x + 0.5, bounds.width, width as f64),
        (bounds.y + 0.5, bounds.height, height as f64),
    ];
    axes.into_iter().enumerate().find_map(|(axis, extent)| {
        let (start, length, side) = extent;
        let (far, number) = match (start < -side || start > 2.0 * side, start + length) {
            (true, _) => (Some(start), axis),
            (false, end) if end > 2.0 * side => (Some(length), axis + 2),
            (false, end) if end <= 0.0 || start >= side => (None, axis),
            (false, _) => return None,
        };
        let error = match far {
            Some(value) => AnnotationError::FarOutsideImage {
                // As in the file, without the rounding error of the shift to pixel centers.
                text: ((value * 1e3).round() / 1e3).to_string(),
                width,
                height,
            },
            None => AnnotationError::OutsideImage { width, height },
        };
        Some(FarBox {
            index,
            number,
            error,
        })
    })
}

fn sizes_in_headers(images: &[AnnotatedImage]) -> Vec<Option<(usize, usize)>> {
    let sizes = images.par_iter().map(|image| image.image.size());
    sizes.collect()
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

    #[test]
    fn a_box_has_a_part_in_the_image_and_edges_near_it() {
        let far = |x, y, width, height| {
            let bounds = BoundingBox::from_image_edges(x, y, width, height);
            let far = far_box(&bounds, 0, (10, 20))?;
            let is_outside = matches!(far.error, AnnotationError::OutsideImage { .. });
            Some((far.number, is_outside))
        };
        assert_eq!(far(0.0, 0.0, 10.0, 20.0), None);
        assert_eq!(far(-10.0, -20.0, 30.0, 60.0), None);
        assert_eq!(far(-10.5, 0.0, 30.0, 5.0), Some((0, false)));
        assert_eq!(far(0.0, 0.0, 20.5, 5.0), Some((2, false)));
        assert_eq!(far(0.0, -5.0, 5.0, 9999.0), Some((3, false)));
        assert_eq!(far(10.0, 0.0, 5.0, 5.0), Some((0, true)));
        assert_eq!(far(0.0, -5.0, 5.0, 5.0), Some((1, true)));
    }
}
