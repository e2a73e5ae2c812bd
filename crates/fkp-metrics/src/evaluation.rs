//! Validation metrics: all of them in one pass over the samples.

use crate::DEFAULT_THRESHOLD;
use crate::curve::CumulativeErrorCurve;
use crate::keypoint_error::{mean, scored};
use crate::nme::{Nme, Normalizer};
use fkp_core::{CoordinateFrame, Direction, Keypoints, Metric, Prediction, Sample, Schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Validation metrics of a model on a data set. In JSON a value is `null` if nothing was scored,
/// and also if it is infinite because a prediction was not finite; both are read back as `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// Number of images, including those without labels.
    pub samples: usize,
    /// Mean loss over the images; set by the training loop, which has the loss function.
    pub loss: Option<f64>,
    /// Mean absolute coordinate error in pixels; see [`crate::Mae`].
    pub mae_px: Option<f64>,
    /// The same in the coordinates of [`CoordinateFrame`], in which the image is 2 wide and 2 high:
    /// the error along each axis is multiplied by 2 / side before the mean.
    pub mae_norm: Option<f64>,
    /// Root mean squared coordinate error in pixels; see [`crate::Rmse`].
    pub rmse_px: Option<f64>,
    /// Normalized mean errors as fractions.
    pub nme: NmeReport,
    /// Fraction of images with a normalized error above 8 %, by the schema's first normalizing
    /// pair, or the box if it has none.
    pub failure_rate_8: Option<f64>,
    /// Area under the cumulative error curve up to 8 %, in [0, 1], by the same distance.
    pub auc_8: Option<f64>,
    /// The keypoints in the schema's order.
    pub per_keypoint: Vec<KeypointReport>,
    /// Further metrics by name; see [`Evaluation::with_metrics`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, Option<f64>>,
}

impl EvaluationReport {
    /// A metric by its name: `loss`, `mae_px`, `mae_norm`, `rmse_px`, `nme_` with the name of a
    /// distance, `failure_rate_8`, `auc_8`, or the name of a further metric. `None` if the report
    /// does not have the metric or nothing was scored.
    pub fn value(&self, name: &str) -> Option<f64> {
        match name {
            "loss" => self.loss,
            "mae_px" => self.mae_px,
            "mae_norm" => self.mae_norm,
            "rmse_px" => self.rmse_px,
            "failure_rate_8" => self.failure_rate_8,
            "auc_8" => self.auc_8,
            name => match name.strip_prefix("nme_").and_then(|by| self.nme.by(by)) {
                Some(nme) => Some(nme),
                None => self.other.get(name).copied().flatten(),
            },
        }
    }
}

impl NmeReport {
    /// The error normalized by the distance of this name: that of a normalizing pair, or `box`.
    pub fn by(&self, name: &str) -> Option<f64> {
        match name {
            "inter_ocular" => self.inter_ocular,
            "inter_pupil" => self.inter_pupil,
            "box" => self.by_box,
            other => self.other.get(other).copied().flatten(),
        }
    }
}

/// Normalized mean errors by distance. All are fractions: 0.05 is 5 %.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NmeReport {
    /// By the distance of the outer eye corners; `None` if the schema does not have this pair.
    pub inter_ocular: Option<f64>,
    /// By the distance of the eye centers; `None` if the schema does not have this pair.
    pub inter_pupil: Option<f64>,
    /// By `√(w·h)` of the box of the labeled keypoints.
    #[serde(rename = "box")]
    pub by_box: Option<f64>,
    /// By the schema's other normalizing pairs, under their own names.
    #[serde(flatten)]
    pub other: BTreeMap<String, Option<f64>>,
}

/// Metrics of one keypoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeypointReport {
    /// The keypoint's name in the schema.
    pub name: String,
    /// Mean absolute coordinate error in pixels.
    pub mae_px: Option<f64>,
    /// Root mean squared coordinate error in pixels.
    pub rmse_px: Option<f64>,
    /// Mean signed error in x and y, predicted − true, in pixels; `None` if a prediction was not
    /// finite.
    #[serde(default)]
    pub bias_px: Option<[f64; 2]>,
    /// Number of images in which it was labeled.
    pub scored: usize,
}

/// Accumulates an [`EvaluationReport`] over predictions and labeled samples, in pixels.
pub struct Evaluation {
    names: Vec<String>,
    frame: CoordinateFrame,
    samples: usize,
    keypoints: Vec<KeypointSums>,
    nme: Vec<Nme>,
    curve: CumulativeErrorCurve,
    other: Vec<Box<dyn Metric>>,
}

impl Evaluation {
    /// An empty evaluation of images of this size.
    pub fn new(schema: &Schema, frame: CoordinateFrame) -> Self {
        Self {
            names: schema.keypoints().to_vec(),
            frame,
            samples: 0,
            keypoints: vec![KeypointSums::default(); schema.len()],
            nme: Normalizer::all(schema).into_iter().map(Nme::new).collect(),
            curve: CumulativeErrorCurve::new(Normalizer::preferred(schema)),
            other: Vec::new(),
        }
    }

