//! The reader of WFLW as it is published: [`Format::Wflw`](crate::Format::Wflw).

mod parse;

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet, find_in};
use crate::files::{has_extension, read_file, read_head, sorted_names};
use crate::schema::SchemaSource;
use crate::split::{PredefinedSplit, SplitIndices};
use fkp_core::Schema;
use parse::{Face, KEYPOINTS, faces, is_list};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The lists of the two parts.
const FILES: [&str; 2] = [
    "list_98pt_rect_attr_train.txt",
    "list_98pt_rect_attr_test.txt",
];

/// Where the lists are in the folder into which the two archives are unpacked.
const FOLDERS: [&str; 3] = [
    "WFLW_annotations/list_98pt_rect_attr_train_test",
    "list_98pt_rect_attr_train_test",
    "",
];

/// The folder of the images, in folders by event.
const IMAGES: &str = "WFLW_images";

/// The reader of [`Format::Wflw`](crate::Format::Wflw).
pub(super) struct WflwReader;

impl FormatReader for WflwReader {
    fn name(&self) -> &'static str {
        "wflw"
    }

    fn expects(&self) -> &'static str {
        "a text file with 98 points and an image in each line, such as \
         list_98pt_rect_attr_train.txt, or a folder with it or with WFLW_annotations"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        Ok((!lists_in(path)?.is_empty()).then(|| path.to_owned()))
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let lists = match path.is_file() {
            // A requested format is not detected: an invalid first line is an error of its own.
            true => vec![path.to_owned()],
            false => lists_in(path)?,
        };
        if lists.is_empty() {
            return Err(self.not_this_format(path));
        }
        Ok(read(&lists, path, options)?.into())
    }
}

/// The lists to read: the file, those of the two parts in a folder, or else its only list.
fn lists_in(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    if path.is_file() {
        let is_text = has_extension(path, "txt") && is_list(&read_head(path)?);
        return Ok(is_text.then(|| path.to_owned()).into_iter().collect());
    }
    for folder in FOLDERS.map(|folder| path.join(folder)) {
        let lists = FILES.map(|file| folder.join(file)).into_iter();
        let lists: Vec<_> = lists.filter(|list| list.is_file()).collect();
        if !lists.is_empty() {
            return Ok(lists);
        }
    }
    let mut lists = Vec::new();
    for name in sorted_names(path)? {
        let file = path.join(&name);
        if has_extension(&name, "txt") && file.is_file() && is_list(&read_head(&file)?) {
            lists.push(file);
        }
    }
    Ok(if lists.len() == 1 { lists } else { Vec::new() })
}

/// Reads one list, or those of the two parts.
///
/// # Errors
/// If a list cannot be read or breaks a rule of the format anywhere, or an image is missing.
fn read(lists: &[PathBuf], path: &Path, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let (schema, schema_source) = match &options.schema {
        Some(schema) => (schema.clone(), SchemaSource::Given),
        None => (Schema::wflw98(), SchemaSource::Format),
    };
    if schema.len() != KEYPOINTS {
        return Err(DataError::SchemaMismatch {
            path: path.to_owned(),
            schema: schema.name().to_owned(),
            expected: schema.len(),
            found: KEYPOINTS,
        });
    }
    let mut images = Images::default();
    let mut ends = Vec::new();
    for list in lists {
        let text = read_file(list)?;
        let folders = image_folders(list);
        for face in faces(list, &text) {
            images.push(list, face?, &folders)?;
        }
        if ends.last().copied().unwrap_or(0) == images.samples.len() {
            return Err(DataError::NoSamples { path: list.clone() });
        }
        ends.push(images.samples.len());
    }
    let Images {
        mut samples, rows, ..
    } = images;
    let mut notes = Vec::new();
    let far = options.far_labels;
    far.apply_to_files(&mut samples, &mut notes, |index, far| {
        let list = &lists[ends.iter().filter(|end| index >= **end).count()];
        let column = format!("{}{}", ["x", "y"][far.axis], far.keypoint);
        DataError::invalid(list, rows[index], column, far.error(far.value.to_string()))
    })?;
    let predefined_split = match ends[..] {
        [train, all] => Some(PredefinedSplit {
            indices: SplitIndices {
                train: (0..train).collect(),
                val: (train..all).collect(),
            },
            files: &FILES,
        }),
        _ => None,
    };
    Ok(AnnotatedSet {
        schema,
        schema_source,
        images: samples,
        predefined_split,
        notes,
    })
}

/// Where the images of a list may be: in the folder of the images, which is beside that of the
/// annotations, or beside the list.
fn image_folders(list: &Path) -> Vec<PathBuf> {
    let dir = list.parent().unwrap_or(Path::new(""));
    let above = [dir.join("../.."), dir.join(".."), dir.to_owned()];
    let images = above.map(|folder| folder.join(IMAGES));
    let images = images.into_iter().filter(|folder| folder.is_dir());
    images.chain([dir.join("images"), dir.to_owned()]).collect()
}

/// The samples of all lists.
#[derive(Default)]
struct Images {
    samples: Vec<AnnotatedImage>,
    /// The line of each sample.
    rows: Vec<u64>,
    /// The file of each image and the number of its faces so far.
    files: BTreeMap<String, (PathBuf, usize)>,
}

impl Images {
    /// Adds a face of a list. An image with several faces is several samples.
    fn push(&mut self, list: &Path, face: Face, folders: &[PathBuf]) -> Result<(), DataError> {
        let name = face.image;
        if !self.files.contains_key(&name) {
            let found = find_in(folders, &name);
            let invalid = |error| DataError::invalid(list, face.row, "the image file", error);
            self.files
                .insert(name.clone(), (found.map_err(invalid)?, 0));
        }
        let (file, faces) = self.files.entry(name.clone()).or_default();
        *faces += 1;
        self.samples.push(AnnotatedImage {
            id: match faces {
                1 => name,
                number => format!("{name} face {number}"),
            },
            image: file.clone().into(),
            keypoints: face.keypoints,
            face_box: face.face_box,
            attributes: face.attributes,
            ..AnnotatedImage::default()
        });
        self.rows.push(face.row);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
