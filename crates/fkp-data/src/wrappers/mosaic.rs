//! A data set that sets images beside each other.

use fkp_core::{Affine, Dataset, DatasetError, Image, InputSpec, Purpose, Sample, Schema, rng_for};
use rand::RngExt;

/// Images with boxes, some of them set beside three others for training a face detector: a crop around
/// a small face then shows more than one photograph, and faces at the borders of images have others
/// beside them (Bochkovskiy et al., *YOLOv4: Optimal Speed and Accuracy of Object Detection*, 2020).
///
/// The four images meet in one point, each in its own size, and what they leave of the rectangle around
/// them is black. All are gray if the first is, and else of three colors. Which others they are depends on seed, epoch and
/// index alone.
#[derive(Debug, Clone)]
pub struct Mosaic<D> {
    inner: D,
    probability: f64,
    seed: u64,
}

impl<D: Dataset> Mosaic<D> {
    /// The samples of `inner`, each a mosaic with this probability.
    ///
    /// # Panics
    /// If the probability is not in [0, 1], or `inner` has keypoints, which are those of one face.
    pub fn new(inner: D, probability: f64, seed: u64) -> Self {
        assert!(
            (0.0..=1.0).contains(&probability),
            "a probability is in [0, 1], got {probability}"
        );
        assert!(
            *inner.schema() == Schema::boxes(),
            "mosaics have boxes, not the keypoints of `{}`",
            inner.schema().name()
        );
        Self {
            inner,
            probability,
            seed,
        }
    }
}

impl<D: Dataset> Dataset for Mosaic<D> {
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
        let mut rng = rng_for(self.seed, Purpose::Mosaic, epoch as u64, index as u64);
        if !rng.random_bool(self.probability) {
            return Ok(sample);
        }
        let mut other = || {
            let index = rng.random_range(0..self.inner.len());
            self.inner.get_in_epoch(epoch, index)
        };
        Ok(beside([sample, other()?, other()?, other()?]))
    }
}

/// Four images, in the order of reading, around the point where they meet.
fn beside(samples: [Sample; 4]) -> Sample {
    let [a, b, c, d] = samples.each_ref().map(|sample| sample.image.size());
    let (left, above) = (a.0.max(c.0), a.1.max(b.1));
    let size = (left + b.0.max(d.0), above + c.1.max(d.1));
    let corners = [
        (left - a.0, above - a.1),
        (left, above - b.1),
        (left - c.0, above),
        (left, above),
    ];
    let channels = match samples[0].image.channels() {
        1 => 1,
        _ => 3,
    };
    // Only the channels of this input count.
    let input = InputSpec {
        channels,
        ..InputSpec::gray(1)
    };
    let mut image = Image::filled(size.0, size.1, channels, 0);
    let mut boxes = Vec::new();
    for (sample, (x, y)) in samples.iter().zip(corners) {
        copy(&input.convert_channels(&sample.image), &mut image, (x, y));
        let to_mosaic = Affine::translation(x as f64, y as f64);
        boxes.extend(sample.boxes.iter().map(|labeled| labeled.map(&to_mosaic)));
    }
    let [first, ..] = samples;
    Sample {
        image,
        boxes,
        face_box: None,
        ..first
    }
}

/// Copies an image into another of as many channels, with its upper left corner at (x, y).
fn copy(from: &Image, to: &mut Image, (x, y): (usize, usize)) {
    let channels = from.channels();
    let (row, stride) = (from.width() * channels, to.width() * channels);
    let rows = to.as_bytes_mut().chunks_exact_mut(stride).skip(y);
    for (source, target) in from.as_bytes().chunks_exact(row).zip(rows) {
        target[x * channels..][..row].copy_from_slice(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{BoundingBox, InMemory, Keypoints, LabeledBox};

    /// Images of different sizes with gray levels 10, 20, …, each with a box over all of it.
    fn photographs() -> InMemory {
        let sizes = [(8, 6), (5, 9), (7, 7), (4, 4), (6, 3)];
        let samples = sizes.iter().enumerate().map(|(index, &(width, height))| {
            let whole = BoundingBox::from_image_edges(0.0, 0.0, width as f64, height as f64);
            Sample {
                boxes: vec![LabeledBox::face(whole)],
                ..Sample::new(
                    index.to_string(),
                    Image::filled(width, height, 3, 10 * (index + 1) as u8),
                    Keypoints::default(),
                )
            }
        });
        InMemory::new(Schema::boxes(), samples.collect()).unwrap()
    }

    #[test]
    fn four_images_meet_and_their_boxes_move_along() {
        let set = photographs();
        let mosaic = beside([0, 1, 2, 3].map(|index| set.get(index).unwrap()));
        assert_eq!(mosaic.id, "0");
        assert_eq!(mosaic.image.size(), (8 + 5, 9 + 7));
        let places = [(0, 3, 8, 6), (8, 0, 5, 9), (1, 9, 7, 7), (8, 9, 4, 4)];
        for ((face, level), place) in mosaic.boxes.iter().zip([10, 20, 30, 40]).zip(places) {
            let (x, y, width, height) = place;
            let [left, top, w, h] = [x, y, width, height].map(|length| length as f64);
            assert_eq!(face.bounds, BoundingBox::from_image_edges(left, top, w, h));
            for (x, y) in [(x, y), (x + width - 1, y + height - 1)] {
                assert_eq!(mosaic.image.pixel(x, y), [level; 3]);
            }
        }
        for (x, y) in [(0, 0), (0, 12), (12, 9), (8, 13)] {
            assert_eq!(mosaic.image.pixel(x, y), [0; 3]);
        }
    }

    #[test]
    fn as_many_samples_are_mosaics_as_asked_and_they_differ_between_epochs() {
        let sizes = |probability, seed, epoch| -> Vec<(usize, usize)> {
            let mosaic = Mosaic::new(photographs(), probability, seed);
            let size = |index| mosaic.get_in_epoch(epoch, index).unwrap().image.size();
            (0..mosaic.len()).map(size).collect()
        };
        let plain: Vec<_> = (0..5).map(|i| photographs().get(i).unwrap()).collect();
        let plain: Vec<_> = plain.iter().map(|sample| sample.image.size()).collect();
        assert_eq!(sizes(0.0, 1, 0), plain);
        let all = sizes(1.0, 1, 0);
        assert!(all.iter().zip(&plain).all(|(a, b)| a.0 > b.0 && a.1 > b.1));
        assert_eq!(all, sizes(1.0, 1, 0));
        assert_ne!(all, sizes(1.0, 1, 1));
        assert_ne!(all, sizes(1.0, 2, 0));
    }

    #[test]
    fn images_are_gray_or_of_three_colors_as_the_first_is() {
        let color = photographs().get(1).unwrap();
        let mut gray = photographs().get(0).unwrap();
        gray.image = gray.image.to_gray();
        let of = |first: &Sample| {
            let others = std::array::from_fn(|_| color.clone());
            let [b, c, d]: [Sample; 3] = others;
            beside([first.clone(), b, c, d]).image.channels()
        };
        assert_eq!((of(&gray), of(&color)), (1, 3));
        let mut transparent = color.clone();
        transparent.image = Image::filled(5, 9, 4, 20);
        assert_eq!(of(&transparent), 3);
    }

    #[test]
    #[should_panic(expected = "kaggle15")]
    fn keypoints_have_no_mosaic() {
        let faces = InMemory::new(Schema::kaggle15(), Vec::new()).unwrap();
        let _ = Mosaic::new(faces, 0.5, 0);
    }
}
