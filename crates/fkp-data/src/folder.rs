//! Annotated pictures in files: what three of the four formats come down to.

use crate::error::Problem;
use crate::{DataError, SplitIndices, decode_image};
use fkp_core::{DatasetError, FaceBox, Keypoints, Sample, Schema};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which two columns hold a point's coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SchemaPoint {
    pub(crate) x: usize,
    pub(crate) y: usize,
}

/// Labels in memory, pictures on disk until they are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) schema: Schema,
    pub(crate) pictures: Vec<AnnotatedPicture>,
    pub(crate) own_split: Option<SplitIndices>,
}

/// A sample that has not been decoded yet.
#[derive(Debug, Clone)]
pub(crate) struct AnnotatedPicture {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    pub(crate) keypoints: Keypoints,
    pub(crate) group: Option<String>,
    pub(crate) face_box: Option<FaceBox>,
}

impl Folder {
    pub(crate) fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let picture = self.pictures.get(index).ok_or_else(|| {
            let message = format!("the data set has {} samples", self.pictures.len());
            DatasetError::new(index, message)
        })?;
        let image = decode_image(&picture.path).map_err(|e| DatasetError::new(index, e))?;
        let size = image.size();
        Ok(Sample {
            id: picture.id.clone(),
            keypoints: picture.keypoints.clone().marked_for_frame(size),
            group: picture.group.clone(),
            face_box: picture.face_box,
            image,
        })
    }
}

/// Implements [`Dataset`] for a type with a field `folder`.
macro_rules! impl_dataset_for_folder {
    ($type:ty) => {
        impl fkp_core::Dataset for $type {
            fn schema(&self) -> &fkp_core::Schema {
                &self.folder.schema
            }

            fn len(&self) -> usize {
                self.folder.pictures.len()
            }

            fn get(&self, index: usize) -> Result<fkp_core::Sample, fkp_core::DatasetError> {
                self.folder.get(index)
            }
        }
    };
}
pub(crate) use impl_dataset_for_folder;

/// The picture called `name`: beside the annotations or in `images/`.
pub(crate) fn find_picture(dir: &Path, name: &str) -> Result<PathBuf, Problem> {
    let tried = [dir.join("images").join(name), dir.join(name)];
    match tried.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(Problem::MissingPicture {
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

/// Takes the person from file names `PERSON_NUMBER.jpg`, if all are of that form, with at least
/// two people and nobody in most of the pictures: in a folder of `image_0001.jpg`,
/// `image_0002.jpg`, … the word says nothing.
pub(crate) fn set_groups_by_name(pictures: &mut [AnnotatedPicture]) {
    let groups: Option<Vec<String>> = pictures.iter().map(|p| person(&p.path)).collect();
    let Some(groups) = groups else { return };
    let people: BTreeSet<&String> = groups.iter().collect();
    let most = people
        .iter()
        .map(|person| groups.iter().filter(|group| group == person).count())
        .max();
    if people.len() < 2 || 2 * most.unwrap_or(0) > groups.len() {
        return;
    }
    for (picture, group) in pictures.iter_mut().zip(groups) {
        picture.group = Some(group);
    }
}

fn person(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let (person, number) = stem.rsplit_once('_')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = person.chars().any(char::is_alphabetic);
    (is_number && is_name).then(|| person.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> Vec<Option<String>> {
        let mut pictures: Vec<_> = names
            .iter()
            .map(|name| AnnotatedPicture {
                id: String::new(),
                path: PathBuf::from(name),
                keypoints: Keypoints::default(),
                group: None,
                face_box: None,
            })
            .collect();
        set_groups_by_name(&mut pictures);
        pictures.into_iter().map(|p| p.group).collect()
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
        for names in [
            &["image_0001.jpg", "image_0002.jpg"][..],
            &["image_0001.jpg", "image_0002.jpg", "Bo_01.jpg"],
            &["001.jpg", "002.jpg"],
            &["1234_1.jpg", "1235_1.jpg"],
            &["Ann_00.jpg", "picture.jpg"],
        ] {
            assert!(groups(names).iter().all(Option::is_none), "{names:?}");
        }
    }
}
