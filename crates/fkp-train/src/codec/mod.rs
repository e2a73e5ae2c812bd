//! The seam between a network's output and keypoints.

mod coordinates;
mod coordinates_with_scale;
mod heatmap;
mod soft_argmax;
#[cfg(test)]
mod testing;

use crate::{Loss, TrainError};
use candle_core::{Device, Error, Result, Tensor, bail};
use fkp_core::{CoordinateFrame, Keypoints, OutputSpec, Prediction, Sample};

pub use coordinates::Coordinates;
pub use coordinates_with_scale::CoordinatesWithScale;
pub use heatmap::Heatmap;
pub use soft_argmax::{JensenShannon, SoftArgmax};

/// What a batch's output is compared with.
#[derive(Debug, Clone)]
pub struct Target {
    /// What is to be predicted, in the codec's form. Finite also where nothing is known.
    pub values: Tensor,
    /// How much each value counts, in a shape that broadcasts to that of `values`: 0 where nobody
    /// labeled the keypoint.
    pub weights: Tensor,
    /// Sum of the weights over all values.
    pub total_weight: f64,
}

/// How a network's output and what is labeled relate: coordinates, heatmaps, uncertainty, ….
pub trait Codec: Send + Sync {
    /// The target of a batch of samples, each as the network sees it.
    fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target>;

    /// The weighted *sum* of the loss over the batch, a scalar that can be differentiated.
    /// Divided by [`Target::total_weight`] it is the mean over what is labeled, and over a whole
    /// set sums and weights add up, however the set is cut into batches.
    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor>;

    /// What an output `[n, …]` says of each image, in pixels of its crop.
    fn decode(&self, output: &Tensor) -> Result<Vec<Prediction>>;

    /// What is minimized, in words that change whenever it does: a run with another codec is not
    /// the continuation of this one.
    fn describe(&self) -> String;
}

/// The codec for an output with this meaning and a loss: the one place where the two meet.
///
/// | output | loss, the default first |
/// |---|---|
/// | `coordinates` | `mae`, `mse`, `smooth_l1`, `wing`, `soft_wing` |
/// | `coordinates_with_scale` | `nll` |
/// | `heatmap` | `mse`, `adaptive_wing` |
/// | `soft_argmax` | `mae`, `mse`, `smooth_l1`, `wing`, `soft_wing`, with a regularizer |
///
/// `shape` is that of the output for one image.
///
/// # Errors
/// If the loss does not go with the output, naming those that do.
pub fn keypoint_codec(
    output: &OutputSpec,
    shape: &[usize],
    loss: Option<Loss>,
    frame: CoordinateFrame,
) -> std::result::Result<Box<dyn Codec>, TrainError> {
    let refuse = |loss: Loss, those: &str| {
        let (name, kind) = (loss.name(), output.kind());
        Err(TrainError::Config {
            field: "train.loss".to_owned(),
            problem: format!("`{name}` does not go with the output `{kind}`; use {those}"),
        })
    };
    const OF_COORDINATES: &str = "`mae`, `mse`, `smooth_l1`, `wing` or `soft_wing`";
    Ok(match (*output, loss) {
        (OutputSpec::Coordinates, loss) => {
            let loss = loss.unwrap_or_default();
            if !loss.is_of_coordinates() {
                return refuse(loss, OF_COORDINATES);
            }
            Box::new(Coordinates::new(frame, loss))
        }
        (OutputSpec::CoordinatesWithScale { likelihood }, None | Some(Loss::Nll)) => {
            Box::new(CoordinatesWithScale::new(frame, likelihood))
        }
        (OutputSpec::CoordinatesWithScale { .. }, Some(loss)) => return refuse(loss, "`nll`"),
        (OutputSpec::Heatmap { sigma_px }, loss) => {
            let loss = loss.unwrap_or(Loss::Mse);
            if !matches!(loss, Loss::Mse | Loss::AdaptiveWing { .. }) {
                return refuse(loss, "`mse` or `adaptive_wing`");
            }
            let size = match *shape {
                [.., height, width] => (width, height),
                _ => (0, 0),
            };
            Box::new(Heatmap::new(frame, size, sigma_px, loss))
        }
        (OutputSpec::SoftArgmax, loss) => {
            let loss = loss.unwrap_or_default();
            if !loss.is_of_coordinates() {
                return refuse(loss, OF_COORDINATES);
            }
            Box::new(SoftArgmax::new(frame, loss))
        }
    })
}

/// Reads an output `[n, …]` by its meaning, image by image.
fn decode_by(
    output: &OutputSpec,
    tensor: &Tensor,
    frame: CoordinateFrame,
) -> Result<Vec<Prediction>> {
    let (n, shape) = match tensor.dims() {
        [n, shape @ ..] if !shape.is_empty() => (*n, shape),
        dims => bail!("an output must be [n, …], got {dims:?}"),
    };
    let keypoints = match output.values_per_keypoint() {
        Some(numbers) => shape.iter().product::<usize>() / numbers,
        None => shape[0],
    };
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    let decode = |values| output.decode(values, shape, frame, keypoints);
    let each = (values.len() / n.max(1)).max(1);
    let decoded = values.chunks_exact(each).map(decode);
    decoded
        .collect::<std::result::Result<_, _>>()
        .map_err(Error::wrap)
}

/// The keypoints of each sample.
fn keypoints_of(samples: &[Sample]) -> Vec<&Keypoints> {
    samples.iter().map(|sample| &sample.keypoints).collect()
}

/// How much each keypoint of a batch counts, `[n, n_keypoints]` in one list: 0 where it is not
/// labeled, elsewhere 1 or its weight.
fn label_weights(keypoints: &[&Keypoints], keypoint_weights: Option<&[f32]>) -> Result<Vec<f32>> {
    let Some(first) = keypoints.first() else {
        bail!("a batch needs at least one sample");
    };
    if let Some(weights) = keypoint_weights {
        if weights.len() != first.len() {
            let (got, expected) = (weights.len(), first.len());
            bail!("keypoint_weights: there are {got} weights for {expected} keypoints");
        }
        if let Some(bad) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            bail!("keypoint_weights: a weight must be finite and at least 0, got {bad}");
        }
    }
    let mut all = Vec::with_capacity(keypoints.len() * first.len());
    for keypoints in keypoints {
        if keypoints.len() != first.len() {
            let (got, expected) = (keypoints.len(), first.len());
            bail!("a batch has samples of {expected} and of {got} keypoints");
        }
        for (i, keypoint) in keypoints.iter().enumerate() {
            let weight = keypoint_weights.map_or(1.0, |weights| weights[i]);
            all.push(if keypoint.is_labeled() { weight } else { 0.0 });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: CoordinateFrame = CoordinateFrame {
        width: 32,
        height: 32,
    };

    /// Every pair of an output and a loss is either a codec or refused with those that are.
    #[test]
    fn outputs_take_the_losses_that_go_with_them() {
        let likelihood = fkp_core::Likelihood::Laplace;
        let coordinates = ["mae", "mse", "smooth_l1", "wing", "soft_wing"];
        let outputs: [(OutputSpec, &[&str]); 4] = [
            (OutputSpec::Coordinates, &coordinates),
            (OutputSpec::CoordinatesWithScale { likelihood }, &["nll"]),
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
