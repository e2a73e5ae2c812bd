//! `data.yaml`: where the images are, and what the keypoints are.

use super::yaml::{Value, Yaml};
use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::files::{read_limited, without_bom};
use crate::formats::named_faces::MAX_KEYPOINTS;
use fkp_core::Schema;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The largest `data.yaml` that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The number of keypoints, and of the numbers of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeypointShape {
    pub(super) count: usize,
    /// 2 for x and y, 3 with the visibility.
    pub(super) dims: usize,
}

/// What `data.yaml` says.
pub(super) struct DataYaml {
    pub(super) shape: KeypointShape,
    /// Folders of images, or lists of them, of each part that is there: `train` and `val`.
    pub(super) parts: Vec<Vec<PathBuf>>,
    /// Whether there is a part that is not read.
    pub(super) has_test: bool,
    /// The flip pairs, if they are known.
    pub(super) flip_pairs: Option<Vec<(usize, usize)>>,
    /// The name of the schema, and the names of the keypoints if they have any.
    pub(super) names: Option<(String, Vec<String>)>,
    /// The number of classes, if it is known.
    pub(super) classes: Option<usize>,
}

/// Whether a text has the number of keypoints of a pose data set.
pub(super) fn is_data_yaml(text: &[u8]) -> bool {
    let mut lines = without_bom(text).split(|byte| *byte == b'\n');
    lines.any(|line| {
        let value = line.strip_prefix(b"kpt_shape");
        value.is_some_and(|value| value.trim_ascii_start().starts_with(b":"))
    })
}

impl DataYaml {
    /// Reads the file.
    ///
    /// # Errors
    /// If the file is no valid YAML, a value is missing or invalid, or the images of `train` or `val`
    /// are not there.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(DataError::io(path))?;
        let bytes = read_limited(path, file, MAX_BYTES)?;
        let text = std::str::from_utf8(without_bom(&bytes)).map_err(|error| {
            let (head, tail) = bytes.split_at(error.valid_up_to());
            let row = 1 + head.iter().filter(|byte| **byte == b'\n').count() as u64;
            let text = shortened(&tail[..tail.len().min(8)]);
            DataError::invalid(path, row, "the text", AnnotationError::NotUtf8 { text })
        })?;
        let yaml = Yaml::parse(path, text)?;
        let fields = Fields { path, yaml: &yaml };
        let shape = fields.shape()?;
        let classes = fields.classes()?;
        let test = yaml.get("test").and_then(Yaml::text);
        Ok(Self {
            shape,
            parts: fields.parts()?,
            has_test: test.is_some(),
            flip_pairs: fields.flip_pairs(shape.count)?,
            names: fields.keypoint_names(shape.count, classes.as_deref())?,
            classes: classes.map(|classes| classes.len()),
        })
    }
}

struct Fields<'a> {
    path: &'a Path,
    yaml: &'a Yaml,
}

