//! The reader of LabelMe annotations: [`Format::LabelMe`](crate::Format::LabelMe).

mod document;
mod keypoints;

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet};
use crate::error::AnnotationError;
use crate::files::{has_extension, read_file, sorted_names};
use crate::image_source::ImageSource;
use crate::json_keys::has_top_level_key;
use crate::split::{PredefinedSplit, SplitIndices};
use document::{Ignored, LabelMeFile};
use keypoints::{LabelSchema, note_on_rare_labels};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The reader of [`Format::LabelMe`](crate::Format::LabelMe).
pub(super) struct LabelMeReader;

impl FormatReader for LabelMeReader {
    fn name(&self) -> &'static str {
        "labelme"
    }

    fn expects(&self) -> &'static str {
        "a folder with .json files with shapes and imagePath in it or one level below, or one such \
         file"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let (folder, names) = annotation_files(path)?;
        for name in names {
            let keys = ["shapes", "imagePath", "imageData"];
            if has_top_level_key(&folder.join(name), &keys)? {
                return Ok(Some(path.to_owned()));
            }
        }
        Ok(None)
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        Ok(read(path, options)?.into())
    }
}

/// Reads one file, or all `.json` files of a folder and of the folders in it.
///
/// # Errors
/// If a file cannot be parsed, a group of shapes has a label twice, or an image is missing or has
/// another size than its annotation says.
fn read(path: &Path, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let (folder, names) = annotation_files(path)?;
    if names.is_empty() {
        return Err(LabelMeReader.not_this_format(path));
    }
    let (done, total) = (AtomicU64::new(0), names.len() as u64);
    let parsed: Result<Vec<_>, DataError> = names
        .par_iter()
        .map(|name| {
            let file = folder.join(name);
            let parsed = LabelMeFile::parse(&file, &read_file(&file)?)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            options.progress.report(done, total, "files");
            Ok(parsed)
        })
        .collect();
    let parsed = parsed?;
    let others = parsed.iter().filter(|file| file.is_none()).count();
    let blank = |file: &LabelMeFile| file.faces.is_empty();
    let blanks = parsed.iter().flatten().filter(|file| blank(file)).count();
    let mut notes = notes(parsed.iter().flatten(), others, blanks);
    let (mut files, mut file_names) = (Vec::new(), Vec::new());
    for (file, name) in parsed.into_iter().zip(&names) {
        if let Some(file) = file.filter(|file| !blank(file)) {
            files.push(file);
            file_names.push(name);
        }
    }
    if files.is_empty() {
        let path = path.to_owned();
        return Err(DataError::NoSamples { path });
    }
    notes.extend(note_on_rare_labels(&files));
    let schema = LabelSchema::new(path, &files, options.schema.as_ref())?;
    let sources = files.par_iter().map(image_source);
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let mut images = Vec::new();
    let mut parts = [Vec::new(), Vec::new()];
    for ((file, name), (source, size)) in files.iter().zip(file_names).zip(sources) {
        let part = ["train/", "val/"]
            .iter()
            .position(|part| name.starts_with(part));
        for (number, face) in file.faces.iter().enumerate() {
            let mut keypoints = schema.keypoints(&face.points);
            if let Some(size) = size {
                let far = options.far_labels;
                far.apply(&mut keypoints, size, &mut notes, |far| {
                    // As in the file, without the rounding error of the shift to pixel centers.
                    let value = ((f64::from(far.value) + 0.5) * 1e3).round() / 1e3;
                    let error = far.error(value.to_string());
                    match schema.point(&face.points, far.keypoint) {
                        Some(point) => point.error(file, error),
                        None => DataError::invalid(&file.path, 1, "`shapes`", error),
                    }
                })?;
            }
            if let Some(part) = part {
                parts[part].push(images.len());
            }
            images.push(AnnotatedImage {
                id: face_id(name, &file.image_path, number),
                image: source.clone(),
                keypoints,
                face_box: face.face_box,
                attributes: file.attributes.clone(),
                ..AnnotatedImage::default()
            });
        }
    }
    let mut set = AnnotatedSet {
        schema: schema.schema,
        schema_source: schema.source,
        predefined_split: predefined_split(parts, images.len(), &mut notes),
        images,
        notes,
    };
    set.detect_schema_by_shape();
    Ok(set)
}

