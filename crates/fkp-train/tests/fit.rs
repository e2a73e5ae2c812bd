//! The loop on a tiny task: find the bright dot in a dark picture.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use candle_core::{Device, Result as TensorResult, Tensor};
use candle_nn::{Linear, Module, ModuleT};
use fkp_core::{
    Augment, Dataset, DatasetError, Image, InMemory, InputSpec, Keypoint, Keypoints, NoAugment,
    Rng, Sample, Schema,
};
use fkp_train::{
    Checkpoints, Coordinates, EpochReport, Evaluator, Fit, Observer, Outcome, Params, StepReport,
    Stopped, TrainConfig, TrainError,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

const SIDE: usize = 8;

struct Dense(Linear);

impl ModuleT for Dense {
    fn forward_t(&self, x: &Tensor, _: bool) -> TensorResult<Tensor> {
        self.0.forward(&x.flatten_from(1)?)
    }
}

/// One dot per picture; every fifth picture has no label.
fn dots(count: usize) -> InMemory {
    let sample = |i: usize| {
        let (x, y) = ((i * 3) % SIDE, (i * 5 / SIDE) % SIDE);
        let mut image = Image::filled(SIDE, SIDE, 1, 0);
        image.pixel_mut(x, y)[0] = 255;
        let point = match i % 5 {
            4 => Keypoint::unlabelled(),
            _ => Keypoint::new(x as f32, y as f32),
        };
        Sample::new(format!("dot {i}"), image, Keypoints::new(vec![point]))
    };
    let samples = (0..count).map(sample).collect();
    InMemory::new(Schema::numbered("dot", 1).unwrap(), samples).unwrap()
}

/// Uses the generator, so that a wrong stream would show in the weights.
struct Dim;

impl Augment for Dim {
    fn apply(&self, mut sample: Sample, rng: &mut dyn Rng) -> Sample {
        let by = (rng.next_u32() % 64) as u8;
        for byte in sample.image.as_bytes_mut() {
            *byte = byte.saturating_sub(by);
        }
        sample
    }
}

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 3,
        batch_size: 8,
        learning_rate: 0.01,
        seed: 5,
        ..TrainConfig::default()
    }
}

struct Setup {
    config: TrainConfig,
    checkpoints: Option<Checkpoints>,
    resume: bool,
}

impl Setup {
    fn new(folder: &Path) -> Self {
        Self {
            config: config(),
            checkpoints: Some(Checkpoints::new(folder, BTreeMap::new())),
            resume: false,
        }
    }

    fn go(
        &self,
        train: &dyn Dataset,
        augment: &dyn Augment,
        observer: &mut dyn Observer,
    ) -> Result<(Outcome, Vec<f32>), TrainError> {
        let input = InputSpec::grey(SIDE);
        let params = Params::new(self.config.seed, &Device::Cpu);
        let network = Dense(candle_nn::linear(SIDE * SIDE, 2, params.builder()).unwrap());
        let codec = Coordinates::new(input.frame(), self.config.loss);
        let fit = Fit {
            network: &network,
            params: &params,
            codec: &codec,
            input,
            train,
            validation: &dots(13),
            augment,
            config: &self.config,
            checkpoints: self.checkpoints.as_ref(),
        };
        let outcome = match self.resume {
            true => fit.resume(observer)?,
            false => fit.run(observer)?,
        };
        let weights = params.tensors().values().flat_map(values).collect();
        Ok((outcome, weights))
    }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Breaks off after so many steps in all, or never.
struct StopAfter(Option<usize>);

impl Observer for StopAfter {
    fn on_step(&mut self, _: &StepReport) -> ControlFlow<()> {
        match &mut self.0 {
            Some(0) | None => ControlFlow::Continue(()),
            Some(1) => {
                self.0 = None;
                ControlFlow::Break(())
            }
            Some(left) => {
                *left -= 1;
                ControlFlow::Continue(())
            }
        }
    }
}

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
    assert_eq!(outcome.stopped, Stopped::Finished);
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
    assert_eq!(best.val_loss, lowest);
}

