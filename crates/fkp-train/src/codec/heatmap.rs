//! The codec of networks that output a heatmap for each keypoint.

use super::interface::{Codec, Target};
use super::labels::{decode_by, label_weights};
use crate::loss::{Loss, LossInput};
use candle_core::{Device, Result, Tensor, bail};
use fkp_core::{CoordinateFrame, Keypoint, OutputSpec, Prediction, Sample};

/// The codec of [`OutputSpec::Heatmap`]: for each keypoint a map with a Gaussian of height 1 around
/// it.
///
/// The center of the Gaussian is the exact position of the keypoint, not the nearest pixel. A
/// keypoint more than 3 σ outside the map has weight 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    /// The crop's size.
    pub frame: CoordinateFrame,
    /// Width and height of a map.
    pub size: (usize, usize),
    /// Standard deviation of the Gaussians, in pixels of a map.
    pub sigma_px: f64,
    /// The loss of each pixel: `mse` or `adaptive_wing`.
    pub loss: Loss,
    /// The weight of each keypoint in the loss, at least 0; all 1 if absent.
    pub keypoint_weights: Option<Vec<f32>>,
}

impl Heatmap {
    /// All keypoints have the same weight. Maps usually have a quarter of the crop's size, and σ is
    /// 1 to 2 px.
    pub fn new(
        frame: CoordinateFrame,
        size: (usize, usize),
        sigma_px: f64,
        loss: impl Into<Loss>,
    ) -> Self {
        Self {
            frame,
            size,
            sigma_px,
            loss: loss.into(),
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
        if !self.loss.takes(LossInput::Heatmap) {
            let (names, got) = (Loss::names_for(LossInput::Heatmap), self.loss.name());
            bail!(
                "heatmap: the loss must be {}, got {got}",
                names.join(" or ")
            );
        }
        Ok(())
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

    /// Whether a point is at most 3 σ outside the map.
    fn is_near_map(&self, (x, y): (f64, f64)) -> bool {
        let margin = 3.0 * self.sigma_px;
        let within = |x: f64, size: usize| x >= -margin && x <= size as f64 - 1.0 + margin;
        within(x, self.size.0) && within(y, self.size.1)
    }

    /// exp(−(i − mean)² / 2σ²) for each i below `count`.
    fn gaussian(&self, mean: f64, count: usize) -> Vec<f32> {
        let value = |i: usize| {
            let z = (i as f64 - mean) / self.sigma_px;
            (-0.5 * z * z).exp() as f32
        };
        (0..count).map(value).collect()
    }
}

impl Codec for Heatmap {
    /// Values are `[n, n_keypoints, height, width]`.
    fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target> {
        self.check()?;
        let mut weights = label_weights(samples, self.keypoint_weights.as_deref())?;
        let (width, height) = self.size;
        let (n, n_keypoints) = (samples.len(), weights.len() / samples.len());
        let mut values = Vec::with_capacity(weights.len() * width * height);
        let all = samples.iter().flat_map(|sample| sample.keypoints.iter());
        for (keypoint, weight) in all.zip(&mut weights) {
            let (x, y) = self.to_map(keypoint);
            if *weight == 0.0 || !self.is_near_map((x, y)) {
                *weight = 0.0;
                values.resize(values.len() + width * height, 0.0);
                continue;
            }
            let across = self.gaussian(x, width);
            for down in self.gaussian(y, height) {
                values.extend(across.iter().map(|across| across * down));
            }
        }
        let shape = (n, n_keypoints, height, width);
        // Of each pixel where the loss weights pixels, otherwise one for all pixels of a map.
        let mut pixel_weights = Vec::new();
        for (map, weight) in values.chunks_exact(width * height).zip(&weights) {
            let of_map = self.loss.definition().pixel_weights(map, width);
            pixel_weights.extend(of_map.into_iter().flatten().map(|pixel| weight * pixel));
        }
        let (weights, pixels) = if pixel_weights.is_empty() {
            let weights = Tensor::from_vec(weights, (n, n_keypoints, 1, 1), device)?;
            (weights, width * height)
        } else {
            (Tensor::from_vec(pixel_weights, shape, device)?, 1)
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
        let loss = self.loss.definition();
        let each = loss.of_heatmap(&difference, &target.values)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::testing::{EncodeKeypoints, check_gradient, check_training, random, wide};
    use crate::loss::{AdaptiveWing, Mse};
    use candle_core::Var;
    use fkp_core::Keypoints;

    const FRAME: CoordinateFrame = CoordinateFrame {
        width: 64,
        height: 32,
    };
    fn losses() -> [Loss; 2] {
        [Mse.into(), AdaptiveWing::default().into()]
    }

    fn codec(loss: Loss) -> Heatmap {
        Heatmap::new(FRAME, (16, 8), 1.5, loss)
    }

    /// Downscaling by 4 maps the center of the first four pixels to pixel 0.
    #[test]
    fn crop_and_map_have_pixel_centers_at_integers() {
        let keypoints = Keypoints::from_xy(&[[1.5, 1.5], [21.5, 9.5]]);
        let target = codec(Mse.into()).encode_keypoints(&[keypoints]);
        let target = target.unwrap();
        let values = target.values.squeeze(0).unwrap().to_vec3::<f32>().unwrap();
        assert_eq!((values[0][0][0], values[1][2][5]), (1.0, 1.0));
        let expected = (-0.5f32 * (1.0 + 4.0) / 2.25).exp();
        assert!((values[1][4][6] - expected).abs() < 1e-6);
        assert_eq!(target.total_weight, 2.0 * 128.0);
    }

    #[test]
    fn decode_inverts_encode_up_to_the_edges() {
        for loss in losses() {
            let codec = codec(loss);
            let xs = [-0.5, 0.0, 1.3, 13.37, 31.5, 33.9, 60.1, 63.0, 63.5];
            let ys = [-0.5, 0.2, 7.7, 15.5, 16.0, 31.5];
            let keypoints: Vec<[f32; 2]> = xs.iter().flat_map(|x| ys.map(|y| [*x, y])).collect();
            let keypoints = Keypoints::from_xy(&keypoints);
            let target = codec
                .encode_keypoints(std::slice::from_ref(&keypoints))
                .unwrap();
            let decoded = codec.decode(&target.values).unwrap();
            for (a, b) in decoded[0].keypoints.iter().zip(keypoints.iter()) {
                assert!(a.distance(b) < 2e-3, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn unusual_maps_decode_to_finite_keypoints() {
        let codec = codec(Mse.into());
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
    fn gradients_match_finite_differences() {
        let keypoints = Keypoints::new(vec![Keypoint::new(10.0, 20.0), Keypoint::unlabeled()]);
        for loss in losses() {
            let mut codec = codec(loss);
            codec.keypoint_weights = Some(vec![0.7, 1.0]);
            check_gradient(
                &codec,
                std::slice::from_ref(&keypoints),
                &random(3, &[1, 2, 8, 16]),
            );
        }
    }

    /// The formula of the paper, pixel by pixel.
    #[test]
    fn adaptive_wing_follows_its_definition() {
        let codec = codec(AdaptiveWing::default().into());
        let keypoints = Keypoints::from_xy(&[[22.0, 11.0]]);
        let target = wide(&codec.encode_keypoints(&[keypoints]).unwrap());
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
    fn keypoints_far_outside_the_map_have_no_weight() {
        let truth = Keypoints::new(vec![
            Keypoint::new(40.0, 20.0),
            Keypoint::unlabeled(),
            Keypoint::new(-30.0, 20.0),
        ]);
        for loss in losses() {
            let codec = codec(loss);
            let target = codec
                .encode_keypoints(std::slice::from_ref(&truth))
                .unwrap();
            // At a difference of 0 the gradient of a power can become infinite.
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
    fn networks_can_be_trained_with_every_loss() {
        for loss in losses() {
            check_training(&codec(loss), FRAME, &[2, 8, 16], 0.5);
        }
        let mut codec = codec(Mse.into());
        codec.sigma_px = 0.0;
        let error = codec.encode_keypoints(&[Keypoints::unlabeled(1)]);
        assert!(error.unwrap_err().to_string().contains("sigma_px"));
    }
}
