//! A data set whose images fit into the square input of a network, whole.

use fkp_core::{
    Affine, Border, Dataset, DatasetError, Filter, InputSpec, Sample, Schema, warp_affine,
};

/// A data set of images as a face detector is validated on: reduced to fit into a square where they
/// are larger, in its upper left corner, with black beside them. Keypoints and boxes move along.
#[derive(Debug, Clone)]
pub struct Fitted<D> {
    inner: D,
    input: InputSpec,
}

impl<D: Dataset> Fitted<D> {
    /// The samples of `inner` in the size and the channels of a network's input.
    ///
    /// # Panics
    /// If the input's size is zero.
    pub fn new(inner: D, input: InputSpec) -> Self {
        assert!(input.size > 0, "an input has at least one pixel");
        Self { inner, input }
    }
}

impl<D: Dataset> Dataset for Fitted<D> {
    fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        let sample = self.inner.get_in_epoch(epoch, index)?;
        let (width, height) = sample.image.size();
        let side = self.input.size;
        let scale = (side as f64 / width.max(height) as f64).min(1.0);
        let reduced = |side: usize| ((side as f64 * scale).round() as usize).max(1);
        let map = Affine::resize((width, height), (reduced(width), reduced(height)));
        let map = map.map_err(|error| DatasetError::new(index, error))?;
        let border = Border::Constant(0);
        let image = warp_affine(&sample.image, &map, (side, side), Filter::Area, border);
        Ok(Sample {
            image: self.input.convert_channels(&image).into_owned(),
            keypoints: sample.keypoints.map(&map),
            boxes: sample
                .boxes
                .iter()
                .map(|labeled| labeled.map(&map))
                .collect(),
            face_box: None,
            ..sample
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{BoundingBox, Image, InMemory, Keypoints, LabeledBox};

    #[test]
    fn large_images_are_reduced_with_their_boxes_and_small_ones_are_not() {
        let sample = |width, height| Sample {
            boxes: vec![LabeledBox::face(BoundingBox::from_image_edges(
                10.0, 20.0, 30.0, 40.0,
            ))],
            ..Sample::new(
                "x",
                Image::filled(width, height, 3, 200),
                Keypoints::default(),
            )
        };
        let samples = vec![sample(128, 96), sample(50, 60)];
        let inner = InMemory::new(Schema::boxes(), samples).unwrap();
        let fitted = Fitted::new(inner, InputSpec::gray(64));
        let [large, small] = [0, 1].map(|index| fitted.get(index).unwrap());
        let bounds = |sample: &Sample| sample.boxes[0].bounds;
        let half = BoundingBox::from_image_edges(5.0, 10.0, 15.0, 20.0);
        assert_eq!(bounds(&large), half);
        let same = BoundingBox::from_image_edges(10.0, 20.0, 30.0, 40.0);
        assert_eq!(bounds(&small), same);
        for (sample, width, height) in [(&large, 64, 48), (&small, 50, 60)] {
            assert_eq!(
                (sample.image.size(), sample.image.channels()),
                ((64, 64), 1)
            );
            assert_eq!(sample.image.pixel(width - 1, height - 1)[0], 200);
            assert_eq!(sample.image.pixel(width - 1, 63)[0], 0);
        }
    }
}
