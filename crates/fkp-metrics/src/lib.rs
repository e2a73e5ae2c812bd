//! Metrics of predicted keypoints and of face detections.
//!
//! Papers on landmarks report errors that cannot be compared: of coordinates or of distances, in
//! pixels or in fractions of an eye distance, which is measured between the pupils or between the
//! outer corners. This crate therefore gives every metric a full name, a unit and a formula, and
//! computes all of them in one pass ([`Evaluation`]). Each is also available on its own, as a
//! [`fkp_core::Metric`].
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod average_precision;
mod coordinate;
mod curve;
mod detection_match;
mod evaluation;
mod face_scores;
mod keypoint_error;
mod mean_face;
mod nme;
mod standardized_errors;
mod threshold;

pub use average_precision::{AveragePrecision, OperatingPoint};
pub use coordinate::{Mae, Rmse};
pub use curve::CumulativeErrorCurve;
pub use detection_match::MatchRule;
pub use evaluation::{Evaluation, EvaluationReport, KeypointReport, NmeReport};
pub use face_scores::FaceScores;
pub use mean_face::MeanFace;
pub use nme::{Nme, Normalizer, image_nme};
pub use standardized_errors::StandardizedErrors;
pub use threshold::{Auc, FailureRate};

/// The usual threshold of failure rate and AUC: 8 % of the normalizing distance (Sagonas et al.,
/// *300 Faces In-The-Wild Challenge*, Image and Vision Computing 47, 2016).
pub const DEFAULT_THRESHOLD: f64 = 0.08;
