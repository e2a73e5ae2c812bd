//! The reader of 300W-LP and AFLW2000-3D: [`Format::W300Lp`](crate::Format::W300Lp).

mod labels;

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet};
use crate::error::AnnotationError;
use crate::files::{has_extension, sorted_names};
use crate::schema::SchemaSource;
use fkp_core::{Keypoints, Schema};
use labels::{Labels, Source};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The reader of [`Format::W300Lp`](crate::Format::W300Lp).
pub(super) struct W300LpReader;

impl FormatReader for W300LpReader {
    fn name(&self) -> &'static str {
        "300w-lp"
    }

    fn expects(&self) -> &'static str {
        "a folder with pairs NAME.jpg and NAME.mat in it or one level below"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let found = path.is_dir() && !Pairs::find(path)?.names.is_empty();
        Ok(found.then(|| path.to_owned()))
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        Ok(read(path, options)?.into())
    }
}

/// Reads the labels of all pairs in a folder and in the folders in it.
///
/// # Errors
/// If a `.mat` file is invalid or lacks its keypoints, or has another number of them than the first
/// file or than the given schema.
fn read(path: &Path, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let pairs = match path.is_dir() {
        true => Pairs::find(path)?,
        false => Pairs::default(),
    };
    let Some((first, _)) = pairs.names.first() else {
        return Err(W300LpReader.not_this_format(path));
    };
    let given = options.schema.as_ref();
    let first = Labels::read(path, first, given.map(Schema::len))?;
    let (schema, schema_source) = match (given, first.keypoints.len()) {
        (Some(schema), _) => (schema.clone(), SchemaSource::Given),
        (None, 21) => (Schema::aflw21(), SchemaSource::Format),
        (None, _) => (Schema::ibug68(), SchemaSource::Format),
    };
    let (done, total) = (AtomicU64::new(0), pairs.names.len() as u64);
    let labels = pairs.names.par_iter().map(|(name, _)| {
        let labels = Labels::read(path, name, Some(schema.len()))?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        options.progress.report(done, total, "files");
        if labels.keypoints.len() == schema.len() {
            return Ok(labels);
        }
        Err(labels.error(AnnotationError::KeypointCount {
            expected: schema.len(),
            found: labels.keypoints.len(),
            reason: format!(", as in schema `{}`", schema.name()),
        }))
    });
    let labels = labels.collect::<Result<Vec<Labels>, DataError>>()?;
    let mut notes = notes(&pairs, &labels);
    let images = pairs
        .names
        .iter()
        .zip(&labels)
        .map(|((name, image), labels)| AnnotatedImage {
            id: name.clone(),
            image: path.join(image).into(),
            keypoints: Keypoints::new(labels.keypoints.clone()),
            ..AnnotatedImage::default()
        });
    let mut images: Vec<_> = images.collect();
    let far = options.far_labels;
    far.apply_to_files(&mut images, &mut notes, |index, far| {
        labels[index].coordinate_error(far.keypoint, far.axis, far.value, |text| far.error(text))
    })?;
    set_groups(&mut images);
    Ok(AnnotatedSet {
        schema,
        schema_source,
        images,
        predefined_split: None,
        notes,
    })
}

/// The pairs of images and `.mat` files of a folder.
#[derive(Default)]
struct Pairs {
    /// Names such as `AFW/AFW_134212_1_0`, with `/` on every system, and the names of their images.
    names: Vec<(String, String)>,
    /// The number of `.mat` files without an image.
    alone: usize,
}

impl Pairs {
    fn find(path: &Path) -> Result<Self, DataError> {
        let mut pairs = Self::default();
        let names = sorted_names(path)?;
        pairs.add("", &names);
        for name in &names {
            // The files of this folder are further labels of the same images.
            if name != "landmarks" && path.join(name).is_dir() {
                pairs.add(&format!("{name}/"), &sorted_names(&path.join(name))?);
            }
        }
        Ok(pairs)
    }

    fn add(&mut self, folder: &str, names: &[String]) {
        let known: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        for name in names.iter().filter(|name| has_extension(name, "mat")) {
            let stem = &name[..name.len() - 4];
            let extensions = ["jpg", "png", "jpeg", "bmp", "JPG", "PNG", "JPEG", "BMP"];
            let mut images = extensions.iter().map(|end| format!("{stem}.{end}"));
            match images.find(|image| known.contains(image.as_str())) {
                Some(image) => {
                    let pair = (format!("{folder}{stem}"), format!("{folder}{image}"));
                    self.names.push(pair);
                }
                None => self.alone += 1,
            }
        }
    }
}

/// What a user should know of the files.
fn notes(pairs: &Pairs, labels: &[Labels]) -> Vec<String> {
    let mut notes = Vec::new();
    if pairs.alone > 0 {
        let alone = pairs.alone;
        notes.push(format!(
            "{alone} .mat files without an image beside them were ignored"
        ));
    }
    let refined = labels
        .iter()
        .filter(|labels| labels.source == Source::Landmarks);
    let refined = refined.count();
    if refined > 0 && refined < labels.len() {
        notes.push(format!(
            "{} of {} images have no file in `landmarks`: their keypoints are those of the fitted \
             model (`pt2d`), labeled by another rule on the contour of a turned face",
            labels.len() - refined,
            labels.len()
        ));
    }
    notes
}

/// Sets the group of images that are rendered from one photograph: `NAME_0`, `NAME_1`, … and their
/// mirror images in other folders, if all names have such a number.
fn set_groups(images: &mut [AnnotatedImage]) {
    let photograph = |id: &str| {
        let stem = id.rsplit('/').next()?;
        let (photograph, number) = stem.rsplit_once('_')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && !photograph.is_empty()).then(|| photograph.to_owned())
    };
    let groups: Option<Vec<_>> = images.iter().map(|image| photograph(&image.id)).collect();
    for (image, group) in images.iter_mut().zip(groups.unwrap_or_default()) {
        image.group = Some(group);
    }
}

#[cfg(test)]
mod tests;
