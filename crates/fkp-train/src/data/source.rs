//! The sources that a training set is made of.

use crate::TrainError;

/// One of several data sets that a training set is the concatenation of
/// ([`fkp_core::Concat`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingSource {
    /// Its name in the history.
    pub name: String,
    /// Number of its samples.
    pub samples: usize,
}

/// The sources of a training set, in the order of its samples. Empty if it is not known to have
/// several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sources(pub(crate) Vec<TrainingSource>);

impl Sources {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The number of the source of each sample, and the sample's index in its source.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        let mut first = 0;
        for (number, source) in self.0.iter().enumerate() {
            if index - first < source.samples {
                return Some((number, index - first));
            }
            first += source.samples;
        }
        None
    }

    /// For each source that some of the samples are from: its number, and their positions in
    /// `indices`.
    pub(crate) fn group(&self, indices: &[usize]) -> Vec<(usize, Vec<usize>)> {
        let mut positions = vec![Vec::new(); self.len()];
        for (position, &index) in indices.iter().enumerate() {
            if let Some((number, _)) = self.locate(index) {
                positions[number].push(position);
            }
        }
        let groups = positions.into_iter().enumerate();
        groups.filter(|(_, found)| !found.is_empty()).collect()
    }

    /// The samples of each source by name, for messages; empty if there are no sources.
    pub(crate) fn describe(&self, indices: &[usize]) -> String {
        let named = self.group(indices).into_iter().map(|(number, positions)| {
            let own = positions.iter().filter_map(|p| self.locate(indices[*p]));
            let own: Vec<usize> = own.map(|(_, index)| index).collect();
            format!("{own:?} of `{}`", self.0[number].name)
        });
        named.collect::<Vec<_>>().join(", ")
    }

    /// Refuses sources whose samples are not those of a training set of `len` samples.
    pub(crate) fn check(&self, len: usize) -> Result<(), TrainError> {
        let total: usize = self.0.iter().map(|source| source.samples).sum();
        if self.len() == 0 || total == len {
            return Ok(());
        }
        let problem = format!("they have {total} samples, the training set has {len}");
        Err(TrainError::config("sources", problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let source = |name: &str, samples| TrainingSource {
            name: name.to_owned(),
            samples,
        };
        Sources(vec![source("a", 3), source("b", 0), source("c", 2)])
    }

    #[test]
    fn samples_are_found_in_their_sources() {
        let sources = sources();
        assert_eq!(sources.locate(2), Some((0, 2)));
        assert_eq!(sources.locate(3), Some((2, 0)));
        assert_eq!(sources.locate(5), None);
        let groups = sources.group(&[4, 0, 3, 4]);
        assert_eq!(groups, [(0, vec![1]), (2, vec![0, 2, 3])]);
        assert_eq!(sources.describe(&[4, 0, 3]), "[0] of `a`, [1, 0] of `c`");
        assert_eq!(Sources::default().describe(&[4, 0]), "");
    }

    #[test]
    fn sizes_that_do_not_add_up_are_refused() {
        assert!(sources().check(5).is_ok());
        let error = sources().check(6).unwrap_err().to_string();
        assert_eq!(
            error,
            "sources: they have 5 samples, the training set has 6"
        );
        assert!(Sources::default().check(6).is_ok());
    }
}
