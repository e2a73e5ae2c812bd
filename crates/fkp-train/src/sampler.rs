//! Which samples an epoch consists of, and in which order.

use crate::TrainError;
use fkp_core::{Purpose, rng_for};
use rand::seq::SliceRandom;

/// Decides the samples of an epoch. A function of (seed, epoch): nothing is remembered from one
/// epoch to the next, so that a resumed run draws what the run that was not stopped drew.
pub trait Sampler: Send + Sync {
    /// How many samples each epoch of a set of `len` has.
    fn epoch_len(&self, len: usize) -> usize;

    /// The indices of an epoch's samples in the order in which they are used.
    fn order(&self, len: usize, seed: u64, epoch: usize) -> Vec<usize>;

    /// What a run with another sampler would not be a continuation of.
    fn describe(&self) -> String;
}

/// Every sample once, in an order drawn anew for each epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shuffled;

impl Sampler for Shuffled {
    fn epoch_len(&self, len: usize) -> usize {
        len
    }

    fn order(&self, len: usize, seed: u64, epoch: usize) -> Vec<usize> {
        permutation(0, len, seed, epoch as u64, 0)
    }

    fn describe(&self) -> String {
        "every sample once".to_owned()
    }
}

/// Several sources in given proportions: real images and rendered ones, a large set and a small
/// one. The data set is the sources one after the other ([`fkp_core::Concat`]).
///
/// Each epoch takes a fixed number of samples of each source. A source is walked through in a
/// shuffled order, across epochs, so that each of its samples is used equally often.
///
/// ```
/// use fkp_train::{Sampler, WeightedSources};
/// // 900 samples of one source and 100 of another, used half and half.
/// let sources = WeightedSources::new(vec![900, 100], vec![1.0, 1.0], 400)?;
/// let epoch = sources.order(1000, 7, 0);
/// assert_eq!(epoch.iter().filter(|index| **index >= 900).count(), 200);
/// # Ok::<(), fkp_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedSources {
    sizes: Vec<usize>,
    /// Samples of each source in an epoch.
    quotas: Vec<usize>,
}

impl WeightedSources {
    /// Sources of these sizes, used in proportion to these weights, `samples_per_epoch` in all.
    ///
    /// # Errors
    /// If there are not as many weights as sources, a weight is negative or not finite, all are
    /// zero, or a source with a weight has no samples.
    pub fn new(
        sizes: Vec<usize>,
        weights: Vec<f64>,
        samples_per_epoch: usize,
    ) -> Result<Self, TrainError> {
        let refuse = |problem: String| {
            let field = "sources".to_owned();
            Err(TrainError::Config { field, problem })
        };
        if sizes.len() != weights.len() {
            let (sizes, weights) = (sizes.len(), weights.len());
            return refuse(format!("{sizes} sources and {weights} weights"));
        }
        if let Some(w) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return refuse(format!("weights must be finite and not negative, got {w}"));
        }
        let total: f64 = weights.iter().sum();
        if total == 0.0 || samples_per_epoch == 0 {
            return refuse("an epoch would have no samples".to_owned());
        }
        // Rounded so that the quotas add up: each is the step between two rounded running sums.
        let (mut sum, mut given, mut quotas) = (0.0, 0, Vec::new());
        for weight in &weights {
            sum += weight;
            let until = (samples_per_epoch as f64 * (sum / total)).round() as usize;
            quotas.push(until - given);
            given = until;
        }
        if let Some(i) = (0..sizes.len()).find(|&i| quotas[i] > 0 && sizes[i] == 0) {
            return refuse(format!("source {i} has a weight and no samples"));
        }
        Ok(Self { sizes, quotas })
    }
}

impl Sampler for WeightedSources {
    fn epoch_len(&self, _: usize) -> usize {
        self.quotas.iter().sum()
    }

    fn order(&self, len: usize, seed: u64, epoch: usize) -> Vec<usize> {
        debug_assert_eq!(len, self.sizes.iter().sum::<usize>());
        let (mut order, mut first) = (Vec::new(), 0);
        for (source, (&size, &quota)) in self.sizes.iter().zip(&self.quotas).enumerate() {
            let (mut at, end) = (epoch * quota, (epoch + 1) * quota);
            while at < end {
                // Each walk through the source has an order of its own.
                let walk = permutation(first, size, seed, (at / size) as u64, source as u64 + 1);
                let stop = end.min((at / size + 1) * size);
                order.extend_from_slice(&walk[at % size..][..stop - at]);
                at = stop;
            }
            first += size;
        }
        order.shuffle(&mut rng_for(seed, Purpose::Shuffle, epoch as u64, 0));
        order
    }

    fn describe(&self) -> String {
        format!("{:?} samples of sources of {:?}", self.quotas, self.sizes)
    }
}

fn permutation(first: usize, len: usize, seed: u64, epoch: u64, stream: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (first..first + len).collect();
    order.shuffle(&mut rng_for(seed, Purpose::Shuffle, epoch, stream));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_once_in_another_order_each_epoch() {
        let (first, second) = (Shuffled.order(50, 3, 0), Shuffled.order(50, 3, 1));
        assert_ne!(first, second);
        assert_eq!(first, Shuffled.order(50, 3, 0));
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, (0..50).collect::<Vec<_>>());
        }
    }

    /// 3 of 7 and 5 of 2 an epoch: over 14 epochs each sample of a source is used equally often.
    #[test]
    fn sources_are_used_in_proportion_and_evenly() {
        let sources = WeightedSources::new(vec![7, 2], vec![3.0, 5.0], 8).unwrap();
        let mut used = [0; 9];
        for epoch in 0..14 {
            let order = sources.order(9, 1, epoch);
            assert_eq!(order.len(), sources.epoch_len(9));
            assert_eq!(order.iter().filter(|i| **i < 7).count(), 3);
            assert_eq!(order, sources.order(9, 1, epoch));
            for index in order {
                used[index] += 1;
            }
        }
        assert_eq!(used[..7], [6; 7]);
        assert_eq!(used[7..], [35; 2]);
    }

    #[test]
    fn quotas_add_up_and_nonsense_is_refused() {
        let sources = WeightedSources::new(vec![1; 3], vec![1.0; 3], 100).unwrap();
        assert_eq!(sources.quotas.iter().sum::<usize>(), 100);
        let refused = |sizes: &[usize], weights: &[f64], samples| {
            let sources = WeightedSources::new(sizes.to_vec(), weights.to_vec(), samples);
            sources.unwrap_err().to_string()
        };
        assert!(refused(&[1], &[1.0, 2.0], 5).contains("1 sources and 2 weights"));
        assert!(refused(&[1], &[f64::NAN], 5).contains("got NaN"));
        assert!(refused(&[1], &[0.0], 5).contains("no samples"));
        assert!(refused(&[0, 3], &[1.0, 1.0], 5).contains("source 0"));
    }
}
