//! What a configuration can ask for beyond the plain loop.

use crate::common::{Dim, SIDE, Setup, Start, StopAfter, config, dots};
use fkp_core::{Concat, Dataset, NoAugment};
use fkp_train::{
    Averaging, DataLimit, EarlyStopping, EpochReport, LearningRateFinder, Observer, Outcome,
    Restore, Schedule, StepReport, Stopped, TrainConfig, ValidationReport, WeightedSources,
};
use std::ops::ControlFlow;
use std::path::Path;

fn run(config: TrainConfig, observer: &mut dyn Observer) -> (Outcome, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config = config;
    setup.go(&dots(37), &Dim, observer).unwrap()
}

fn worst_difference(a: &[f32], b: &[f32]) -> f32 {
    let each = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    each.fold(0.0, f32::max)
}

/// Gradients of four batches of 2 are those of one of 8: the same weights but for rounding. The
/// sums are over other numbers of labeled keypoints per batch, so means would not do.
#[test]
fn accumulated_batches_are_one_large_batch() {
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
fn averaged_weights_are_scored_and_saved_and_training_goes_on_with_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.averaging = Some(Averaging { decay: 0.9 });
    let (averaged, weights) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    let (plain, newest) = run(config(), &mut ());
    // The average changes what is scored, never what is learned.
    assert_eq!(weights, newest);
    let losses = |o: &Outcome| {
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
    assert_ne!(saved, newest);
    assert!(worst_difference(&saved, &newest) < 0.2);
}

#[test]
fn a_run_that_no_longer_improves_stops_with_its_best_weights() {
    let mut config = config();
    // Too large a step: the loss soon goes up and down.
    (config.epochs, config.learning_rate) = (60, 0.3);
    config.early_stopping = Some(EarlyStopping {
        patience: 4,
        min_delta: 0.0,
        restore: Restore::Best,
    });
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config = config;
    let (outcome, weights) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    assert_eq!(outcome.stopped, Stopped::Early);
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
    // Resumed, it stays stopped, and without folder it does the same.
    setup.start = Start::Resume;
    let (again, same) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    assert_eq!((again.stopped, same), (Stopped::Early, weights.clone()));
    (setup.start, setup.folder) = (Start::Fresh, None);
    let (_, same) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
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
    let (outcome, _) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    let mut ranked: Vec<_> = outcome
        .progress
        .history
        .iter()
        .map(|r| (r.val_loss, r.epoch))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut epochs: Vec<_> = ranked[..3].iter().map(|(_, epoch)| *epoch).collect();
    epochs.sort_unstable();
    let wanted: Vec<_> = epochs
        .iter()
        .map(|e| format!("best-epoch-{e:04}-step-{:07}.safetensors", e * 5))
        .collect();
    assert_eq!(models(folder.path()), wanted);
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let best = outcome.progress.best.unwrap();
    let name = format!(
        "best-epoch-{:04}-step-{:07}.safetensors",
        best.epoch, best.global_step
    );
    assert_eq!(read("best.safetensors"), read(&name));
}

#[test]
fn time_is_up_with_a_checkpoint_and_counts_on_after_a_resume() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.max_minutes = Some(1e-9);
    let (outcome, _) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    assert_eq!(outcome.stopped, Stopped::TimeUp);
    assert_eq!(outcome.progress.global_step, 1);
    setup.start = Start::Resume;
    let (outcome, _) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    assert_eq!(
        (outcome.stopped, outcome.progress.global_step),
        (Stopped::TimeUp, 2)
    );
    // More time is no other run.
    setup.config.max_minutes = None;
    let (outcome, weights) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    assert_eq!(outcome.stopped, Stopped::Finished);
    assert_eq!(weights, run(config(), &mut ()).1);
}

/// What was reported, in words.
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
fn validation_every_n_steps_changes_nothing_but_what_is_known() {
    let every = TrainConfig {
        validate_every: Some(2),
        checkpoint_every: Some(3),
        ..config()
    };
    let mut log = Log::default();
    let (_, weights) = run(every, &mut log);
    let wanted = [
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
    assert_eq!(log.0[..10], wanted);
    // Step 10 is the last of its epoch, which is validated anyway.
    assert!(!log.0.contains(&"validation 10".to_owned()));
    assert_eq!(weights, run(config(), &mut ()).1);
}

#[test]
fn one_batch_is_learned_by_heart() {
    let overfit = TrainConfig {
        epochs: 150,
        learning_rate: 0.03,
        data_limit: DataLimit::OverfitOneBatch,
        ..config()
    };
    let (outcome, _) = run(overfit, &mut ());
    assert_eq!(outcome.progress.global_step, 150);
    let history = &outcome.progress.history;
    // Validation is on the same samples, without the augmentation that would blur them.
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

/// A small source used as much as a large one, and stopped and resumed on the way.
#[test]
fn weighted_sources_are_learned_in_proportion_and_resumed_exactly() {
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
    setup.go(&both, &Dim, &mut StopAfter(Some(4))).unwrap();
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
        schedule: Schedule::Cosine { floor: 0.0 },
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
fn the_range_test_finds_a_rate_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let finder = LearningRateFinder {
        from: 1e-5,
        to: 10.0,
        steps: 100,
        ..LearningRateFinder::default()
    };
    let curve = setup.find_rate(&finder).unwrap();
    let suggestion = curve.suggestion.unwrap();
    assert!((1e-3..0.5).contains(&suggestion), "{suggestion}");
    assert!(curve.points.len() > 10 && curve.points.len() <= 100);
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    // The weights are those from before: a run afterwards is a run without.
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
