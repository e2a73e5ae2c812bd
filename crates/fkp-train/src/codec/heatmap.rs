//! Networks that draw a map for each keypoint.

use super::{Codec, Target, decode_by, keypoints_of, label_weights};
use crate::Loss;
use candle_core::{Device, Result, Tensor, bail};
use fkp_core::{CoordinateFrame, Keypoint, OutputSpec, Prediction, Sample};

/// Outputs are [`OutputSpec::Heatmap`]: for each keypoint a map with a Gaussian of height 1 around
/// it.
///
/// The Gaussian's center is where the keypoint is and not at the nearest pixel. A keypoint more than
/// 3 σ outside the map leaves no trace in it and has no weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    /// The crop's size.
    pub frame: CoordinateFrame,
    /// Width and height of a map.
    pub size: (usize, usize),
    /// Standard deviation of the Gaussians, in pixels of a map.
    pub sigma_px: f64,
    /// What is minimized, of each pixel: `mse` or `adaptive_wing`.
    pub loss: Loss,
    /// How much each keypoint counts, one weight from 0 for each; all the same where absent.
    pub keypoint_weights: Option<Vec<f32>>,
}

/// Where a target counts as foreground.
const FOREGROUND_FROM: f32 = 0.2;

impl Heatmap {
    /// All keypoints alike. Usual are maps of a quarter of the crop's size, and σ from 1 to 2 px.
    pub fn new(frame: CoordinateFrame, size: (usize, usize), sigma_px: f64, loss: Loss) -> Self {
        Self {
            frame,
            size,
            sigma_px,
            loss,
            keypoint_weights: None,
        }
    }

    fn check(&self) -> Result<()> {
        let (sigma, (width, height)) = (self.sigma_px, self.size);
        if !(sigma > 0.0 && sigma.is_finite()) {
            bail!("heatmap: sigma_px must be positive and finite, got {sigma}");
        }
        if width < 2 || height < 2 {
            bail!("heatmap: a map must be 2×2 at least, got {width}×{height}");
        }
        match self.loss {
            Loss::Mse | Loss::AdaptiveWing { .. } => Ok(()),
            loss => bail!(
                "heatmap: the loss must be mse or adaptive_wing, got {}",
                loss.name()
            ),
        }
    }

    /// A keypoint of the crop in pixels of the map.
    fn to_map(&self, keypoint: &Keypoint) -> (f64, f64) {
        let along =
            |x: f32, crop: usize, map: usize| (f64::from(x) + 0.5) * map as f64 / crop as f64 - 0.5;
        (
            along(keypoint.x, self.frame.width, self.size.0),
            along(keypoint.y, self.frame.height, self.size.1),
        )
    }

    fn leaves_a_trace(&self, (x, y): (f64, f64)) -> bool {
        let reach = 3.0 * self.sigma_px;
        let within = |x: f64, size: usize| x >= -reach && x <= size as f64 - 1.0 + reach;
        within(x, self.size.0) && within(y, self.size.1)
    }

    /// exp(−(i − middle)² / 2σ²) for each i.
    fn bell(&self, middle: f64, count: usize) -> Vec<f32> {
        let at = |i: usize| {
            let z = (i as f64 - middle) / self.sigma_px;
            (-0.5 * z * z).exp() as f32
        };
        (0..count).map(at).collect()
    }
}

impl Codec for Heatmap {
    /// Values are `[n, n_keypoints, height, width]`.
    fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target> {
        self.check()?;
        let keypoints = keypoints_of(samples);
        let mut weights = label_weights(&keypoints, self.keypoint_weights.as_deref())?;
        let (width, height) = self.size;
        let (n, n_keypoints) = (keypoints.len(), weights.len() / keypoints.len());
        let mut values = Vec::with_capacity(weights.len() * width * height);
        let all = keypoints.iter().flat_map(|keypoints| keypoints.iter());
        for (keypoint, weight) in all.zip(&mut weights) {
            let (x, y) = self.to_map(keypoint);
            if *weight == 0.0 || !self.leaves_a_trace((x, y)) {
                *weight = 0.0;
                values.resize(values.len() + width * height, 0.0);
                continue;
            }
            let across = self.bell(x, width);
            for down in self.bell(y, height) {
                values.extend(across.iter().map(|across| across * down));
            }
        }
        let shape = (n, n_keypoints, height, width);
        let (weights, pixels) = match self.loss {
            Loss::AdaptiveWing { foreground, .. } => {
                let maps = values.chunks_exact(width * height).zip(weights);
                let weights = maps.flat_map(|(map, weight)| {
                    let near = near_foreground(map, width);
                    let heavy = weight * (1.0 + foreground as f32);
                    near.into_iter()
                        .map(move |near| if near { heavy } else { weight })
                });
                (Tensor::from_vec(weights.collect(), shape, device)?, 1)
            }
            _ => {
                let weights = Tensor::from_vec(weights, (n, n_keypoints, 1, 1), device)?;
                (weights, width * height)
            }
        };
        let sum = weights.flatten_all()?.to_vec1::<f32>()?;
        let sum: f64 = sum.into_iter().map(f64::from).sum();
        Ok(Target {
            values: Tensor::from_vec(values, shape, device)?,
            weights,
            total_weight: sum * pixels as f64,
        })
    }

    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor> {
        let difference = (output - &target.values)?;
        let each = match self.loss {
            Loss::AdaptiveWing {
                alpha,
                omega,
                epsilon,
                theta,
                ..
            } => {
                let size = difference.abs()?;
                let near = size.minimum(theta)?;
                let beyond = (&size - &near)?;
                let exponent = target.values.affine(-1.0, alpha)?;
                // A power by way of the logarithm, whose gradient has to stay finite at 0.
                let power = near.affine(1.0 / epsilon, 0.0)?.maximum(1e-8)?.log()?;
                let power = (power * &exponent)?.exp()?;
                // (θ/ε)^(α − y), a constant like everything that comes of it.
                let edge = exponent.affine((theta / epsilon).ln(), 0.0)?.exp()?;
                let slope = (&exponent * &edge)?.affine(omega / theta, 0.0)?;
                let slope = (slope / edge.affine(1.0, 1.0)?)?;
                let curved = power.affine(1.0, 1.0)?.log()?.affine(omega, 0.0)?;
                (curved + (beyond * slope)?)?
            }
            _ => difference.sqr()?,
        };
        each.broadcast_mul(&target.weights)?.sum_all()
    }

