//! Several data sets as one, which knows the source of each sample.

use crate::DataError;
use crate::schema::check_one_schema;
use fkp_core::{Concat, Dataset, DatasetError, Sample, Schema};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A data set to unite with others.
#[derive(Clone)]
pub struct UnionPart {
    /// Its name, unique in the union.
    pub name: String,
    /// Its samples.
    pub dataset: Arc<dyn Dataset>,
    /// The proportion of its samples in a training epoch, for a sampler such as
    /// `fkp_train::WeightedSources`. The union itself has every sample once.
    pub weight: f64,
    /// The text of its license, if known.
    pub license: Option<String>,
}

impl UnionPart {
    /// A data set with weight 1 and without a license.
    pub fn new(name: impl Into<String>, dataset: Arc<dyn Dataset>) -> Self {
        Self {
            name: name.into(),
            dataset,
            weight: 1.0,
            license: None,
        }
    }
}

/// One of the data sets of a [`Union`]. Its id is its position in [`Union::sources`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnionSource {
    /// Its name, unique in the union.
    pub name: String,
    /// Number of its samples.
    pub samples: usize,
    /// The proportion of its samples in a training epoch.
    pub weight: f64,
    /// The text of its license, if known.
    pub license: Option<String>,
}

/// Several data sets of one schema, one after the other, each sample with the id of its source. An
/// error of a sample names the source. Data sets of different schemas are each
/// [`Mapped`](crate::Mapped) onto one first.
///
/// ```
/// use fkp_core::{Dataset, Image, InMemory, Keypoints, Sample, Schema, SchemaMap};
/// use fkp_data::{Mapped, Union, UnionPart};
/// use std::sync::Arc;
/// let faces = |schema: Schema, count: u8| {
///     let labels = Keypoints::from_xy(&vec![[1.0, 2.0]; schema.len()]);
///     let sample = |i| Sample::new("x", Image::filled(4, 4, 1, i), labels.clone());
///     InMemory::new(schema, (0..count).map(sample).collect())
/// };
/// let target = Schema::kaggle15();
/// let mut parts = Vec::new();
/// for (name, set) in [("68", faces(Schema::ibug68(), 3)?), ("21", faces(Schema::aflw21(), 2)?)] {
///     let map = SchemaMap::between(set.schema(), &target)?;
///     parts.push(UnionPart::new(name, Arc::new(Mapped::new(set, map))));
/// }
/// parts[1].weight = 0.5;
/// let union = Union::new(parts)?;
/// assert_eq!((union.len(), union.schema().name()), (5, "kaggle15"));
/// assert_eq!(union.source_of(3), 1);
/// assert_eq!(union.sources()[1].name, "21");
/// // 21 keypoints do not have the centers of the lips.
/// assert_eq!(union.get(3)?.keypoints.labeled().count(), 13);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Union {
    samples: Concat<NamedSource>,
    sources: Vec<UnionSource>,
    /// The index after the last sample of each source.
    ends: Vec<usize>,
}

impl Union {
    /// The data sets in this order.
    ///
    /// # Errors
    /// If there are none, two have the same name, their schemas differ, or a weight is negative or
    /// not finite.
    pub fn new(parts: Vec<UnionPart>) -> Result<Self, DataError> {
        let Some(first) = parts.first() else {
            return Err(DataError::EmptyUnion);
        };
        let mut names = BTreeSet::new();
        for part in &parts {
            if !names.insert(&part.name) {
                let name = part.name.clone();
                return Err(DataError::DuplicateSource { name });
            }
            let [own, first] = [part, first].map(|part| (&*part.name, part.dataset.schema()));
            check_one_schema(own, first)?;
            if !(part.weight.is_finite() && part.weight >= 0.0) {
                return Err(DataError::InvalidWeight {
                    name: part.name.clone(),
                    given: part.weight,
                });
            }
        }
        let (mut end, mut ends) = (0, Vec::new());
        let (mut named, mut sources) = (Vec::new(), Vec::new());
        for part in parts {
            let samples = part.dataset.len();
            end += samples;
            ends.push(end);
            named.push(NamedSource {
                name: part.name.clone(),
                samples: part.dataset,
            });
            sources.push(UnionSource {
                name: part.name,
                samples,
                weight: part.weight,
                license: part.license,
            });
        }
        Ok(Self {
            samples: Concat::new(named)?,
            sources,
            ends,
        })
    }

    /// The data sets; the position of each is its id.
    pub fn sources(&self) -> &[UnionSource] {
        &self.sources
    }

    /// The id of the source that the sample at `index` is from.
    ///
    /// # Panics
    /// If the index is out of range.
    pub fn source_of(&self, index: usize) -> usize {
        assert!(index < self.len(), "the union has {} samples", self.len());
        self.ends.partition_point(|end| *end <= index)
    }
}

impl Dataset for Union {
    fn schema(&self) -> &Schema {
        self.samples.schema()
    }

    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.samples.get(index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        self.samples.get_in_epoch(epoch, index)
    }
}

