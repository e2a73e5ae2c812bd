//! A run with fixed values, for the tests of observers.

use crate::loss::Mae;
use crate::{
    Coordinates, EpochRecord, EpochReport, Evaluator, Observer, SkipReport, StartReport,
    StepReport, TrainError, ValidationReport,
};
use candle_core::Tensor;
use candle_nn::ModuleT;
use fkp_core::{Dataset, DatasetError, InputSpec};
use fkp_metrics::EvaluationReport;
use fkp_synth::{SynthConfig, SynthFaces};
use std::ops::{ControlFlow, Range};

pub(super) const EPOCHS: usize = 3;
/// Optimizer steps per epoch.
pub(super) const STEPS: usize = 5;
const SIDE: usize = 96;

/// Predicts keypoints near the center of the image, the same for each image.
struct FixedOutput;

impl ModuleT for FixedOutput {
    fn forward_t(&self, x: &Tensor, _: bool) -> candle_core::Result<Tensor> {
        let keypoints: Vec<f32> = (0..30).map(|i| 0.3 * (i as f32).sin()).collect();
        Tensor::new(keypoints, x.device())?
            .reshape((1, 30))?
            .repeat((x.dim(0)?, 1))
    }
}

/// A validation set, and the metrics of every epoch.
pub(super) struct FakeRun {
    pub(super) faces: SynthFaces,
    pub(super) history: Vec<EpochRecord>,
    /// The loader's fraction of the time of each epoch.
    pub(super) loader_fraction: [f64; EPOCHS],
    /// The metrics of the network on the faces, the same in every epoch.
    pub(super) validation: EvaluationReport,
    codec: Coordinates,
}

impl FakeRun {
    pub(super) fn new() -> Self {
        let faces = SynthConfig {
            count: 7,
            ..SynthConfig::default()
        };
        let record = |epoch: usize| EpochRecord {
            epoch,
            train_loss: 1.0 / 2f64.powi(epoch as i32),
            val_loss: 0.5 / 2f64.powi(epoch as i32),
            mae_px: Some(10.0 / epoch as f64),
            rmse_px: Some(12.0 / epoch as f64),
            nme: None,
            learning_rate: 1e-3,
            seconds: 2.0,
            samples_per_second: 100.0,
            loader_wait_seconds: 0.125,
            skipped: usize::from(epoch == 2),
            sources: Vec::new(),
        };
        let faces = SynthFaces::new(faces).unwrap();
        let codec = Coordinates::new(InputSpec::gray(SIDE).frame(), Mae);
        Self {
            history: (1..=EPOCHS).map(record).collect(),
            loader_fraction: [0.0625; EPOCHS],
            validation: evaluator(&codec).run(&faces, |_| {}).unwrap(),
            faces,
            codec,
        }
    }

    /// Calls an observer for the steps after `steps.start` up to `steps.end`, counted from the
    /// start of the run, like a run that is resumed there and killed later. There is a validation
    /// after the third step of each epoch, and a sample is skipped before the fourth step of the
    /// second epoch.
    pub(super) fn replay(
        &self,
        observer: &mut dyn Observer,
        steps: Range<usize>,
    ) -> ControlFlow<()> {
        observer.on_start(&StartReport {
            epochs: EPOCHS,
            epochs_done: steps.start / STEPS,
            steps_done: steps.start % STEPS,
            global_step: steps.start,
            parameters: 30,
            training_samples: 40,
            validation_samples: self.faces.len(),
        });
        for global_step in steps.start + 1..=steps.end {
            let (epoch, step) = ((global_step - 1) / STEPS + 1, (global_step - 1) % STEPS + 1);
            if (epoch, step) == (2, 4) {
                let (split, source) = ("training", DatasetError::new(7, "a.csv, line 9: no image"));
                observer.on_skip(&SkipReport {
                    epoch,
                    index: 7,
                    error: &TrainError::Data { split, source },
                    skipped: 1,
                    allowed: 2,
                });
            }
            observer.on_step(&StepReport {
                epoch,
                epochs: EPOCHS,
                step,
                steps: STEPS,
                samples: 8,
                global_step,
                mean_loss: Some(1.0 / global_step as f64),
                learning_rate: 1e-3,
                grad_norm: (global_step > 1).then_some(global_step as f64),
                loader_wait: 0.025,
            })?;
            if step == 3 {
                observer.on_validation(&ValidationReport {
                    epoch,
                    step,
                    global_step,
                    validation: &self.validation,
                    is_best: false,
                })?;
            }
            if step == STEPS {
                observer.on_epoch(&EpochReport {
                    epochs: EPOCHS,
                    record: &self.history[epoch - 1],
                    history: &self.history[..epoch],
                    validation: &self.validation,
                    is_best: true,
                    evaluator: evaluator(&self.codec),
                    validation_set: &self.faces,
                    global_step,
                    loader_fraction: self.loader_fraction[epoch - 1],
                })?;
            }
        }
        ControlFlow::Continue(())
    }
}

fn evaluator(codec: &Coordinates) -> Evaluator<'_> {
    Evaluator::new(&FixedOutput, codec, InputSpec::gray(SIDE)).batch_size(4)
}
