//! The options of a configuration.

use crate::common::{Dim, SIDE, Setup, Start, StopAfter, config, dots};
use fkp_core::{Concat, Dataset, NoAugment};
use fkp_train::schedule::Cosine;
use fkp_train::{
    Averaging, DataLimit, EarlyStopping, EpochReport, LearningRateFinder, Observer, RestoreWeights,
    StepReport, StopReason, TrainConfig, TrainOutcome, ValidationReport, WeightedSources,
};
use std::ops::ControlFlow;
use std::path::Path;

fn run(config: TrainConfig, observer: &mut dyn Observer) -> (TrainOutcome, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config = config;
    setup.go(&dots(37), &Dim, observer).unwrap()
}

fn worst_difference(a: &[f32], b: &[f32]) -> f32 {
    let each = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    each.fold(0.0, f32::max)
}

/// Four accumulated batches of 2 give the weights of one batch of 8 up to rounding. The batches
/// have different numbers of labeled keypoints, so averaging their means would give another result.
#[test]
fn accumulated_batches_equal_one_large_batch() {
    let (_, whole) = run(config(), &mut ());
    let parts = TrainConfig {
        batch_size: 2,
        accumulate: 4,
        ..config()
    };
    let (outcome, accumulated) = run(parts, &mut ());
    assert_eq!(outcome.progress.global_step, 3 * 5);
    let worst = worst_difference(&whole, &accumulated);
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn averaged_weights_are_validated_and_saved_but_not_trained() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.averaging = Some(Averaging { decay: 0.9 });
    let (averaged, weights) = setup.train().unwrap();
    let (plain, current) = run(config(), &mut ());
    // Averaging changes what is validated, not what is trained.
    assert_eq!(weights, current);
    let losses = |o: &TrainOutcome| {
        o.progress
            .history
            .iter()
            .map(|r| r.val_loss)
            .collect::<Vec<_>>()
    };
    assert_ne!(losses(&averaged), losses(&plain));
    let saved = candle_core::safetensors::load(
        folder.path().join("last.safetensors"),
        &candle_core::Device::Cpu,
    );
    let saved = saved.unwrap();
    let mut names: Vec<_> = saved.keys().cloned().collect();
    names.sort();
    let saved: Vec<f32> = names
        .iter()
        .flat_map(|n| saved[n].flatten_all().unwrap().to_vec1::<f32>().unwrap())
        .collect();
    assert_ne!(saved, current);
    assert!(worst_difference(&saved, &current) < 0.2);
}

#[test]
fn early_stopping_restores_the_best_weights() {
    let mut config = config();
    // The learning rate is too high, so the loss oscillates.
    (config.epochs, config.learning_rate) = (60, 0.3);
    config.early_stopping = Some(EarlyStopping {
        patience: 4,
        min_delta: 0.0,
        restore_weights: RestoreWeights::Best,
    });
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config = config;
    let (outcome, weights) = setup.train().unwrap();
    assert_eq!(outcome.stop_reason, StopReason::EarlyStopping);
    let best = outcome.progress.best.unwrap();
    assert_eq!(outcome.progress.epochs_done, best.epoch + 4);
    assert!(outcome.progress.epochs_done < 60);
    let path = folder.path().join("best.safetensors");
    let saved = candle_core::safetensors::load(path, &candle_core::Device::Cpu).unwrap();
    let bias = saved["bias"].to_vec1::<f32>().unwrap();
    assert_eq!(
        weights[..2],
        bias[..],
        "the run ended with other weights than the best"
    );
    // A resumed run stops at once, and a run without a folder has the same result.
    setup.start = Start::Resume;
    let (again, same) = setup.train().unwrap();
    assert_eq!(
        (again.stop_reason, same),
        (StopReason::EarlyStopping, weights.clone())
    );
    (setup.start, setup.folder) = (Start::Fresh, None);
    let (_, same) = setup.train().unwrap();
    assert_eq!(same, weights);
}

fn models(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|f| f.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|n| n.starts_with("best-")).collect();
    names.sort();
    names
}

#[test]
fn the_best_k_models_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    (setup.config.epochs, setup.config.keep_best) = (12, 3);
    setup.config.learning_rate = 0.1;
    let (outcome, _) = setup.train().unwrap();
    let mut ranked: Vec<_> = outcome
        .progress
        .history
        .iter()
        .map(|r| (r.val_loss, r.epoch))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut epochs: Vec<_> = ranked[..3].iter().map(|(_, epoch)| *epoch).collect();
    epochs.sort_unstable();
    let expected: Vec<_> = epochs
        .iter()
        .map(|e| format!("best-epoch-{e:04}-step-{:07}.safetensors", e * 5))
        .collect();
    assert_eq!(models(folder.path()), expected);
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let best = outcome.progress.best.unwrap();
    let name = format!(
        "best-epoch-{:04}-step-{:07}.safetensors",
        best.epoch, best.global_step
    );
    assert_eq!(read("best.safetensors"), read(&name));
}

#[test]
fn the_time_limit_stops_with_a_checkpoint_and_includes_the_time_before_a_resume() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.max_minutes = Some(1e-9);
    let (outcome, _) = setup.train().unwrap();
    assert_eq!(outcome.stop_reason, StopReason::TimeLimit);
    assert_eq!(outcome.progress.global_step, 1);
    setup.start = Start::Resume;
    let (outcome, _) = setup.train().unwrap();
    assert_eq!(
        (outcome.stop_reason, outcome.progress.global_step),
        (StopReason::TimeLimit, 2)
    );
    // The time limit may change on resume.
    setup.config.max_minutes = None;
    let (outcome, weights) = setup.train().unwrap();
    assert_eq!(outcome.stop_reason, StopReason::Finished);
    assert_eq!(weights, run(config(), &mut ()).1);
}

