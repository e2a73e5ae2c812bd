//! One thing that was drawn: all numbers fixed, nothing left to chance.

use crate::{Distortion, Projective};
use fkp_core::Affine;
use serde::{Deserialize, Serialize};

/// What a covered rectangle is painted with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// One value in every channel, as a fraction of white.
    Constant(f64),
    /// Every channel of every pixel uniform between black and white.
    Noise,
}

/// A drawn step. Noise is written down by its seed, so a step needs no memory of its own.
///
/// Values of channels are fractions of white (255 for `u8`, 1 for `f32`); every photometric step
/// keeps them between black and white. Positions are in pixels of the frame the step works on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Step {
    /// Moves image and keypoints by an affine map into a frame of `size` = (width, height).
    Affine {
        /// `dst_from_src`, in pixels.
        map: Affine,
        /// The new frame.
        size: (usize, usize),
    },
    /// Moves image and keypoints by a perspective map into a frame of `size` = (width, height).
    Perspective {
        /// `dst_from_src`, in pixels.
        map: Projective,
        /// The new frame.
        size: (usize, usize),
    },
    /// Bends image and keypoints within their frame.
    Distortion {
        /// The bend.
        map: Distortion,
    },
    /// Covers a rectangle, whose keypoints become `Occluded`.
    Erase {
        /// First column covered.
        x: usize,
        /// First row covered.
        y: usize,
        /// Columns covered.
        width: usize,
        /// Rows covered.
        height: usize,
        /// What it is covered with.
        fill: Fill,
        /// Seed of a noisy fill.
        seed: u64,
    },
    /// `v + add`.
    Brightness {
        /// Fraction of white.
        add: f64,
    },
    /// `(v − 1/2)·factor + 1/2`.
    Contrast {
        /// The slope.
        factor: f64,
    },
    /// `v^gamma`.
    Gamma {
        /// The exponent: below 1 brightens.
        gamma: f64,
    },
    /// `1 − v`.
    Invert {},
    /// Turns the hue and scales the saturation (HSV); leaves gray images alone.
    HueSaturation {
        /// Angle on the color circle in degrees.
        hue_deg: f64,
        /// Factor on the saturation.
        saturation: f64,
    },
    /// Every color becomes its Rec. 601 gray; the number of channels stays.
    Gray {},
    /// Adds normal noise, independent in each channel.
    GaussianNoise {
        /// Standard deviation, fraction of white.
        sigma: f64,
        /// Seed of the noise.
        seed: u64,
    },
    /// Shot noise: each channel counts photons, `photons` of them at white.
    PoissonNoise {
        /// Photons at white: fewer are noisier.
        photons: f64,
        /// Seed of the noise.
        seed: u64,
    },
    /// Some pixels become black or white.
    SaltAndPepper {
        /// Fraction of the pixels, half of them black.
        fraction: f64,
        /// Seed of the noise.
        seed: u64,
    },
    /// Gaussian blur; the image is continued by its mirror image.
    GaussianBlur {
        /// Standard deviation in pixels.
        sigma_px: f64,
    },
    /// The median of a square window, channel by channel.
    MedianBlur {
        /// The window's side is `2·radius + 1` pixels.
        radius_px: usize,
    },
    /// The mean along a line through each pixel, as of a camera that moved.
    MotionBlur {
        /// Length of the line in pixels.
        length_px: f64,
        /// Direction, counter-clockwise on the screen, in degrees.
        angle_deg: f64,
    },
    /// Unsharp mask: `v + amount·(v − blurred v)`, blurred by a Gaussian of 1 px.
    Sharpen {
        /// How much of the difference is added.
        amount: f64,
    },
    /// Contrast-limited adaptive histogram equalization, on the luma of color images.
    Clahe {
        /// Limit of a histogram bin as a multiple of the mean bin.
        clip: f64,
        /// Tiles along each axis.
        tiles: usize,
    },
    /// Histogram equalization, on the luma of color images.
    Equalize {},
    /// The loss of a baseline JPEG of this quality (libjpeg's scale), without subsampling.
    Jpeg {
        /// 1 (worst) to 100.
        quality: usize,
    },
    /// Shrinks by area and enlarges again.
    Downscale {
        /// Factor on the sides, at most 1.
        factor: f64,
    },
    /// Darkens what lies beyond a soft line.
    Shadow {
        /// A keypoint of the line, as a fraction of (width, height).
        through: (f64, f64),
        /// Direction into the shadow, counter-clockwise from the right, in degrees.
        angle_deg: f64,
        /// What is taken away, as a fraction of the light.
        strength: f64,
        /// Width of the soft edge as a fraction of the image's diagonal.
        softness: f64,
    },
    /// Light that falls off: a factor from `1 − strength` to `1 + strength` across the image.
    LightGradient {
        /// Direction toward the light, counter-clockwise from the right, in degrees.
        angle_deg: f64,
        /// Change at the far ends.
        strength: f64,
    },
    /// Gives the image this mean and standard deviation (all channels together).
    Standardize {
        /// Mean, fraction of white.
        mean: f64,
        /// Standard deviation, fraction of white.
        std: f64,
    },
}

impl Step {
    /// Whether the step moves pixels and keypoints.
    pub(crate) fn is_geometric(&self) -> bool {
        matches!(
            self,
            Self::Affine { .. } | Self::Perspective { .. } | Self::Distortion { .. }
        )
    }

    /// The frame that a geometric step leads to, if it says so.
    pub(crate) fn new_size(&self) -> Option<(usize, usize)> {
        match self {
            Self::Affine { size, .. } | Self::Perspective { size, .. } => Some(*size),
            _ => None,
        }
    }
}
