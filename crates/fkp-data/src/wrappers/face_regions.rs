//! Regions of photographs with labeled boxes: their faces, and others.

use fkp_core::{
    BoundingBox, Dataset, DatasetError, FaceBox, Keypoints, LabeledBox, Purpose, Sample, Schema,
    rng_for,
};
use rand::{Rng, RngExt};

/// The faces of photographs with labeled boxes, and about as many other regions of them, each a sample of
/// its own: what a [face score](fkp_core::OutputSpec::has_face_score) learns from. A sample has the whole
/// photograph as its image, its region as [`Sample::face_box`], and no labeled keypoints; [`Cropped`](crate::Cropped)
/// makes the crops.
///
/// For every face there is another region, of 0.5 to 2 times its size and its proportions. Half of them are
/// anywhere in the photograph and overlap with no labeled box by an intersection over union of 0.1; the
/// others are beside the face and overlap with a box by 0.1 to 0.3. Where no such region is found, there is none.
///
/// ```
/// use fkp_core::{BoundingBox, Dataset, Image, InMemory, Keypoints, LabeledBox, Sample, Schema};
/// use fkp_data::FaceRegions;
/// let face = LabeledBox::face(BoundingBox::from_image_edges(20.0, 20.0, 30.0, 40.0));
/// let photograph = Sample {
///     boxes: vec![face],
///     ..Sample::new("a.jpg", Image::filled(200, 100, 3, 128), Keypoints::default())
/// };
/// let photographs = InMemory::new(Schema::boxes(), vec![photograph])?;
/// let regions = FaceRegions::new(photographs, Schema::ibug68(), 20.0)?;
/// assert_eq!(regions.len(), 2);
/// assert_eq!([0, 1].map(|i| regions.get(i).unwrap().is_face), [true, false]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FaceRegions<D> {
    photographs: D,
    schema: Schema,
    regions: Vec<Region>,
}

/// A part of a photograph.
#[derive(Debug, Clone, Copy)]
struct Region {
    photograph: usize,
    bounds: BoundingBox,
    is_face: bool,
}

/// Tries for a region that is no face.
const TRIES: usize = 2000;

impl<D: Dataset> FaceRegions<D> {
    /// The regions of all photographs. `schema` is that of the keypoints, none of which is labeled. Faces of
    /// less than `min_height` pixels and those marked `ignore` are not among them, and other regions do not
    /// overlap with them either.
    ///
    /// # Errors
    /// If a photograph cannot be read.
    pub fn new(photographs: D, schema: Schema, min_height: f64) -> Result<Self, DatasetError> {
        let mut regions = Vec::new();
        for photograph in 0..photographs.len() {
            let sample = photographs.get(photograph)?;
            let (width, height) = sample.image.size();
            let size = (width as f64, height as f64);
            let mut rng = rng_for(0, Purpose::BoxJitter, 0, photograph as u64);
            let counts =
                |labeled: &&LabeledBox| !labeled.ignore && labeled.bounds.height >= min_height;
            for (number, labeled) in sample.boxes.iter().filter(counts).enumerate() {
                let region = |bounds, is_face| Region {
                    photograph,
                    bounds,
                    is_face,
                };
                regions.push(region(labeled.bounds, true));
                let place = if number % 2 == 0 {
                    Place::Anywhere
                } else {
                    Place::Beside
                };
                let other = place.sample(&labeled.bounds, &sample.boxes, size, &mut rng);
                regions.extend(other.map(|bounds| region(bounds, false)));
            }
        }
        Ok(Self {
            photographs,
            schema,
            regions,
        })
    }
}

/// Where a region is that is no face.
#[derive(Clone, Copy)]
enum Place {
    Anywhere,
    Beside,
}

impl Place {
    /// A region for a face of a photograph of `size` = (width, height).
    fn sample(
        self,
        face: &BoundingBox,
        boxes: &[LabeledBox],
        (width, height): (f64, f64),
        rng: &mut impl Rng,
    ) -> Option<BoundingBox> {
        let mut unit = || rng.random::<f64>();
        let overlap = |bounds: &BoundingBox| {
            let overlaps = boxes.iter().map(|labeled| bounds.iou(&labeled.bounds));
            overlaps.fold(0.0, f64::max)
        };
        let overlaps = match self {
            Self::Anywhere => 0.0..0.1,
            Self::Beside => 0.1..0.3,
        };
        let tried = std::iter::repeat_with(|| {
            let scale = (1.4 * (unit() - 0.5)).exp();
            let (w, h) = (face.width * scale, face.height * scale);
            match self {
                Self::Anywhere => {
                    let (x, y) = (unit() * (width - w), unit() * (height - h));
                    BoundingBox::from_image_edges(x, y, w, h)
                }
                Self::Beside => BoundingBox {
                    x: face.x + (2.0 * unit() - 1.0) * face.width,
                    y: face.y + (2.0 * unit() - 1.0) * face.height,
                    width: w,
                    height: h,
                },
            }
        });
        let mut tried = tried.take(TRIES);
        tried.find(|bounds| overlaps.contains(&overlap(bounds)))
    }
}

impl<D: Dataset> Dataset for FaceRegions<D> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.regions.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let region = self.regions.get(index);
        let out_of_range = || DatasetError::out_of_range(index, self.regions.len());
        let region = region.ok_or_else(out_of_range)?;
        let photograph = self.photographs.get(region.photograph);
        let photograph = photograph.map_err(|error| DatasetError { index, ..error })?;
        Ok(Sample {
            keypoints: Keypoints::unlabeled(self.schema.len()),
            face_box: Some(FaceBox::face(region.bounds)),
            boxes: Vec::new(),
            is_face: region.is_face,
            ..photograph
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Image, InMemory};

    #[test]
    fn regions_are_the_faces_and_places_that_are_none() {
        let face = |x, y, side| LabeledBox::face(BoundingBox::from_image_edges(x, y, side, side));
        let crowd = LabeledBox {
            ignore: true,
            ..face(300.0, 10.0, 150.0)
        };
        let boxes = vec![
            face(20.0, 20.0, 60.0),
            face(150.0, 100.0, 80.0),
            face(5.0, 200.0, 12.0),
            crowd,
        ];
        let photograph = Sample {
            boxes: boxes.clone(),
            ..Sample::new("a", Image::filled(480, 320, 1, 9), Keypoints::default())
        };
        let photographs = InMemory::new(Schema::boxes(), vec![photograph; 20]).unwrap();
        let regions = FaceRegions::new(&photographs, Schema::ibug68(), 16.0).unwrap();
        assert_eq!(regions.len(), 80);
        for index in 0..regions.len() {
            let sample = regions.get(index).unwrap();
            assert_eq!(sample.keypoints, Keypoints::unlabeled(68));
            let bounds = sample.face_box.unwrap().bounds;
            assert_eq!(sample.is_face, index % 2 == 0);
            if sample.is_face {
                assert_eq!(bounds, boxes[index / 2 % 2].bounds);
                continue;
            }
            let overlap = |labeled: &LabeledBox| bounds.iou(&labeled.bounds);
            let overlap = boxes.iter().map(overlap).fold(0.0, f64::max);
            let expected = if index % 4 == 1 { 0.0..0.1 } else { 0.1..0.3 };
            assert!(expected.contains(&overlap), "{index}: {overlap}");
        }
        // The same every time.
        let again = FaceRegions::new(&photographs, Schema::ibug68(), 16.0).unwrap();
        assert_eq!(again.get(79).unwrap(), regions.get(79).unwrap());
        assert!(regions.get(80).is_err());
    }
}
