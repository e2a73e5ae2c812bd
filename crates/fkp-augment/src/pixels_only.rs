//! The bug of the tutorial: images are augmented without their keypoints.

use fkp_core::{Augment, Rng, Sample, SampleError};

/// **Wrong on purpose:** augments the image and leaves the keypoints unchanged.
///
/// Keras' `ImageDataGenerator` does this with images and coordinates: it moves the pixels, but not
/// the labels. Use this wrapper only to measure the effect of the bug; a network trained with it
/// learns wrong positions.
///
/// ```
/// use fkp_augment::{PixelsOnly, Recipe};
/// use fkp_core::{Augment, Image, Keypoint, Keypoints, Purpose, Sample, Schema, rng_for};
/// let recipe = Recipe { flip_horizontal_p: 1.0, ..Recipe::none() };
/// let wrong = PixelsOnly(recipe.compile(&Schema::numbered("dot", 1)?.with_flip_pairs(&[])?)?);
/// let image = Image::new(3, 1, 1, vec![255, 0, 0])?; // a dot at x = 0
/// let sample = Sample::new("dot", image, Keypoints::new(vec![Keypoint::new(0.0, 0.0)]));
/// let augmented = wrong.apply(sample, &mut rng_for(0, Purpose::Augment, 0, 0))?;
/// assert_eq!(augmented.image.as_bytes(), &[0, 0, 255]); // the dot is at x = 2
/// assert_eq!(augmented.keypoints[0].x, 0.0); // its label is not
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct PixelsOnly<A>(pub A);

impl<A: Augment> Augment for PixelsOnly<A> {
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Result<Sample, SampleError> {
        let (keypoints, face_box) = (sample.keypoints.clone(), sample.face_box);
        Ok(Sample {
            keypoints,
            face_box,
            ..self.0.apply(sample, rng)?
        })
    }
}
