//! The identity of a run: what must be unchanged for a saved state to be resumed.

use super::difference::RunDifference;
use crate::TrainConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything outside the state that the result of a run depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) config: TrainConfig,
    pub(crate) training_samples: usize,
    pub(crate) validation_samples: usize,
    pub(crate) sampler: String,
    pub(crate) codec: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) fingerprint: BTreeMap<String, String>,
}

impl Identity {
    /// All differences from a saved run that change the result. The number of epochs does not,
    /// unless the learning rate depends on it, and neither do settings that only affect which files
    /// are written. The number of ranks is not one either: it changes rounding errors, and the
    /// statistics of batch normalizations.
    pub(crate) fn differences(
        &self,
        saved: &Self,
    ) -> Result<Vec<RunDifference>, serde_json::Error> {
        let mut differences = Vec::new();
        let mut compare = |what: String, saved: Option<String>, current: Option<String>| {
            if saved != current {
                let text = |value: Option<String>| value.unwrap_or_else(|| "absent".to_owned());
                differences.push(RunDifference {
                    what,
                    saved: text(saved),
                    current: text(current),
                });
            }
        };
        let (before, after) = (fields(&saved.config)?, fields(&self.config)?);
        for field in union(&before, &after) {
            let may_change = match field.as_str() {
                "epochs" => !self.config.schedule.depends_on_length(),
                "max_minutes" | "checkpoint_every" | "keep_best" => true,
                _ => false,
            };
            if !may_change {
                let what = format!("train.{field}");
                compare(what, before.get(field).cloned(), after.get(field).cloned());
            }
        }
        for ((what, saved), (_, current)) in saved.parts().into_iter().zip(self.parts()) {
            compare(what.to_owned(), Some(saved), Some(current));
        }
        for (saved, current) in [
            (&saved.metadata, &self.metadata),
            (&saved.fingerprint, &self.fingerprint),
        ] {
            for key in union(saved, current) {
                let what = format!("`{key}`");
                compare(what, saved.get(key).cloned(), current.get(key).cloned());
            }
        }
        Ok(differences)
    }

    /// What is compared as a whole.
    fn parts(&self) -> [(&'static str, String); 4] {
        [
            ("the training set's size", self.training_samples.to_string()),
            (
                "the validation set's size",
                self.validation_samples.to_string(),
            ),
            ("the sampler", self.sampler.clone()),
            ("the loss", self.codec.clone()),
        ]
    }

    /// Whether both runs have the same batches, so that an unfinished epoch of `saved` can be
    /// finished.
    pub(crate) fn has_same_batches_as(&self, saved: &Self) -> bool {
        let batches = |identity: &Self| {
            let config = &identity.config;
            (
                (config.seed, config.batch_size, config.accumulate),
                (config.data_limit, identity.training_samples),
                identity.sampler.clone(),
            )
        };
        batches(self) == batches(saved)
    }
}

/// The fields of a configuration, with values as JSON.
fn fields(config: &TrainConfig) -> Result<BTreeMap<String, String>, serde_json::Error> {
    let serde_json::Value::Object(fields) = serde_json::to_value(config)? else {
        return Ok(BTreeMap::new());
    };
    let fields = fields.into_iter();
    Ok(fields
        .map(|(key, value)| (key, value.to_string()))
        .collect())
}

fn union<'a>(
    a: &'a BTreeMap<String, String>,
    b: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = &'a String> {
    a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Cosine;

    fn identity() -> Identity {
        Identity {
            config: TrainConfig::default(),
            training_samples: 10,
            validation_samples: 3,
            sampler: "every sample once".to_owned(),
            codec: "coordinates, Mae".to_owned(),
            metadata: BTreeMap::new(),
            fingerprint: BTreeMap::from([("data".to_owned(), "a\nb = 1".to_owned())]),
        }
    }

    fn texts(change: impl Fn(&mut Identity)) -> Vec<String> {
        let mut current = identity();
        change(&mut current);
        let differences = current.differences(&identity()).unwrap();
        differences.iter().map(RunDifference::to_string).collect()
    }

    #[test]
    fn differences_that_change_the_result_are_listed_by_name() {
        assert!(texts(|_| {}).is_empty());
        assert!(texts(|i| i.config.epochs = 70).is_empty());
        assert!(texts(|i| i.config.max_minutes = Some(3.0)).is_empty());
        let several = texts(|i| {
            i.config.learning_rate = 0.5;
            i.training_samples = 11;
            i.fingerprint = BTreeMap::from([("data".to_owned(), "a\nb = 2".to_owned())]);
        });
        let expected = [
            "train.learning_rate was 0.001, is now 0.5",
            "the training set's size was 10, is now 11",
            "`data` was b = 1, is now b = 2",
        ];
        assert_eq!(several, expected);
        assert_eq!(
            texts(|i| i.fingerprint.clear())[0],
            "`data` was a, is now absent"
        );
    }

    /// A cosine over another number of epochs differs from the first step on.
    #[test]
    fn the_number_of_epochs_may_not_change_if_the_learning_rate_depends_on_it() {
        let mut saved = identity();
        saved.config.schedule = Cosine { floor: 0.0 }.into();
        let mut current = saved.clone();
        current.config.epochs = 70;
        let differences = current.differences(&saved).unwrap();
        assert_eq!(differences[0].what, "train.epochs");
    }
}