impl fmt::Debug for Union {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Union")
            .field("schema", &self.schema().name())
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

/// A data set whose errors name it.
struct NamedSource {
    name: String,
    samples: Arc<dyn Dataset>,
}

impl Dataset for NamedSource {
    fn schema(&self) -> &Schema {
        self.samples.schema()
    }

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        let sample = self.samples.get_in_epoch(epoch, index);
        sample.map_err(|DatasetError { source, .. }| {
            let name = self.name.clone();
            DatasetError::new(
                index,
                DataError::SourceSample {
                    name,
                    index,
                    source,
                },
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Image, InMemory, Keypoints};
    use std::error::Error;

    fn part(name: &str, count: usize) -> UnionPart {
        let sample = |i: usize| {
            let image = Image::filled(2, 2, 1, i as u8);
            Sample::new(format!("{name} {i}"), image, Keypoints::unlabeled(15))
        };
        let set = InMemory::new(Schema::kaggle15(), (0..count).map(sample).collect());
        UnionPart::new(name, Arc::new(set.unwrap()))
    }

    #[test]
    fn each_sample_has_the_id_of_its_source() {
        let parts = vec![part("a", 2), part("none", 0), part("b", 3), part("end", 0)];
        let union = Union::new(parts).unwrap();
        let found: Vec<_> = (0..union.len())
            .map(|i| (union.source_of(i), union.get(i).unwrap().id))
            .collect();
        let expected = [(0, "a 0"), (0, "a 1"), (2, "b 0"), (2, "b 1"), (2, "b 2")];
        assert_eq!(found, expected.map(|(id, name)| (id, name.to_owned())));
        let sources = union.sources().iter();
        let sizes: Vec<_> = sources.map(|source| source.samples).collect();
        assert_eq!(sizes, [2, 0, 3, 0]);
        assert!(union.get(5).is_err());
    }

    #[test]
    #[should_panic(expected = "the union has 2 samples")]
    fn a_sample_behind_the_end_has_no_source() {
        Union::new(vec![part("a", 2)]).unwrap().source_of(2);
    }

    #[test]
    fn weights_and_licenses_are_kept() {
        let mut parts = vec![part("a", 1), part("b", 1)];
        (parts[0].weight, parts[1].license) = (0.0, Some("CC0".to_owned()));
        let union = Union::new(parts).unwrap();
        let sources = union.sources().iter();
        let found: Vec<_> = sources.map(|s| (s.weight, s.license.as_deref())).collect();
        assert_eq!(found, [(0.0, None), (1.0, Some("CC0"))]);
        assert!(format!("{union:?}").contains("kaggle15"));
    }

    #[test]
    fn contradictory_parts_are_refused_by_name() {
        let refused = |parts: Vec<UnionPart>| Union::new(parts).unwrap_err().to_string();
        assert!(refused(Vec::new()).contains("no data sets"));
        let text = refused(vec![part("a", 1), part("b", 1), part("a", 1)]);
        assert!(text.contains("`a`") && text.contains("two"), "{text}");
        let other = InMemory::new(Schema::ibug68(), Vec::new()).unwrap();
        let text = refused(vec![part("a", 1), UnionPart::new("b", Arc::new(other))]);
        for name in ["`a`", "`b`", "`kaggle15`", "`ibug68`"] {
            assert!(text.contains(name), "{text}");
        }
        for weight in [-1.0, f64::NAN, f64::INFINITY] {
            let invalid = UnionPart {
                weight,
                ..part("b", 1)
            };
            let text = refused(vec![part("a", 1), invalid]);
            assert!(text.contains("`b`") && text.contains("weight"), "{text}");
        }
    }

    /// New pixels in each epoch, and the sample at 1 cannot be read.
    struct Changing(Schema);

    impl Dataset for Changing {
        fn schema(&self) -> &Schema {
            &self.0
        }

        fn len(&self) -> usize {
            2
        }

        fn get(&self, index: usize) -> Result<Sample, DatasetError> {
            self.get_in_epoch(0, index)
        }

        fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
            if index > 0 {
                return Err(DatasetError::new(index, "the disk is gone"));
            }
            let image = Image::filled(1, 1, 1, epoch as u8);
            Ok(Sample::new("x", image, Keypoints::unlabeled(15)))
        }
    }

    #[test]
    fn epochs_are_passed_on_and_errors_name_source_and_index() {
        let changing = UnionPart::new("changing", Arc::new(Changing(Schema::kaggle15())));
        let union = Union::new(vec![part("a", 3), changing]).unwrap();
        let value = |epoch| union.get_in_epoch(epoch, 3).unwrap().image.pixel(0, 0)[0];
        assert_eq!((value(0), value(6)), (0, 6));
        let error = union.get(4).unwrap_err();
        assert_eq!(error.index, 4);
        let named = error.source().unwrap();
        assert_eq!(named.to_string(), "sample 1 of source `changing`");
        assert_eq!(named.source().unwrap().to_string(), "the disk is gone");
    }
}
