//! Training and evaluation without errors.

use crate::common::{MakeNetwork, Setup, config, dense, dots, network, residual, task};
use fkp_core::NoAugment;
use fkp_train::{EpochReport, Observer, StepReport, StopReason, Trainer};
use std::ops::ControlFlow;

#[test]
fn the_loss_falls_and_every_epoch_is_reported() {
    struct Count(usize, usize);
    impl Observer for Count {
        fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
            self.0 += report.samples;
            ControlFlow::Continue(())
        }
        fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
            self.1 += 1;
            assert_eq!(report.history.len(), self.1);
            assert_eq!(report.validation.samples, 13);
            ControlFlow::Continue(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.epochs = 30;
    let mut count = Count(0, 0);
    let (outcome, _) = setup.go(&dots(37), &NoAugment, &mut count).unwrap();
    // 37 = 4 · 8 + 5: the last partial batch is trained on too.
    assert_eq!((count.0, count.1), (30 * 37, 30));
    assert_eq!(outcome.stop_reason, StopReason::Finished);
    let history = &outcome.progress.history;
    assert!(
        history[29].val_loss < 0.3 * history[0].val_loss,
        "{history:?}"
    );
    let best = outcome.progress.best.unwrap();
    let lowest = history
        .iter()
        .map(|r| r.val_loss)
        .fold(f64::INFINITY, f64::min);
    assert_eq!(best.score, lowest);
}

#[test]
fn the_result_depends_on_the_seed_and_not_on_the_number_of_threads() {
    let run = |network: MakeNetwork, threads: usize, seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(folder.path());
        setup.config.seed = seed;
        setup.network = network;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| setup.train().unwrap());
        ["best", "last"]
            .map(|f| std::fs::read(folder.path().join(f).with_extension("safetensors")).unwrap())
    };
    for network in [dense, residual] {
        let one = run(network, 1, 5);
        assert_eq!(one, run(network, 1, 5));
        assert_eq!(one, run(network, 2, 5));
        assert_eq!(one, run(network, 3, 5));
        assert_ne!(one, run(network, 1, 6));
    }
}

#[test]
fn every_sample_is_evaluated_and_missing_labels_are_not() {
    let trainer = Trainer::new(&task(), config(), network).unwrap();
    let run = |batch_size: usize| {
        let mut seen = Vec::new();
        let evaluator = trainer.evaluator().batch_size(batch_size);
        let mut predicted = Vec::new();
        let report = evaluator
            .run(&dots(13), |scored| {
                seen.push(scored.index);
                predicted.push(scored.predicted.clone());
            })
            .unwrap();
        let subset = evaluator.predict(&dots(13), &[11, 2]).unwrap();
        assert_eq!((&*subset[0].0.id, &*subset[1].0.id), ("dot 11", "dot 2"));
        for ((_, found), index) in subset.iter().zip([11, 2]) {
            assert!(found.keypoints[0].distance(&predicted[index].keypoints[0]) < 1e-4);
        }
        assert!(evaluator.predict(&dots(13), &[13]).is_err());
        assert_eq!(seen, (0..13).collect::<Vec<_>>());
        report
    };
    let report = run(13);
    assert_eq!((report.samples, report.per_keypoint[0].scored), (13, 11));
    for batch_size in [1, 4, 100] {
        let other = run(batch_size);
        assert_eq!(other.per_keypoint[0].scored, 11);
        assert!((other.loss.unwrap() - report.loss.unwrap()).abs() < 1e-6);
        assert!((other.mae_px.unwrap() - report.mae_px.unwrap()).abs() < 1e-5);
    }
}

/// Parts that do not match are refused before the first step.
#[test]
fn parts_that_do_not_match_are_refused() {
    use fkp_core::{Likelihood, OutputSpec, Schema, Task};
    use fkp_train::loss::{Mae, Mse, Nll};
    use fkp_train::{Coordinates, TrainConfig};
    let refused = |task: &Task, config: TrainConfig| {
        let error = Trainer::new(task, config, network).err().unwrap();
        format!("{error:?}")
    };
    let with_nll = |config: TrainConfig| TrainConfig {
        loss: Some(Nll.into()),
        ..config
    };
    let text = refused(&task(), with_nll(config()));
    assert!(
        text.contains("train.loss: `nll` does not go with"),
        "{text}"
    );
    // The network has two outputs; a scale would be a third.
    let scaled = Task {
        output: OutputSpec::CoordinatesWithScale {
            likelihood: Likelihood::Laplace,
            face_score: false,
        },
        ..task()
    };
    let text = refused(&scaled, config());
    assert!(text.contains("[3], got [2]"), "{text}");
    let two = Task::new(Schema::numbered("dots", 2).unwrap(), task().input);
    assert!(refused(&two, config()).contains("[4], got [2]"));

    let other = Task::new(Schema::numbered("another", 1).unwrap(), task().input);
    let trainer = Trainer::new(&other, config(), network).unwrap();
    let error = trainer.fit(&dots(37), &dots(13), &mut ()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`dot`, the model those of `another`")
    );

    let codec = Coordinates::new(task().input.frame(), Mae);
    let config = TrainConfig {
        loss: Some(Mse.into()),
        ..config()
    };
    let error = Trainer::with_codec(&task(), config, codec, network)
        .err()
        .unwrap();
    assert!(error.to_string().contains("has its own loss"), "{error}");
}

/// The best epoch is that of the monitored metric, also of a custom metric and of one whose higher
/// values are better.
#[test]
fn the_best_epoch_is_chosen_by_the_monitored_metric() {
    use fkp_core::{Direction, Metric, Prediction, Sample};
    use fkp_train::TrainConfig;
    /// The number of passes over the data so far.
    struct Later(usize);
    static PASSES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    impl Metric for Later {
        fn name(&self) -> &str {
            "later"
        }
        fn direction(&self) -> Direction {
            Direction::HigherIsBetter
        }
        fn update(&mut self, _: &Prediction, _: &Sample) {}
        fn value(&self) -> Option<f64> {
            Some(self.0 as f64)
        }
        fn reset(&mut self) {}
    }
    let custom = || -> Vec<Box<dyn Metric>> {
        let pass = PASSES.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        vec![Box::new(Later(pass))]
    };
    let run = |monitor: &str| {
        let config = TrainConfig {
            epochs: 12,
            learning_rate: 0.05,
            monitor: monitor.to_owned(),
            ..config()
        };
        let trainer = Trainer::new(&task(), config, network)
            .unwrap()
            .metrics(&custom);
        trainer.fit(&dots(37), &dots(13), &mut ())
    };
    assert_eq!(run("later").unwrap().progress.best.unwrap().epoch, 12);
    let by_rmse = run("rmse_px").unwrap().progress;
    let lowest = by_rmse.history.iter().filter_map(|r| r.rmse_px);
    let lowest = lowest.fold(f64::INFINITY, f64::min);
    assert_eq!(by_rmse.best.unwrap().score, lowest);
    let text = run("rmse").unwrap_err().to_string();
    assert!(
        text.starts_with("train.monitor") && text.contains("rmse_px, ") && text.contains("later")
    );
}
