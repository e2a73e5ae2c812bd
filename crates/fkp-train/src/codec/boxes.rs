//! The codec of networks for face detection: a map of cells with a score and a box each.

use super::interface::{Codec, Target};
use super::labels::decode_by;
use candle_core::{Device, Result, Tensor, bail};
use fkp_core::{CoordinateFrame, LabeledBox, OutputSpec, Prediction, Sample};

/// The codec of [`OutputSpec::Boxes`]: objects as points (Zhou et al. 2019).
///
/// The target of the score is 1 in the cell of a face's center, and around it a Gaussian as wide as
/// the face; its loss is the focal loss of that paper. The loss of a box is the absolute error of its
/// center in units of the face's width and height, and of the logarithms of both, averaged over the
/// cells near the center. Each face weighs the same, whatever its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boxes {
    /// Size of the input in pixels.
    pub frame: CoordinateFrame,
    /// Side of a cell in pixels.
    pub stride: usize,
    /// Faces shorter than this in the input count neither as faces nor as background.
    pub min_height_px: f64,
    /// Weight of the boxes in the loss.
    pub box_weight: f64,
}

/// Maps of the output: score, center x and y, width, height.
const CHANNELS: usize = 5;

/// Standard deviation of the Gaussian of a face, in widths and heights of the face.
const SIGMA: f64 = 0.1;

/// Cells with at least this height of the Gaussian learn the box.
const BOX_CELL: f64 = 0.3;

/// Exponents of the focal loss, α and β in the paper.
const FOCAL: (f64, f64) = (2.0, 4.0);

impl Boxes {
    /// For inputs of this size; faces from 8 pixels on.
    pub fn new(frame: CoordinateFrame, stride: usize) -> Self {
        Self {
            frame,
            stride,
            min_height_px: 8.0,
            box_weight: 2.0,
        }
    }

    /// Height and width of the map.
    fn map_size(&self) -> [usize; 2] {
        [self.frame.height, self.frame.width].map(|side| side / self.stride)
    }

    /// Writes the target and the weights of one image, `[5, height, width]` each, and returns the
    /// number of its faces.
    fn encode_one(&self, boxes: &[LabeledBox], values: &mut [f32], weights: &mut [f32]) -> usize {
        let [height, width] = self.map_size();
        let cells = height * width;
        weights[..cells].fill(1.0);
        let is_face = |face: &&LabeledBox| !face.ignore && face.bounds.height >= self.min_height_px;
        for ignored in boxes.iter().filter(|face| !is_face(face)) {
            self.for_each_cell(ignored, 0.5, |cell, _, _| weights[cell] = 0.0);
        }
        let mut faces: Vec<&LabeledBox> = boxes.iter().filter(is_face).collect();
        // A cell near the centers of several faces learns the smallest, whose box has fewer cells.
        let area = |face: &LabeledBox| face.bounds.width * face.bounds.height;
        faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
        for face in &faces {
            let [w, h] = [face.bounds.width, face.bounds.height];
            let mut near = Vec::new();
            self.for_each_cell(face, 3.0 * SIGMA, |cell, dx, dy| {
                let (u, v) = (dx / (SIGMA * w), dy / (SIGMA * h));
                let gaussian = (-0.5 * (u * u + v * v)).exp();
                // The cell of the center has its own target.
                let is_center = 2.0 * dx.abs().max(dy.abs()) <= self.stride as f64;
                let target = if is_center { 1.0 } else { gaussian.min(0.99) };
                values[cell] = values[cell].max(target as f32);
                weights[cell] = 1.0;
                if is_center || gaussian >= BOX_CELL {
                    near.push((cell, dx, dy, target));
                }
            });
            let stride = self.stride as f64;
            let sum: f64 = near.iter().map(|(.., target)| target).sum();
            for (cell, dx, dy, target) in near {
                let weight = self.box_weight * target / sum;
                let boxes = [
                    (dx / stride, weight * stride / w),
                    (dy / stride, weight * stride / h),
                    ((w / stride).ln(), weight),
                    ((h / stride).ln(), weight),
                ];
                for (channel, (value, weight)) in boxes.into_iter().enumerate() {
                    values[(channel + 1) * cells + cell] = value as f32;
                    weights[(channel + 1) * cells + cell] = weight as f32;
                }
            }
        }
        faces.len()
    }

