//! Data sets that have new samples in each epoch, and data sets that are slow.

use crate::common::{Dim, Setup, Start, StopAfter, dots};
use fkp_core::{Dataset, DatasetError, InMemory, NoAugment, Sample, Schema};
use fkp_train::{DataLimit, EpochReport, Observer, StepReport, TrainOutcome};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

const SAMPLES: usize = 37;

/// The dots of an epoch are others than those of the epoch before. Remembers what was read.
struct NewDots {
    all: InMemory,
    read: Mutex<Vec<(usize, usize)>>,
}

impl NewDots {
    fn new() -> Self {
        Self {
            all: dots(4 * SAMPLES),
            read: Mutex::default(),
        }
    }

    /// Epoch and index of all samples that were read, sorted.
    fn read(&self) -> Vec<(usize, usize)> {
        let mut read = self.read.lock().unwrap().clone();
        read.sort_unstable();
        read
    }
}

impl Dataset for NewDots {
    fn schema(&self) -> &Schema {
        self.all.schema()
    }

    fn len(&self) -> usize {
        SAMPLES
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        self.read.lock().unwrap().push((epoch, index));
        self.all.get(epoch * SAMPLES + index)
    }
}

#[test]
fn each_epoch_reads_its_own_samples_once() {
    let folder = tempfile::tempdir().unwrap();
    let set = NewDots::new();
    let setup = Setup::new(folder.path());
    let (_, weights) = setup.go(&set, &Dim, &mut ()).unwrap();
    let in_epoch = |epoch| (0..SAMPLES).map(move |index| (epoch, index));
    let expected: Vec<_> = (0..3).flat_map(in_epoch).collect();
    assert_eq!(set.read(), expected);
    let (_, same_each_epoch) = Setup::new(folder.path()).train().unwrap();
    assert_ne!(weights, same_each_epoch);
}

#[test]
fn stopping_within_an_epoch_and_resuming_reads_the_samples_of_that_epoch() {
    let run = |stop: Option<usize>, threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let set = NewDots::new();
        let mut setup = Setup::new(folder.path());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let (outcome, weights): (TrainOutcome, _) = pool.build().unwrap().install(|| {
            if let Some(step) = stop {
                setup.go(&set, &Dim, &mut StopAfter(step)).unwrap();
                setup.start = Start::Resume;
            }
            setup.go(&set, &Dim, &mut ()).unwrap()
        });
        let history = outcome.progress.history.iter();
        let losses: Vec<_> = history.map(|r| (r.train_loss, r.val_loss)).collect();
        (losses, weights)
    };
    let whole = run(None, 1);
    for threads in [2, 3] {
        assert_eq!(run(None, threads), whole, "{threads} threads");
    }
    // An epoch has 5 steps.
    for stop in [1, 5, 8, 13] {
        assert_eq!(run(Some(stop), 2), whole, "stopped after step {stop}");
    }
}

/// The network could not learn a batch by heart that is another one in each epoch.
#[test]
fn a_single_batch_is_the_same_batch_in_each_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let set = NewDots::new();
    let mut setup = Setup::new(folder.path());
    setup.config.data_limit = DataLimit::OverfitOneBatch;
    setup.go(&set, &NoAugment, &mut ()).unwrap();
    assert!(set.read().iter().all(|(epoch, _)| *epoch == 0));
}

/// Takes a while for each sample.
struct Slow(InMemory);

impl Dataset for Slow {
    fn schema(&self) -> &Schema {
        self.0.schema()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        std::thread::sleep(Duration::from_millis(20));
        self.0.get(index)
    }
}

/// Remembers the loader's fraction of the time.
#[derive(Default)]
struct LoaderFraction(f64);

impl Observer for LoaderFraction {
    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        self.0 = report.loader_fraction;
        ControlFlow::Continue(())
    }
}

/// What the progress bar explains. The sleep is far longer than a step of this network.
#[test]
fn the_time_that_a_slow_data_set_costs_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.epochs = 1;
    let (slow, mut fraction) = (Slow(dots(SAMPLES)), LoaderFraction::default());
    let (outcome, _) = setup.go(&slow, &NoAugment, &mut fraction).unwrap();
    let record = &outcome.progress.history[0];
    // Of the 5 batches, each needs at least one sleep.
    assert!(record.loader_wait_seconds > 0.08, "{record:?}");
    assert!(fraction.0 > 0.5 && fraction.0 < 1.1, "{}", fraction.0);
}

/// A network as slow as the data set above, and data that is in memory.
#[test]
fn a_slow_network_is_not_a_slow_loader() {
    struct SlowSteps(LoaderFraction);
    impl Observer for SlowSteps {
        fn on_step(&mut self, _: &StepReport) -> ControlFlow<()> {
            std::thread::sleep(Duration::from_millis(100));
            ControlFlow::Continue(())
        }
        fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
            self.0.on_epoch(report)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.epochs = 1;
    let mut observer = SlowSteps(LoaderFraction::default());
    setup.go(&dots(SAMPLES), &NoAugment, &mut observer).unwrap();
    assert!(observer.0.0 < 0.5, "{}", observer.0.0);
}
