//! Networks that draw a map for each point.

use super::{Codec, Target, label_weights};
use candle_core::{D, Device, Result, Tensor, bail};
use fkp_core::{CoordinateFrame, Keypoint, Keypoints};
use serde::{Deserialize, Serialize};

/// How far a pixel of a heatmap is from its target.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HeatmapLoss {
    /// The square of the difference.
    #[default]
    Mse,
    /// Adaptive Wing (Wang et al. 2019, equation 4) with the paper's weighted loss map. For a
    /// difference d and a target y: ω · ln(1 + |d/ε|^(α − y)) below θ and A·|d| − C from there
    /// on, with A and C for which value and slope meet.
    AdaptiveWing {
        /// α, above 1 more than y can be: 2.1.
        alpha: f64,
        /// ω: 14.
        omega: f64,
        /// ε: 1.
        epsilon: f64,
        /// θ: 0.5.
        theta: f64,
        /// How much more the pixels around a point (target at least 0.2, and their neighbours)
        /// count than the rest: 10.
        foreground: f64,
    },
}

impl HeatmapLoss {
    /// Adaptive Wing with the constants of the paper.
    pub fn adaptive_wing() -> Self {
        Self::AdaptiveWing {
            alpha: 2.1,
            omega: 14.0,
            epsilon: 1.0,
            theta: 0.5,
            foreground: 10.0,
        }
    }
}

/// Outputs `[n, n_keypoints, height, width]` are pictures of the points: each a Gaussian of height
/// 1 around its point.
///
/// A map covers the whole crop. A crop's pixel x is at (x + 0.5)·s − 0.5 of a map s times as wide,
/// pixel centres at integers in both; the Gaussian's middle is there and not at the nearest pixel.
/// A point more than 3 σ outside the map leaves no trace in it and has no weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    /// The crop's size.
    pub frame: CoordinateFrame,
    /// Width and height of a map.
    pub size: (usize, usize),
    /// Standard deviation of the Gaussians, in pixels of a map.
    pub sigma_px: f64,
    /// What is minimised.
    pub loss: HeatmapLoss,
    /// How much each point counts, one weight from 0 for each; all the same where absent.
    pub point_weights: Option<Vec<f32>>,
}

/// Where a target counts as foreground.
const FOREGROUND_FROM: f32 = 0.2;

