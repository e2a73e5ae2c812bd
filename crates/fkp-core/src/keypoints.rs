//! Keypoints: positions in an image with their visibility.

use crate::{Affine, BoundingBox, Schema};
use serde::{Deserialize, Serialize};

/// Keypoints do not match a schema.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeypointsError {
    /// The number of keypoints is not that of the schema.
    #[error("there are {actual} keypoints, but schema `{schema}` has {expected}")]
    WrongCount {
        /// Name of the schema.
        schema: String,
        /// Number of keypoints of the schema.
        expected: usize,
        /// Number of keypoints given.
        actual: usize,
    },
    /// A mirror image is requested, but the schema's flip pairs are unknown.
    #[error(
        "a mirror image exchanges left and right, but the flip pairs of schema `{schema}` are \
         unknown; list them in `flip_pairs`, or write `flip_pairs = []` or \
         `Schema::with_flip_pairs(&[])` if there are none"
    )]
    UnknownFlipPairs {
        /// Name of the schema.
        schema: String,
    },
}

crate::debug_as_sentence!(KeypointsError);

/// Whether a keypoint is annotated and can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Annotated and visible.
    Visible,
    /// Annotated, but covered by something: the position is known or estimated.
    Occluded,
    /// Annotated, but outside the image, or outside an earlier image that this one was made from.
    OutOfFrame,
    /// Not annotated: the position has no meaning, and the weight in loss and metrics is 0.
    Unlabeled,
}

/// A position in pixels (pixel centers at integers) with its visibility.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Keypoint {
    /// Column, in pixels.
    pub x: f32,
    /// Row, in pixels.
    pub y: f32,
    /// Whether the keypoint is annotated and can be seen.
    pub visibility: Visibility,
}

impl Keypoint {
    /// A visible keypoint.
    pub fn new(x: f32, y: f32) -> Self {
        Self {
            x,
            y,
            visibility: Visibility::Visible,
        }
    }

    /// A keypoint that is not annotated.
    pub fn unlabeled() -> Self {
        Self {
            x: 0.0,
            y: 0.0,
            visibility: Visibility::Unlabeled,
        }
    }

    /// Whether the keypoint is annotated: anything but [`Visibility::Unlabeled`].
    pub fn is_labeled(&self) -> bool {
        self.visibility != Visibility::Unlabeled
    }

    /// Whether the position lies inside an image of `size` = (width, height), whose outer edges
    /// are at −0.5 and `side − 0.5`.
    fn is_inside(&self, size: (usize, usize)) -> bool {
        let within = |value: f32, side: usize| (-0.5..=side as f32 - 0.5).contains(&value);
        within(self.x, size.0) && within(self.y, size.1)
    }

    /// Marks a labeled keypoint as [`Visibility::OutOfFrame`] if it is outside an image of `size` =
    /// (width, height).
    ///
    /// A keypoint that is `OutOfFrame` stays so when a later map moves it back inside, because its
    /// pixels were lost.
    ///
    /// ```
    /// use fkp_core::{Keypoint, Visibility::{self, Occluded, OutOfFrame, Unlabeled}};
    /// let marked = |x: f32, visibility: Visibility| {
    ///     let mut keypoint = Keypoint { x, y: 0.0, visibility };
    ///     keypoint.mark_out_of_frame((10, 10));
    ///     keypoint.visibility
    /// };
    /// assert_eq!(marked(9.0, Occluded), Occluded);
    /// assert_eq!(marked(10.0, Occluded), OutOfFrame);
    /// assert_eq!(marked(9.0, OutOfFrame), OutOfFrame);
    /// assert_eq!(marked(10.0, Unlabeled), Unlabeled);
    /// ```
    pub fn mark_out_of_frame(&mut self, size: (usize, usize)) {
        if self.is_labeled() && !self.is_inside(size) {
            self.visibility = Visibility::OutOfFrame;
        }
    }