    fn decode(&self, output: &Tensor) -> Result<Vec<Prediction>> {
        let (_, _, height, width) = output.dims4()?;
        if (width, height) != self.size {
            let (w, h) = self.size;
            bail!("heatmap: the maps must be {w}×{h}, got {width}×{height}");
        }
        let sigma_px = self.sigma_px;
        decode_by(&OutputSpec::Heatmap { sigma_px }, output, self.frame)
    }

    fn describe(&self) -> String {
        let (loss, (w, h), sigma) = (self.loss, self.size, self.sigma_px);
        let weights = &self.keypoint_weights;
        format!("heatmaps of {w}×{h}, {loss:?}, sigma {sigma} px, weights {weights:?}")
    }
}

/// Whether a pixel or one of its eight neighbors is foreground.
fn near_foreground(map: &[f32], width: usize) -> Vec<bool> {
    let height = map.len() / width;
    let near = |i: usize| {
        let (x, y) = (i % width, i / width);
        let rows = y.saturating_sub(1)..(y + 2).min(height);
        let columns = x.saturating_sub(1)..(x + 2).min(width);
        rows.into_iter().any(|row| {
            let row = &map[row * width..][..width];
            row[columns.clone()].iter().any(|v| *v >= FOREGROUND_FROM)
        })
    };
    (0..map.len()).map(near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::testing::{EncodeKeypoints, check_gradient, learns, random, wide};
    use candle_core::Var;
    use fkp_core::Keypoints;

    const FRAME: CoordinateFrame = CoordinateFrame {
        width: 64,
        height: 32,
    };
    const LOSSES: [fn() -> Loss; 2] = [|| Loss::Mse, Loss::adaptive_wing];

    fn codec(loss: Loss) -> Heatmap {
        Heatmap::new(FRAME, (16, 8), 1.5, loss)
    }

    /// Resizing a crop four times smaller puts the middle of its first four pixels on pixel 0.
    #[test]
    fn pixels_have_their_centers_at_integers_in_both() {
        let keypoints = Keypoints::from_xy(&[[1.5, 1.5], [21.5, 9.5]]);
        let target = codec(Loss::Mse).encode_keypoints(&[keypoints], &Device::Cpu);
        let target = target.unwrap();
        let values = target.values.squeeze(0).unwrap().to_vec3::<f32>().unwrap();
        assert_eq!((values[0][0][0], values[1][2][5]), (1.0, 1.0));
        let expected = (-0.5f32 * (1.0 + 4.0) / 2.25).exp();
        assert!((values[1][4][6] - expected).abs() < 1e-6);
        assert_eq!(target.total_weight, 2.0 * 128.0);
    }

    #[test]
    fn decode_undoes_encode_up_to_the_edges() {
        for loss in LOSSES {
            let codec = codec(loss());
            let xs = [-0.5, 0.0, 1.3, 13.37, 31.5, 33.9, 60.1, 63.0, 63.5];
            let ys = [-0.5, 0.2, 7.7, 15.5, 16.0, 31.5];
            let keypoints: Vec<[f32; 2]> = xs.iter().flat_map(|x| ys.map(|y| [*x, y])).collect();
            let keypoints = Keypoints::from_xy(&keypoints);
            let target = codec
                .encode_keypoints(std::slice::from_ref(&keypoints), &Device::Cpu)
                .unwrap();
            let decoded = codec.decode(&target.values).unwrap();
            for (a, b) in decoded[0].keypoints.iter().zip(keypoints.iter()) {
                assert!(a.distance(b) < 2e-3, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn odd_maps_decode_to_a_finite_point() {
        let codec = codec(Loss::Mse);
        for value in [0.0, -1.0, 1.0, f32::NAN, f32::NEG_INFINITY] {
            let map = Tensor::full(value, (1, 1, 8, 16), &Device::Cpu).unwrap();
            let keypoint = codec.decode(&map).unwrap()[0].keypoints[0];
            assert!(
                keypoint.x.is_finite() && keypoint.y.is_finite(),
                "{value}: {keypoint:?}"
            );
        }
        let map = Tensor::zeros((1, 1, 16, 8), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(codec.decode(&map).is_err());
    }

    #[test]
    fn gradients_are_the_differences_of_the_loss() {
        let keypoints = Keypoints::new(vec![Keypoint::new(10.0, 20.0), Keypoint::unlabeled()]);
        for loss in LOSSES {
            let mut codec = codec(loss());
            codec.keypoint_weights = Some(vec![0.7, 1.0]);
            check_gradient(
                &codec,
                std::slice::from_ref(&keypoints),
                &random(3, &[1, 2, 8, 16]),
            );
        }
    }

    /// Adaptive Wing as the paper writes it, pixel by pixel.
    #[test]
    fn adaptive_wing_follows_its_definition() {
        let codec = codec(Loss::adaptive_wing());
        let keypoints = Keypoints::from_xy(&[[22.0, 11.0]]);
        let target = wide(&codec.encode_keypoints(&[keypoints], &Device::Cpu).unwrap());
        let output = random(4, &[1, 1, 8, 16]);
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let (alpha, omega, epsilon, theta) = (2.1f64, 14.0f64, 1.0f64, 0.5f64);
        let (values, predicted) = (flat(&target.values), flat(&output));
        let mut expected = 0.0;
        let mut foreground = 0;
        for (i, (y, p)) in values.iter().zip(&predicted).enumerate() {
            let d = (y - p).abs();
            let each = if d < theta {
                omega * (1.0 + (d / epsilon).powf(alpha - y)).ln()
            } else {
                let r = theta / epsilon;
                let a = omega
                    * (1.0 / (1.0 + r.powf(alpha - y)))
                    * (alpha - y)
                    * r.powf(alpha - y - 1.0)
                    / epsilon;
                a * d - (theta * a - omega * (1.0 + r.powf(alpha - y)).ln())
            };
            let (row, column) = ((i / 16) as i64, (i % 16) as i64);
            let near = (-1..=1).any(|dy| {
                (-1..=1).any(|dx| {
                    let (r, c) = (row + dy, column + dx);
                    (0..8).contains(&r)
                        && (0..16).contains(&c)
                        && values[(r * 16 + c) as usize] >= 0.2
                })
            });
            foreground += usize::from(near);
            expected += if near { 11.0 * each } else { each };
        }
        assert!(foreground > 9 && foreground < 100, "{foreground}");
        assert_eq!(target.total_weight, (128 + 10 * foreground) as f64);
        let loss = codec.loss(&output, &target).unwrap();
        let loss = loss.to_scalar::<f64>().unwrap();
        assert!((loss / expected - 1.0).abs() < 1e-10, "{loss} {expected}");
    }

    #[test]
    fn what_leaves_no_trace_has_no_weight() {
        let truth = Keypoints::new(vec![
            Keypoint::new(40.0, 20.0),
            Keypoint::unlabeled(),
            Keypoint::new(-30.0, 20.0),
        ]);
        for loss in LOSSES {
            let codec = codec(loss());
            let target = codec
                .encode_keypoints(std::slice::from_ref(&truth), &Device::Cpu)
                .unwrap();
            // A perfect map is where the gradient of a power is most delicate.
            let output = Var::from_tensor(&target.values).unwrap();
            let grads = codec.loss(&output, &target).unwrap().backward().unwrap();
            let grad = grads.get(&output).unwrap().flatten_all().unwrap();
            assert!(grad.to_vec1::<f32>().unwrap().iter().all(|g| g.is_finite()));
            let output = Var::from_tensor(&(&target.values + 0.3).unwrap()).unwrap();
            let grads = codec.loss(&output, &target).unwrap().backward().unwrap();
            let grad = grads.get(&output).unwrap().abs().unwrap();
            let per_keypoint = grad.sum((2, 3)).unwrap().to_vec2::<f32>().unwrap();
            assert!(per_keypoint[0][0] > 0.0);
            assert_eq!(per_keypoint[0][1..], [0.0, 0.0]);
        }
    }

    #[test]
    fn maps_can_be_learnt() {
        for loss in LOSSES {
            learns(&codec(loss()), FRAME, &[2, 8, 16], 0.5);
        }
        let mut codec = codec(Loss::Mse);
        codec.sigma_px = 0.0;
        let error = codec.encode_keypoints(&[Keypoints::unlabeled(1)], &Device::Cpu);
        assert!(error.unwrap_err().to_string().contains("sigma_px"));
    }
}
