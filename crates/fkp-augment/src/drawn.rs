//! The record of one draw: what is done to a picture and everything that lies on it.

use fkp_core::{
    Affine, Border, BoundingBox, Filter, Image, Keypoints, Sample, Schema, warp_affine,
};
use serde::{Deserialize, Serialize};

/// The parameters drawn for one sample. Applying it involves no chance: it can be stored, applied
/// to a second picture, to a mask or to other points, and undone.
///
/// ```
/// use fkp_augment::Recipe;
/// use fkp_core::{Keypoint, Keypoints, Purpose, Schema, rng_for};
/// let schema = Schema::kaggle15();
/// let pipeline = Recipe::tutorial().compile(&schema)?;
/// let drawn = pipeline.draw((96, 96), &mut rng_for(7, Purpose::Augment, 0, 0));
/// let face = Keypoints::new(vec![Keypoint::new(40.0, 50.0); 15]);
/// // What a network finds in the varied picture goes back into the original one.
/// let back = drawn.undo_keypoints(&drawn.keypoints(&face, &schema), &schema);
/// assert!(back[3].distance(&face[3]) < 1e-4);
/// # Ok::<(), fkp_augment::AugmentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    pub(crate) source: (usize, usize),
    pub(crate) size: (usize, usize),
    pub(crate) map: Affine,
    pub(crate) border: Border,
}

impl Drawn {
    /// Size of the picture it was drawn for, (width, height) in pixels.
    pub fn source_size(&self) -> (usize, usize) {
        self.source
    }

    /// Size of the picture that comes out, (width, height) in pixels.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// The whole geometric change as one map, `dst_from_src`.
    pub fn map(&self) -> &Affine {
        &self.map
    }

    /// The varied picture.
    pub fn image(&self, image: &Image) -> Image {
        if self.is_identity() {
            return image.clone();
        }
        warp_affine(image, &self.map, self.size, Filter::Bilinear, self.border)
    }

    /// The points of a varied picture. A mirror exchanges the schema's flip pairs; a point that
    /// leaves the frame becomes `OutOfFrame`.
    ///
    /// # Panics
    /// If the schema has another number of points.
    pub fn keypoints(&self, keypoints: &Keypoints, schema: &Schema) -> Keypoints {
        keypoints.transform(&self.map, self.size, schema)
    }

    /// Points found in the varied picture, back in the frame of the picture it was made from.
    ///
    /// # Panics
    /// If the schema has another number of points.
    pub fn undo_keypoints(&self, keypoints: &Keypoints, schema: &Schema) -> Keypoints {
        keypoints.transform(&self.map.inverse(), self.source, schema)
    }

    /// The smallest upright box around the moved corners of a box.
    pub fn bounding_box(&self, given: &BoundingBox) -> BoundingBox {
        let [x, y] = [given.x, given.y];
        let (right, bottom) = (x + given.width, y + given.height);
        let corners = [(x, y), (right, y), (x, bottom), (right, bottom)];
        let moved = corners.map(|(x, y)| self.map.apply(x, y));
        BoundingBox::around(moved).unwrap_or(*given)
    }

    /// Picture, points and face box of a sample together.
    ///
    /// # Panics
    /// If the schema has another number of points.
    pub fn sample(&self, sample: Sample, schema: &Schema) -> Sample {
        Sample {
            image: if self.is_identity() {
                sample.image
            } else {
                self.image(&sample.image)
            },
            keypoints: self.keypoints(&sample.keypoints, schema),
            face_box: sample.face_box.map(|given| self.bounding_box(&given)),
            ..sample
        }
    }

    fn is_identity(&self) -> bool {
        self.source == self.size && self.map == Affine::identity()
    }
}