    /// Calls `visit` with the index of each cell whose center is within this fraction of width and
    /// height from the center of the box, or that contains it, and with the vector from the center of
    /// the cell to that of the box, in pixels.
    fn for_each_cell(
        &self,
        face: &LabeledBox,
        fraction: f64,
        mut visit: impl FnMut(usize, f64, f64),
    ) {
        let [height, width] = self.map_size();
        let stride = self.stride as f64;
        let (cx, cy) = face.bounds.center();
        let range = |center: f64, length: f64, count: usize| {
            let center = (center + 0.5) / stride - 0.5;
            let half = (fraction * length / stride).max(0.5);
            let low = (center - half).ceil().max(0.0) as usize;
            // A center on an edge belongs to the cells on both sides.
            let high = (center + half).floor().min(count as f64 - 1.0);
            low..(high + 1.0).max(0.0) as usize
        };
        for y in range(cy, face.bounds.height, height) {
            for x in range(cx, face.bounds.width, width) {
                let of_cell = |cell: usize| (cell as f64 + 0.5) * stride - 0.5;
                visit(y * width + x, cx - of_cell(x), cy - of_cell(y));
            }
        }
    }
}

impl Codec for Boxes {
    /// Values and weights are `[n, 5, height, width]`. The total weight is the number of faces and of
    /// images, so that images without faces count as well.
    fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target> {
        let [height, width] = self.map_size();
        if height * width == 0 {
            bail!(
                "boxes: the input is smaller than a cell of {} px",
                self.stride
            );
        }
        let each = CHANNELS * height * width;
        let (mut values, mut weights) = (
            vec![0.0; samples.len() * each],
            vec![0.0; samples.len() * each],
        );
        let mut total = samples.len();
        let of_samples = values
            .chunks_exact_mut(each)
            .zip(weights.chunks_exact_mut(each));
        for (sample, (values, weights)) in samples.iter().zip(of_samples) {
            total += self.encode_one(&sample.boxes, values, weights);
        }
        let shape = (samples.len(), CHANNELS, height, width);
        Ok(Target {
            values: Tensor::from_vec(values, shape, device)?,
            weights: Tensor::from_vec(weights, shape, device)?,
            total_weight: total as f64,
        })
    }

    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor> {
        let part = |tensor: &Tensor| -> Result<[Tensor; 2]> {
            let boxes = tensor.narrow(1, 1, CHANNELS - 1)?;
            Ok([tensor.narrow(1, 0, 1)?, boxes])
        };
        let [logits, boxes] = part(output)?;
        let [scores, targets] = part(&target.values)?;
        let [score_weights, box_weights] = part(&target.weights)?;
        let focal = (focal_loss(&logits, &scores)? * score_weights)?.sum_all()?;
        let errors = ((boxes - targets)?.abs()? * box_weights)?.sum_all()?;
        focal + errors
    }

    fn decode(&self, output: &Tensor) -> Result<Vec<Prediction>> {
        let spec = OutputSpec::Boxes {
            stride: self.stride,
        };
        decode_by(&spec, output, self.frame)
    }

    fn describe(&self) -> String {
        let Self {
            stride,
            min_height_px,
            box_weight,
            ..
        } = self;
        format!(
            "boxes, stride {stride}, faces from {min_height_px} px, focal loss {FOCAL:?}, Gaussians of \
             {SIGMA}, boxes from {BOX_CELL}, weight {box_weight}"
        )
    }
}

