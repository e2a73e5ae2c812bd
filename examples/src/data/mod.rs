//! From a path, or rendered faces, to the crops that a network is trained and evaluated on.

mod boxes;
mod digest;
mod evaluated;
mod evaluation;
mod filtered;
mod mixed;
mod part;
mod rendered;
mod rendered_scenes;
mod rendered_seeds;
mod source;
mod training;

pub use boxes::open_boxes_for_evaluation;
pub use digest::digest;
pub use evaluated::EvaluatedKeypoints;
pub use evaluation::open_for_evaluation;
pub use part::Part;
pub use rendered::rendered_keypoints;
pub use source::{DataSource, Source, TrainingData, format_help};

use crate::DataConfig;
use anyhow::Result;
use fkp_core::InputSpec;

/// Opens the data of a training run.
pub fn open_for_training(config: &DataConfig, input: &InputSpec) -> Result<TrainingData> {
    match (&config.path, &config.sources[..]) {
        (Some(_), _) => training::open_single(config, input),
        (None, []) => rendered::for_training(config, input),
        (None, _) => mixed::for_training(config, input),
    }
}
