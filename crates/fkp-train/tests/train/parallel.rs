//! Two ranks in two threads do what one does.

use crate::common::{Dim, MakeNetwork, Setup, dense, dots, residual};
use candle_core::{DType, Device, Result, Tensor};
use fkp_train::{Averaging, Communicator, Outcome, TrainConfig};
use std::sync::{Arc, Barrier, Mutex};

/// A rank of a group that meets in memory: everyone lays a tensor down, waits for the others, and
/// takes all of them up in the order of the ranks.
struct Member {
    rank: usize,
    table: Arc<(Mutex<Vec<Option<Tensor>>>, Barrier)>,
}

fn group(size: usize) -> Vec<Member> {
    let table = Arc::new((Mutex::new(vec![None; size]), Barrier::new(size)));
    let member = |rank| Member {
        rank,
        table: Arc::clone(&table),
    };
    (0..size).map(member).collect()
}

impl Member {
    fn exchange(&self, tensor: &Tensor) -> Result<Vec<Tensor>> {
        let (places, barrier) = &*self.table;
        places.lock().unwrap()[self.rank] = Some(tensor.copy()?);
        barrier.wait();
        let all = places.lock().unwrap().iter().flatten().cloned().collect();
        // Nobody lays down the next before everyone has these.
        barrier.wait();
        Ok(all)
    }
}

impl Communicator for Member {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world_size(&self) -> usize {
        self.table.0.lock().unwrap().len()
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

fn alone(config: &TrainConfig) -> (Outcome, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config = config.clone();
    setup.go(&dots(37), &Dim, &mut ()).unwrap()
}

fn together(config: &TrainConfig, size: usize, network: MakeNetwork) -> Vec<(Outcome, Vec<f32>)> {
    let folder = tempfile::tempdir().unwrap();
    let members = group(size);
    std::thread::scope(|scope| {
        let run = |member| {
            scope.spawn(|| {
                let member: Member = member;
                let mut setup = Setup::new(folder.path());
                setup.config = config.clone();
                // Other initial weights on other ranks: the first rank's are agreed on.
                setup.config.seed = config.seed;
                setup.communicator = &member;
                setup.network = network;
                setup.go(&dots(37), &Dim, &mut ()).unwrap()
            })
        };
        let threads: Vec<_> = members.into_iter().map(run).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// 37 samples in batches of 8: the last has 5, so the ranks have unequal shares, and of a batch
/// of one sample the second rank has none.
#[test]
fn ranks_agree_to_the_bit_and_with_one_process_up_to_rounding() {
    for (batch_size, accumulate, clip_norm) in [(8, 1, None), (9, 2, Some(0.1)), (1, 1, None)] {
        let config = TrainConfig {
            batch_size,
            accumulate,
            clip_norm,
            ..crate::common::config()
        };
        let (one, weights) = alone(&config);
        for size in [2, 3] {
            let ranks = together(&config, size, dense);
            for (outcome, other) in &ranks {
                assert_eq!(other, &ranks[0].1, "ranks disagree");
                let history = |o: &Outcome| {
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
            let difference = |(a, b): (&f32, &f32)| (a - b).abs();
            let worst = weights
                .iter()
                .zip(&ranks[0].1)
                .map(difference)
                .fold(0.0, f32::max);
            assert!(
                worst < 2e-4,
                "batches of {batch_size}, {size} ranks: {worst}"
            );
        }
    }
}

/// Each rank normalizes its own share of a batch, so this is another model than that of one process;
/// but all ranks have the same, running statistics included.
#[test]
fn ranks_agree_on_running_statistics() {
    let averaging = Some(Averaging { decay: 0.9 });
    for averaging in [None, averaging] {
        let config = TrainConfig {
            accumulate: 2,
            averaging,
            ..crate::common::config()
        };
        let ranks = together(&config, 2, residual);
        assert_eq!(ranks[0].1, ranks[1].1, "ranks disagree");
        let losses = |(outcome, _): &(Outcome, Vec<f32>)| {
            let history = outcome.progress.history.iter();
            history.map(|r| r.val_loss).collect::<Vec<_>>()
        };
        assert_eq!(losses(&ranks[0]), losses(&ranks[1]));
    }
}

/// The double itself: sums are sums, in any type.
#[test]
fn the_group_adds_and_broadcasts() {
    let members = group(3);
    std::thread::scope(|scope| {
        for member in &members {
            scope.spawn(move || {
                let own = Tensor::new(&[member.rank as f64, 1.0], &Device::Cpu).unwrap();
                let sum = member.all_reduce_sum(&own).unwrap();
                assert_eq!(sum.to_vec1::<f64>().unwrap(), [3.0, 3.0]);
                let first = member.broadcast(&own, 2).unwrap();
                assert_eq!(first.to_vec1::<f64>().unwrap()[0], 2.0);
                assert_eq!(first.dtype(), DType::F64);
            });
        }
    });
}
