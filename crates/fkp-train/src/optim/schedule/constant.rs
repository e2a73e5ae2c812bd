//! A constant learning rate.

use super::definition::{Definition, PlateauState, SchedulePosition};
use serde::{Deserialize, Serialize};

/// The configured rate throughout.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {}

impl Definition for Constant {
    fn factor(&self, _: SchedulePosition, _: usize, _: &PlateauState) -> f64 {
        1.0
    }
}
