//! The reader of images with a `.pts` file each: [`Format::Pts`](crate::Format::Pts).

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet};
use crate::error::{AnnotationError, shortened};
use crate::files::{has_extension, read_file, without_bom};
use crate::folder_tree::FilesBelow;
use crate::parallel::read_files;
use crate::pts_file::PtsFile;
use crate::schema::{FileSchema, SchemaSource};
use crate::split::{PredefinedSplit, SplitIndices};
use fkp_core::{Keypoints, Schema};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The reader of [`Format::Pts`](crate::Format::Pts).
pub(super) struct PtsReader;

impl FormatReader for PtsReader {
    fn name(&self) -> &'static str {
        "pts"
    }

    fn expects(&self) -> &'static str {
        "a folder with .pts files in it or in folders below"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let found = path.is_dir() && FilesBelow::any(path, is_annotation)?;
        Ok(found.then(|| path.to_owned()))
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        Ok(read(path, options)?.into())
    }
}

/// Reads all `.pts` files of a folder and of the folders below it.
///
/// # Errors
/// If a file breaks a rule of the format or has another number of keypoints than the others, an
/// image is missing, or a list has an unknown name or a name twice.
fn read(path: &Path, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let found = match path.is_dir() {
        true => FilesBelow::find(path, is_annotation)?,
        false => FilesBelow::default(),
    };
    if found.names.is_empty() {
        return Err(PtsReader.not_this_format(path));
    }
    let files = read_files(&found.names, &options.progress, |name| {
        let file = path.join(name);
        PtsFile::parse(&file, &read_file(&file)?)
    })?;
    let mut notes: Vec<String> = found.note().into_iter().collect();
    // Without the extension, as in the lists of a split.
    let names = found.names.iter();
    let names: Vec<String> = names.map(|n| n[..n.len() - 4].to_owned()).collect();
    let (schema, schema_source) = match &options.schema {
        Some(schema) => (schema.clone(), SchemaSource::Given),
        None => {
            let count = most_frequent_count(&files);
            let numbers: Vec<_> = (0..count).map(|i| i.to_string()).collect();
            let found = FileSchema::from_names(path, "pts", &numbers, &[])?;
            (found.schema, found.source)
        }
    };
    let mut images = Vec::with_capacity(names.len());
    for (name, file) in names.iter().zip(&files) {
        images.push(annotated_image(file, path, name, &schema)?);
    }
    let predefined_split = read_lists(path, &names)?;
    if let Some(PredefinedSplit { indices, .. }) = &predefined_split {
        let unlisted = names.len() - indices.train.len() - indices.val.len();
        if unlisted > 0 {
            notes.push(format!(
                "{unlisted} samples are in neither train.txt nor val.txt"
            ));
        }
    }
    let far = options.far_labels;
    far.apply_to_files(&mut images, &mut notes, |index, far| {
        let file = &files[index];
        // As in the file, which counts from 1, without the rounding error of `f32`.
        let text = ((f64::from(far.value) + 1.0) * 1e3).round() / 1e3;
        let error = far.error(text.to_string());
        DataError::invalid(
            &file.path,
            file.rows[far.keypoint],
            ["x", "y"][far.axis],
            error,
        )
    })?;
    let mut folder = AnnotatedSet {
        schema,
        schema_source,
        images,
        predefined_split,
        notes,
    };
    folder.detect_schema_by_shape();
    Ok(folder)
}

/// Whether a file is one with keypoints.
fn is_annotation(name: &str) -> bool {
    has_extension(name, "pts")
}

/// The image and the labels of one file, which must have the keypoints of the schema.
fn annotated_image(
    file: &PtsFile,
    dir: &Path,
    name: &str,
    schema: &Schema,
) -> Result<AnnotatedImage, DataError> {
    if file.keypoints.len() != schema.len() {
        let error = AnnotationError::KeypointCount {
            expected: schema.len(),
            found: file.keypoints.len(),
            reason: format!(", as in schema `{}`", schema.name()),
        };
        let column = "the list of keypoints";
        return Err(DataError::invalid(&file.path, file.last_row, column, error));
    }
    let extensions = ["jpg", "png", "jpeg", "bmp", "JPG", "PNG", "JPEG", "BMP"];
    let mut candidates = extensions
        .iter()
        .map(|end| dir.join(format!("{name}.{end}")));
    let image = candidates.find(|path| path.is_file()).ok_or_else(|| {
        let searched = format!("`{name}` with extension jpg, png, jpeg or bmp");
        let error = AnnotationError::MissingImage { searched };
        DataError::invalid(&file.path, 1, "the file name", error)
    })?;
    Ok(AnnotatedImage {
        id: name.to_owned(),
        image: image.into(),
        keypoints: Keypoints::new(file.keypoints.clone()),
        ..AnnotatedImage::default()
    })
}

/// The number of keypoints that most files have, so that an error names the other files.
fn most_frequent_count(files: &[PtsFile]) -> usize {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for file in files {
        *counts.entry(file.keypoints.len()).or_default() += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|&(keypoints, files)| (files, keypoints));
    most.map_or(0, |(keypoints, _)| keypoints)
}

/// The predefined split, if both lists exist.
fn read_lists(dir: &Path, names: &[String]) -> Result<Option<PredefinedSplit>, DataError> {
    let lists = [dir.join("train.txt"), dir.join("val.txt")];
    if !lists.iter().all(|list| list.is_file()) {
        return Ok(None);
    }
    let index_of: BTreeMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
    // The first place of each name in both lists: a name in both would be a leak.
    let mut seen: BTreeMap<usize, String> = BTreeMap::new();
    let mut read = |list: &Path| {
        let text = read_file(list)?;
        let text = without_bom(&text);
        let mut indices = Vec::new();
        for (line, row) in text.split(|byte| *byte == b'\n').zip(1u64..) {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let invalid = |error| DataError::invalid(list, row, "the name", error);
            let name = std::str::from_utf8(line).map_err(|_| {
                let text = shortened(line);
                invalid(AnnotationError::NotUtf8 { text })
            })?;
            let Some(&index) = index_of.get(name) else {
                return Err(invalid(AnnotationError::MissingAnnotation {
                    name: shortened(line),
                    searched: format!("`{}`", dir.join(format!("{name}.pts")).display()),
                }));
            };
            let here = format!("`{}`, row {row}", list.display());
            if let Some(first) = seen.insert(index, here) {
                let name = shortened(line);
                return Err(invalid(AnnotationError::Duplicate { name, first }));
            }
            indices.push(index);
        }
        indices.sort_unstable();
        Ok(indices)
    };
    let indices = SplitIndices {
        train: read(&lists[0])?,
        val: read(&lists[1])?,
    };
    Ok(Some(PredefinedSplit {
        indices,
        files: &["train.txt", "val.txt"],
    }))
}

#[cfg(test)]
mod tests;