/// The focal loss of each cell: −(1 − p)^α log p where the target g is 1, and elsewhere
/// −(1 − g)^β p^α log(1 − p), with p = σ(z).
fn focal_loss(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let (alpha, beta) = FOCAL;
    let p = candle_nn::ops::sigmoid(logits)?;
    // log(1 + e^−|z|), which is finite for any z.
    let rest = logits.abs()?.neg()?.exp()?.affine(1.0, 1.0)?.log()?;
    let minus_log_p = (logits.neg()?.relu()? + &rest)?;
    let minus_log_not_p = (logits.relu()? + &rest)?;
    let is_center = targets.ge(1.0)?.to_dtype(logits.dtype())?;
    let not_center = is_center.affine(-1.0, 1.0)?;
    let positive = (p.affine(-1.0, 1.0)?.powf(alpha)? * minus_log_p)?;
    let weight = (targets.affine(-1.0, 1.0)?.powf(beta)? * not_center)?;
    let negative = (p.powf(alpha)? * minus_log_not_p)?;
    (positive * is_center)? + (negative * weight)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Var;
    use fkp_core::{BoundingBox, Image, Keypoints};

    const FRAME: CoordinateFrame = CoordinateFrame {
        width: 64,
        height: 48,
    };

    fn sample(boxes: &[[f64; 4]]) -> Sample {
        let face =
            |&[x, y, w, h]: &[f64; 4]| LabeledBox::face(BoundingBox::from_image_edges(x, y, w, h));
        Sample {
            boxes: boxes.iter().map(face).collect(),
            ..Sample::new("crowd", Image::filled(64, 48, 1, 0), Keypoints::default())
        }
    }

    /// Where the targets are predicted, the boxes are found again.
    #[test]
    fn decoding_a_target_gives_the_boxes() {
        let codec = Boxes::new(FRAME, 8);
        let boxes = [[3.0, 5.0, 9.0, 11.0], [30.0, 8.0, 30.0, 36.0]];
        let target = codec
            .encode(&[sample(&boxes), sample(&[])], &Device::Cpu)
            .unwrap();
        assert_eq!(target.total_weight, 4.0);
        // The logit of a target of 1 is high.
        let scores = target
            .values
            .narrow(1, 0, 1)
            .unwrap()
            .affine(20.0, -10.0)
            .unwrap();
        let output = Tensor::cat(&[scores, target.values.narrow(1, 1, 4).unwrap()], 1).unwrap();
        let found = codec.decode(&output).unwrap();
        assert!(found[1].detections.is_empty());
        let found = &found[0].detections;
        assert_eq!(found.len(), 2);
        for face in sample(&boxes).boxes {
            let best = found
                .iter()
                .map(|f| f.bounds.iou(&face.bounds))
                .fold(0.0, f64::max);
            assert!(best > 0.999, "{best}");
        }
        let loss = codec
            .loss(&output, &target)
            .unwrap()
            .to_scalar::<f32>()
            .unwrap();
        assert!(loss < 0.05, "{loss}");
    }

    #[test]
    fn ignored_and_small_faces_are_neither_faces_nor_background() {
        let codec = Boxes::new(FRAME, 8);
        let mut both = sample(&[[8.0, 8.0, 16.0, 16.0], [40.0, 24.0, 6.0, 7.0]]);
        both.boxes[0].ignore = true;
        let target = codec.encode(&[both], &Device::Cpu).unwrap();
        assert_eq!(target.total_weight, 1.0);
        let values = target
            .values
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        assert!(values.iter().all(|value| *value == 0.0));
        let weights = target.weights.narrow(1, 0, 1).unwrap();
        let weights = weights.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let without = |x: usize, y: usize| weights[y * 8 + x] == 0.0;
        assert!(without(1, 1) && without(2, 2) && without(5, 3));
        assert_eq!(weights.iter().filter(|weight| **weight == 0.0).count(), 5);
    }

    /// The formula of the paper for two cells, computed by hand.
    #[test]
    fn the_focal_loss_is_that_of_the_paper() {
        let logits = Tensor::new(&[0.5f64, 0.5, -40.0, 40.0], &Device::Cpu).unwrap();
        let targets = Tensor::new(&[1.0f64, 0.5, 1.0, 0.0], &Device::Cpu).unwrap();
        let got = focal_loss(&logits, &targets)
            .unwrap()
            .to_vec1::<f64>()
            .unwrap();
        let p = 1.0 / (1.0 + (-0.5f64).exp());
        let expected = [
            -(1.0 - p).powi(2) * p.ln(),
            -(0.5f64).powi(4) * p.powi(2) * (1.0 - p).ln(),
            40.0,
            40.0,
        ];
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-9, "{got} {expected}");
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        let codec = Boxes::new(FRAME, 8);
        let target = codec
            .encode(&[sample(&[[10.0, 6.0, 20.0, 22.0]])], &Device::Cpu)
            .unwrap();
        let target = Target {
            values: target.values.to_dtype(candle_core::DType::F64).unwrap(),
            weights: target.weights.to_dtype(candle_core::DType::F64).unwrap(),
            ..target
        };
        let output = crate::codec::testing::random(3, &[1, 5, 6, 8]);
        let variable = Var::from_tensor(&output).unwrap();
        let loss = codec.loss(&variable, &target).unwrap();
        let gradient = loss.backward().unwrap().get(&variable).unwrap().clone();
        let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let values = output.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let at = |values: Vec<f64>| {
            let output = Tensor::from_vec(values, (1, 5, 6, 8), &Device::Cpu).unwrap();
            codec
                .loss(&output, &target)
                .unwrap()
                .to_scalar::<f64>()
                .unwrap()
        };
        for i in 0..values.len() {
            let moved = |by: f64| {
                let mut values = values.clone();
                values[i] += by;
                at(values)
            };
            let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!(
                (gradient[i] - expected).abs() < 1e-5,
                "{i}: {} {expected}",
                gradient[i]
            );
        }
    }
}
