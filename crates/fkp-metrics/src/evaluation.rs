//! All figures of a report in one pass.

use crate::USUAL_THRESHOLD;
use crate::curve::CumulativeErrorCurve;
use crate::error::{mean, scored};
use crate::nme::{Nme, Normalizer};
use fkp_core::{CoordinateFrame, Direction, Keypoints, Metric, Prediction, Sample, Schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a model scored on a data set. In JSON a figure is `null` where nothing was scored, and
/// where it is infinite because a prediction was not finite; read back, both are `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// Number of images, those without any label included.
    pub samples: usize,
    /// Mean training loss over the images; filled in by whoever knows the loss.
    pub loss: Option<f64>,
    /// Mean absolute coordinate error in pixels; see [`crate::Mae`].
    pub mae_px: Option<f64>,
    /// The same in the unit of [`CoordinateFrame`], in which the image is 2 wide and 2 high:
    /// each axis is multiplied by 2 / its side before the mean.
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
    /// distance, `failure_rate_8`, `auc_8`, or the name of a further metric. `None` where there is
    /// no such metric or nothing was scored.
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
    /// The error by a distance of this name: a normalizing pair's, or `box`.
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
    /// By the distance of the outer eye corners; `None` where the schema has no such pair.
    pub inter_ocular: Option<f64>,
    /// By the distance of the eye centers; `None` where the schema has no such pair.
    pub inter_pupil: Option<f64>,
    /// By `√(w·h)` of the box of the labeled keypoints.
    #[serde(rename = "box")]
    pub by_box: Option<f64>,
    /// By the schema's other normalizing pairs, under their own names beside the above.
    #[serde(flatten)]
    pub other: BTreeMap<String, Option<f64>>,
}

/// What a model scored on one keypoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeypointReport {
    /// The keypoint's name in the schema.
    pub name: String,
    /// Mean absolute coordinate error in pixels.
    pub mae_px: Option<f64>,
    /// Root mean squared coordinate error in pixels.
    pub rmse_px: Option<f64>,
    /// In how many images it was labeled.
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

    /// The same with further metrics, reported under their names.
    pub fn with_metrics(mut self, metrics: Vec<Box<dyn Metric>>) -> Self {
        self.other.extend(metrics);
        self
    }

    /// Every name that [`EvaluationReport::value`] knows of this evaluation, and which values of it
    /// are better.
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

    /// Takes one more sample into account.
    ///
    /// # Panics
    /// If prediction or sample have another number of keypoints than the schema.
    pub fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        self.add(&predicted.keypoints, &truth.keypoints);
        for metric in &mut self.other {
            metric.update(predicted, truth);
        }
    }

    /// Takes the keypoints of one more image into account, without the further metrics.
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

    /// The cumulative error curve by the schema's first normalizing pair, or the box.
    pub fn curve(&self) -> &CumulativeErrorCurve {
        &self.curve
    }

    /// The figures so far, without a loss.
    pub fn report(&self) -> EvaluationReport {
        let mut all = KeypointSums::default();
        for keypoint in &self.keypoints {
            all.merge(keypoint);
        }
        let per_axis = [self.frame.width, self.frame.height].map(|side| 2.0 / side as f64);
        let norm = all.absolute[0] * per_axis[0] + all.absolute[1] * per_axis[1];
        let mut nme = NmeReport::default();
        for figure in &self.nme {
            let slot = match (figure.normalizer(), figure.normalizer().name()) {
                (Normalizer::Box, _) => &mut nme.by_box,
                (_, "inter_ocular") => &mut nme.inter_ocular,
                (_, "inter_pupil") => &mut nme.inter_pupil,
                // The name is taken by the box of all keypoints.
                (_, "box") => continue,
                (_, other) => nme.other.entry(other.to_owned()).or_default(),
            };
            *slot = figure.value();
        }
        EvaluationReport {
            samples: self.samples,
            loss: None,
            mae_px: all.mae_px(),
            mae_norm: mean(norm, 2 * all.count),
            rmse_px: all.rmse_px(),
            nme,
            failure_rate_8: self.curve.failure_rate(USUAL_THRESHOLD),
            auc_8: self.curve.auc(USUAL_THRESHOLD),
            per_keypoint: self
                .names
                .iter()
                .zip(&self.keypoints)
                .map(|(name, sums)| KeypointReport {
                    name: name.clone(),
                    mae_px: sums.mae_px(),
                    rmse_px: sums.rmse_px(),
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
    squared: f64,
    count: usize,
}

impl KeypointSums {
    fn add(&mut self, [x, y]: [f64; 2]) {
        self.absolute[0] += x;
        self.absolute[1] += y;
        self.squared += x * x + y * y;
        self.count += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.absolute[0] += other.absolute[0];
        self.absolute[1] += other.absolute[1];
        self.squared += other.squared;
        self.count += other.count;
    }

    fn mae_px(&self) -> Option<f64> {
        mean(self.absolute[0] + self.absolute[1], 2 * self.count)
    }

    fn rmse_px(&self) -> Option<f64> {
        mean(self.squared, 2 * self.count).map(f64::sqrt)
    }
}
