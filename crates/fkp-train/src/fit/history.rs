//! The metrics of each epoch.

use serde::{Deserialize, Serialize};

/// The metrics of an epoch: a row of `history.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean training loss over the epoch, in the codec's unit, with augmentation.
    pub train_loss: f64,
    /// Validation loss, in the codec's unit.
    pub val_loss: f64,
    /// Validation mean absolute coordinate error in pixels of the crop.
    pub mae_px: Option<f64>,
    /// Validation root mean squared coordinate error in pixels of the crop.
    pub rmse_px: Option<f64>,
    /// Validation error normalized by the schema's first pair, or by the box.
    pub nme: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Wall time of training and validation; of a resumed epoch, the time since the resume.
    pub seconds: f64,
    /// Training samples per second, without the time of the validation.
    pub samples_per_second: f64,
    /// Seconds that the steps spent waiting for their batches.
    #[serde(default)]
    pub loader_wait_seconds: f64,
    /// Training samples that were skipped because they could not be read.
    #[serde(default)]
    pub skipped: usize,
    /// The training loss of each source, if the training set has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceLoss>,
}

/// The training loss of one source of the training set over an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceLoss {
    /// The source's name.
    pub name: String,
    /// Mean training loss of its samples, in the codec's unit, with augmentation; `None` if none of
    /// their keypoints is labeled.
    pub train_loss: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_the_newer_fields_is_read() {
        let old = r#"{"epoch":3,"train_loss":0.5,"val_loss":0.25,"mae_px":1.5,"rmse_px":null,
            "nme":0.1,"learning_rate":0.001,"seconds":2.0,"samples_per_second":100.0}"#;
        let record: EpochRecord = serde_json::from_str(old).unwrap();
        assert_eq!((record.epoch, record.mae_px), (3, Some(1.5)));
        assert_eq!((record.loader_wait_seconds, record.skipped), (0.0, 0));
    }
}
