//! Schemas from files, from names, and guessed from the names of columns.

use crate::DataError;
use fkp_core::{Schema, SchemaSpec, flip_pairs_from_names};
use std::path::Path;

/// Reads a schema from a TOML file; [`SchemaSpec`] shows how one is written.
///
/// # Errors
/// If the file cannot be read or contradicts itself.
pub fn schema_from_toml(path: impl AsRef<Path>) -> Result<Schema, DataError> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).map_err(|source| DataError::io(path, source))?;
    toml::from_str(&text).map_err(|source| DataError::SchemaFile {
        path: path.to_owned(),
        source,
    })
}

/// A built-in schema by name, otherwise a schema from a TOML file: what `--schema` takes.
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
        None if Path::new(name_or_path).exists() => schema_from_toml(name_or_path),
        None => Err(DataError::UnknownSchema {
            given: name_or_path.to_owned(),
        }),
    }
}

/// The schema for points of these names, and for each of its points the place among the names.
///
/// A built-in schema with the same names in any order wins. Numbers (`0`, `1`, …) say nothing but
/// how many there are: 68 are taken for iBUG's, 21 for AFLW's. Anything else makes a new schema,
/// in which names that differ in `left` and `right` only are flip pairs.
pub(crate) fn recognise(
    path: &Path,
    name: &str,
    keypoints: &[String],
    skeleton: &[(usize, usize)],
) -> Result<(Schema, Vec<usize>), DataError> {
    let in_order = || (0..keypoints.len()).collect();
    let mut builtin = Schema::BUILTIN.iter().filter_map(|b| Schema::by_name(b));
    if let Some((schema, order)) =
        builtin.find_map(|schema| arrangement(&schema, keypoints).map(|order| (schema, order)))
    {
        return Ok((schema, order));
    }
    let failed = |source| DataError::Schema {
        path: path.to_owned(),
        source,
    };
    if are_numbers(keypoints) {
        return match keypoints.len() {
            // Named `0` to `67`, so that 68 counted from 0 were recognised above.
            68 => Ok((Schema::ibug68(), in_order())),
            21 => Ok((Schema::aflw21(), in_order())),
            count => Schema::numbered(&format!("points{count}"), count)
                .map(|schema| (schema, in_order()))
                .map_err(failed),
        };
    }
    let named = |&(a, b): &(usize, usize)| (keypoints[a].clone(), keypoints[b].clone());
    let spec = SchemaSpec {
        name: name.to_owned(),
        keypoints: keypoints.to_vec(),
        flip_pairs: flip_pairs_from_names(keypoints),
        unpaired: Vec::new(),
        skeleton: skeleton.iter().map(named).collect(),
        framing: Vec::new(),
        normalising_pair: Vec::new(),
    };
    let schema = spec.try_into().map_err(failed)?;
    Ok((schema, in_order()))
}

/// For each point of the schema its place among `names`, if the names are the schema's.
fn arrangement(schema: &Schema, names: &[String]) -> Option<Vec<usize>> {
    if schema.len() != names.len() {
        return None;
    }
    let place = |point: &String| names.iter().position(|name| name == point);
    schema.keypoints().iter().map(place).collect()
}

/// Why the names in a file are not those of a given schema.
pub(crate) enum Misfit {
    /// There are more or fewer.
    Count,
    /// This one of the schema's points is not among them.
    Missing(String),
}

/// For each point of a given schema its place among `names`. Numbers fit any schema of as many
/// points, in their order.
pub(crate) fn order_for(schema: &Schema, names: &[String]) -> Result<Vec<usize>, Misfit> {
    if names.len() != schema.len() {
        return Err(Misfit::Count);
    }
    if are_numbers(names) && arrangement(schema, names).is_none() {
        return Ok((0..names.len()).collect());
    }
    let place = |point: &String| {
        let place = names.iter().position(|name| name == point);
        place.ok_or_else(|| Misfit::Missing(point.clone()))
    };
    schema.keypoints().iter().map(place).collect()
}

/// Whether the names are consecutive numbers from 0 or 1.
fn are_numbers(names: &[String]) -> bool {
    let counted_from = |first: usize| {
        let mut names = names.iter().enumerate();
        names.all(|(i, name)| *name == (i + first).to_string())
    };
    counted_from(0) || counted_from(1)
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
        std::fs::write(&path, "name = 'x'\nkeypoints = ['a']\ncolour = 1").unwrap();
        let error = schema_from_toml(&path).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().contains("bad.toml"));
        assert!(
            source.contains("line 3") && source.contains("colour"),
            "{source}"
        );
    }

    #[test]
    fn names_are_recognised_in_any_order() {
        let mut shuffled = Schema::kaggle15().keypoints().to_vec();
        shuffled.swap(0, 14);
        let (schema, order) = recognise(Path::new("x"), "x", &shuffled, &[]).unwrap();
        assert_eq!(schema, Schema::kaggle15());
        assert_eq!((order[0], order[14], order[1]), (14, 0, 1));
    }

    #[test]
    fn other_names_make_a_schema_with_flip_pairs() {
        let points = names(&["left_hand", "head", "right_hand"]);
        let (schema, _) = recognise(Path::new("x"), "body", &points, &[(1, 0)]).unwrap();
        assert_eq!(schema.name(), "body");
        assert_eq!(schema.flip_pairs(), &[(0, 2)]);
        assert_eq!(schema.skeleton(), &[(1, 0)]);
        let numbers: Vec<String> = (1..=68).map(|i| i.to_string()).collect();
        let (schema, _) = recognise(Path::new("x"), "x", &numbers, &[]).unwrap();
        assert_eq!(schema, Schema::ibug68());
        let (schema, _) = recognise(Path::new("x"), "x", &names(&["0", "1"]), &[]).unwrap();
        assert_eq!(schema.name(), "points2");
    }
}
