//! The loop.

use crate::checkpoint::Identity;
use crate::loader::{Batch, Loader};
use crate::{
    Best, Checkpoints, Codec, EpochRecord, EpochReport, Evaluator, Observer, Optimizer, Params,
    Progress, StepReport, TrainConfig, TrainError,
};
use candle_nn::ModuleT;
use fkp_core::{Augment, Dataset, InputSpec, Purpose, rng_for};
use fkp_metrics::{EvaluationReport, Normaliser};
use rand::seq::SliceRandom;
use std::ops::ControlFlow;
use std::time::Instant;

/// Everything that a training run is made of.
#[derive(Clone, Copy)]
pub struct Fit<'a> {
    /// The network, built from `params`.
    pub network: &'a dyn ModuleT,
    /// Its variables. They hold the result.
    pub params: &'a Params,
    /// What the network's output means.
    pub codec: &'a dyn Codec,
    /// How pictures are fed.
    pub input: InputSpec,
    /// What is learnt from.
    pub train: &'a dyn Dataset,
    /// What is scored after each epoch, and never learnt from.
    pub validation: &'a dyn Dataset,
    /// How training samples are varied.
    pub augment: &'a dyn Augment,
    /// The recipe.
    pub config: &'a TrainConfig,
    /// Where to write, if anywhere.
    pub checkpoints: Option<&'a Checkpoints>,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// All epochs were made.
    Finished,
    /// An observer broke it off.
    ByObserver,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why.
    pub stopped: Stopped,
    /// How far it came, with the figures of every epoch.
    pub progress: Progress,
}