impl Heatmap {
    /// All points alike. Usual are maps of a quarter of the crop's size, and σ from 1 to 2 px.
    pub fn new(
        frame: CoordinateFrame,
        size: (usize, usize),
        sigma_px: f64,
        loss: HeatmapLoss,
    ) -> Self {
        Self {
            frame,
            size,
            sigma_px,
            loss,
            point_weights: None,
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
        if let HeatmapLoss::AdaptiveWing {
            alpha,
            omega,
            epsilon,
            theta,
            foreground,
        } = self.loss
        {
            let positive = [omega, epsilon, theta].iter().all(|v| *v > 0.0);
            if !(alpha > 2.0 && positive && foreground >= 0.0) {
                bail!(
                    "heatmap: {:?} must have α above 2 and positive constants",
                    self.loss
                );
            }
        }
        Ok(())
    }

    /// A point of the crop in pixels of the map.
    fn to_map(&self, point: &Keypoint) -> (f64, f64) {
        let along =
            |x: f32, crop: usize, map: usize| (f64::from(x) + 0.5) * map as f64 / crop as f64 - 0.5;
        (
            along(point.x, self.frame.width, self.size.0),
            along(point.y, self.frame.height, self.size.1),
        )
    }

    fn to_crop(&self, x: f64, y: f64) -> Keypoint {
        let along =
            |x: f64, crop: usize, map: usize| ((x + 0.5) * crop as f64 / map as f64 - 0.5) as f32;
        Keypoint::new(
            along(x, self.frame.width, self.size.0),
            along(y, self.frame.height, self.size.1),
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

    /// The place of the highest pixel, refined in each direction by the parabola through the
    /// logarithms of three pixels, which is exact for a Gaussian.
    fn peak(&self, map: &[f32]) -> Keypoint {
        let (width, height) = self.size;
        let mut best = 0;
        for (i, value) in map.iter().enumerate() {
            if *value > map[best] {
                best = i;
            }
        }
        let (x, y) = (best % width, best / width);
        let row = |x: usize| map[y * width + x];
        let column = |y: usize| map[y * width + x];
        self.to_crop(
            x as f64 + self.offset(row, x, width),
            y as f64 + self.offset(column, y, height),
        )
    }

    /// Distance from pixel `i`, the highest, to the peak, within half a pixel.
    fn offset(&self, value: impl Fn(usize) -> f32, i: usize, count: usize) -> f64 {
        // Outputs may be negative; a logarithm needs a floor well below any peak.
        let top = f64::from(value(i));
        if top.is_nan() || top <= 0.0 {
            return 0.0;
        }
        let log = |i: usize| f64::from(value(i)).max(1e-6 * top).ln();
        let middle = log(i);
        let variance = self.sigma_px * self.sigma_px;
        let offset = if i == 0 {
            // One neighbour and the known width stand in for two neighbours.
            0.5 - variance * (middle - log(1))
        } else if i + 1 == count {
            variance * (middle - log(i - 1)) - 0.5
        } else {
            let (before, after) = (log(i - 1), log(i + 1));
            let bend = 2.0 * middle - before - after;
            match bend > 0.0 {
                true => 0.5 * (after - before) / bend,
                false => 0.0,
            }
        };
        offset.clamp(-0.5, 0.5)
    }
}

impl Codec for Heatmap {
    /// Values are `[n, n_keypoints, height, width]`.
    fn encode(&self, keypoints: &[Keypoints], device: &Device) -> Result<Target> {
        self.check()?;
        let of_points = label_weights(keypoints, self.point_weights.as_deref())?;
        let (width, height) = self.size;
        let (n, points) = (keypoints.len(), of_points.len() / keypoints.len());
        let mut values = Vec::with_capacity(of_points.len() * width * height);
        let mut weights = of_points;
        let all_points = keypoints.iter().flat_map(|points| points.iter());
        for (point, weight) in all_points.zip(&mut weights) {
            let (x, y) = self.to_map(point);
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
        let shape = (n, points, height, width);
        let (weights, pixels) = match self.loss {
            HeatmapLoss::Mse => {
                let weights = Tensor::from_vec(weights, (n, points, 1, 1), device)?;
                (weights, width * height)
            }
            HeatmapLoss::AdaptiveWing { foreground, .. } => {
                let maps = values.chunks_exact(width * height).zip(weights);
                let weights = maps.flat_map(|(map, weight)| {
                    let near = near_foreground(map, width);
                    let heavy = weight * (1.0 + foreground as f32);
                    near.into_iter()
                        .map(move |near| if near { heavy } else { weight })
                });
                (Tensor::from_vec(weights.collect(), shape, device)?, 1)
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
            HeatmapLoss::Mse => difference.sqr()?,
            HeatmapLoss::AdaptiveWing {
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
        };
        each.broadcast_mul(&target.weights)?.sum_all()
    }

    fn decode(&self, output: &Tensor) -> Result<Vec<Keypoints>> {
        let (_, _, height, width) = output.dims4()?;
        if (width, height) != self.size {
            let (w, h) = self.size;
            bail!("heatmap: the maps must be {w}×{h}, got {width}×{height}");
        }
        let samples = output.flatten_from(D::Minus2)?.to_vec3::<f32>()?;
        let decode = |maps: &Vec<Vec<f32>>| maps.iter().map(|map| self.peak(map)).collect();
        Ok(samples.iter().map(decode).collect())
    }
}

/// Whether a pixel or one of its eight neighbours is foreground.
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
    use crate::codec::testing::{check_gradient, learns, random, wide};
    use candle_core::Var;

    const FRAME: CoordinateFrame = CoordinateFrame {
        width: 64,
        height: 32,
    };
    const LOSSES: [fn() -> HeatmapLoss; 2] = [|| HeatmapLoss::Mse, HeatmapLoss::adaptive_wing];

    fn codec(loss: HeatmapLoss) -> Heatmap {
        Heatmap::new(FRAME, (16, 8), 1.5, loss)
    }

    /// Resizing a crop four times smaller puts the middle of its first four pixels on pixel 0.
    #[test]
    fn pixels_have_their_centres_at_integers_in_both() {
        let points = Keypoints::from_xy(&[[1.5, 1.5], [21.5, 9.5]]);
        let target = codec(HeatmapLoss::Mse).encode(&[points], &Device::Cpu);
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
            let points: Vec<[f32; 2]> = xs.iter().flat_map(|x| ys.map(|y| [*x, y])).collect();
            let points = Keypoints::from_xy(&points);
            let target = codec
                .encode(std::slice::from_ref(&points), &Device::Cpu)
                .unwrap();
            let decoded = codec.decode(&target.values).unwrap();
            for (a, b) in decoded[0].iter().zip(points.iter()) {
                assert!(a.distance(b) < 2e-3, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn odd_maps_decode_to_a_finite_point() {
        let codec = codec(HeatmapLoss::Mse);
        for value in [0.0, -1.0, 1.0, f32::NAN, f32::NEG_INFINITY] {
            let map = Tensor::full(value, (1, 1, 8, 16), &Device::Cpu).unwrap();
            let point = codec.decode(&map).unwrap()[0][0];
            assert!(
                point.x.is_finite() && point.y.is_finite(),
                "{value}: {point:?}"
            );
        }
        let map = Tensor::zeros((1, 1, 16, 8), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(codec.decode(&map).is_err());
    }

    #[test]
    fn gradients_are_the_differences_of_the_loss() {
        let points = Keypoints::new(vec![Keypoint::new(10.0, 20.0), Keypoint::unlabelled()]);
        for loss in LOSSES {
            let mut codec = codec(loss());
            codec.point_weights = Some(vec![0.7, 1.0]);
            check_gradient(
                &codec,
                std::slice::from_ref(&points),
                &random(3, &[1, 2, 8, 16]),
            );
        }
    }

    /// Adaptive Wing as the paper writes it, pixel by pixel.
    #[test]
    fn adaptive_wing_follows_its_definition() {
        let codec = codec(HeatmapLoss::adaptive_wing());
        let points = Keypoints::from_xy(&[[22.0, 11.0]]);
        let target = wide(&codec.encode(&[points], &Device::Cpu).unwrap());
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
            Keypoint::unlabelled(),
            Keypoint::new(-30.0, 20.0),
        ]);
        for loss in LOSSES {
            let codec = codec(loss());
            let target = codec
                .encode(std::slice::from_ref(&truth), &Device::Cpu)
                .unwrap();
            // A perfect map is where the gradient of a power is most delicate.
            let output = Var::from_tensor(&target.values).unwrap();
            let grads = codec.loss(&output, &target).unwrap().backward().unwrap();
            let grad = grads.get(&output).unwrap().flatten_all().unwrap();
            assert!(grad.to_vec1::<f32>().unwrap().iter().all(|g| g.is_finite()));
            let output = Var::from_tensor(&(&target.values + 0.3).unwrap()).unwrap();
            let grads = codec.loss(&output, &target).unwrap().backward().unwrap();
            let grad = grads.get(&output).unwrap().abs().unwrap();
            let per_point = grad.sum((2, 3)).unwrap().to_vec2::<f32>().unwrap();
            assert!(per_point[0][0] > 0.0);
            assert_eq!(per_point[0][1..], [0.0, 0.0]);
        }
    }

    #[test]
    fn maps_can_be_learnt() {
        for loss in LOSSES {
            learns(&codec(loss()), FRAME, &[2, 8, 16], 0.5);
        }
        let mut codec = codec(HeatmapLoss::Mse);
        codec.sigma_px = 0.0;
        let error = codec.encode(&[Keypoints::unlabelled(1)], &Device::Cpu);
        assert!(error.unwrap_err().to_string().contains("sigma_px"));
    }
}
