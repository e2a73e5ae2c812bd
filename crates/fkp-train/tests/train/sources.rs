//! Training sets that are made of several sources.

use crate::common::{Dim, Setup, Start, StopAfter, dense, dots, residual};
use fkp_core::{Augment, Concat, InMemory, NoAugment, Rng, Sample, SampleError};
use fkp_train::{EpochRecord, TrainError, TrainOutcome, TrainingSource, WeightedSources};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

/// 20 dots, of which 16 have a label, and 17 dots, of which 14 have one.
fn two_sources() -> Concat<InMemory> {
    Concat::new(vec![dots(20), dots(17)]).unwrap()
}

fn setup(folder: &Path) -> Setup<'static> {
    let source = |name: &str, samples| TrainingSource {
        name: name.to_owned(),
        samples,
    };
    Setup {
        sources: vec![source("many", 20), source("few", 17)],
        ..Setup::new(folder)
    }
}

fn losses(outcome: &TrainOutcome) -> Vec<(f64, Vec<Option<f64>>)> {
    let of = |record: &EpochRecord| {
        let sources = record.sources.iter().map(|source| source.train_loss);
        (record.train_loss, sources.collect())
    };
    outcome.progress.history.iter().map(of).collect()
}

/// The mean of the sources' losses, weighted by their labels, is the loss; and measuring them does
/// not change the weights.
#[test]
fn the_loss_of_each_source_is_recorded() {
    for (network, accumulate) in [(dense as _, 1), (residual as _, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let mut mixed = setup(folder.path());
        mixed.network = network;
        mixed.config.accumulate = accumulate;
        let (outcome, weights) = mixed.go(&two_sources(), &Dim, &mut ()).unwrap();
        let names = |record: &EpochRecord| {
            let names = record.sources.iter().map(|source| source.name.clone());
            names.collect::<Vec<_>>()
        };
        for record in &outcome.progress.history {
            assert_eq!(names(record), ["many", "few"]);
        }
        for (all, sources) in losses(&outcome) {
            let [Some(many), Some(few)] = sources[..] else {
                panic!("{sources:?}");
            };
            assert_ne!(many, few);
            let mean = (16.0 * many + 14.0 * few) / 30.0;
            assert!((mean - all).abs() < 1e-6, "{mean} {all}");
        }
        mixed.sources.clear();
        let (alone, same) = mixed.go(&two_sources(), &Dim, &mut ()).unwrap();
        assert_eq!(weights, same);
        assert!(losses(&alone).iter().all(|(_, sources)| sources.is_empty()));
    }
}

#[test]
fn the_loss_of_each_source_survives_a_stop_within_an_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let weighted = WeightedSources::new(vec![20, 17], vec![1.0, 3.0], 37).unwrap();
    let run = |stop: Option<usize>| {
        let folder = folder.path().join(format!("{stop:?}"));
        let mut setup = Setup {
            sampler: &weighted,
            ..setup(&folder)
        };
        if let Some(step) = stop {
            setup
                .go(&two_sources(), &Dim, &mut StopAfter(step))
                .unwrap();
            setup.start = Start::Resume;
        }
        let (outcome, weights) = setup.go(&two_sources(), &Dim, &mut ()).unwrap();
        (losses(&outcome), weights)
    };
    let whole = run(None);
    for stop in [1, 3, 5, 9, 14] {
        assert_eq!(run(Some(stop)), whole, "stopped after step {stop}");
    }
}

/// Remembers the first random number of each augmentation.
#[derive(Default)]
struct Numbers(Mutex<Vec<u64>>);

impl Augment for Numbers {
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Result<Sample, SampleError> {
        self.0.lock().unwrap().push(rng.next_u64());
        Ok(sample)
    }
}

/// 30 of 3 samples in each epoch.
#[test]
fn a_sample_that_an_epoch_repeats_is_augmented_differently() {
    let folder = tempfile::tempdir().unwrap();
    let weighted = WeightedSources::new(vec![3], vec![1.0], 30).unwrap();
    let setup = Setup {
        sampler: &weighted,
        ..Setup::new(folder.path())
    };
    let numbers = Numbers::default();
    setup.go(&dots(3), &numbers, &mut ()).unwrap();
    let numbers = numbers.0.into_inner().unwrap();
    assert_eq!(numbers.len(), 3 * 30);
    assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>().len(), 3 * 30);
}

#[test]
fn errors_name_the_sources() {
    let folder = tempfile::tempdir().unwrap();
    let mut diverges = setup(folder.path());
    diverges.config.learning_rate = 1e38;
    let error = diverges
        .go(&two_sources(), &NoAugment, &mut ())
        .unwrap_err();
    let TrainError::LossNotFinite {
        samples,
        in_sources,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(samples.len(), 8);
    assert!(in_sources.contains("] of `many`, ["), "{in_sources}");
    assert!(error.to_string().contains("] of `few`);"), "{error}");
    let error = setup(folder.path()).go(&dots(36), &NoAugment, &mut ());
    let error = error.unwrap_err().to_string();
    assert_eq!(
        error,
        "sources: they have 37 samples, the training set has 36"
    );
}
