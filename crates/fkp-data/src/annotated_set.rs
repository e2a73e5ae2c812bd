//! A data set of images with their labels, which most formats are read into.

use crate::DataError;
use crate::error::AnnotationError;
use crate::image_source::ImageSource;
use crate::origin::{Labels, Origin, SourceDataset};
use crate::schema::{SchemaSource, ShapeMatch, match_shape};
use crate::split::{PredefinedSplit, SplitIndices};
use fkp_core::{Dataset, DatasetError, FaceBox, Keypoints, LabeledBox, Sample, Schema};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A data set with its labels in memory. Images are decoded when a sample is requested.
#[derive(Debug, Clone)]
pub(crate) struct AnnotatedSet {
    pub(crate) schema: Schema,
    pub(crate) schema_source: SchemaSource,
    pub(crate) images: Vec<AnnotatedImage>,
    pub(crate) predefined_split: Option<PredefinedSplit>,
    /// What a user should know.
    pub(crate) notes: Vec<String>,
}

/// An image with its labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnnotatedImage {
    pub(crate) id: String,
    pub(crate) image: ImageSource,
    pub(crate) keypoints: Keypoints,
    pub(crate) group: Option<String>,
    pub(crate) face_box: Option<FaceBox>,
    pub(crate) boxes: Vec<LabeledBox>,
    /// Names of the attributes that hold.
    pub(crate) attributes: Vec<String>,
}

impl AnnotatedSet {
    /// The two parts of a predefined split, which have one schema. `files` are their names.
    pub(crate) fn of_parts(mut train: Self, val: Self, files: &'static [&'static str; 2]) -> Self {
        let first = train.images.len();
        train.images.extend(val.images);
        train.notes.extend(val.notes);
        train.predefined_split = Some(PredefinedSplit {
            indices: SplitIndices {
                train: (0..first).collect(),
                val: (first..train.images.len()).collect(),
            },
            files,
        });
        train
    }

    /// Replaces the schema of numbered keypoints by the built-in schema whose mean shape the labels
    /// have. Otherwise the keypoints stay numbered, and a note says how to give a schema.
    pub(crate) fn detect_schema_by_shape(&mut self) {
        if self.schema_source != SchemaSource::Numbers {
            return;
        }
        let count = self.schema.len();
        let labels = self.images.iter().map(|image| &image.keypoints);
        let (reason, candidate) = match match_shape(count, labels) {
            ShapeMatch::Matches(schema) => {
                self.schema = schema;
                self.schema_source = SchemaSource::Shape;
                return;
            }
            ShapeMatch::Differs {
                name,
                distance,
                tolerance,
            } => {
                let reason = format!(
                    ", and their labels do not have the shape of `{name}` \
                     (distance {distance:.2}, at most {tolerance})"
                );
                (reason, Some(name))
            }
            ShapeMatch::NoShape { name } => {
                let reason = ", and no image has labels for all of them to compare their shape";
                (reason.to_owned(), Some(name))
            }
            ShapeMatch::NoCandidate => {
                let builtin = Schema::builtin();
                let candidate = builtin.iter().find(|schema| schema.len() == count);
                (
                    String::new(),
                    candidate.map(|schema| schema.name().to_owned()),
                )
            }
        };
        let or_candidate = candidate.map_or_else(String::new, |name| {
            format!(", or `{name}` if its keypoints are meant")
        });
        self.notes.push(format!(
            "the {count} keypoints are only numbered{reason}: their names and flip pairs are \
             unknown; to name them, give a schema file (`--schema FILE.toml`){or_candidate}"
        ));
    }

    /// The image and the person of each sample, numbered.
    fn origins(&self) -> Vec<Origin> {
        let mut images: BTreeMap<(&Path, u64), usize> = BTreeMap::new();
        let mut persons: BTreeMap<&str, usize> = BTreeMap::new();
        let numbered = self.images.iter().map(|annotated| {
            let next = images.len();
            let image = *images.entry(annotated.image.identity()).or_insert(next);
            let person = annotated.group.as_deref().map(|group| {
                let next = persons.len();
                *persons.entry(group).or_insert(next)
            });
            Origin { image, person }
        });
        numbered.collect()
    }
}

