//! The choice of the codec for an output and a loss.

use super::boxes::Boxes;
use super::coordinates::Coordinates;
use super::coordinates_with_scale::CoordinatesWithScale;
use super::heatmap::Heatmap;
use super::interface::Codec;
use super::soft_argmax::SoftArgmax;
use crate::TrainError;
use crate::loss::{Loss, LossInput};
use fkp_core::{CoordinateFrame, OutputSpec};

/// The codec for an output with this meaning and a loss.
///
/// | output | loss, the default first |
/// |---|---|
/// | `coordinates` | `mae`, `mse`, `smooth_l1`, `wing`, `soft_wing` |
/// | `coordinates_with_scale` | `nll` |
/// | `heatmap` | `mse`, `adaptive_wing` |
/// | `soft_argmax` | `mae`, `mse`, `smooth_l1`, `wing`, `soft_wing`, with a regularizer |
/// | `boxes` | its own, see [`Boxes`] |
///
/// `shape` is that of the output for one image.
///
/// # Errors
/// If the output cannot be trained with the loss; the message names the losses that it can be
/// trained with.
pub fn keypoint_codec(
    output: &OutputSpec,
    shape: &[usize],
    loss: Option<Loss>,
    frame: CoordinateFrame,
) -> Result<Box<dyn Codec>, TrainError> {
    let loss_for = |input| {
        let loss = loss.or(Loss::default_for(input));
        loss.filter(|loss| loss.takes(input)).ok_or_else(|| {
            let (name, kind) = (loss.map_or("none", |loss| loss.name()), output.kind());
            let names = Loss::names_for(input).join("`, `");
            let problem = format!("`{name}` does not go with the output `{kind}`; use `{names}`");
            TrainError::config("train.loss", problem)
        })
    };
    Ok(match *output {
        OutputSpec::Coordinates => {
            Box::new(Coordinates::new(frame, loss_for(LossInput::Coordinates)?))
        }
        OutputSpec::CoordinatesWithScale {
            likelihood,
            face_score,
        } => {
            loss_for(LossInput::CoordinatesWithScale)?;
            Box::new(CoordinatesWithScale {
                face_score,
                ..CoordinatesWithScale::new(frame, likelihood)
            })
        }
        OutputSpec::Heatmap { sigma_px } => {
            let size = match *shape {
                [.., height, width] => (width, height),
                _ => (0, 0),
            };
            let loss = loss_for(LossInput::Heatmap)?;
            Box::new(Heatmap::new(frame, size, sigma_px, loss))
        }
        OutputSpec::SoftArgmax => {
            Box::new(SoftArgmax::new(frame, loss_for(LossInput::Coordinates)?))
        }
        OutputSpec::Boxes { stride } => match loss {
            None => Box::new(Boxes::new(frame, stride)),
            Some(loss) => {
                let problem = format!(
                    "the output `boxes` has its own loss; leave out `{}`",
                    loss.name()
                );
                return Err(TrainError::config("train.loss", problem));
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: CoordinateFrame = CoordinateFrame {
        width: 32,
        height: 32,
    };

    /// Each pair of an output and a loss has a codec, or is refused with the losses that have one.
    #[test]
    fn outputs_accept_only_their_losses() {
        let likelihood = fkp_core::Likelihood::Laplace;
        let coordinates = ["mae", "mse", "smooth_l1", "wing", "soft_wing"];
        let outputs: [(OutputSpec, &[&str]); 4] = [
            (OutputSpec::Coordinates, &coordinates),
            (
                OutputSpec::CoordinatesWithScale {
                    likelihood,
                    face_score: false,
                },
                &["nll"],
            ),
            (
                OutputSpec::Heatmap { sigma_px: 1.5 },
                &["mse", "adaptive_wing"],
            ),
            (OutputSpec::SoftArgmax, &coordinates),
        ];
        let mut described = std::collections::BTreeSet::new();
        for (output, allowed) in outputs {
            let default = keypoint_codec(&output, &[15, 8, 8], None, FRAME)
                .unwrap()
                .describe();
            for name in Loss::NAMES {
                let loss: Loss = serde_json::from_str(&format!("\"{name}\"")).unwrap();
                let codec = keypoint_codec(&output, &[15, 8, 8], Some(loss), FRAME);
                assert_eq!(codec.is_ok(), allowed.contains(name), "{output:?} {name}");
                match codec {
                    Ok(codec) => {
                        assert_eq!(codec.describe() == default, *name == allowed[0]);
                        assert!(described.insert(codec.describe()), "{}", codec.describe());
                    }
                    Err(error) => {
                        let text = error.to_string();
                        assert!(text.contains(output.kind()) && text.contains(allowed[0]));
                    }
                }
            }
        }
    }
}
