//! The result of a training run.

use super::progress::Progress;

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// All epochs were trained.
    Finished,
    /// An observer stopped it.
    Observer,
    /// The monitored metric no longer improved.
    EarlyStopping,
    /// `max_minutes` of the configuration were over.
    TimeLimit,
}

/// The result of a training run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOutcome {
    /// Why the run ended.
    pub stop_reason: StopReason,
    /// The progress of the run, with the metrics of every epoch.
    pub progress: Progress,
}
