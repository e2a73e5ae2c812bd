//! Renders a face: its image, pixel by pixel, and its keypoints.

use crate::accessories::dressed;
use crate::camera::Channels;
use crate::config::KeypointSet;
use crate::params::FaceParams;
use crate::scene::Scene;
use fkp_core::{Image, Keypoints};

/// Renders a face as a `size × size` image with its keypoints in pixels.
///
/// The same parameters at another size give the same image at another resolution, except for the
/// noise of the camera. A keypoint behind hair, glasses or the head itself is
/// [`Visibility::Occluded`](fkp_core::Visibility::Occluded), one outside the image
/// [`Visibility::OutOfFrame`](fkp_core::Visibility::OutOfFrame); their positions are exact, too.
///
/// ```
/// use fkp_core::{Purpose, rng_for};
/// use fkp_synth::camera::Channels;
/// use fkp_synth::{FaceDistribution, KeypointSet, render};
/// let mut rng = rng_for(1, Purpose::Render, 0, 0);
/// let face = FaceDistribution::default().sample(&mut rng);
/// let (image, keypoints) = render(&face, 64, Channels::Rgb, KeypointSet::Ibug68);
/// assert_eq!((image.size(), image.channels(), keypoints.len()), ((64, 64), 3, 68));
/// assert!(keypoints[45].x > keypoints[36].x, "the subject's left eye is at the larger x");
/// ```
///
/// # Panics
/// If `size` is zero.
pub fn render(
    face: &FaceParams,
    size: usize,
    channels: Channels,
    keypoints: KeypointSet,
) -> (Image, Keypoints) {
    assert!(size > 0, "an image needs at least one pixel");
    let dressed = dressed(face);
    let scene = Scene::new(&dressed, size, keypoints);
    let mut light = face.background.paint(face.texture.seed, size);
    for (index, light) in light.iter_mut().enumerate() {
        *light = scene.pixel(index % size, index / size, *light);
    }
    let image = face.camera.develop(&light, size, channels, face.texture);
    (image, scene.keypoints())
}