#[test]
fn one_seed_gives_one_result_whatever_the_threads() {
    let run = |threads: usize, seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(folder.path());
        setup.config.seed = seed;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| setup.go(&dots(37), &Dim, &mut ()).unwrap());
        ["best", "last"]
            .map(|f| std::fs::read(folder.path().join(f).with_extension("safetensors")).unwrap())
    };
    let one = run(1, 5);
    assert_eq!(one, run(1, 5));
    assert_eq!(one, run(2, 5));
    assert_eq!(one, run(3, 5));
    assert_ne!(one, run(1, 6));
}

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
        setup.resume = true;
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
    setup.resume = true;
    setup.config.learning_rate = 0.02;
    let error = setup.go(&dots(37), &Dim, &mut ()).unwrap_err().to_string();
    assert!(
        error.contains("cannot resume: the training configuration was"),
        "{error}"
    );
    setup.config = config();
    let error = setup.go(&dots(36), &Dim, &mut ()).unwrap_err().to_string();
    assert!(
        error.contains("the training set's size was 37, is now 36"),
        "{error}"
    );
    if let Some(checkpoints) = &mut setup.checkpoints {
        checkpoints
            .fingerprint
            .insert("augment".to_owned(), "other".to_owned());
    }
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
    setup.resume = true;
    let error = setup.go(&dots(37), &Dim, &mut ()).unwrap_err();
    assert!(matches!(error, TrainError::Io { .. }), "{error}");
    setup.resume = false;
    setup.go(&dots(37), &Dim, &mut StopAfter(Some(2))).unwrap();
    let path = folder.path().join("state.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    setup.resume = true;
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

/// Delegates to the dots but for one sample.
struct Spoiled(InMemory, fn() -> Result<Sample, DatasetError>);

impl Dataset for Spoiled {
    fn schema(&self) -> &Schema {
        self.0.schema()
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        if index == 20 {
            (self.1)()
        } else {
            self.0.get(index)
        }
    }
}

#[test]
fn a_bad_sample_stops_the_run_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let fail = |spoil: fn() -> Result<Sample, DatasetError>| {
        setup
            .go(&Spoiled(dots(37), spoil), &Dim, &mut ())
            .unwrap_err()
    };
    let unreadable = fail(|| Err(DatasetError::new(20, "a.csv, line 22: no picture")));
    assert!(matches!(&unreadable, TrainError::Data { source, .. } if source.index == 20));
    let size = fail(|| {
        let image = Image::filled(9, SIDE, 1, 0);
        Ok(Sample::new("wide", image, Keypoints::unlabelled(1)))
    });
    assert!(
        size.to_string()
            .contains("training sample 20 (`wide`): the picture is 9×8")
    );
    let count = fail(|| {
        let image = Image::filled(SIDE, SIDE, 1, 0);
        Ok(Sample::new("many", image, Keypoints::unlabelled(2)))
    });
    assert!(count.to_string().contains("2 keypoints, the schema has 1"));
    let nan = fail(|| {
        let image = Image::filled(SIDE, SIDE, 1, 0);
        Ok(Sample::new(
            "nan",
            image,
            Keypoints::from_xy(&[[f32::NAN, 1.0]]),
        ))
    });
    assert!(
        nan.to_string().contains("keypoint `0` is at (NaN, 1)"),
        "{nan}"
    );
    let panicked = fail(|| panic!("oh no"));
    assert!(matches!(&panicked, TrainError::LoaderPanicked { message } if message == "oh no"));
}

#[test]
fn a_loss_that_is_no_number_names_epoch_step_and_samples() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.learning_rate = 1e38;
    let error = setup.go(&dots(37), &Dim, &mut ()).unwrap_err();
    let TrainError::NotFinite { epoch, samples, .. } = &error else {
        panic!("{error}");
    };
    assert!(*epoch >= 1 && !samples.is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_is_found_out_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let setup = Setup::new(&file.join("run"));
    let mut none = StopAfter(None);
    let error = setup.go(&dots(37), &Dim, &mut none).unwrap_err();
    assert!(matches!(&error, TrainError::Io { path, .. } if path.ends_with("file/run")));
    assert!(
        error
            .to_string()
            .contains("cannot create files in the run's folder")
    );
}

#[test]
fn every_sample_is_scored_and_a_missing_label_never() {
    let params = Params::new(0, &Device::Cpu);
    let network = Dense(candle_nn::linear(SIDE * SIDE, 2, params.builder()).unwrap());
    let input = InputSpec::grey(SIDE);
    let codec = Coordinates::new(input.frame(), config().loss);
    let run = |batch_size: usize| {
        let mut seen = Vec::new();
        let evaluator = Evaluator {
            network: &network,
            codec: &codec,
            input,
            batch_size,
            device: &Device::Cpu,
        };
        let report = evaluator
            .run(&dots(13), |scored| seen.push(scored.index))
            .unwrap();
        assert_eq!(seen, (0..13).collect::<Vec<_>>());
        report
    };
    let report = run(13);
    assert_eq!((report.samples, report.per_point[0].scored), (13, 11));
    for batch_size in [1, 4, 100] {
        let other = run(batch_size);
        assert_eq!(other.per_point[0].scored, 11);
        assert!((other.loss.unwrap() - report.loss.unwrap()).abs() < 1e-6);
        assert!((other.mae_px.unwrap() - report.mae_px.unwrap()).abs() < 1e-5);
    }
}

#[test]
fn sets_without_a_label_are_refused() {
    let unlabelled = |count: usize| {
        let sample = |i: usize| {
            let image = Image::filled(SIDE, SIDE, 1, i as u8);
            Sample::new(i.to_string(), image, Keypoints::unlabelled(1))
        };
        let samples = (0..count).map(sample).collect();
        InMemory::new(Schema::numbered("dot", 1).unwrap(), samples).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let error = setup.go(&unlabelled(9), &NoAugment, &mut ()).unwrap_err();
    assert!(matches!(error, TrainError::NoLabels { split: "training" }));
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
    let killed = std::panic::catch_unwind(|| setup.go(&dots(37), &Dim, &mut Killed));
    assert!(killed.is_err());
    setup.resume = true;
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
