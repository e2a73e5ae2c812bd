//! What can be done to an image, with ranges to draw from: the vocabulary of a recipe.

mod affine;
pub(crate) mod check;
mod draw_geometric;
mod draw_photometric;
mod scene;

pub use affine::AffineRange;
pub(crate) use scene::Scene;
pub use scene::Subject;

use crate::{Fill, Range, field};
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

/// One step of a recipe. In a file, `kind` names it and the other keys are its fields.
///
/// Geometric steps move image and keypoints; neighbors among them are composed and the image is
/// resampled once. Positions are in pixels with centers at integers; where a step refers to the
/// center it means `((w−1)/2, (h−1)/2)`. Values of channels are fractions of white. A range
/// `[low, high]` is drawn from uniformly.
///
/// ```
/// use fkp_augment::{Range, Transform};
/// let step: Transform = toml::from_str("kind = 'gaussian_blur'\nsigma_px = [0.2, 1.0]")?;
/// assert_eq!(step, Transform::GaussianBlur { sigma_px: Range::new(0.2, 1.0) });
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Transform {
    /// Mirrors left to right, `x ↦ w − 1 − x`, and exchanges the schema's flip pairs.
    FlipHorizontal {},
    /// Mirrors top to bottom, `y ↦ h − 1 − y`, and exchanges the schema's flip pairs (a face seen
    /// upside down in a mirror has its left on the other side).
    FlipVertical {},
    /// Turns counter-clockwise by one of these numbers of quarter turns; odd ones exchange the
    /// image's sides.
    #[serde(rename = "rotate_90")]
    Rotate90 {
        /// Numbers of quarter turns, 0 to 3, each as likely.
        #[serde(deserialize_with = "field::turns")]
        turns: Vec<usize>,
    },
    /// Scale, shear and rotation about the center, then shift.
    Affine(AffineRange),
    /// Moves each corner of the frame on its own: a tilt in space.
    Perspective {
        /// Each coordinate of a corner moves uniformly within ± this fraction of the side;
        /// 0 to 0.2.
        #[serde(deserialize_with = "field::magnitude")]
        magnitude: f64,
    },
    /// Smooth random bending (uniform cubic B-spline).
    Elastic {
        /// Cells of control points along each axis, 1 to 16: more is finer.
        #[serde(deserialize_with = "field::cells")]
        cells: usize,
        /// Largest displacement of a control point in cells; 0 to 0.2, where folding is
        /// impossible.
        #[serde(deserialize_with = "field::magnitude")]
        magnitude: Range,
    },
    /// Columns and rows of a grid become wider and narrower.
    GridDistortion {
        /// Columns and rows, 1 to 16.
        #[serde(deserialize_with = "field::cells")]
        cells: usize,
        /// Largest relative change of a column's width; 0 to 0.9.
        #[serde(deserialize_with = "field::magnitude")]
        magnitude: Range,
    },
    /// The middle `width × height` pixels.
    CenterCrop {
        /// Width of the crop in pixels.
        #[serde(deserialize_with = "field::width")]
        width: usize,
        /// Height of the crop in pixels.
        #[serde(deserialize_with = "field::height")]
        height: usize,
    },
    /// `width × height` pixels anywhere in the image. Where the image is smaller, it lies
    /// anywhere in the crop.
    RandomCrop {
        /// Width of the crop in pixels.
        #[serde(deserialize_with = "field::width")]
        width: usize,
        /// Height of the crop in pixels.
        #[serde(deserialize_with = "field::height")]
        height: usize,
    },
    /// A window anywhere in the image, resized to `width × height` (Inception crop).
    RandomResizedCrop {
        /// Width of the result in pixels.
        #[serde(deserialize_with = "field::width")]
        width: usize,
        /// Height of the result in pixels.
        #[serde(deserialize_with = "field::height")]
        height: usize,
        /// The window's area as a fraction of the image's; within (0, 1].
        #[serde(deserialize_with = "field::area")]
        area: Range,
        /// The window's width over its height, drawn on a logarithmic scale.
        #[serde(deserialize_with = "field::aspect")]
        aspect: Range,
    },
    /// A window with the result's proportions that holds every labeled keypoint, as large as drawn
    /// between the smallest such window and the largest in the image; resized.
    KeypointSafeCrop {
        /// Width of the result in pixels.
        #[serde(deserialize_with = "field::width")]
        width: usize,
        /// Height of the result in pixels.
        #[serde(deserialize_with = "field::height")]
        height: usize,
        /// Room around the keypoints as a fraction of their box's longer side.
        #[serde(deserialize_with = "field::margin")]
        margin: f64,
    },
    /// A square about the face box (for want of it, the labeled keypoints' box; else the image),
    /// with a jitter such as a face detector has; resized.
    FaceBoxCrop {
        /// Side of the result in pixels.
        #[serde(deserialize_with = "field::side")]
        side: usize,
        /// Side of the square over the box's longer side.
        #[serde(deserialize_with = "field::scale")]
        scale: Range,
        /// The square's middle moves uniformly within ± this fraction of its side, on each axis.
        #[serde(deserialize_with = "field::shift")]
        shift: f64,
    },
    /// Adds room at the edges; what is seen there is the recipe's border.
    Pad {
        /// Columns on the left.
        #[serde(deserialize_with = "field::left")]
        left: usize,
        /// Rows on top.
        #[serde(deserialize_with = "field::top")]
        top: usize,
        /// Columns on the right.
        #[serde(deserialize_with = "field::right")]
        right: usize,
        /// Rows at the bottom.
        #[serde(deserialize_with = "field::bottom")]
        bottom: usize,
    },
    /// Fits the whole image into `width × height`, proportions kept, in the middle.
    Letterbox {
        /// Width of the result in pixels.
        #[serde(deserialize_with = "field::width")]
        width: usize,
        /// Height of the result in pixels.
        #[serde(deserialize_with = "field::height")]
        height: usize,
    },
    /// Stretches the whole image to `width × height`, edges onto edges.
    Resize {
        /// Width of the result in pixels.
        #[serde(deserialize_with = "field::width")]
        width: usize,
        /// Height of the result in pixels.
        #[serde(deserialize_with = "field::height")]
        height: usize,
    },
    /// `v + add`; within [−1, 1].
    Brightness {
        /// Fraction of white.
        #[serde(deserialize_with = "field::add")]
        add: Range,
    },
    /// `(v − 1/2)·factor + 1/2`; within [0, 10].
    Contrast {
        /// The slope.
        #[serde(deserialize_with = "field::factor")]
        factor: Range,
    },
    /// `v^gamma`; within [0.1, 10].
    Gamma {
        /// The exponent: below 1 brightens.
        #[serde(deserialize_with = "field::gamma")]
        gamma: Range,
    },
    /// `1 − v`.
    Invert {},
    /// Turns the hue and scales the saturation (HSV); leaves gray images alone.
    HueSaturation {
        /// Angle on the color circle in degrees; within [−180, 180].
        #[serde(deserialize_with = "field::hue_deg")]
        hue_deg: Range,
        /// Factor on the saturation; within [0, 10].
        #[serde(deserialize_with = "field::saturation")]
        saturation: Range,
    },
    /// Every color becomes its Rec. 601 gray; the number of channels stays.
    Gray {},
    /// Adds normal noise, independent in each channel.
    GaussianNoise {
        /// Standard deviation as a fraction of white; within [0, 1].
        #[serde(deserialize_with = "field::sigma")]
        sigma: Range,
    },
    /// Shot noise: each channel counts photons.
    PoissonNoise {
        /// Photons at white; within [1, 1e6]. Fewer are noisier.
        #[serde(deserialize_with = "field::photons")]
        photons: Range,
    },
    /// Some pixels become black or white.
    SaltAndPepper {
        /// Fraction of the pixels; within [0, 1].
        #[serde(deserialize_with = "field::fraction")]
        fraction: Range,
    },
    /// Gaussian blur.
    GaussianBlur {
        /// Standard deviation in pixels; within [0, 50].
        #[serde(deserialize_with = "field::sigma_px")]
        sigma_px: Range,
    },
    /// The median of a square window.
    MedianBlur {
        /// The window's side is `2·radius + 1` pixels; 1 to 7.
        #[serde(deserialize_with = "field::radius_px")]
        radius_px: usize,
    },
    /// The mean along a line of random direction.
    MotionBlur {
        /// Length of the line in pixels; within [1, 100].
        #[serde(deserialize_with = "field::length_px")]
        length_px: Range,
    },
    /// Unsharp mask with a Gaussian of 1 px.
    Sharpen {
        /// How much of the difference is added; within [0, 10].
        #[serde(deserialize_with = "field::amount")]
        amount: Range,
    },
    /// Contrast-limited adaptive histogram equalization.
    Clahe {
        /// Limit of a histogram bin as a multiple of the mean bin; within [1, 100].
        #[serde(deserialize_with = "field::clip")]
        clip: Range,
        /// Tiles along each axis, 1 to 16.
        #[serde(deserialize_with = "field::tiles")]
        tiles: usize,
    },
    /// Histogram equalization.
    Equalize {},
    /// The artefacts of a baseline JPEG.
    Jpeg {
        /// libjpeg's quality; within [1, 100].
        #[serde(deserialize_with = "field::quality")]
        quality: Range,
    },
    /// Shrinks by area and enlarges again.
    Downscale {
        /// Factor on the sides; within [0.05, 1].
        #[serde(deserialize_with = "field::factor")]
        factor: Range,
    },
    /// Covers rectangles (cutout, random erasing); keypoints under them become `Occluded`.
    CoarseDropout {
        /// Rectangles, 1 to 64.
        #[serde(deserialize_with = "field::count")]
        count: usize,
        /// Width of a rectangle as a fraction of the image's; within [0, 1].
        #[serde(deserialize_with = "field::width")]
        width: Range,
        /// Height of a rectangle as a fraction of the image's; within [0, 1].
        #[serde(deserialize_with = "field::height")]
        height: Range,
        /// What they are painted with.
        #[serde(deserialize_with = "field::fill")]
        fill: Fill,
    },
    /// Darkens what lies beyond a random line with a soft edge.
    Shadow {
        /// What is taken away, as a fraction of the light; within [0, 1].
        #[serde(deserialize_with = "field::strength")]
        strength: Range,
    },
    /// Light that falls off in a random direction.
    LightGradient {
        /// Change at the far ends; within [0, 1].
        #[serde(deserialize_with = "field::strength")]
        strength: Range,
    },
    /// Gives the image a fixed mean and standard deviation.
    Standardize {
        /// Mean as a fraction of white.
        #[serde(deserialize_with = "field::mean")]
        mean: f64,
        /// Standard deviation as a fraction of white.
        #[serde(deserialize_with = "field::std")]
        std: f64,
    },
    /// All of these, in order.
    Compose {
        /// The steps.
        steps: Vec<Transform>,
    },
    /// One of these, each as likely.
    OneOf {
        /// The steps.
        steps: Vec<Transform>,
    },
    /// `count` different ones of these, in their order here.
    SomeOf {
        /// How many, at most as many as there are.
        #[serde(deserialize_with = "field::count")]
        count: usize,
        /// The steps.
        steps: Vec<Transform>,
    },
    /// All of these with probability `p`, else none.
    Sometimes {
        /// The probability.
        #[serde(deserialize_with = "field::p")]
        p: f64,
        /// The steps.
        steps: Vec<Transform>,
    },
}