impl Fields<'_> {
    fn shape(&self) -> Result<KeypointShape, DataError> {
        let Some(value) = self.yaml.get("kpt_shape") else {
            let found = "no number of keypoints; is it a data set of boxes?".to_owned();
            let error = AnnotationError::MissingColumn { found };
            return Err(DataError::invalid(self.path, 1, "`kpt_shape`", error));
        };
        let numbers = self.integers("kpt_shape", value)?;
        let &[count, dims @ 2..=3] = numbers.as_slice() else {
            return Err(self.syntax("kpt_shape", value, "the number of keypoints and 2 or 3"));
        };
        if count == 0 || count > MAX_KEYPOINTS {
            let expected = "from 1 to 2048 keypoints";
            return Err(self.syntax("kpt_shape", value, expected));
        }
        Ok(KeypointShape { count, dims })
    }

    /// The names of the classes.
    fn classes(&self) -> Result<Option<Vec<String>>, DataError> {
        let Some(value) = self.yaml.get("names") else {
            return Ok(None);
        };
        let names = value.numbered();
        let expected = "a list of names, or names by the numbers from 0";
        let names = names.ok_or_else(|| self.syntax("names", value, expected))?;
        let name = |name: &&Yaml| name.text().unwrap_or_default().to_owned();
        Ok(Some(names.iter().map(name).collect()))
    }

    /// Pairs of keypoints that `flip_idx` exchanges.
    fn flip_pairs(&self, count: usize) -> Result<Option<Vec<(usize, usize)>>, DataError> {
        let Some(value) = self.yaml.get("flip_idx") else {
            return Ok(None);
        };
        let indices = self.integers("flip_idx", value)?;
        if indices.is_empty() {
            return Ok(None);
        }
        if indices.len() != count {
            let error = AnnotationError::KeypointCount {
                expected: count,
                found: indices.len(),
                reason: ", as in `kpt_shape`".to_owned(),
            };
            return Err(self.error("flip_idx", value, error));
        }
        let mut pairs = Vec::new();
        for (a, &b) in indices.iter().enumerate() {
            if indices.get(b) != Some(&a) {
                let expected = "for each keypoint the index of its mirror partner, or its own";
                return Err(self.syntax("flip_idx", value, expected));
            }
            if a < b {
                pairs.push((a, b));
            }
        }
        Ok(Some(pairs))
    }

    /// The name of the first class and its names of keypoints, which all classes must have.
    fn keypoint_names(
        &self,
        count: usize,
        classes: Option<&[String]>,
    ) -> Result<Option<(String, Vec<String>)>, DataError> {
        let Some(value) = self.yaml.get("kpt_names") else {
            return Ok(None);
        };
        let expected = "a list of names, or such a list for each class";
        let invalid = || self.syntax("kpt_names", value, expected);
        let entries: Vec<&Yaml> = match &value.value {
            Value::List(names) => names.iter().collect(),
            Value::Mapping(entries) => entries.iter().map(|(_, names)| names).collect(),
            Value::Scalar(_) => return Err(invalid()),
        };
        let is_flat = entries
            .iter()
            .all(|entry| matches!(entry.value, Value::Scalar(_)));
        let lists = if is_flat { vec![value] } else { entries };
        let mut names: Option<Vec<String>> = None;
        for list in lists {
            let found = list.numbered().ok_or_else(invalid)?;
            let texts = found.iter().map(|name| name.text().map(str::to_owned));
            let found: Vec<String> = texts.collect::<Option<_>>().ok_or_else(invalid)?;
            if found.len() != count {
                let error = AnnotationError::KeypointCount {
                    expected: count,
                    found: found.len(),
                    reason: ", as in `kpt_shape`".to_owned(),
                };
                return Err(self.error("kpt_names", list, error));
            }
            match &names {
                Some(first) if *first != found => {
                    let first = "0".to_owned();
                    let error = AnnotationError::KeypointsDiffer { first };
                    return Err(self.error("kpt_names", list, error));
                }
                _ => names = Some(found),
            }
        }
        let class = classes
            .and_then(|classes| classes.first())
            .filter(|name| !name.is_empty());
        let class = class.map_or("yolo", String::as_str).to_owned();
        Ok(names.map(|names| (class, names)))
    }

    /// The folders and lists of `train` and `val`. If both are the same, they are one part.
    fn parts(&self) -> Result<Vec<Vec<PathBuf>>, DataError> {
        let mut parts: Vec<Vec<PathBuf>> = Vec::new();
        for keys in [&["train"][..], &["val", "valid", "validation"]] {
            let mut found = keys
                .iter()
                .filter_map(|key| Some((*key, self.yaml.get(key)?)));
            let Some((key, value)) = found.next() else {
                continue;
            };
            let names: Vec<&str> = match &value.value {
                Value::Scalar(_) => value.text().into_iter().collect(),
                Value::List(names) => names.iter().filter_map(Yaml::text).collect(),
                Value::Mapping(_) => {
                    return Err(self.syntax(key, value, "a folder, or a list of folders"));
                }
            };
            let places = names.iter().map(|name| self.place(key, value, name));
            let part = places.collect::<Result<Vec<_>, _>>()?;
            if !part.is_empty() && !parts.contains(&part) {
                parts.push(part);
            }
        }
        if parts.is_empty() {
            let found = "neither `train` nor `val`".to_owned();
            let error = AnnotationError::MissingColumn { found };
            return Err(DataError::invalid(self.path, 1, "`train`", error));
        }
        Ok(parts)
    }

    /// The folder or the list of this name: below `path`, or below the folder of `data.yaml` if the
    /// data set was moved since it was written. Exports of Roboflow have `../train/images` for a
    /// folder beside `data.yaml`.
    fn place(&self, key: &str, value: &Yaml, name: &str) -> Result<PathBuf, DataError> {
        let dir = self.path.parent().unwrap_or(Path::new(""));
        let mut roots = vec![dir.to_owned()];
        if let Some(root) = self.yaml.get("path").and_then(Yaml::text) {
            roots.insert(0, dir.join(root));
        }
        let shorter = name.strip_prefix("../").into_iter();
        let names: Vec<&str> = [name].into_iter().chain(shorter).collect();
        let searched: Vec<PathBuf> = roots
            .iter()
            .flat_map(|root| names.iter().map(move |name| root.join(name)))
            .collect();
        searched
            .iter()
            .find(|place| place.exists())
            .cloned()
            .ok_or_else(|| {
                let searched: Vec<_> = searched
                    .iter()
                    .map(|p| format!("`{}`", p.display()))
                    .collect();
                let error = AnnotationError::MissingAnnotation {
                    name: shortened(name.as_bytes()),
                    searched: searched.join(" and "),
                };
                self.error(key, value, error)
            })
    }

    fn integers(&self, key: &str, value: &Yaml) -> Result<Vec<usize>, DataError> {
        let Value::List(values) = &value.value else {
            return Err(self.syntax(key, value, "a list of integers"));
        };
        let integer = |value: &Yaml| {
            let number = value.text().and_then(|text| text.parse().ok());
            number.ok_or_else(|| self.syntax(key, value, "a list of integers"))
        };
        values.iter().map(integer).collect()
    }

    fn syntax(&self, key: &str, value: &Yaml, expected: &'static str) -> DataError {
        let found = match &value.value {
            Value::Scalar(text) => format!("`{}`", shortened(text.as_bytes())),
            Value::List(values) => format!("a list of {} values", values.len()),
            Value::Mapping(entries) => format!("a mapping of {} keys", entries.len()),
        };
        self.error(key, value, AnnotationError::Syntax { expected, found })
    }

    fn error(&self, key: &str, value: &Yaml, error: AnnotationError) -> DataError {
        DataError::invalid(self.path, value.row, format!("`{key}`"), error)
    }
}

/// The schema with these flip pairs, unless it has flip pairs already, which must be the same.
pub(super) fn with_flip_pairs(
    path: &Path,
    schema: Schema,
    pairs: &[(usize, usize)],
) -> Result<Schema, DataError> {
    let sorted = |pairs: &[(usize, usize)]| {
        let mut pairs: Vec<_> = pairs.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect();
        pairs.sort_unstable();
        pairs
    };
    if !schema.has_known_flip_pairs() {
        return schema
            .with_flip_pairs(pairs)
            .map_err(|source| DataError::Schema {
                path: path.to_owned(),
                source: Box::new(source),
            });
    }
    if sorted(schema.flip_pairs()) == sorted(pairs) {
        return Ok(schema);
    }
    let error = AnnotationError::Syntax {
        expected: "the flip pairs of the names in `kpt_names`",
        found: format!("{} other pairs", pairs.len()),
    };
    Err(DataError::invalid(path, 1, "`flip_idx`", error))
}
