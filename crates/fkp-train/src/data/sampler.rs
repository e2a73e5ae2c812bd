//! The samples of an epoch and their order.

use crate::TrainError;
use fkp_core::{Purpose, rng_for};
use rand::seq::SliceRandom;

/// Chooses the samples of an epoch and their order. A function of (seed, epoch), without state that
/// is kept between epochs, so that a resumed run has the same samples as one that was not stopped.
pub trait Sampler: Send + Sync {
    /// Number of samples in an epoch of a data set of `len` samples.
    fn epoch_len(&self, len: usize) -> usize;

    /// The indices of an epoch's samples in the order in which they are used.
    fn order(&self, len: usize, seed: u64, epoch: usize) -> Vec<usize>;

    /// A description of the sampler and its parameters: a run is not resumed with another one.
    fn describe(&self) -> String;

    /// Refuses a data set of `len` samples if the sampler is for another one. By default none.
    ///
    /// # Errors
    /// If the sampler would leave samples out, or use some that do not exist.
    fn check(&self, len: usize) -> Result<(), TrainError> {
        let _ = len;
        Ok(())
    }
}

/// Every sample once, reshuffled each epoch.
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

/// Mixes several sources in given proportions, such as real images and rendered ones. The data set
/// is the concatenation of the sources ([`fkp_core::Concat`]).
///
/// Each epoch takes a fixed number of samples of each source. Each source is iterated in a shuffled
/// order that continues across epochs, so that all of its samples are used equally often. A sample
/// that an epoch uses several times is augmented differently each time.
///
/// ```
/// use fkp_train::{Sampler, WeightedSources};
/// // 900 samples of one source and 100 of another, in equal proportions.
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
        let refuse = |problem: String| Err(TrainError::config("sources", problem));
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
        // Each quota is the difference of two rounded cumulative sums, so that they add up.
        let (mut sum, mut start, mut quotas) = (0.0, 0, Vec::new());
        for weight in &weights {
            sum += weight;
            let end = (samples_per_epoch as f64 * (sum / total)).round() as usize;
            quotas.push(end - start);
            start = end;
        }
        if let Some(i) = (0..sizes.len()).find(|&i| quotas[i] > 0 && sizes[i] == 0) {
            return refuse(format!("source {i} has a weight and no samples"));
        }
        Ok(Self { sizes, quotas })
    }

    /// The number of samples of each source in an epoch.
    pub fn samples_per_source(&self) -> &[usize] {
        &self.quotas
    }
}

impl Sampler for WeightedSources {
    fn epoch_len(&self, _: usize) -> usize {
        self.quotas.iter().sum()
    }

    fn order(&self, len: usize, seed: u64, epoch: usize) -> Vec<usize> {
        debug_assert!(self.check(len).is_ok());
        let (mut order, mut first) = (Vec::new(), 0);
        for (source, (&size, &quota)) in self.sizes.iter().zip(&self.quotas).enumerate() {
            let (mut next, end) = (epoch * quota, (epoch + 1) * quota);
            while next < end {
                // Each pass over the source has its own order.
                let pass = next / size;
                let indices = permutation(first, size, seed, pass as u64, source as u64 + 1);
                let stop = end.min((pass + 1) * size);
                order.extend_from_slice(&indices[next % size..][..stop - next]);
                next = stop;
            }
            first += size;
        }
        order.shuffle(&mut rng_for(seed, Purpose::Shuffle, epoch as u64, 0));
        order
    }

    fn describe(&self) -> String {
        format!("{:?} samples of sources of {:?}", self.quotas, self.sizes)
    }

    fn check(&self, len: usize) -> Result<(), TrainError> {
        let sum: usize = self.sizes.iter().sum();
        if sum == len {
            return Ok(());
        }
        let problem = format!("they have {sum} samples together, the training set has {len}");
        Err(TrainError::config("sources", problem))
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
    fn shuffled_has_every_sample_once_in_a_new_order_each_epoch() {
        let (first, second) = (Shuffled.order(50, 3, 0), Shuffled.order(50, 3, 1));
        assert_ne!(first, second);
        assert_eq!(first, Shuffled.order(50, 3, 0));
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, (0..50).collect::<Vec<_>>());
        }
    }

    /// 3 of 7 and 5 of 2 samples per epoch: after 14 epochs all samples of a source were used
    /// equally often.
    #[test]
    fn sources_are_mixed_in_proportion_and_used_evenly() {
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
    fn quotas_add_up_and_invalid_weights_are_refused() {
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