    /// Euclidean distance in pixels.
    pub fn distance(&self, other: &Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// The keypoints of one image, in the order of a [`Schema`]. Their number never changes.
///
/// ```
/// use fkp_core::{Affine, Keypoint, Keypoints, Schema, Visibility};
/// let schema = Schema::kaggle15();
/// let mut face = Keypoints::unlabeled(15);
/// face[0] = Keypoint::new(60.0, 40.0); // the left eye's center, at the larger x
/// let flipped = face.transform(&Affine::flip_horizontal(96), (96, 96), &schema)?;
/// assert_eq!(flipped[1], Keypoint::new(35.0, 40.0)); // now the right eye's
/// assert_eq!(flipped[0].visibility, Visibility::Unlabeled);
/// # Ok::<(), fkp_core::KeypointsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keypoints(Vec<Keypoint>);

impl Keypoints {
    /// These keypoints in this order.
    pub fn new(keypoints: Vec<Keypoint>) -> Self {
        Self(keypoints)
    }

    /// `count` keypoints that are not annotated.
    pub fn unlabeled(count: usize) -> Self {
        Self::new(vec![Keypoint::unlabeled(); count])
    }

    /// Visible keypoints from `[x, y]` pairs in pixels.
    pub fn from_xy(xy: &[[f32; 2]]) -> Self {
        xy.iter().map(|&[x, y]| Keypoint::new(x, y)).collect()
    }

    /// The labeled keypoints with their indices.
    pub fn labeled(&self) -> impl Iterator<Item = (usize, &Keypoint)> {
        let keypoints = self.iter().enumerate();
        keypoints.filter(|(_, keypoint)| keypoint.is_labeled())
    }

    /// The smallest box around the centers of the labeled keypoints; `None` if there are none.
    pub fn bounding_box(&self) -> Option<BoundingBox> {
        BoundingBox::around(self.labeled().map(|(_, p)| (p.x.into(), p.y.into())))
    }

    /// Applies a map to every labeled keypoint, without regard to visibility or flip pairs.
    pub fn map(&self, dst_from_src: &Affine) -> Self {
        self.iter()
            .map(|keypoint| {
                let mut moved = *keypoint;
                if keypoint.is_labeled() {
                    let (x, y) = dst_from_src.apply(keypoint.x.into(), keypoint.y.into());
                    (moved.x, moved.y) = (x as f32, y as f32);
                }
                moved
            })
            .collect()
    }

    /// Transforms the keypoints along with their image, whose new `size` is (width, height).
    ///
    /// A keypoint that leaves the image becomes [`Visibility::OutOfFrame`] and stays so; a
    /// mirroring map also swaps the schema's flip pairs.
    ///
    /// # Errors
    /// If the schema has another number of keypoints, or the map mirrors and the schema's flip
    /// pairs are unknown.
    pub fn transform(
        &self,
        dst_from_src: &Affine,
        size: (usize, usize),
        schema: &Schema,
    ) -> Result<Self, KeypointsError> {
        self.check_count(schema)?;
        let mut moved = self.map(dst_from_src).mark_out_of_frame(size);
        if dst_from_src.is_mirrored() {
            moved.swap_pairs(schema)?;
        }
        Ok(moved)
    }

    /// Checks that the number of keypoints is that of the schema.
    ///
    /// # Errors
    /// If there are more or fewer.
    pub fn check_count(&self, schema: &Schema) -> Result<(), KeypointsError> {
        if self.len() == schema.len() {
            return Ok(());
        }
        Err(KeypointsError::WrongCount {
            schema: schema.name().to_owned(),
            expected: schema.len(),
            actual: self.len(),
        })
    }

    /// The keypoints after [`Keypoint::mark_out_of_frame`].
    pub fn mark_out_of_frame(mut self, size: (usize, usize)) -> Self {
        for keypoint in &mut self.0 {
            keypoint.mark_out_of_frame(size);
        }
        self
    }

    /// Exchanges the keypoints of each flip pair, because left and right are the subject's.
    ///
    /// # Errors
    /// If the schema has another number of keypoints, or its flip pairs are unknown.
    pub fn swap_pairs(&mut self, schema: &Schema) -> Result<(), KeypointsError> {
        self.check_count(schema)?;
        if !schema.has_known_flip_pairs() {
            let schema = schema.name().to_owned();
            return Err(KeypointsError::UnknownFlipPairs { schema });
        }
        for &(left, right) in schema.flip_pairs() {
            self.0.swap(left, right);
        }
        Ok(())
    }
}

impl std::ops::Deref for Keypoints {
    type Target = [Keypoint];

    fn deref(&self) -> &[Keypoint] {
        &self.0
    }
}

impl std::ops::DerefMut for Keypoints {
    fn deref_mut(&mut self) -> &mut [Keypoint] {
        &mut self.0
    }
}

impl FromIterator<Keypoint> for Keypoints {
    fn from_iter<I: IntoIterator<Item = Keypoint>>(keypoints: I) -> Self {
        Self::new(keypoints.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_visibility() -> impl Strategy<Value = Visibility> {
        prop_oneof![
            Just(Visibility::Visible),
            Just(Visibility::Occluded),
            Just(Visibility::Unlabeled),
        ]
    }

    fn any_face() -> impl Strategy<Value = Keypoints> {
        prop::collection::vec((0.0f32..95.0, 0.0f32..95.0, any_visibility()), 15).prop_map(|v| {
            v.into_iter()
                .map(|(x, y, visibility)| match visibility {
                    Visibility::Unlabeled => Keypoint::unlabeled(),
                    visibility => Keypoint {
                        x: x.round(),
                        y: y.round(),
                        visibility,
                    },
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn flip_twice_is_identity(face in any_face()) {
            let schema = Schema::kaggle15();
            let flip = Affine::flip_horizontal(96);
            let once = face.transform(&flip, (96, 96), &schema).unwrap();
            prop_assert_eq!(once.transform(&flip, (96, 96), &schema).unwrap(), face);
        }

        #[test]
        fn count_is_constant_and_unlabeled_stays(face in any_face(), dx in -300.0f64..300.0) {
            let shift = Affine::translation(dx, 0.0);
            let moved = face.transform(&shift, (96, 96), &Schema::kaggle15()).unwrap();
            prop_assert_eq!(moved.len(), face.len());
            for (a, b) in moved.iter().zip(face.iter()) {
                prop_assert_eq!(a.is_labeled(), b.is_labeled());
            }
        }
    }

    #[test]
    fn leaving_the_image_changes_visibility_only() {
        let schema = Schema::kaggle15();
        let mut face = Keypoints::unlabeled(15);
        face[3] = Keypoint::new(90.0, 10.0);
        let moved = |face: &Keypoints, dx| {
            let shift = Affine::translation(dx, 0.0);
            face.transform(&shift, (96, 96), &schema).unwrap()
        };
        let out = moved(&face, 5.6);
        assert_eq!(out[3].visibility, Visibility::OutOfFrame);
        assert_eq!(out[3].x, 95.6);
        // Moved back it is at its old position, but the pixels there were lost.
        let back = moved(&out, -5.6);
        assert_eq!((back[3].x, back[3].y), (90.0, 10.0));
        assert_eq!(back[3].visibility, Visibility::OutOfFrame);
    }

    #[test]
    fn a_wrong_count_is_an_error_with_and_without_a_mirror() {
        let schema = Schema::kaggle15();
        let three = Keypoints::unlabeled(3);
        for map in [Affine::identity(), Affine::flip_horizontal(96)] {
            let error = three.transform(&map, (96, 96), &schema).unwrap_err();
            let message = "there are 3 keypoints, but schema `kaggle15` has 15";
            assert_eq!(error.to_string(), message);
        }
        assert!(three.clone().swap_pairs(&schema).is_err());
    }

    #[test]
    fn a_mirror_needs_known_flip_pairs() {
        let unknown = Schema::numbered("two", 2).unwrap();
        let known = unknown.clone().with_flip_pairs(&[(0, 1)]).unwrap();
        let keypoints = Keypoints::from_xy(&[[1.0, 2.0], [3.0, 4.0]]);
        let flip = Affine::flip_horizontal(10);
        let error = keypoints.transform(&flip, (10, 10), &unknown).unwrap_err();
        assert!(error.to_string().contains("`two`"), "{error}");
        assert!(
            keypoints
                .transform(&Affine::identity(), (10, 10), &unknown)
                .is_ok()
        );
        let flipped = keypoints.transform(&flip, (10, 10), &known).unwrap();
        assert_eq!(flipped, Keypoints::from_xy(&[[6.0, 4.0], [8.0, 2.0]]));
    }

    #[test]
    fn an_image_ends_at_the_outer_edges_of_its_pixels() {
        for (x, y, inside) in [
            (-0.5, 0.0, true),
            (9.5, 4.5, true),
            (-0.6, 0.0, false),
            (0.0, 4.6, false),
            (f32::NAN, 0.0, false),
        ] {
            assert_eq!(Keypoint::new(x, y).is_inside((10, 5)), inside, "{x} {y}");
        }
    }
}
