//! Annotated images in files: what three of the four formats come down to.

use crate::error::Problem;
use crate::far_labels::Axis;
use crate::schemas::{Verdict, recognize_shape};
use crate::summary::Origin;
use crate::{DataError, SchemaSource, SplitIndices, decode_image};
use fkp_core::{Dataset, DatasetError, FaceBox, Keypoints, Sample, Schema};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which two columns hold a keypoint's coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SchemaKeypoint {
    pub(crate) x: usize,
    pub(crate) y: usize,
}

impl SchemaKeypoint {
    pub(crate) fn column(self, axis: Axis) -> usize {
        match axis {
            Axis::X => self.x,
            Axis::Y => self.y,
        }
    }
}

/// Labels in memory, images on disk until they are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) schema: Schema,
    pub(crate) schema_source: SchemaSource,
    pub(crate) images: Vec<AnnotatedImage>,
    pub(crate) own_split: Option<SplitIndices>,
    /// What a user should know.
    pub(crate) notes: Vec<String>,
}

/// A sample that has not been decoded yet.
#[derive(Debug, Clone)]
pub(crate) struct AnnotatedImage {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    pub(crate) keypoints: Keypoints,
    pub(crate) group: Option<String>,
    pub(crate) face_box: Option<FaceBox>,
}

impl Folder {
    /// Numbered keypoints whose labels have the shape of a built-in schema are that schema's;
    /// other numbered ones stay, and a note says what to write.
    pub(crate) fn recognize_shape(&mut self) {
        if self.schema_source != SchemaSource::Numbers {
            return;
        }
        let count = self.schema.len();
        let labels = self.images.iter().map(|image| &image.keypoints);
        let (why, like) = match recognize_shape(count, labels) {
            Verdict::Matches(schema) => {
                self.schema = schema;
                self.schema_source = SchemaSource::Shape;
                return;
            }
            Verdict::Differs {
                name,
                distance,
                tolerance,
            } => {
                let why = format!(
                    ", and their labels do not have the shape of `{name}` \
                     (distance {distance:.2}, at most {tolerance})"
                );
                (why, Some(name))
            }
            Verdict::NoShape { name } => {
                let why = ", and no image has all of them labeled to tell by their shape";
                (why.to_owned(), Some(name))
            }
            Verdict::NoCandidate => {
                let builtin = Schema::BUILTIN
                    .iter()
                    .filter_map(|name| Schema::by_name(name));
                let mut of_this_count = builtin.filter(|schema| schema.len() == count);
                let like = of_this_count.next().map(|schema| schema.name().to_owned());
                (String::new(), like)
            }
        };
        let like = like.map_or_else(String::new, |name| {
            format!(", or `{name}` if they are those")
        });
        self.notes.push(format!(
            "the {count} keypoints are only numbered{why}: their names and flip pairs are unknown; \
             to say what they are, give a schema file (`--schema FILE.toml`){like}"
        ));
    }

    /// For each sample its image and its person.
    pub(crate) fn origins(&self) -> Vec<Origin> {
        let mut images: BTreeMap<&Path, usize> = BTreeMap::new();
        let mut persons: BTreeMap<&str, usize> = BTreeMap::new();
        let numbered = self.images.iter().map(|annotated| {
            let next = images.len();
            let image = *images.entry(&annotated.path).or_insert(next);
            let person = annotated.group.as_deref().map(|group| {
                let next = persons.len();
                *persons.entry(group).or_insert(next)
            });
            Origin { image, person }
        });
        numbered.collect()
    }
}

impl Dataset for Folder {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.images.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let annotated = self.images.get(index).ok_or_else(|| {
            let message = format!("the data set has {} samples", self.images.len());
            DatasetError::new(index, message)
        })?;
        let image = decode_image(&annotated.path).map_err(|e| DatasetError::new(index, e))?;
        let size = image.size();
        Ok(Sample {
            id: annotated.id.clone(),
            keypoints: annotated.keypoints.clone().mark_out_of_frame(size),
            group: annotated.group.clone(),
            face_box: annotated.face_box,
            image,
        })
    }
}

