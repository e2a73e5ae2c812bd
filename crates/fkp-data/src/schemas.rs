//! Schemas from files, and from what an annotation file calls its keypoints.

mod shape;

pub(crate) use shape::{Verdict, recognize_shape};

use crate::{DataError, SchemaSource};
use fkp_core::{Schema, SchemaSpec, flip_pairs_from_names};
use std::path::Path;

/// A built-in schema by name, otherwise a schema from a TOML file: what `--schema` takes.
/// [`SchemaSpec`] shows how one is written.
///
/// ```
/// assert_eq!(fkp_data::schema_from("ibug68")?.len(), 68);
/// # Ok::<(), fkp_data::DataError>(())
/// ```
///
/// # Errors
/// If it is neither, or the file is no schema.
pub fn schema_from(name_or_path: &str) -> Result<Schema, DataError> {
    match Schema::by_name(name_or_path) {
        Some(schema) => Ok(schema),
        None if Path::new(name_or_path).exists() => schema_from_toml(Path::new(name_or_path)),
        None => Err(DataError::UnknownSchema {
            given: name_or_path.to_owned(),
        }),
    }
}

fn schema_from_toml(path: &Path) -> Result<Schema, DataError> {
    let text = std::fs::read_to_string(path).map_err(|source| DataError::io(path, source))?;
    toml::from_str(&text).map_err(|source| DataError::SchemaFile {
        path: path.to_owned(),
        source,
    })
}

/// The schema of names in a file.
pub(crate) struct Recognized {
    pub(crate) schema: Schema,
    /// For each keypoint of the schema its place among the names.
    pub(crate) order: Vec<usize>,
    pub(crate) source: SchemaSource,
}

/// The schema for keypoints of these names.
///
/// Numbers (`0`, `1`, …) make [`Schema::numbered`]: a count alone says nothing of the keypoints. A
/// built-in schema with the same names in any order wins over a new one, in which names that
/// differ in left and right only are flip pairs.
pub(crate) fn recognize(
    path: &Path,
    name: &str,
    keypoints: &[String],
    skeleton: &[(usize, usize)],
) -> Result<Recognized, DataError> {
    let failed = |source| DataError::Schema {
        path: path.to_owned(),
        source: Box::new(source),
    };
    let count = keypoints.len();
    if let Some(order) = order_of_numbers(keypoints) {
        return Ok(Recognized {
            schema: Schema::numbered(&format!("keypoints{count}"), count).map_err(failed)?,
            order,
            source: SchemaSource::Numbers,
        });
    }
    let mut builtin = Schema::BUILTIN.iter().filter_map(|b| Schema::by_name(b));
    let known =
        builtin.find_map(|schema| arrangement(&schema, keypoints).map(|order| (schema, order)));
    let named = |&(a, b): &(usize, usize)| (keypoints[a].clone(), keypoints[b].clone());
    let (schema, order) = match known {
        Some(known) => known,
        None => {
            let spec = SchemaSpec {
                name: name.to_owned(),
                keypoints: keypoints.to_vec(),
                flip_pairs: flip_pairs_from_names(keypoints),
                unpaired: Vec::new(),
                skeleton: skeleton.iter().map(named).collect(),
                mean_shape: Vec::new(),
                face_box: None,
                normalizing_pair: Vec::new(),
            };
            (spec.try_into().map_err(failed)?, (0..count).collect())
        }
    };
    Ok(Recognized {
        schema,
        order,
        source: SchemaSource::Names,
    })
}

/// For each keypoint of the schema its place among `names`, if the names are the schema's.
fn arrangement(schema: &Schema, names: &[String]) -> Option<Vec<usize>> {
    if schema.len() != names.len() {
        return None;
    }
    let place = |keypoint: &String| names.iter().position(|name| name == keypoint);
    schema.keypoints().iter().map(place).collect()
}

/// Why the names in a file are not those of a given schema.
pub(crate) enum Misfit {
    /// There are more or fewer.
    Count,
    /// This one of the schema's keypoints is not among them.
    Missing(String),
}

/// For each keypoint of a given schema its place among `names`. Numbers fit any schema of as many
/// keypoints, in their order.
pub(crate) fn order_for(schema: &Schema, names: &[String]) -> Result<Vec<usize>, Misfit> {
    if names.len() != schema.len() {
        return Err(Misfit::Count);
    }
    let place = |keypoint: &String| {
        let place = names.iter().position(|name| name == keypoint);
        place.ok_or_else(|| Misfit::Missing(keypoint.clone()))
    };
    let by_name: Result<Vec<usize>, Misfit> = schema.keypoints().iter().map(place).collect();
    match order_of_numbers(names) {
        Some(order) => by_name.or(Ok(order)),
        None => by_name,
    }
}

/// The places of 0, 1, 2, … or of 1, 2, 3, … among the names, if they are those numbers.
fn order_of_numbers(names: &[String]) -> Option<Vec<usize>> {
    let counted_from = |first: usize| -> Option<Vec<usize>> {
        let numbers = first..first + names.len();
        let place = |number: usize| {
            let number = number.to_string();
            names.iter().position(|name| *name == number)
        };
        numbers.map(place).collect()
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
    }

    #[test]
    fn a_bad_schema_file_says_where() {
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

    fn recognized(keypoints: &[String]) -> Recognized {
        recognize(Path::new("x"), "body", keypoints, &[(1, 0)]).unwrap()
    }

    #[test]
    fn names_are_recognized_in_any_order() {
        let mut shuffled = Schema::kaggle15().keypoints().to_vec();
        shuffled.swap(0, 14);
        let found = recognized(&shuffled);
        assert_eq!(found.schema, Schema::kaggle15());
        assert_eq!(found.source, SchemaSource::Names);
        assert_eq!(
            (found.order[0], found.order[14], found.order[1]),
            (14, 0, 1)
        );
    }

    #[test]
    fn other_names_make_a_schema_with_flip_pairs() {
        let schema = recognized(&names(&["left_hand", "head", "right_hand"])).schema;
        assert_eq!(schema.name(), "body");
        assert_eq!(schema.flip_pairs(), &[(0, 2)]);
        assert_eq!(schema.skeleton(), &[(1, 0)]);
        let schema = recognized(&names(&["tip", "base"])).schema;
        assert!(!schema.has_known_flip_pairs());
    }

    #[test]
    fn a_misspelled_side_is_refused_with_the_file_and_the_name() {
        let keypoints = names(&["nose", "mouth_lfet_corner", "mouth_right_corner"]);
        let error = recognize(Path::new("a.csv"), "x", &keypoints, &[])
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
    fn a_count_alone_never_decides() {
        for (first, count) in [(0, 68), (1, 68), (0, 21), (1, 15), (0, 15), (0, 2)] {
            let numbers: Vec<String> = (first..first + count).map(|i| i.to_string()).collect();
            let found = recognized(&numbers);
            assert_eq!(found.schema.name(), format!("keypoints{count}"));
            assert_eq!(found.source, SchemaSource::Numbers);
            assert!(!found.schema.has_known_flip_pairs());
        }
        // By their numbers, wherever the columns are; a given schema's keypoints likewise.
        let shuffled = names(&["2", "3", "1"]);
        assert_eq!(recognized(&shuffled).order, [2, 0, 1]);
        let spec = r#"{"name": "x", "keypoints": ["a", "b", "c"]}"#;
        let given: Schema = serde_json::from_str(spec).unwrap();
        assert_eq!(order_for(&given, &shuffled).ok(), Some(vec![2, 0, 1]));
        assert!(order_for(&given, &names(&["1", "2", "4"])).is_err());
    }
}
