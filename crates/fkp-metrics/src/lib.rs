//! How far predicted keypoints lie from the true ones.
//!
//! Papers on landmarks quote errors in units that cannot be compared: coordinates or distances,
//! pixels or fractions of an eye distance that is sometimes taken between pupils and sometimes
//! between outer corners. This crate therefore gives every figure its full name and unit, states
//! its formula, and computes all of them in one pass ([`Evaluation`]), so that a report never
//! holds a lone number of unknown kind. Each figure is also a [`fkp_core::Metric`] of its own.
#![doc = ""]
#![doc = include_str!("../README.md")]

mod coordinate;
mod curve;
mod error;
mod evaluation;
mod mean_face;
mod nme;
mod threshold;

pub use coordinate::{Mae, Rmse};
pub use curve::CumulativeErrorCurve;
pub use evaluation::{Evaluation, EvaluationReport, KeypointReport, NmeReport};
pub use mean_face::MeanFace;
pub use nme::{Nme, Normalizer, image_nme};
pub use threshold::{Auc, FailureRate};

/// The threshold that failure rate and AUC are usually quoted at: 8 % of the distance
/// (Sagonas et al., *300 Faces In-The-Wild Challenge*, Image and Vision Computing 47, 2016).
pub const USUAL_THRESHOLD: f64 = 0.08;
