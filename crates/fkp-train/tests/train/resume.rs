//! A resumed run has the result of a run that was not stopped.

use crate::common::{Dim, MakeNetwork, Setup, Start, config, dense, dots, residual};
use fkp_train::{Observer, StepReport, StopReason, TrainError, TrainOutcome};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn stopping_after_any_step_and_resuming_gives_the_same_result() {
    let uninterrupted = tempfile::tempdir().unwrap();
    let (whole, weights) = Setup::new(uninterrupted.path()).train().unwrap();
    // 5 steps an epoch: at the start, within an epoch, at its last step, in the last epoch.
    for stop in [1, 3, 5, 6, 10, 14] {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(folder.path());
        let (part, _) = setup.train_until(stop).unwrap();
        assert_eq!(part.stop_reason, StopReason::Observer);
        setup.start = Start::Resume;
        let (rest, resumed) = setup.train().unwrap();
        assert_eq!(resumed, weights, "stopped after step {stop}");
        assert_eq!(rest.progress.best, whole.progress.best);
        let losses = |o: &TrainOutcome| {
            let history = o.progress.history.iter();
            history
                .map(|r| (r.train_loss, r.val_loss))
                .collect::<Vec<_>>()
        };
        assert_eq!(losses(&rest), losses(&whole));
        for file in ["best.safetensors", "last.safetensors"] {
            let read = |dir: &tempfile::TempDir| std::fs::read(dir.path().join(file)).unwrap();
            assert_eq!(
                read(&folder),
                read(&uninterrupted),
                "{file} after step {stop}"
            );
        }
    }
}

#[test]
fn a_changed_run_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.train_until(2).unwrap();
    setup.start = Start::Resume;
    setup.config.learning_rate = 0.02;
    let error = setup.train().unwrap_err().to_string();
    assert!(
        error.contains("cannot resume: train.learning_rate was 0.01, is now 0.02"),
        "{error}"
    );
    setup.config = config();
    let error = setup.go(&dots(36), &Dim, &mut ()).unwrap_err().to_string();
    assert!(
        error.contains("the training set's size was 37, is now 36"),
        "{error}"
    );
    setup
        .fingerprint
        .insert("augment".to_owned(), "other".to_owned());
    let error = setup.train().unwrap_err().to_string();
    assert!(
        error.contains("`augment` was absent, is now other"),
        "{error}"
    );
}

#[test]
fn a_truncated_state_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.start = Start::Resume;
    let error = setup.train().unwrap_err();
    assert!(matches!(error, TrainError::Io { .. }), "{error}");
    setup.start = Start::Fresh;
    setup.train_until(2).unwrap();
    let path = folder.path().join("state.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    setup.start = Start::Resume;
    for cut in [0, 7, 100, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let error = setup.train().unwrap_err();
        assert!(
            matches!(error, TrainError::Corrupt { .. }),
            "{cut}: {error}"
        );
        assert!(error.to_string().contains("state.safetensors"));
    }
}

/// A training state without a format number is of format 1.
#[test]
fn a_state_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.train_until(2).unwrap();
    let path = folder.path().join("state.safetensors");
    let metadata = HashMap::from([("fkp-train".to_owned(), "{}".to_owned())]);
    let tensors: [(&str, candle_core::Tensor); 0] = [];
    let bytes = safetensors::serialize(tensors, Some(metadata)).unwrap();
    std::fs::write(&path, bytes).unwrap();
    setup.start = Start::Resume;
    let error = setup.train().unwrap_err();
    assert!(matches!(error, TrainError::StateFormat { .. }), "{error}");
    let expected = "state format 1, this version reads format 2";
    assert!(error.to_string().contains(expected), "{error}");
}

