//! The reader of WIDER FACE as it is published: [`Format::WiderFace`](crate::Format::WiderFace).

mod parse;

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::annotated_set::{AnnotatedSet, find_in};
use crate::box_images::refuse_keypoints;
use crate::files::{has_extension, read_file, read_head};
use crate::{DataError, FarLabels};
use std::path::{Path, PathBuf};

/// The label files of the two parts.
const FILES: [&str; 2] = ["wider_face_train_bbx_gt.txt", "wider_face_val_bbx_gt.txt"];

/// The folders with the images of the two parts, each in a folder of its event.
const IMAGES: [&str; 2] = ["WIDER_train/images", "WIDER_val/images"];

/// The reader of [`Format::WiderFace`](crate::Format::WiderFace).
pub(super) struct WiderFaceReader;

impl FormatReader for WiderFaceReader {
    fn name(&self) -> &'static str {
        "wider-face"
    }

    fn expects(&self) -> &'static str {
        "wider_face_train_bbx_gt.txt or wider_face_val_bbx_gt.txt, or a folder with them or with \
         wider_face_split"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let found = match path.is_file() {
            true => has_extension(path, "txt") && is_label_file(path)?,
            false => !label_files(path).is_empty(),
        };
        Ok(found.then(|| path.to_owned()))
    }

    /// # Errors
    /// If a label file cannot be read or breaks a rule of the format anywhere, or an image is
    /// missing.
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        refuse_keypoints(path, options.schema.as_ref())?;
        let files = match path.is_file() {
            true => vec![path.to_owned()],
            false => label_files(path),
        };
        // The labels of all parts are one download, and the images of each part are another.
        let (files, without_images) = match files.iter().any(|file| has_images(file)) {
            true => files.into_iter().partition(|file| has_images(file)),
            false => (files, Vec::new()),
        };
        let parts = files
            .iter()
            .map(|file| read_labels(file, options.far_labels));
        let mut parts = parts.collect::<Result<Vec<_>, _>>()?.into_iter();
        let mut folder = match (parts.next(), parts.next()) {
            (Some(train), Some(val)) => AnnotatedSet::of_parts(train, val, &FILES),
            (Some(all), None) => all,
            (None, _) => return Err(self.not_this_format(path)),
        };
        let notes = without_images.iter().map(|file: &PathBuf| {
            let file = file.display();
            format!("`{file}` was not read, because the folder of its images is not there")
        });
        folder.notes.extend(notes);
        Ok(folder.into())
    }
}

/// The label files in a folder, or in its folder `wider_face_split`: train before val.
fn label_files(folder: &Path) -> Vec<PathBuf> {
    let folders = [folder.join("wider_face_split"), folder.to_owned()];
    let found = folders.map(|folder| {
        let files = FILES.map(|file| folder.join(file)).into_iter();
        files.filter(|file| file.is_file()).collect::<Vec<_>>()
    });
    let mut found = found.into_iter().filter(|files| !files.is_empty());
    found.next().unwrap_or_default()
}

/// Whether a text file has a name of WIDER's, or begins with an image and a number of faces.
fn is_label_file(path: &Path) -> Result<bool, DataError> {
    let is_named = path
        .file_name()
        .is_some_and(|name| FILES.iter().any(|file| name == *file));
    Ok(is_named || parse::begins_with_an_image(&read_head(path)?))
}

/// Where the images of a label file may be.
fn image_folders(file: &Path) -> Vec<PathBuf> {
    let dir = file.parent().unwrap_or(Path::new(""));
    let above = dir.parent().map_or_else(|| dir.join(".."), Path::to_owned);
    let name = file.file_name().unwrap_or_default();
    let part = FILES.iter().zip(IMAGES).find(|(file, _)| name == **file);
    let of_part = part.map(|(_, images)| [above.join(images), dir.join(images)]);
    let beside = [dir.join("images"), dir.to_owned()];
    of_part.into_iter().flatten().chain(beside).collect()
}

/// Whether the images of this part of WIDER FACE are there.
fn has_images(file: &Path) -> bool {
    let folders = image_folders(file);
    folders
        .iter()
        .any(|folder| folder.ends_with("images") && folder.is_dir())
}

fn read_labels(path: &Path, far_labels: FarLabels) -> Result<AnnotatedSet, DataError> {
    let text = read_file(path)?;
    let folders = image_folders(path);
    let labels = parse::parse(path, &text, |name| find_in(&folders, name))?;
    let mut folder = labels.images.into_set(path, far_labels, str::to_owned)?;
    if labels.dropped > 0 {
        folder.notes.push(format!(
            "{} boxes of `{}` without an area, or repeated, were dropped",
            labels.dropped,
            path.display()
        ));
    }
    Ok(folder)
}

#[cfg(test)]
mod tests;