impl Dataset for AnnotatedSet {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.images.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let annotated = self.images.get(index);
        let annotated = annotated.ok_or_else(|| DatasetError::out_of_range(index, self.len()))?;
        let image = annotated.image.decode();
        let image = image.map_err(|error| DatasetError::new(index, error))?;
        let size = image.size();
        Ok(Sample {
            id: annotated.id.clone(),
            keypoints: annotated.keypoints.clone().mark_out_of_frame(size),
            group: annotated.group.clone(),
            face_box: annotated.face_box,
            boxes: annotated.boxes.clone(),
            image,
            is_face: true,
            attributes: annotated.attributes.clone(),
        })
    }
}

/// A set with its images and persons numbered.
#[derive(Debug)]
pub(crate) struct NumberedSet {
    set: AnnotatedSet,
    origins: Vec<Origin>,
}

impl From<AnnotatedSet> for NumberedSet {
    fn from(set: AnnotatedSet) -> Self {
        let origins = set.origins();
        Self { set, origins }
    }
}

impl Dataset for NumberedSet {
    fn schema(&self) -> &Schema {
        self.set.schema()
    }

    fn len(&self) -> usize {
        self.set.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.set.get(index)
    }
}

impl SourceDataset for NumberedSet {
    fn origin(&self, index: usize) -> Origin {
        self.origins[index]
    }

    fn labels(&self, index: usize) -> Result<Labels, DataError> {
        let annotated = &self.set.images[index];
        Ok(Labels {
            id: annotated.id.clone(),
            keypoints: annotated.keypoints.clone(),
            group: annotated.group.clone(),
            boxes: annotated.boxes.clone(),
        })
    }

    fn encoded_image(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.set.images[index].image.encoded()
    }
}

/// The path of the image `name`: in `images/` or beside the annotations.
pub(crate) fn find_image(dir: &Path, name: &str) -> Result<PathBuf, AnnotationError> {
    find_in(&[dir.join("images"), dir.to_owned()], name)
}

/// The path of the image `name` in the first of the folders that has it.
pub(crate) fn find_in(folders: &[PathBuf], name: &str) -> Result<PathBuf, AnnotationError> {
    let searched = folders.iter().map(|folder| folder.join(name));
    searched.clone().find(|path| path.is_file()).ok_or_else(|| {
        let searched: Vec<_> = searched
            .map(|path| format!("`{}`", path.display()))
            .collect();
        AnnotationError::MissingImage {
            searched: searched.join(" and "),
        }
    })
}

/// Sets the group of each image from file names `PERSON_NUMBER.jpg`, or `test_PERSON_NUMBER.jpg`
/// with the part of a split before the name. All names must have this form, with at least two
/// persons and no person in more than half of the images: in a folder of `image_0001.jpg`,
/// `image_0002.jpg`, … the word is not a person.
pub(crate) fn set_groups_by_name(images: &mut [AnnotatedImage]) {
    let groups: Option<Vec<String>> = images.iter().map(|image| person(&image.id)).collect();
    let Some(groups) = groups else { return };
    let persons: BTreeSet<&String> = groups.iter().collect();
    let largest_group = persons
        .iter()
        .map(|person| groups.iter().filter(|group| group == person).count())
        .max();
    if persons.len() < 2 || 2 * largest_group.unwrap_or(0) > groups.len() {
        return;
    }
    for (image, group) in images.iter_mut().zip(groups) {
        image.group = Some(group);
    }
}

/// The person in a file name `PERSON_NUMBER.jpg`.
pub(crate) fn person(name: &str) -> Option<String> {
    let stem = Path::new(name).file_stem()?.to_str()?;
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
                id: (*name).to_owned(),
                ..AnnotatedImage::default()
            })
            .collect();
        set_groups_by_name(&mut images);
        images.into_iter().map(|p| p.group).collect()
    }

    #[test]
    fn groups_come_from_file_names_that_name_persons() {
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
