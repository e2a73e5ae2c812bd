//! Shared by the codecs: the weights of labels, and decoding by the meaning of the output.

use candle_core::{Error, Result, Tensor, bail};
use fkp_core::{CoordinateFrame, OutputSpec, Prediction, Sample};

/// Decodes an output `[n, …]` by its meaning, image by image.
pub(super) fn decode_by(
    output: &OutputSpec,
    tensor: &Tensor,
    frame: CoordinateFrame,
) -> Result<Vec<Prediction>> {
    let (n, shape) = match tensor.dims() {
        [n, shape @ ..] if !shape.is_empty() => (*n, shape),
        dims => bail!("an output must be [n, …], got {dims:?}"),
    };
    let keypoints = output.keypoints_of(shape);
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    let decode = |values| output.decode(values, shape, frame, keypoints);
    let each = (values.len() / n.max(1)).max(1);
    let decoded = values.chunks_exact(each).map(decode);
    decoded
        .collect::<std::result::Result<_, _>>()
        .map_err(Error::wrap)
}

/// The weights of a batch's keypoints, `[n, n_keypoints]` in one list: 0 for a keypoint that is not
/// labeled, otherwise 1 or its weight.
pub(super) fn label_weights(
    samples: &[Sample],
    keypoint_weights: Option<&[f32]>,
) -> Result<Vec<f32>> {
    let Some(first) = samples.first() else {
        bail!("a batch needs at least one sample");
    };
    let expected = first.keypoints.len();
    if let Some(weights) = keypoint_weights {
        let got = weights.len();
        if got != expected {
            bail!("keypoint_weights: there are {got} weights for {expected} keypoints");
        }
        if let Some(bad) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            bail!("keypoint_weights: a weight must be finite and at least 0, got {bad}");
        }
    }
    let mut all = Vec::with_capacity(samples.len() * expected);
    for sample in samples {
        let got = sample.keypoints.len();
        if got != expected {
            bail!("a batch has samples of {expected} and of {got} keypoints");
        }
        for (i, keypoint) in sample.keypoints.iter().enumerate() {
            let weight = keypoint_weights.map_or(1.0, |weights| weights[i]);
            all.push(if keypoint.is_labeled() { weight } else { 0.0 });
        }
    }
    Ok(all)
}
