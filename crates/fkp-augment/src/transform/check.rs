//! Checks of every number of a transform, with the path to the field in the message.

use super::Transform;
use crate::geometry::MAX_CELLS;
use crate::range::{number, whole};
use crate::{AugmentError, Fill, Range};

/// Longest side a step may ask for, in pixels.
const MAX_SIDE: usize = 32_000;

impl Transform {
    /// Checks every number of this step and of those inside it.
    ///
    /// # Errors
    /// Names the first field that is out of its range or not finite.
    pub fn validate(&self) -> Result<(), AugmentError> {
        let side = |name, value: usize| whole(name, value, 1, MAX_SIDE, "[1, 32000]");
        let room = |name, value: usize| whole(name, value, 0, MAX_SIDE, "[0, 32000]");
        let cells = |value: usize| whole("cells", value, 1, MAX_CELLS, "[1, 16]");
        let share = |name, range: &Range| range.check(name, 0.0, 1.0, "[0, 1]");
        match self {
            Self::FlipHorizontal {}
            | Self::FlipVertical {}
            | Self::Invert {}
            | Self::Gray {}
            | Self::Equalize {} => Ok(()),
            Self::Rotate90 { turns } => {
                if turns.is_empty() {
                    return Err(AugmentError::Empty {
                        field: "turns".to_owned(),
                    });
                }
                turns
                    .iter()
                    .try_for_each(|turns| whole("turns", *turns, 0, 3, "[0, 3]"))
            }
            Self::Affine(range) => range.check(),
            Self::Perspective { magnitude } => {
                number("magnitude", *magnitude, 0.0, 0.2, "[0, 0.2]")
            }
            Self::Elastic {
                cells: n,
                magnitude,
            } => {
                cells(*n)?;
                magnitude.check("magnitude", 0.0, 0.2, "[0, 0.2]")
            }
            Self::GridDistortion {
                cells: n,
                magnitude,
            } => {
                cells(*n)?;
                magnitude.check("magnitude", 0.0, 0.9, "[0, 0.9]")
            }
            Self::CenterCrop { width, height }
            | Self::RandomCrop { width, height }
            | Self::Letterbox { width, height }
            | Self::Resize { width, height } => {
                side("width", *width)?;
                side("height", *height)
            }
            Self::RandomResizedCrop {
                width,
                height,
                area,
                aspect,
            } => {
                side("width", *width)?;
                side("height", *height)?;
                area.check("area", 1e-4, 1.0, "[0.0001, 1]")?;
                aspect.check("aspect", 0.05, 20.0, "[0.05, 20]")
            }
            Self::KeypointSafeCrop {
                width,
                height,
                margin,
            } => {
                side("width", *width)?;
                side("height", *height)?;
                number("margin", *margin, 0.0, 10.0, "[0, 10]")
            }
            Self::FaceBoxCrop {
                side: pixels,
                scale,
                shift,
            } => {
                side("side", *pixels)?;
                scale.check("scale", 0.05, 20.0, "[0.05, 20]")?;
                number("shift", *shift, 0.0, 1.0, "[0, 1]")
            }
            Self::Pad {
                left,
                top,
                right,
                bottom,
            } => {
                room("left", *left)?;
                room("top", *top)?;
                room("right", *right)?;
                room("bottom", *bottom)
            }
            Self::Brightness { add } => add.check("add", -1.0, 1.0, "[-1, 1]"),
            Self::Contrast { factor } => factor.check("factor", 0.0, 10.0, "[0, 10]"),
            Self::Gamma { gamma } => gamma.check("gamma", 0.1, 10.0, "[0.1, 10]"),
            Self::HueSaturation {
                hue_deg,
                saturation,
            } => {
                hue_deg.check("hue_deg", -180.0, 180.0, "[-180, 180]")?;
                saturation.check("saturation", 0.0, 10.0, "[0, 10]")
            }
            Self::GaussianNoise { sigma } => share("sigma", sigma),
            Self::PoissonNoise { photons } => photons.check("photons", 1.0, 1e6, "[1, 1000000]"),
            Self::SaltAndPepper { fraction } => share("fraction", fraction),
            Self::GaussianBlur { sigma_px } => sigma_px.check("sigma_px", 0.0, 50.0, "[0, 50]"),
            Self::MedianBlur { radius_px } => whole("radius_px", *radius_px, 1, 7, "[1, 7]"),
            Self::MotionBlur { length_px } => length_px.check("length_px", 1.0, 100.0, "[1, 100]"),
            Self::Sharpen { amount } => amount.check("amount", 0.0, 10.0, "[0, 10]"),
            Self::Clahe { clip, tiles } => {
                whole("tiles", *tiles, 1, 16, "[1, 16]")?;
                clip.check("clip", 1.0, 100.0, "[1, 100]")
            }
            Self::Jpeg { quality } => quality.check("quality", 1.0, 100.0, "[1, 100]"),
            Self::Downscale { factor } => factor.check("factor", 0.05, 1.0, "[0.05, 1]"),
            Self::CoarseDropout {
                count,
                width,
                height,
                fill,
            } => {
                whole("count", *count, 1, 64, "[1, 64]")?;
                share("width", width)?;
                share("height", height)?;
                match fill {
                    Fill::Constant(value) => number("fill", *value, 0.0, 1.0, "[0, 1]"),
                    Fill::Noise => Ok(()),
                }
            }
            Self::Shadow { strength } | Self::LightGradient { strength } => {
                share("strength", strength)
            }
            Self::Standardize { mean, std } => {
                number("mean", *mean, 0.0, 1.0, "[0, 1]")?;
                number("std", *std, 0.0, 1.0, "[0, 1]")
            }
            Self::Compose { steps } => check_all(steps),
            Self::OneOf { steps } => {
                not_empty(steps)?;
                check_all(steps)
            }
            Self::SomeOf { count, steps } => {
                not_empty(steps)?;
                whole("count", *count, 0, steps.len(), "[0, number of steps]")?;
                check_all(steps)
            }
            Self::Sometimes { p, steps } => {
                number("p", *p, 0.0, 1.0, "[0, 1]")?;
                check_all(steps)
            }
        }
    }
}

/// Checks a list of steps; messages name the place in it.
pub(crate) fn check_all(steps: &[Transform]) -> Result<(), AugmentError> {
    steps.iter().enumerate().try_for_each(|(i, step)| {
        step.validate()
            .map_err(|error| error.within(&format!("steps[{i}]")))
    })
}

/// The path to the first step that may mirror an image.
pub(crate) fn mirroring_step(steps: &[Transform]) -> Option<String> {
    let find = |(i, step): (usize, &Transform)| {
        let found = match step {
            Transform::FlipHorizontal {} => Some("flip_horizontal".to_owned()),
            Transform::FlipVertical {} => Some("flip_vertical".to_owned()),
            Transform::Sometimes { p, .. } if *p == 0.0 => None,
            Transform::SomeOf { count: 0, .. } => None,
            Transform::Compose { steps }
            | Transform::OneOf { steps }
            | Transform::SomeOf { steps, .. }
            | Transform::Sometimes { steps, .. } => mirroring_step(steps),
            // Scales are positive, and perspectives too gentle to turn a face inside out.
            _ => None,
        };
        found.map(|path| format!("steps[{i}].{path}"))
    };
    steps.iter().enumerate().find_map(find)
}

fn not_empty(steps: &[Transform]) -> Result<(), AugmentError> {
    if steps.is_empty() {
        return Err(AugmentError::Empty {
            field: "steps".to_owned(),
        });
    }
    Ok(())
}