/// Records the reports as text.
#[derive(Default)]
struct Log(Vec<String>);

impl Observer for Log {
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        self.0.push(format!("step {}", report.global_step));
        ControlFlow::Continue(())
    }
    fn on_validation(&mut self, report: &ValidationReport<'_>) -> ControlFlow<()> {
        assert_eq!(report.validation.samples, 13);
        self.0.push(format!("validation {}", report.global_step));
        ControlFlow::Continue(())
    }
    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        self.0.push(format!("epoch {}", report.record.epoch));
        ControlFlow::Continue(())
    }
}

#[test]
fn validation_every_n_steps_does_not_change_the_result() {
    let every = TrainConfig {
        validate_every: Some(2),
        checkpoint_every: Some(3),
        ..config()
    };
    let mut log = Log::default();
    let (_, weights) = run(every, &mut log);
    let expected = [
        "step 1",
        "step 2",
        "validation 2",
        "step 3",
        "step 4",
        "validation 4",
        "step 5",
        "epoch 1",
        "step 6",
        "validation 6",
    ];
    assert_eq!(log.0[..10], expected);
    // Step 10 is the last of its epoch, which is validated anyway.
    assert!(!log.0.contains(&"validation 10".to_owned()));
    assert_eq!(weights, run(config(), &mut ()).1);
}

#[test]
fn one_batch_can_be_overfitted() {
    let overfit = TrainConfig {
        epochs: 150,
        learning_rate: 0.03,
        data_limit: DataLimit::OverfitOneBatch,
        ..config()
    };
    let (outcome, _) = run(overfit, &mut ());
    assert_eq!(outcome.progress.global_step, 150);
    let history = &outcome.progress.history;
    // Validation is on the same samples, without augmentation.
    assert!(
        history[149].val_loss < 0.02 * history[0].val_loss,
        "{:?}",
        history[149]
    );
    assert!(history[149].mae_px.unwrap() < 0.02 * SIDE as f64);
}

#[test]
fn a_limited_run_uses_the_first_batches() {
    struct Count(usize);
    impl Observer for Count {
        fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
            self.0 = report.validation.samples;
            ControlFlow::Continue(())
        }
    }
    let limited = TrainConfig {
        data_limit: DataLimit::Limited {
            training_batches: 2,
            validation_batches: 1,
        },
        ..config()
    };
    let mut count = Count(0);
    let (outcome, _) = run(limited, &mut count);
    assert_eq!((outcome.progress.global_step, count.0), (3 * 2, 8));
}

/// A small source is used as often as a large one, and a resumed run has the same samples.
#[test]
fn weighted_sources_are_resumed_exactly() {
    let both = Concat::new(vec![dots(30), dots(7)]).unwrap();
    let sources = WeightedSources::new(both.sizes(), vec![1.0, 1.0], 20).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.sampler = &sources;
    let (outcome, weights) = setup.go(&both, &Dim, &mut ()).unwrap();
    assert_eq!(outcome.progress.global_step, 3 * 3);
    let other = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(other.path());
    setup.sampler = &sources;
    setup.go(&both, &Dim, &mut StopAfter(4)).unwrap();
    setup.start = Start::Resume;
    assert_eq!(setup.go(&both, &Dim, &mut ()).unwrap().1, weights);
    setup.sampler = &fkp_train::Shuffled;
    let error = setup.go(&both as &dyn Dataset, &Dim, &mut ()).unwrap_err();
    assert!(error.to_string().contains("the sampler was"), "{error}");
}

#[test]
fn the_learning_rate_follows_its_schedule() {
    struct Rates(Vec<f64>);
    impl Observer for Rates {
        fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
            self.0.push(report.learning_rate);
            ControlFlow::Continue(())
        }
    }
    let scheduled = TrainConfig {
        schedule: Cosine { floor: 0.0 }.into(),
        warmup_steps: 4,
        ..config()
    };
    let mut rates = Rates(Vec::new());
    let (outcome, _) = run(scheduled, &mut rates);
    let rates = rates.0;
    assert_eq!(rates.len(), 15);
    assert!(rates[..4].windows(2).all(|w| w[0] < w[1]), "{rates:?}");
    assert!(rates[4..].windows(2).all(|w| w[0] > w[1]), "{rates:?}");
    assert!(rates.iter().all(|rate| *rate > 0.0 && *rate <= 0.01));
    assert_eq!(outcome.progress.history[2].learning_rate, rates[14]);
}

#[test]
fn the_range_test_suggests_a_rate_and_restores_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let finder = LearningRateFinder {
        min_rate: 1e-5,
        max_rate: 10.0,
        steps: 100,
        ..LearningRateFinder::default()
    };
    let trainer = setup.trainer(&Dim).unwrap();
    let curve = trainer.find_learning_rate(&dots(37), &finder).unwrap();
    let suggestion = curve.suggestion.unwrap();
    assert!((1e-3..0.5).contains(&suggestion), "{suggestion}");
    assert!(curve.points.len() > 10 && curve.points.len() <= 100);
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    // The weights are those from before the test.
    let trainer = setup.trainer(&NoAugment).unwrap();
    let weights = || {
        trainer.params().tensors()["weight"]
            .to_vec2::<f32>()
            .unwrap()
    };
    let before = weights();
    trainer.find_learning_rate(&dots(37), &finder).unwrap();
    assert_eq!(weights(), before);
}