/// The folder of a data set, and the names of the `.json` files in it and one level below it, with
/// `/` on every system. For a file, its folder and its name.
fn annotation_files(path: &Path) -> Result<(PathBuf, Vec<String>), DataError> {
    let mut found = Vec::new();
    let mut folder = path.to_owned();
    if path.is_file() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        found.push(name.into_owned());
        folder.pop();
    } else {
        for name in sorted_names(path)? {
            if path.join(&name).is_dir() {
                let inner = sorted_names(&path.join(&name))?;
                found.extend(inner.iter().map(|inner| format!("{name}/{inner}")));
            } else {
                found.push(name);
            }
        }
    }
    found.retain(|name| has_extension(name, "json"));
    Ok((folder, found))
}

/// What a user should know of the files.
fn notes<'f>(
    files: impl Iterator<Item = &'f LabelMeFile>,
    others: usize,
    blank: usize,
) -> Vec<String> {
    let ignored = files.map(|file| file.ignored);
    let Ignored { shapes, rectangles } = ignored.fold(Ignored::default(), |sum, file| Ignored {
        shapes: sum.shapes + file.shapes,
        rectangles: sum.rectangles + file.rectangles,
    });
    let counted = [
        (others, "other .json files, without shapes, were ignored"),
        (blank, "files without a shape of type `point` were ignored"),
        (
            shapes,
            "shapes that are neither points nor rectangles were ignored",
        ),
        (
            rectangles,
            "rectangles were ignored: they have no keypoints of the same group, or there are \
             several in a group",
        ),
    ];
    let counted = counted.iter().filter(|(count, _)| *count > 0);
    counted.map(|(n, what)| format!("{n} {what}")).collect()
}

/// The image of a file, and its size if its header can be read. The image file is preferred to the
/// embedded bytes unless it has another size, because the tool rotates what it embeds upright.
fn image_source(file: &LabelMeFile) -> Result<(ImageSource, Option<(usize, usize)>), DataError> {
    let invalid = |error| DataError::invalid(&file.path, 1, "`imagePath`", error);
    let folder = file.path.parent().unwrap_or(Path::new(""));
    let base = file.image_path.rsplit('/').next().unwrap_or_default();
    let searched = [folder.join(&file.image_path), folder.join(base)];
    let on_disk = searched.iter().find(|path| path.is_file());
    let on_disk = on_disk.map(|path| ImageSource::from(path.clone()));
    let embedded = file.embedded.as_ref().map(|bytes| ImageSource::Encoded {
        path: file.path.clone(),
        bytes: bytes.clone(),
    });
    let mut wrong_size = None;
    for source in on_disk.into_iter().chain(embedded) {
        let found = source.size();
        match (found, file.size) {
            (Some(found), Some(expected)) if found != expected => {
                wrong_size.get_or_insert(AnnotationError::ImageSize { found, expected });
            }
            _ => return Ok((source, found)),
        }
    }
    Err(invalid(wrong_size.unwrap_or_else(|| {
        AnnotationError::MissingImage {
            searched: format!("`{}` and `imageData`", searched[0].display()),
        }
    })))
}

/// `folder/image.jpg`, from the second face on with its number.
fn face_id(name: &str, image_path: &str, number: usize) -> String {
    let base = image_path.rsplit('/').next().unwrap_or_default();
    let image = match name.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{base}"),
        None => base.to_owned(),
    };
    match number {
        0 => image,
        number => format!("{image} face {}", number + 1),
    }
}

/// The split into the folders `train` and `val`, if both have samples.
fn predefined_split(
    [train, val]: [Vec<usize>; 2],
    samples: usize,
    notes: &mut Vec<String>,
) -> Option<PredefinedSplit> {
    if train.is_empty() || val.is_empty() {
        return None;
    }
    let unlisted = samples - train.len() - val.len();
    if unlisted > 0 {
        notes.push(format!(
            "{unlisted} samples are in neither `train` nor `val`"
        ));
    }
    Some(PredefinedSplit {
        indices: SplitIndices { train, val },
        files: &["train", "val"],
    })
}

#[cfg(test)]
mod tests;
