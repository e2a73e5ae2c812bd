//! The schema of a data set: from a schema file, from the names of its keypoints, or from their
//! shape.

mod shape;

pub(crate) use shape::{ShapeMatch, match_shape};

use crate::DataError;
use fkp_core::{Schema, SchemaSpec, flip_pairs_from_names};
use std::fmt;
use std::path::Path;

/// Where the schema of a data set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaSource {
    /// The caller gave it: [`crate::OpenOptions::schema`].
    Given,
    /// The names of the columns or of the keypoints of a category.
    Names,
    /// The keypoints are numbered, and their labels have the mean shape of a built-in schema.
    Shape,
    /// The format has only one schema, and the file does not name keypoints: Kaggle's test file,
    /// boxes of faces ([`Schema::boxes`]), WFLW, and data sets that are published as MATLAB files.
    Format,
    /// The keypoints are numbered, and nothing else is known about them: [`Schema::numbered`].
    Numbers,
}

impl fmt::Display for SchemaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "as given",
            Self::Names => "recognized by the names",
            Self::Shape => "recognized by the shape of the labels",
            Self::Format => "that of the format",
            Self::Numbers => "only numbered",
        })
    }
}

/// The built-in schema of keypoints of this name, or else the schema in this TOML file.
/// [`SchemaSpec`] documents its keys. The schema of boxes is not among them: no file of keypoints has
/// it, and files of boxes have no other.
///
/// ```
/// assert_eq!(fkp_data::schema_from("ibug68")?.len(), 68);
/// # Ok::<(), fkp_data::DataError>(())
/// ```
///
/// # Errors
/// If it is neither, or the file is not a valid schema.
pub fn schema_from(name_or_path: &str) -> Result<Schema, DataError> {
    match Schema::by_name(name_or_path).filter(|schema| !schema.is_empty()) {
        Some(schema) => Ok(schema),
        None if Path::new(name_or_path).exists() => schema_from_toml(Path::new(name_or_path)),
        None => Err(DataError::UnknownSchema {
            given: name_or_path.to_owned(),
        }),
    }
}

fn schema_from_toml(path: &Path) -> Result<Schema, DataError> {
    let text = std::fs::read_to_string(path).map_err(DataError::io(path))?;
    toml::from_str(&text).map_err(|source| DataError::SchemaFile {
        path: path.to_owned(),
        source,
    })
}

/// Refuses a data set that is to become one with another, of another schema. Each is its name and its
/// schema.
pub(crate) fn check_one_schema(
    (name, schema): (&str, &Schema),
    (first, expected): (&str, &Schema),
) -> Result<(), DataError> {
    if schema == expected {
        return Ok(());
    }
    Err(DataError::SourceSchema {
        name: name.to_owned(),
        schema: schema.name().to_owned(),
        first: first.to_owned(),
        expected: expected.name().to_owned(),
    })
}

/// The schema of the keypoints in a file.
pub(crate) struct FileSchema {
    pub(crate) schema: Schema,
    /// For each keypoint of the schema its index in the file.
    pub(crate) order: Vec<usize>,
    pub(crate) source: SchemaSource,
}

impl FileSchema {
    /// A given schema for keypoints of these names. Numbers match any schema of as many keypoints,
    /// in their order. `missing` makes the error for a keypoint that is not among the names.
    pub(crate) fn given(
        path: &Path,
        schema: &Schema,
        names: &[String],
        missing: impl Fn(&str) -> DataError,
    ) -> Result<Self, DataError> {
        if names.len() != schema.len() {
            return Err(DataError::SchemaMismatch {
                path: path.to_owned(),
                schema: schema.name().to_owned(),
                expected: schema.len(),
                found: names.len(),
            });
        }
        let index = |keypoint: &String| {
            let index = names.iter().position(|name| name == keypoint);
            index.ok_or_else(|| missing(keypoint))
        };
        let by_name: Result<Vec<usize>, DataError> = schema.keypoints().iter().map(index).collect();
        let order = match order_of_numbers(names) {
            Some(order) => by_name.unwrap_or(order),
            None => by_name?,
        };
        Ok(Self {
            schema: schema.clone(),
            order,
            source: SchemaSource::Given,
        })
    }

    /// The schema for keypoints of these names.
    ///
    /// Numbers (`0`, `1`, …) give [`Schema::numbered`]: the count alone does not identify a schema.
    /// Names of a built-in schema in any order give that schema. Other names give a new schema, in
    /// which names that differ only in left and right are flip pairs.
    pub(crate) fn from_names(
        path: &Path,
        name: &str,
        keypoints: &[String],
        skeleton: &[(usize, usize)],
    ) -> Result<Self, DataError> {
        let failed = |source| DataError::Schema {
            path: path.to_owned(),
            source: Box::new(source),
        };
        let count = keypoints.len();
        if let Some(order) = order_of_numbers(keypoints) {
            return Ok(Self {
                schema: Schema::numbered(&format!("keypoints{count}"), count).map_err(failed)?,
                order,
                source: SchemaSource::Numbers,
            });
        }
        let mut builtin = Schema::builtin().into_iter();
        let known = builtin.find_map(|schema| Some((order_in(&schema, keypoints)?, schema)));
        let named = |&(a, b): &(usize, usize)| (keypoints[a].clone(), keypoints[b].clone());
        let (order, schema) = match known {
            Some(known) => known,
            None => {
                let spec = SchemaSpec {
                    name: name.to_owned(),
                    keypoints: keypoints.to_vec(),
                    flip_pairs: flip_pairs_from_names(keypoints),
                    skeleton: skeleton.iter().map(named).collect(),
                    ..SchemaSpec::default()
                };
                ((0..count).collect(), spec.try_into().map_err(failed)?)
            }
        };
        Ok(Self {
            schema,
            order,
            source: SchemaSource::Names,
        })
    }
}