/// The image called `name`: beside the annotations or in `images/`.
pub(crate) fn find_image(dir: &Path, name: &str) -> Result<PathBuf, Problem> {
    let tried = [dir.join("images").join(name), dir.join(name)];
    match tried.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(Problem::MissingImage {
            looked_for: format!("`{}` and `{}`", tried[0].display(), tried[1].display()),
        }),
    }
}

/// The names in a folder, sorted, because a file system gives them in any order.
pub(crate) fn sorted_names(dir: &Path) -> Result<Vec<String>, DataError> {
    let io = |source| DataError::io(dir, source);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        names.push(
            entry
                .map_err(io)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    names.sort();
    Ok(names)
}

/// Whether a file's name ends in `.ending`, in upper or lower case.
pub(crate) fn has_ending(path: impl AsRef<Path>, ending: &str) -> bool {
    let found = path.as_ref().extension();
    found.is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// Takes the person from file names `PERSON_NUMBER.jpg` (or `test_PERSON_NUMBER.jpg`, where the
/// first word is the part of a split and not of the name), if all are of that form, with at least
/// two people and nobody in most of the images: in a folder of `image_0001.jpg`,
/// `image_0002.jpg`, … the word says nothing.
pub(crate) fn set_groups_by_name(images: &mut [AnnotatedImage]) {
    let groups: Option<Vec<String>> = images.iter().map(|p| person(&p.path)).collect();
    let Some(groups) = groups else { return };
    let people: BTreeSet<&String> = groups.iter().collect();
    let most = people
        .iter()
        .map(|person| groups.iter().filter(|group| group == person).count())
        .max();
    if people.len() < 2 || 2 * most.unwrap_or(0) > groups.len() {
        return;
    }
    for (image, group) in images.iter_mut().zip(groups) {
        image.group = Some(group);
    }
}

fn person(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let (person, number) = stem.rsplit_once('_')?;
    let prefix = ["train_", "val_", "test_"].into_iter();
    let person = prefix.fold(person, |name, part| name.strip_prefix(part).unwrap_or(name));
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = person.chars().any(char::is_alphabetic);
    (is_number && is_name).then(|| person.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> Vec<Option<String>> {
        let mut images: Vec<_> = names
            .iter()
            .map(|name| AnnotatedImage {
                id: String::new(),
                path: PathBuf::from(name),
                keypoints: Keypoints::default(),
                group: None,
                face_box: None,
            })
            .collect();
        set_groups_by_name(&mut images);
        images.into_iter().map(|p| p.group).collect()
    }

    #[test]
    fn people_come_from_names_only_where_names_name_people() {
        let found = groups(&[
            "a/Ann_Lee_00.jpg",
            "a/Ann_Lee_01.jpg",
            "Bo_00.jpg",
            "Cy_7.png",
        ]);
        let expected = ["Ann_Lee", "Ann_Lee", "Bo", "Cy"].map(|name| Some(name.to_owned()));
        assert_eq!(found, expected);
        let found = groups(&["test_Ann_0.jpg", "Ann_1.jpg", "train_Bo_0.jpg", "Bo_1.jpg"]);
        let expected = ["Ann", "Ann", "Bo", "Bo"].map(|name| Some(name.to_owned()));
        assert_eq!(found, expected);
        for names in [
            &["test_001.jpg", "test_002.jpg", "train_001.jpg"][..],
            &["image_0001.jpg", "image_0002.jpg"],
            &["image_0001.jpg", "image_0002.jpg", "Bo_01.jpg"],
            &["001.jpg", "002.jpg"],
            &["1234_1.jpg", "1235_1.jpg"],
            &["Ann_00.jpg", "image.jpg"],
        ] {
            assert!(groups(names).iter().all(Option::is_none), "{names:?}");
        }
    }
}
