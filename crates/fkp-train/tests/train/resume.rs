//! Stopped and resumed is never stopped.

use crate::common::{Dim, MakeNetwork, Setup, Start, StopAfter, config, dense, dots, residual};
use fkp_train::{Observer, Outcome, StepReport, Stopped, TrainError};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn stopping_anywhere_and_resuming_changes_nothing() {
    let straight = tempfile::tempdir().unwrap();
    let (whole, weights) = Setup::new(straight.path())
        .go(&dots(37), &Dim, &mut ())
        .unwrap();
    // 5 steps an epoch: at the start, within an epoch, at its last step, in the last epoch.
    for stop in [1, 3, 5, 6, 10, 14] {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(folder.path());
        let (part, _) = setup
            .go(&dots(37), &Dim, &mut StopAfter(Some(stop)))
            .unwrap();
        assert_eq!(part.stopped, Stopped::ByObserver);
        setup.start = Start::Resume;
        let (rest, resumed) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
        assert_eq!(resumed, weights, "stopped after step {stop}");
        assert_eq!(rest.progress.best, whole.progress.best);
        let losses = |o: &Outcome| {
            let history = o.progress.history.iter();
            history
                .map(|r| (r.train_loss, r.val_loss))
                .collect::<Vec<_>>()
        };
        assert_eq!(losses(&rest), losses(&whole));
        for file in ["best.safetensors", "last.safetensors"] {
            let read = |dir: &tempfile::TempDir| std::fs::read(dir.path().join(file)).unwrap();
            assert_eq!(read(&folder), read(&straight), "{file} after step {stop}");
        }
    }
}

#[test]
fn a_changed_run_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.go(&dots(37), &Dim, &mut StopAfter(Some(2))).unwrap();
    setup.start = Start::Resume;
    setup.config.learning_rate = 0.02;
    let error = setup.go(&dots(37), &Dim, &mut ()).unwrap_err().to_string();
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
    let error = setup.go(&dots(37), &Dim, &mut ()).unwrap_err().to_string();
    assert!(
        error.contains("`augment` was absent, is now other"),
        "{error}"
    );
}

#[test]
fn a_state_that_was_cut_short_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.start = Start::Resume;
    let error = setup.go(&dots(37), &Dim, &mut ()).unwrap_err();
    assert!(matches!(error, TrainError::Io { .. }), "{error}");
    setup.start = Start::Fresh;
    setup.go(&dots(37), &Dim, &mut StopAfter(Some(2))).unwrap();
    let path = folder.path().join("state.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    setup.start = Start::Resume;
    for cut in [0, 7, 100, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let error = setup.go(&dots(37), &Dim, &mut ()).unwrap_err();
        assert!(
            matches!(error, TrainError::Corrupt { .. }),
            "{cut}: {error}"
        );
        assert!(error.to_string().contains("state.safetensors"));
    }
}

/// A run that was killed before its first epoch ended has a state to go on from.
#[test]
fn there_is_a_checkpoint_from_the_start() {
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
    let (_, resumed) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let (_, whole) = Setup::new(other.path())
        .go(&dots(37), &Dim, &mut ())
        .unwrap();
    assert_eq!(resumed, whole);
    setup.config.epochs = 2;
    let error = setup.go(&dots(37), &Dim, &mut ()).unwrap_err().to_string();
    assert!(
        error.contains("has made 3 epochs already, got 2"),
        "{error}"
    );
}

/// Everything that carries something from step to step, at once.
fn everything(folder: &std::path::Path) -> Setup<'static> {
    let mut setup = Setup::new(folder);
    setup.config.optimizer = fkp_train::OptimizerConfig::AdamW {
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        weight_decay: 0.01,
        decay_exempt: fkp_train::DecayExempt::Vectors,
    };
    setup.config.epochs = 4;
    setup.config.batch_size = 4;
    setup.config.accumulate = 2;
    setup.config.clip_norm = Some(0.5);
    setup.config.averaging = Some(fkp_train::Averaging { decay: 0.9 });
    setup.config.schedule = fkp_train::Schedule::Plateau {
        factor: 0.5,
        patience: 1,
        min_delta: 0.5,
        floor: 0.0,
    };
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

/// After each of the 20 steps in turn: schedule, moments, average, patience and best models all
/// come back.
#[test]
fn every_part_of_the_state_comes_back() {
    comes_back(dense);
}

/// The same where the network has running statistics and dropout.
#[test]
fn running_statistics_come_back_and_dropout_has_the_same_masks() {
    comes_back(residual);
}

fn comes_back(network: MakeNetwork) {
    let everything = |folder: &std::path::Path| Setup {
        network,
        ..everything(folder)
    };
    let straight = tempfile::tempdir().unwrap();
    let (_, weights) = everything(straight.path())
        .go(&dots(37), &Dim, &mut ())
        .unwrap();
    for stop in 1..20 {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = everything(folder.path());
        setup
            .go(&dots(37), &Dim, &mut StopAfter(Some(stop)))
            .unwrap();
        setup.start = Start::Resume;
        let (_, resumed) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
        assert_eq!(resumed, weights, "stopped after step {stop}");
        assert_eq!(
            files(folder.path()),
            files(straight.path()),
            "stopped after step {stop}"
        );
    }
}

#[test]
fn an_override_tells_what_differs_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.go(&dots(37), &Dim, &mut StopAfter(Some(7))).unwrap();
    setup.config.learning_rate = 0.001;
    setup.config.batch_size = 4;
    let trainer = setup.trainer(&Dim).unwrap();
    let differences = trainer.differences(&dots(37), &dots(13)).unwrap();
    drop(trainer);
    let told: Vec<_> = differences.iter().map(ToString::to_string).collect();
    let wanted = [
        "train.batch_size was 8, is now 4",
        "train.learning_rate was 0.01, is now 0.001",
    ];
    assert_eq!(told, wanted);
    setup.start = Start::Resume;
    let error = setup.go(&dots(37), &Dim, &mut ()).unwrap_err().to_string();
    assert!(wanted.iter().all(|w| error.contains(w)), "{error}");
    setup.start = Start::Override;
    let (outcome, _) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    // The first epoch had 5 steps; the second begins anew with 10, as the third has.
    assert_eq!(outcome.progress.global_step, 5 + 10 + 10);
    // Another optimizer begins without moments.
    setup.config.epochs = 4;
    setup.config.optimizer = fkp_train::OptimizerConfig::Sgd {
        momentum: 0.9,
        nesterov: true,
        weight_decay: 0.0,
        decay_exempt: fkp_train::DecayExempt::Nothing,
    };
    let (outcome, _) = setup.go(&dots(37), &Dim, &mut ()).unwrap();
    assert_eq!(outcome.progress.history.len(), 4);
}