/// A run that was killed in its first epoch can be resumed.
#[test]
fn there_is_a_checkpoint_before_the_first_step() {
    struct Killed;
    impl Observer for Killed {
        fn on_step(&mut self, _: &StepReport) -> ControlFlow<()> {
            panic!("killed");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    let killed = catch_unwind(AssertUnwindSafe(|| setup.go(&dots(37), &Dim, &mut Killed)));
    assert!(killed.is_err());
    setup.start = Start::Resume;
    let (_, resumed) = setup.train().unwrap();
    let other = tempfile::tempdir().unwrap();
    let (_, whole) = Setup::new(other.path()).train().unwrap();
    assert_eq!(resumed, whole);
    setup.config.epochs = 2;
    let error = setup.train().unwrap_err().to_string();
    assert!(
        error.contains("has made 3 epochs already, got 2"),
        "{error}"
    );
}

/// A configuration with everything that has a state.
fn everything(folder: &std::path::Path) -> Setup<'static> {
    let mut setup = Setup::new(folder);
    setup.config.optimizer = fkp_train::OptimizerConfig::AdamW {
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        weight_decay: 0.01,
        decay_exempt: fkp_train::DecayExempt::BiasAndNorm,
    };
    setup.config.epochs = 4;
    setup.config.batch_size = 4;
    setup.config.accumulate = 2;
    setup.config.clip_norm = Some(0.5);
    setup.config.averaging = Some(fkp_train::Averaging { decay: 0.9 });
    setup.config.schedule = fkp_train::schedule::Plateau {
        factor: 0.5,
        patience: 1,
        min_delta: 0.5,
        floor: 0.0,
    }
    .into();
    setup.config.warmup_steps = 3;
    setup.config.validate_every = Some(3);
    setup.config.checkpoint_every = Some(2);
    setup.config.keep_best = 2;
    setup
}

fn files(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name.ends_with("safetensors") && name != "state.safetensors")
        .map(|name| (name.clone(), std::fs::read(folder.join(&name)).unwrap()))
        .collect();
    files.sort();
    files
}

/// After each of the 20 steps: schedule, moments, average, patience and best models are restored.
#[test]
fn every_part_of_the_state_is_restored() {
    check_resume_after_every_step(dense);
}

/// The same for a network with running statistics and dropout.
#[test]
fn running_statistics_are_restored_and_dropout_masks_are_the_same() {
    check_resume_after_every_step(residual);
}

fn check_resume_after_every_step(network: MakeNetwork) {
    let everything = |folder: &std::path::Path| Setup {
        network,
        ..everything(folder)
    };
    let uninterrupted = tempfile::tempdir().unwrap();
    let (_, weights) = everything(uninterrupted.path()).train().unwrap();
    for stop in 1..20 {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = everything(folder.path());
        setup.train_until(stop).unwrap();
        setup.start = Start::Resume;
        let (_, resumed) = setup.train().unwrap();
        assert_eq!(resumed, weights, "stopped after step {stop}");
        assert_eq!(
            files(folder.path()),
            files(uninterrupted.path()),
            "stopped after step {stop}"
        );
    }
}

#[test]
fn an_override_lists_the_differences_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.train_until(7).unwrap();
    setup.config.learning_rate = 0.001;
    setup.config.batch_size = 4;
    let trainer = setup.trainer(&Dim).unwrap();
    let differences = trainer.differences(&dots(37), &dots(13)).unwrap();
    drop(trainer);
    let texts: Vec<_> = differences.iter().map(ToString::to_string).collect();
    let expected = [
        "train.batch_size was 8, is now 4",
        "train.learning_rate was 0.01, is now 0.001",
    ];
    assert_eq!(texts, expected);
    setup.start = Start::Resume;
    let error = setup.train().unwrap_err().to_string();
    assert!(expected.iter().all(|text| error.contains(text)), "{error}");
    setup.start = Start::Override;
    let (outcome, _) = setup.train().unwrap();
    // The first epoch had 5 steps; the second is restarted with 10, as the third has.
    assert_eq!(outcome.progress.global_step, 5 + 10 + 10);
    // Another optimizer starts without moments.
    setup.config.epochs = 4;
    setup.config.optimizer = fkp_train::OptimizerConfig::Sgd {
        momentum: 0.9,
        nesterov: true,
        weight_decay: 0.0,
        decay_exempt: fkp_train::DecayExempt::None,
    };
    let (outcome, _) = setup.train().unwrap();
    assert_eq!(outcome.progress.history.len(), 4);
}
