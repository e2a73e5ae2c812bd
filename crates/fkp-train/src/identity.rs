//! What a saved state is only valid for.

use crate::{TrainConfig, TrainError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Everything outside the state that the rest of a run depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) config: TrainConfig,
    pub(crate) training_samples: usize,
    pub(crate) validation_samples: usize,
    pub(crate) sampler: String,
    pub(crate) codec: String,
    pub(crate) world_size: usize,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) fingerprint: BTreeMap<String, String>,
}

/// One thing that is no longer as it was when a run was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What changed: a field of the configuration, a size, an entry of the metadata.
    pub what: String,
    /// Its value when the run was stopped.
    pub saved: String,
    /// Its value now.
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, saved, now } = self;
        // An entry of many lines is shown from its first line that differs.
        let first = saved.lines().zip(now.lines()).find(|(a, b)| a != b);
        let (saved, now) = first.unwrap_or((saved, now));
        write!(f, "{what} was {saved}, is now {now}")
    }
}

impl Identity {
    /// Everything in which a run of this identity would not continue one of `saved`. More epochs,
    /// or fewer, only move the end, unless the learning rate depends on where that is; and some
    /// settings decide only what is written, not what is computed.
    pub(crate) fn differences(&self, saved: &Self) -> Result<Vec<Difference>, serde_json::Error> {
        let mut differences = Vec::new();
        let mut compare = |what: String, saved: Option<String>, now: Option<String>| {
            if saved != now {
                let shown = |value: Option<String>| value.unwrap_or_else(|| "absent".to_owned());
                let (saved, now) = (shown(saved), shown(now));
                differences.push(Difference { what, saved, now });
            }
        };
        let (was, is) = (fields(&saved.config)?, fields(&self.config)?);
        for field in union(&was, &is) {
            let free = match field.as_str() {
                "epochs" => !self.config.schedule.depends_on_length(),
                "max_minutes" | "checkpoint_every" | "keep_best" => true,
                _ => false,
            };
            if !free {
                let what = format!("train.{field}");
                compare(what, was.get(field).cloned(), is.get(field).cloned());
            }
        }
        for (what, saved, now) in [
            (
                "the training set's size",
                saved.training_samples,
                self.training_samples,
            ),
            (
                "the validation set's size",
                saved.validation_samples,
                self.validation_samples,
            ),
            ("the number of ranks", saved.world_size, self.world_size),
        ] {
            compare(
                what.to_owned(),
                Some(saved.to_string()),
                Some(now.to_string()),
            );
        }
        for (what, saved, now) in [
            ("the sampler", &saved.sampler, &self.sampler),
            ("what is minimized", &saved.codec, &self.codec),
        ] {
            compare(what.to_owned(), Some(saved.clone()), Some(now.clone()));
        }
        for (saved, now) in [
            (&saved.metadata, &self.metadata),
            (&saved.fingerprint, &self.fingerprint),
        ] {
            for key in union(saved, now) {
                let what = format!("`{key}`");
                compare(what, saved.get(key).cloned(), now.get(key).cloned());
            }
        }
        Ok(differences)
    }

    /// Whether an epoch of `saved` that was begun can be finished: whether its batches are these.
    pub(crate) fn has_the_batches_of(&self, saved: &Self) -> bool {
        let of = |identity: &Self| {
            let config = &identity.config;
            (
                (config.seed, config.batch_size, config.accumulate),
                (config.data_limit, identity.training_samples),
                identity.sampler.clone(),
            )
        };
        of(self) == of(saved)
    }
}

/// The fields of a configuration with their values as JSON.
fn fields(config: &TrainConfig) -> Result<BTreeMap<String, String>, serde_json::Error> {
    let serde_json::Value::Object(fields) = serde_json::to_value(config)? else {
        return Ok(BTreeMap::new());
    };
    let shown = fields
        .into_iter()
        .map(|(key, value)| (key, value.to_string()));
    Ok(shown.collect())
}

fn union<'a>(
    a: &'a BTreeMap<String, String>,
    b: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = &'a String> {
    a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)))
}

/// Refuses a state that this run does not continue.
pub(crate) fn refuse(path: &Path, differences: Vec<Difference>) -> Result<(), TrainError> {
    match differences.is_empty() {
        true => Ok(()),
        false => Err(TrainError::Changed {
            path: path.to_owned(),
            differences,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schedule;

    fn identity() -> Identity {
        Identity {
            config: TrainConfig::default(),
            training_samples: 10,
            validation_samples: 3,
            sampler: "every sample once".to_owned(),
            codec: "coordinates, Mae".to_owned(),
            world_size: 1,
            metadata: BTreeMap::new(),
            fingerprint: BTreeMap::from([("data".to_owned(), "a\nb = 1".to_owned())]),
        }
    }

    fn told(change: impl Fn(&mut Identity)) -> Vec<String> {
        let mut now = identity();
        change(&mut now);
        let differences = now.differences(&identity()).unwrap();
        differences.iter().map(Difference::to_string).collect()
    }

    #[test]
    fn each_difference_is_told_by_name_and_what_is_free_is_not() {
        assert!(told(|_| {}).is_empty());
        assert!(told(|i| i.config.epochs = 70).is_empty());
        assert!(told(|i| i.config.max_minutes = Some(3.0)).is_empty());
        let several = told(|i| {
            i.config.learning_rate = 0.5;
            i.training_samples = 11;
            i.fingerprint = BTreeMap::from([("data".to_owned(), "a\nb = 2".to_owned())]);
        });
        let wanted = [
            "train.learning_rate was 0.001, is now 0.5",
            "the training set's size was 10, is now 11",
            "`data` was b = 1, is now b = 2",
        ];
        assert_eq!(several, wanted);
        assert_eq!(
            told(|i| i.fingerprint.clear())[0],
            "`data` was a, is now absent"
        );
    }

    /// A cosine that ends elsewhere is another schedule from the first step on.
    #[test]
    fn the_end_is_not_free_where_the_learning_rate_depends_on_it() {
        let mut saved = identity();
        saved.config.schedule = Schedule::Cosine { floor: 0.0 };
        let mut now = saved.clone();
        now.config.epochs = 70;
        let differences = now.differences(&saved).unwrap();
        assert_eq!(differences[0].what, "train.epochs");
    }
}