/// For each keypoint of the schema its index in `names`, if `names` are those of the schema.
fn order_in(schema: &Schema, names: &[String]) -> Option<Vec<usize>> {
    if schema.len() != names.len() {
        return None;
    }
    let index = |keypoint: &String| names.iter().position(|name| name == keypoint);
    schema.keypoints().iter().map(index).collect()
}

/// The indices of 0, 1, 2, … or of 1, 2, 3, … in `names`, if `names` are these numbers.
fn order_of_numbers(names: &[String]) -> Option<Vec<usize>> {
    let counted_from = |first: usize| -> Option<Vec<usize>> {
        let numbers = first..first + names.len();
        let index = |number: usize| {
            let number = number.to_string();
            names.iter().position(|name| *name == number)
        };
        numbers.map(index).collect()
    };
    counted_from(0).or_else(|| counted_from(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_schema_comes_from_a_file_or_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hand.toml");
        let text = "name = 'hand'\nkeypoints = ['wrist', 'thumb']\nskeleton = [['wrist', 'thumb']]";
        std::fs::write(&path, text).unwrap();
        let schema = schema_from(path.to_str().unwrap()).unwrap();
        assert_eq!(
            (schema.name(), schema.len(), schema.skeleton()),
            ("hand", 2, &[(0, 1)][..])
        );
        assert!(schema_from("kaggle15").is_ok());
        let message = schema_from("kaggle16").unwrap_err().to_string();
        assert!(message.contains("kaggle16") && message.contains("kaggle15"));
        let message = schema_from("boxes").unwrap_err().to_string();
        assert!(message.starts_with("`boxes` is neither"), "{message}");
    }

    #[test]
    fn an_invalid_schema_file_names_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad.toml");
        std::fs::write(&path, "name = 'x'\nkeypoints = ['a']\ncolor = 1").unwrap();
        let error = schema_from_toml(&path).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().contains("bad.toml"));
        assert!(
            source.contains("line 3") && source.contains("color"),
            "{source}"
        );
    }

    fn from_names(keypoints: &[String]) -> FileSchema {
        FileSchema::from_names(Path::new("x"), "body", keypoints, &[(1, 0)]).unwrap()
    }

    #[test]
    fn names_are_recognized_in_any_order() {
        let mut shuffled = Schema::kaggle15().keypoints().to_vec();
        shuffled.swap(0, 14);
        let found = from_names(&shuffled);
        assert_eq!(found.schema, Schema::kaggle15());
        assert_eq!(found.source, SchemaSource::Names);
        assert_eq!(
            (found.order[0], found.order[14], found.order[1]),
            (14, 0, 1)
        );
    }

    #[test]
    fn other_names_make_a_schema_with_flip_pairs() {
        let schema = from_names(&names(&["left_hand", "head", "right_hand"])).schema;
        assert_eq!(schema.name(), "body");
        assert_eq!(schema.flip_pairs(), &[(0, 2)]);
        assert_eq!(schema.skeleton(), &[(1, 0)]);
        let schema = from_names(&names(&["tip", "base"])).schema;
        assert!(!schema.has_known_flip_pairs());
    }

    #[test]
    fn a_misspelled_side_is_an_error_that_names_file_and_keypoint() {
        let keypoints = names(&["nose", "mouth_lfet_corner", "mouth_right_corner"]);
        let error = FileSchema::from_names(Path::new("a.csv"), "x", &keypoints, &[])
            .err()
            .unwrap();
        let text = format!("{error:?}");
        for part in [
            "a.csv",
            "mouth_right_corner",
            "did you mean `mouth_lfet_corner`?",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
    }

    #[test]
    fn a_count_alone_never_identifies_a_schema() {
        for (first, count) in [(0, 68), (1, 68), (0, 21), (1, 15), (0, 15), (0, 2)] {
            let numbers: Vec<String> = (first..first + count).map(|i| i.to_string()).collect();
            let found = from_names(&numbers);
            assert_eq!(found.schema.name(), format!("keypoints{count}"));
            assert_eq!(found.source, SchemaSource::Numbers);
            assert!(!found.schema.has_known_flip_pairs());
        }
        // In the order of their numbers, also for a given schema.
        let shuffled = names(&["2", "3", "1"]);
        assert_eq!(from_names(&shuffled).order, [2, 0, 1]);
        let spec = r#"{"name": "x", "keypoints": ["a", "b", "c"]}"#;
        let given: Schema = serde_json::from_str(spec).unwrap();
        let order_for = |names: &[String]| {
            let missing = |given: &str| DataError::UnknownSchema {
                given: given.to_owned(),
            };
            FileSchema::given(Path::new("x"), &given, names, missing).map(|found| found.order)
        };
        assert_eq!(order_for(&shuffled).ok(), Some(vec![2, 0, 1]));
        assert!(order_for(&names(&["1", "2", "4"])).is_err());
    }
}