impl Fit<'_> {
    /// Trains from the start.
    ///
    /// # Errors
    /// If the configuration makes no sense, a sample cannot be read, the loss is no number, or a
    /// file cannot be written. Checkpoints written before stay.
    pub fn run(&self, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
        let optimizer = self.start()?;
        let progress = Progress::default();
        // So that a run that is killed before its first epoch ends can be resumed as well.
        self.save(&progress, &optimizer)?;
        self.go_on(progress, optimizer, observer)
    }

    /// Goes on where the state in the checkpoint folder stopped, also within an epoch. The result
    /// is the same, to the bit, as if it had never stopped.
    ///
    /// # Errors
    /// As for [`Self::run`], and if there is no state or it belongs to another configuration.
    pub fn resume(&self, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
        let Some(checkpoints) = self.checkpoints else {
            return Err(TrainError::Config {
                field: "checkpoints".to_owned(),
                problem: "a run without checkpoints cannot be resumed".to_owned(),
            });
        };
        let mut optimizer = self.start()?;
        let identity = self.identity(checkpoints);
        let progress = checkpoints.load_state(self.params, &mut optimizer, &identity)?;
        let (asked, done) = (self.config.epochs, progress.epochs_done);
        if asked < done {
            return Err(TrainError::Config {
                field: "train.epochs".to_owned(),
                problem: format!("the run has made {done} epochs already, got {asked}"),
            });
        }
        self.go_on(progress, optimizer, observer)
    }

    fn start(&self) -> Result<Optimizer, TrainError> {
        self.config.validate()?;
        for (split, set) in [("training", self.train), ("validation", self.validation)] {
            if set.is_empty() {
                return Err(TrainError::EmptySet { split });
            }
        }
        if let Some(problem) = self.input.problem() {
            return Err(TrainError::Config {
                field: "input".to_owned(),
                problem,
            });
        }
        if let Some(checkpoints) = self.checkpoints {
            checkpoints.prepare()?;
        }
        let vars = self.params.named();
        Ok(Optimizer::new(vars, &self.config.optimizer, None)?)
    }

    fn go_on(
        &self,
        mut progress: Progress,
        mut optimizer: Optimizer,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        while progress.epochs_done < self.config.epochs {
            let started = Instant::now();
            let mut samples = 0;
            let flow = self.train_epoch(&mut progress, &mut optimizer, observer, &mut samples)?;
            if progress.steps_done < self.batches_per_epoch() {
                self.save(&progress, &optimizer)?;
                return Ok(Outcome {
                    stopped: Stopped::ByObserver,
                    progress,
                });
            }
            if progress.weight_sum == 0.0 {
                return Err(TrainError::NoLabels { split: "training" });
            }
            let trained = started.elapsed().as_secs_f64();
            let validation = self.evaluator().run(self.validation, |_| {})?;
            let is_best = self.complete_epoch(&mut progress, &validation)?;
            if let Some(record) = progress.history.last_mut() {
                record.seconds = started.elapsed().as_secs_f64();
                record.samples_per_second = samples as f64 / trained;
            }
            if let (true, Some(checkpoints)) = (is_best, self.checkpoints) {
                checkpoints.save_weights(&checkpoints.best(), self.params)?;
            }
            self.save(&progress, &optimizer)?;
            let reported = match progress.history.last() {
                Some(record) => observer.on_epoch(&EpochReport {
                    epochs: self.config.epochs,
                    record,
                    history: &progress.history,
                    validation: &validation,
                    is_best,
                }),
                None => ControlFlow::Continue(()),
            };
            let finished = progress.epochs_done >= self.config.epochs;
            if (flow.is_break() || reported.is_break()) && !finished {
                return Ok(Outcome {
                    stopped: Stopped::ByObserver,
                    progress,
                });
            }
        }
        Ok(Outcome {
            stopped: Stopped::Finished,
            progress,
        })
    }

    /// Makes the remaining steps of the epoch, or fewer if the observer breaks it off.
    fn train_epoch(
        &self,
        progress: &mut Progress,
        optimizer: &mut Optimizer,
        observer: &mut dyn Observer,
        samples: &mut usize,
    ) -> Result<ControlFlow<()>, TrainError> {
        let epoch = progress.epochs_done;
        let loader = Loader {
            dataset: self.train,
            split: "training",
            augment: self.augment,
            seed: self.config.seed,
            epoch,
            codec: self.codec,
            input: self.input,
            device: self.params.device(),
        };
        let batches = self.batches(epoch);
        let mut flow = ControlFlow::Continue(());
        loader.for_each(&batches[progress.steps_done..], |batch| {
            self.step(&batch, progress, optimizer)?;
            *samples += batch.indices.len();
            flow = observer.on_step(&StepReport {
                epoch: epoch + 1,
                epochs: self.config.epochs,
                step: progress.steps_done,
                steps: batches.len(),
                samples: batch.indices.len(),
                mean_loss: progress.loss_sum / progress.weight_sum.max(1.0),
            });
            Ok(flow)
        })?;
        Ok(flow)
    }

    fn step(
        &self,
        batch: &Batch,
        progress: &mut Progress,
        optimizer: &mut Optimizer,
    ) -> Result<(), TrainError> {
        progress.steps_done += 1;
        let weight = batch.target.total_weight;
        // Nothing to learn from a batch in which nothing is labelled.
        if weight == 0.0 {
            return Ok(());
        }
        let output = self.network.forward_t(&batch.x, true)?;
        let sum = self.codec.loss(&output, &batch.target)?;
        let loss = f64::from(sum.to_scalar::<f32>()?);
        if !loss.is_finite() {
            return Err(TrainError::NotFinite {
                loss,
                epoch: progress.epochs_done + 1,
                step: progress.steps_done,
                samples: batch.indices.clone(),
            });
        }
        let gradients = fkp_kernels::backward(&(sum / weight)?)?;
        let _ = optimizer.step(&gradients, self.config.learning_rate)?;
        progress.loss_sum += loss;
        progress.weight_sum += weight;
        Ok(())
    }

    /// The shuffled epoch cut into batches, a function of (seed, epoch).
    fn batches(&self, epoch: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        order.shuffle(&mut rng_for(
            self.config.seed,
            Purpose::Shuffle,
            epoch as u64,
            0,
        ));
        let batches = order.chunks(self.config.batch_size);
        batches.map(<[usize]>::to_vec).collect()
    }

    fn batches_per_epoch(&self) -> usize {
        self.train.len().div_ceil(self.config.batch_size)
    }

    /// Moves the progress to the next epoch; whether this one is the best so far.
    fn complete_epoch(
        &self,
        progress: &mut Progress,
        validation: &EvaluationReport,
    ) -> Result<bool, TrainError> {
        let epoch = progress.epochs_done + 1;
        let split = "validation";
        let val_loss = validation.loss.ok_or(TrainError::NoLabels { split })?;
        if !val_loss.is_finite() {
            let loss = val_loss;
            return Err(TrainError::ValidationNotFinite { loss, epoch });
        }
        let is_best = progress.best.is_none_or(|best| val_loss < best.val_loss);
        if is_best {
            progress.best = Some(Best { epoch, val_loss });
        }
        progress.history.push(EpochRecord {
            epoch,
            train_loss: progress.loss_sum / progress.weight_sum.max(1.0),
            val_loss,
            mae_px: validation.mae_px,
            rmse_px: validation.rmse_px,
            nme: validation
                .nme
                .by(Normaliser::preferred(self.train.schema()).name()),
            learning_rate: self.config.learning_rate,
            seconds: 0.0,
            samples_per_second: 0.0,
        });
        progress.epochs_done = epoch;
        progress.steps_done = 0;
        progress.loss_sum = 0.0;
        progress.weight_sum = 0.0;
        Ok(is_best)
    }

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator {
            network: self.network,
            codec: self.codec,
            input: self.input,
            batch_size: self.config.batch_size,
            device: self.params.device(),
        }
    }

    fn save(&self, progress: &Progress, optimizer: &Optimizer) -> Result<(), TrainError> {
        let Some(checkpoints) = self.checkpoints else {
            return Ok(());
        };
        checkpoints.save_weights(&checkpoints.last(), self.params)?;
        let identity = self.identity(checkpoints);
        checkpoints.save_state(self.params, optimizer, identity, progress)
    }

    fn identity(&self, checkpoints: &Checkpoints) -> Identity {
        Identity {
            config: self.config.clone(),
            training_samples: self.train.len(),
            validation_samples: self.validation.len(),
            metadata: checkpoints.metadata.clone(),
            fingerprint: checkpoints.fingerprint.clone(),
        }
    }
}
