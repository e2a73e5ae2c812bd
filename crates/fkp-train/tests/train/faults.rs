//! Errors name what is wrong, and checkpoints are kept.

use crate::common::{Dim, SIDE, Setup, Start, StopAfter, config, dots};
use fkp_core::{Dataset, DatasetError, Image, InMemory, Keypoints, NoAugment, Sample, Schema};
use fkp_train::{Observer, OnUnreadable, SkipReport, TrainError};

/// The dots with one sample replaced.
pub(crate) struct WithBadSample(
    pub(crate) InMemory,
    pub(crate) fn() -> Result<Sample, DatasetError>,
);

impl Dataset for WithBadSample {
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
fn an_invalid_sample_stops_the_run_with_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let fail = |make_sample: fn() -> Result<Sample, DatasetError>| {
        setup
            .go(&WithBadSample(dots(37), make_sample), &Dim, &mut ())
            .unwrap_err()
    };
    let unreadable = fail(|| Err(DatasetError::new(20, "a.csv, line 22: no image")));
    assert!(matches!(&unreadable, TrainError::Data { source, .. } if source.index == 20));
    let size = fail(|| {
        let image = Image::filled(9, SIDE, 1, 0);
        Ok(Sample::new("wide", image, Keypoints::unlabeled(1)))
    });
    assert!(
        size.to_string()
            .contains("training sample 20 (`wide`): the image is 9×8")
    );
    let count = fail(|| {
        let image = Image::filled(SIDE, SIDE, 1, 0);
        Ok(Sample::new("many", image, Keypoints::unlabeled(2)))
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
fn a_loss_that_is_not_finite_names_epoch_step_and_samples() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.learning_rate = 1e38;
    let error = setup.train().unwrap_err();
    let TrainError::LossNotFinite { epoch, samples, .. } = &error else {
        panic!("{error}");
    };
    assert!(*epoch >= 1 && !samples.is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let setup = Setup::new(&file.join("run"));
    let error = setup.train().unwrap_err();
    assert!(matches!(&error, TrainError::Io { path, .. } if path.ends_with("file/run")));
    assert!(
        error
            .to_string()
            .contains("cannot create files in the run's folder")
    );
}

#[test]
fn data_sets_without_labels_are_refused() {
    let unlabeled = |count: usize| {
        let sample = |i: usize| {
            let image = Image::filled(SIDE, SIDE, 1, i as u8);
            Sample::new(i.to_string(), image, Keypoints::unlabeled(1))
        };
        let samples = (0..count).map(sample).collect();
        InMemory::new(Schema::numbered("dot", 1).unwrap(), samples).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let error = setup.go(&unlabeled(9), &NoAugment, &mut ()).unwrap_err();
    assert!(matches!(error, TrainError::NoLabels { split: "training" }));
}

/// Records the skipped samples.
#[derive(Default)]
struct Skips(Vec<(usize, usize)>);

impl Observer for Skips {
    fn on_skip(&mut self, report: &SkipReport<'_>) {
        assert!(report.error.to_string().contains("cannot be read"));
        self.0.push((report.epoch, report.index));
    }
}

#[test]
fn an_unreadable_sample_is_skipped_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.on_unreadable = OnUnreadable::Skip { max_per_epoch: 1 };
    let broken = WithBadSample(dots(37), || Err(DatasetError::new(20, "no image")));
    let mut skips = Skips::default();
    let (outcome, weights) = setup.go(&broken, &Dim, &mut skips).unwrap();
    assert_eq!(skips.0, [(1, 20), (2, 20), (3, 20)]);
    assert!(outcome.progress.history.iter().all(|r| r.skipped == 1));
    // A resumed run has the same result, and the limit is still per epoch.
    let other = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(other.path());
    setup.config.on_unreadable = OnUnreadable::Skip { max_per_epoch: 1 };
    setup.go(&broken, &Dim, &mut StopAfter(7)).unwrap();
    setup.start = Start::Resume;
    assert_eq!(setup.go(&broken, &Dim, &mut ()).unwrap().1, weights);
}

#[test]
fn too_many_unreadable_samples_stop_the_run_and_keep_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.on_unreadable = OnUnreadable::Skip { max_per_epoch: 0 };
    let broken = WithBadSample(dots(37), || Err(DatasetError::new(20, "no image")));
    let error = setup.go(&broken, &Dim, &mut ()).unwrap_err();
    let TrainError::TooManyUnreadable {
        index,
        allowed,
        source,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!((*index, *allowed), (20, 0));
    assert!(matches!(**source, TrainError::Data { .. }));
    setup.start = Start::Resume;
    // With a data set that can be read, the run is resumed.
    setup.config.on_unreadable = OnUnreadable::Skip { max_per_epoch: 0 };
    setup.train().unwrap();
}

#[test]
fn two_runs_cannot_write_into_one_folder() {
    struct Second<'a>(&'a std::path::Path, usize);
    impl Observer for Second<'_> {
        fn on_start(&mut self, _: &fkp_train::StartReport) {
            for start in [Start::Fresh, Start::Resume] {
                let mut second = Setup::new(self.0);
                second.start = start;
                let error = second.train().unwrap_err();
                assert!(matches!(error, TrainError::Locked { .. }), "{error}");
                self.1 += 1;
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut second = Second(folder.path(), 0);
    let setup = Setup::new(folder.path());
    setup.go(&dots(37), &Dim, &mut second).unwrap();
    assert_eq!(second.1, 2);
    // The lock is released with the run.
    setup.train().unwrap();
}

/// The loss is finite and its gradient is not: a square root at 0.
#[test]
fn a_gradient_that_is_not_finite_names_its_variable() {
    use candle_core::{Device, Result, Tensor};
    use fkp_core::Prediction;
    use fkp_train::{Codec, Coordinates, Target, Trainer};

    struct Root(Coordinates);
    impl Codec for Root {
        fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target> {
            self.0.encode(samples, device)
        }
        fn loss(&self, output: &Tensor, _: &Target) -> Result<Tensor> {
            (output - output.detach())?.sqrt()?.sum_all()
        }
        fn decode(&self, output: &Tensor) -> Result<Vec<Prediction>> {
            self.0.decode(output)
        }
        fn describe(&self) -> String {
            "a root".to_owned()
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let task = crate::common::task();
    let codec = Root(Coordinates::new(task.input.frame(), fkp_train::loss::Mae));
    let trainer = Trainer::with_codec(&task, config(), codec, crate::common::network).unwrap();
    let trainer = setup.equip(trainer, &NoAugment);
    let error = trainer.fit(&dots(37), &dots(13), &mut ()).unwrap_err();
    drop(trainer);
    let TrainError::GradientNotFinite {
        variable,
        epoch,
        step,
        samples,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (variable.as_str(), *epoch, *step, samples.len()),
        ("bias", 1, 1, 8)
    );
    // The checkpoint from before is valid; only the loss differs.
    let mut setup = setup;
    setup.start = Start::Resume;
    let refused = setup.train().unwrap_err().to_string();
    assert!(refused.contains("the loss was a root"), "{refused}");
    setup.start = Start::Override;
    setup.train().unwrap();
}

#[test]
fn a_sampler_with_a_wrong_number_of_samples_is_refused() {
    struct Short;
    impl fkp_train::Sampler for Short {
        fn epoch_len(&self, len: usize) -> usize {
            len
        }
        fn order(&self, len: usize, _: u64, _: usize) -> Vec<usize> {
            (1..len).collect()
        }
        fn describe(&self) -> String {
            "all but the first".to_owned()
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.sampler = &Short;
    let error = setup.train().unwrap_err().to_string();
    assert!(error.contains("36 samples, expected 37"), "{error}");
}