impl Transform {
    /// This step with probability `p`.
    pub fn with_probability(self, p: f64) -> Self {
        Self::Sometimes {
            p,
            steps: vec![self],
        }
    }

    /// Draws the step's numbers and adds what is to be done to the scene's record.
    pub(crate) fn sample(&self, scene: &mut Scene<'_>, rng: &mut dyn fkp_core::Rng) {
        match self {
            Self::Compose { steps } => steps.iter().for_each(|step| step.sample(scene, rng)),
            Self::OneOf { steps } => {
                if let Some(step) = steps.choose(rng) {
                    step.sample(scene, rng);
                }
            }
            Self::SomeOf { count, steps } => {
                // Selection sampling (Knuth, algorithm S): each subset is as likely, in order.
                let mut wanted = *count;
                for (i, step) in steps.iter().enumerate() {
                    if rng.random_range(0..steps.len() - i) < wanted {
                        wanted -= 1;
                        step.sample(scene, rng);
                    }
                }
            }
            Self::Sometimes { p, steps } => {
                // `random_bool` would draw nothing for a probability of 1; like this the numbers
                // after it do not depend on `p`.
                if rng.random::<f64>() < *p {
                    steps.iter().for_each(|step| step.sample(scene, rng));
                }
            }
            leaf => {
                if !draw_geometric::sample(leaf, scene, rng) {
                    draw_photometric::sample(leaf, scene, rng);
                }
            }
        }
    }
}
