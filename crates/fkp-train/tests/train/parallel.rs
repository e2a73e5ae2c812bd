//! Data-parallel training: several ranks in threads have the result of one process.

use crate::common::{Dim, MakeNetwork, Setup, Start, branching, dense, dots, residual};
use crate::faults::WithBadSample;
use candle_core::{DType, Device, Result, Tensor};
use fkp_core::DatasetError;
use fkp_train::{Averaging, Communicator, OnUnreadable, TrainConfig, TrainOutcome};
use std::sync::{Arc, Barrier, Mutex};

/// A rank of a group that communicates in memory: each rank writes its tensor, waits for the others
/// and reads the tensors in the order of the ranks.
struct Member {
    rank: usize,
    slots: Arc<(Mutex<Vec<Option<Tensor>>>, Barrier)>,
}

fn group(size: usize) -> Vec<Member> {
    let slots = Arc::new((Mutex::new(vec![None; size]), Barrier::new(size)));
    let member = |rank| Member {
        rank,
        slots: Arc::clone(&slots),
    };
    (0..size).map(member).collect()
}

impl Member {
    fn exchange(&self, tensor: &Tensor) -> Result<Vec<Tensor>> {
        let (tensors, barrier) = &*self.slots;
        tensors.lock().unwrap()[self.rank] = Some(tensor.copy()?);
        barrier.wait();
        let all = tensors.lock().unwrap().iter().flatten().cloned().collect();
        // No rank writes its next tensor before all have read these.
        barrier.wait();
        Ok(all)
    }
}

impl Communicator for Member {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world_size(&self) -> usize {
        self.slots.0.lock().unwrap().len()
    }

    fn all_reduce_sum(&self, tensor: &Tensor) -> Result<Tensor> {
        let mut sum = Tensor::zeros(tensor.shape(), tensor.dtype(), &Device::Cpu)?;
        for part in self.exchange(tensor)? {
            sum = (sum + part)?;
        }
        Ok(sum)
    }

    fn broadcast(&self, tensor: &Tensor, root: usize) -> Result<Tensor> {
        Ok(self.exchange(tensor)?[root].clone())
    }
}

fn run_single(config: &TrainConfig, network: MakeNetwork) -> (TrainOutcome, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config = config.clone();
    setup.network = network;
    setup.train().unwrap()
}

/// Calls `run` on each rank of a group, in threads.
fn on_ranks<T: Send>(size: usize, run: impl Fn(&Member) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let (run, members) = (&run, group(size).into_iter());
        let threads: Vec<_> = members
            .map(|member| scope.spawn(move || run(&member)))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.collect()
    })
}