    /// Adds further metrics, reported under their names.
    pub fn with_metrics(mut self, metrics: Vec<Box<dyn Metric>>) -> Self {
        self.other.extend(metrics);
        self
    }

    /// The name of every metric of this evaluation, for [`EvaluationReport::value`], with its
    /// direction.
    pub fn names(&self) -> Vec<(String, Direction)> {
        let lower = ["loss", "mae_px", "mae_norm", "rmse_px"].map(str::to_owned);
        let nme = self.nme.iter().map(|nme| nme.name().to_owned());
        let failures = ["failure_rate_8".to_owned()];
        let lower = lower.into_iter().chain(nme).chain(failures);
        let standard = lower.map(|name| (name, Direction::LowerIsBetter));
        let auc = [("auc_8".to_owned(), Direction::HigherIsBetter)];
        let other = self.other.iter();
        let other = other.map(|metric| (metric.name().to_owned(), metric.direction()));
        standard.chain(auc).chain(other).collect()
    }

    /// Accumulates one more sample.
    ///
    /// # Panics
    /// If prediction or sample have another number of keypoints than the schema.
    pub fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        self.add(&predicted.keypoints, &truth.keypoints);
        for metric in &mut self.other {
            metric.update(predicted, truth);
        }
    }

    /// Accumulates the keypoints of one more image, without the further metrics.
    ///
    /// # Panics
    /// If a set has another number of keypoints than the schema.
    pub fn add(&mut self, predicted: &Keypoints, truth: &Keypoints) {
        assert_eq!(
            truth.len(),
            self.keypoints.len(),
            "truth and schema have different numbers of keypoints"
        );
        self.samples += 1;
        for (index, error) in scored(predicted, truth) {
            self.keypoints[index].add(error);
        }
        for nme in &mut self.nme {
            nme.add(predicted, truth);
        }
        self.curve.add(predicted, truth);
    }

    /// The cumulative error curve, normalized by the schema's first normalizing pair or the box.
    pub fn curve(&self) -> &CumulativeErrorCurve {
        &self.curve
    }

    /// The metrics over the samples so far, without a loss.
    pub fn report(&self) -> EvaluationReport {
        let mut all = KeypointSums::default();
        for keypoint in &self.keypoints {
            all.merge(keypoint);
        }
        let per_axis = [self.frame.width, self.frame.height].map(|side| 2.0 / side as f64);
        let norm = all.absolute[0] * per_axis[0] + all.absolute[1] * per_axis[1];
        let mut nme = NmeReport::default();
        for metric in &self.nme {
            let value = match (metric.normalizer(), metric.normalizer().name()) {
                (Normalizer::Box, _) => &mut nme.by_box,
                (_, "inter_ocular") => &mut nme.inter_ocular,
                (_, "inter_pupil") => &mut nme.inter_pupil,
                // A pair with the reserved name of the box.
                (_, "box") => continue,
                (_, other) => nme.other.entry(other.to_owned()).or_default(),
            };
            *value = metric.value();
        }
        EvaluationReport {
            samples: self.samples,
            loss: None,
            mae_px: all.mae_px(),
            mae_norm: mean(norm, 2 * all.count),
            rmse_px: all.rmse_px(),
            nme,
            failure_rate_8: self.curve.failure_rate(DEFAULT_THRESHOLD),
            auc_8: self.curve.auc(DEFAULT_THRESHOLD),
            per_keypoint: self
                .names
                .iter()
                .zip(&self.keypoints)
                .map(|(name, sums)| KeypointReport {
                    name: name.clone(),
                    mae_px: sums.mae_px(),
                    rmse_px: sums.rmse_px(),
                    bias_px: sums.bias_px(),
                    scored: sums.count,
                })
                .collect(),
            other: self
                .other
                .iter()
                .map(|metric| (metric.name().to_owned(), metric.value()))
                .collect(),
        }
    }
}

/// Sums over the labels of one keypoint.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct KeypointSums {
    absolute: [f64; 2],
    signed: [f64; 2],
    squared: f64,
    count: usize,
}

impl KeypointSums {
    fn add(&mut self, [x, y]: [f64; 2]) {
        self.absolute[0] += x.abs();
        self.absolute[1] += y.abs();
        self.signed[0] += x;
        self.signed[1] += y;
        self.squared += x * x + y * y;
        self.count += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.absolute[0] += other.absolute[0];
        self.absolute[1] += other.absolute[1];
        self.signed[0] += other.signed[0];
        self.signed[1] += other.signed[1];
        self.squared += other.squared;
        self.count += other.count;
    }

    fn mae_px(&self) -> Option<f64> {
        mean(self.absolute[0] + self.absolute[1], 2 * self.count)
    }

    fn bias_px(&self) -> Option<[f64; 2]> {
        let mean = self.signed.map(|sum| sum / self.count as f64);
        mean.iter().all(|c| c.is_finite()).then_some(mean)
    }

    fn rmse_px(&self) -> Option<f64> {
        mean(self.squared, 2 * self.count).map(f64::sqrt)
    }
}