fn run_ranks(
    config: &TrainConfig,
    size: usize,
    network: MakeNetwork,
) -> Vec<(TrainOutcome, Vec<f32>)> {
    let folder = tempfile::tempdir().unwrap();
    on_ranks(size, |member| {
        let mut setup = Setup::new(folder.path());
        setup.config = config.clone();
        setup.communicator = member;
        setup.network = network;
        setup.train().unwrap()
    })
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

/// 37 samples in batches of 8: the last batch has 5, so that the ranks have different shares. Of a
/// batch of one sample, the second rank has none.
#[test]
fn ranks_are_bit_identical_and_equal_one_process_up_to_rounding() {
    for (batch_size, accumulate, clip_norm) in [(8, 1, None), (9, 2, Some(0.1)), (1, 1, None)] {
        let config = TrainConfig {
            batch_size,
            accumulate,
            clip_norm,
            ..crate::common::config()
        };
        let (one, weights) = run_single(&config, dense);
        for size in [2, 3] {
            let ranks = run_ranks(&config, size, dense);
            for (outcome, other) in &ranks {
                assert_eq!(other, &ranks[0].1, "ranks disagree");
                let history = |o: &TrainOutcome| {
                    let of = |r: &fkp_train::EpochRecord| (r.train_loss, r.val_loss);
                    o.progress.history.iter().map(of).collect::<Vec<_>>()
                };
                assert_eq!(history(outcome), history(&ranks[0].0));
                for (a, b) in history(outcome).iter().zip(history(&one)) {
                    assert!(
                        (a.0 - b.0).abs() < 1e-5 && (a.1 - b.1).abs() < 1e-4,
                        "{a:?} {b:?}"
                    );
                }
            }
            let worst = largest_difference(&weights, &ranks[0].1);
            assert!(
                worst < 2e-4,
                "batches of {batch_size}, {size} ranks: {worst}"
            );
        }
    }
}

/// Gradients that are collected as factors, that candle's own operations compute, and that do not come
/// in every step.
#[test]
fn gradients_of_every_kind_are_summed_over_the_ranks() {
    for accumulate in [1, 2] {
        let config = TrainConfig {
            accumulate,
            learning_rate: 1e-3,
            ..crate::common::config()
        };
        let (_, weights) = run_single(&config, branching);
        for size in [2, 3] {
            let ranks = run_ranks(&config, size, branching);
            assert!(ranks.iter().all(|(_, other)| *other == ranks[0].1));
            let worst = largest_difference(&weights, &ranks[0].1);
            assert!(worst < 2e-4, "{size} ranks: {worst}");
        }
    }
}

/// A run of two ranks is resumed by one process and by three ranks.
#[test]
fn a_run_is_resumed_by_another_number_of_ranks() {
    let config = crate::common::config();
    let (_, weights) = run_single(&config, dense);
    let folder = tempfile::tempdir().unwrap();
    let run = |size: usize, start, stop_after: usize| {
        on_ranks(size, |member| {
            let mut setup = Setup::new(folder.path());
            (setup.communicator, setup.start) = (member, start);
            setup.train_until(stop_after).unwrap().1
        })
    };
    run(2, Start::Fresh, 3);
    run(1, Start::Resume, 4);
    let ranks = run(3, Start::Resume, usize::MAX);
    let worst = largest_difference(&weights, &ranks[0]);
    assert!(worst < 2e-4, "{worst}");
}

/// Each rank normalizes its own share of a batch, so the result is not that of one process; but all
/// ranks have the same weights and running statistics.
#[test]
fn ranks_have_the_same_running_statistics() {
    let averaging = Some(Averaging { decay: 0.9 });
    for averaging in [None, averaging] {
        let config = TrainConfig {
            accumulate: 2,
            averaging,
            ..crate::common::config()
        };
        let ranks = run_ranks(&config, 2, residual);
        assert_eq!(ranks[0].1, ranks[1].1, "ranks disagree");
        let losses = |(outcome, _): &(TrainOutcome, Vec<f32>)| {
            let history = outcome.progress.history.iter();
            history.map(|r| r.val_loss).collect::<Vec<_>>()
        };
        assert_eq!(losses(&ranks[0]), losses(&ranks[1]));
    }
}

/// The losses of the sources are sums over the ranks, also if a rank has no sample of one.
#[test]
fn the_loss_of_each_source_is_summed_over_the_ranks() {
    let source = |name: &str, samples| fkp_train::TrainingSource {
        name: name.to_owned(),
        samples,
    };
    let losses = |size: usize| {
        let ranks = on_ranks(size, |member| {
            let folder = tempfile::tempdir().unwrap();
            let mut setup = Setup::new(folder.path());
            setup.sources = vec![source("most", 34), source("rest", 3)];
            setup.communicator = member;
            let (outcome, _) = setup.train().unwrap();
            let history = outcome.progress.history.into_iter();
            let sources = history.flat_map(|record| record.sources);
            sources
                .map(|source| source.train_loss.unwrap())
                .collect::<Vec<_>>()
        });
        assert!(ranks.iter().all(|rank| *rank == ranks[0]), "{ranks:?}");
        ranks[0].clone()
    };
    for (one, two) in losses(1).iter().zip(losses(2)) {
        assert!((one - two).abs() < 1e-5, "{one} {two}");
    }
}

/// Whichever rank skipped it.
#[test]
fn skipped_samples_are_counted_over_the_ranks() {
    let broken = WithBadSample(dots(37), || Err(DatasetError::new(20, "no image")));
    let skipped = on_ranks(2, |member| {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(folder.path());
        setup.communicator = member;
        setup.config.on_unreadable = OnUnreadable::Skip { max_per_epoch: 1 };
        let (outcome, _) = setup.go(&broken, &Dim, &mut ()).unwrap();
        let history = outcome.progress.history.iter();
        history.map(|record| record.skipped).collect::<Vec<_>>()
    });
    assert_eq!(skipped, [[1, 1, 1], [1, 1, 1]]);
}

/// Tests the group itself.
#[test]
fn the_group_adds_and_broadcasts() {
    on_ranks(3, |member| {
        let own = Tensor::new(&[member.rank as f64, 1.0], &Device::Cpu).unwrap();
        let sum = member.all_reduce_sum(&own).unwrap();
        assert_eq!(sum.to_vec1::<f64>().unwrap(), [3.0, 3.0]);
        // Only rank 1 has rows.
        let rows = Tensor::full(member.rank as f32, (2 * member.rank % 4, 3), &Device::Cpu);
        let all = member.all_gather(&rows.unwrap()).unwrap();
        let counts: Vec<_> = all.iter().map(|rows| rows.dims().to_vec()).collect();
        assert_eq!(counts, [[0, 3], [2, 3], [0, 3]]);
        assert_eq!(all[1].to_vec2::<f32>().unwrap(), [[1.0; 3]; 2]);
        let first = member.broadcast(&own, 2).unwrap();
        assert_eq!(first.to_vec1::<f64>().unwrap()[0], 2.0);
        assert_eq!(first.dtype(), DType::F64);
    });
}
