//! Writes a data set as a folder of images with their labels, for other programs: [`write_folder`].

mod coco;
mod format;
mod label;
mod losses;
mod names;
mod table;

pub use format::FolderFormat;

use crate::files::sorted_names;
use crate::packed::png;
use crate::{DataError, OpenedDataset, Progress};
use fkp_core::{Dataset, DatasetError, Schema};
use label::Label;
use names::FileNames;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Number of images that are written at the same time.
const BATCH: usize = 128;

/// What [`write_folder`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderReport {
    /// Number of samples.
    pub samples: usize,
    /// Number of image files; less than the number of samples if an image has several faces.
    pub images: usize,
    /// What the format does not hold, such as the visibility of keypoints in a table.
    pub losses: Vec<String>,
}

/// Writes all samples of a data set into a folder: `images/`, the labels, and `schema.toml`, which
/// [`schema_from`](crate::schema_from) reads. An image file keeps its bytes; pixels become PNG files.
///
/// The labels are written last and get their names when they are complete.
///
/// # Errors
/// If the folder exists and is not empty, a sample cannot be read, the format cannot hold the labels at
/// all, or a file cannot be written.
pub fn write_folder(
    opened: &OpenedDataset,
    folder: impl AsRef<Path>,
    format: FolderFormat,
    progress: &Progress,
) -> Result<FolderReport, DataError> {
    let folder = folder.as_ref();
    let dataset = &opened.complete;
    if format == FolderFormat::Coco && dataset.schema().is_empty() {
        return Err(DataError::NotWritten {
            format: format.name(),
            reason: "it holds keypoints, and the data set has boxes only",
        });
    }
    let images = folder.join("images");
    begin(folder, &images, dataset.schema())?;
    let source = opened.source();
    let mut names = FileNames::default();
    let mut labels = Vec::with_capacity(dataset.len());
    let mut file_of: BTreeMap<usize, String> = BTreeMap::new();
    for start in (0..dataset.len()).step_by(BATCH) {
        let end = (start + BATCH).min(dataset.len());
        let read = (start..end)
            .into_par_iter()
            .map(|index| read(opened, index));
        let batch = read.collect::<Result<Vec<_>, _>>()?;
        let mut files = Vec::new();
        for (index, (mut label, bytes)) in (start..end).zip(batch) {
            let file = file_of
                .entry(source.origin(index).image)
                .or_insert_with(|| {
                    let name = names.unique(&label.id, &bytes);
                    files.push((images.join(&name), bytes));
                    name
                });
            label.file.clone_from(file);
            labels.push(label);
        }
        let write = |(path, bytes): &(PathBuf, Vec<u8>)| {
            std::fs::write(path, bytes).map_err(DataError::write(path))
        };
        files.par_iter().try_for_each(write)?;
        progress.report(end as u64, dataset.len() as u64, "images");
    }
    let mut losses = losses::losses(opened, &labels, format);
    match format {
        FolderFormat::ImageCsv => {
            let split = opened.predefined_split.as_ref();
            for (name, indices) in table::parts(split, labels.len(), &mut losses) {
                let part: Vec<&Label> = indices.iter().map(|index| &labels[*index]).collect();
                write_atomic(&folder.join(name), &table::text(dataset.schema(), &part)?)?;
            }
        }
        FolderFormat::Coco => {
            let text = coco::text(dataset.schema(), &labels)?;
            write_atomic(&folder.join("annotations.json"), &text)?;
        }
    }
    Ok(FolderReport {
        samples: labels.len(),
        images: file_of.len(),
        losses,
    })
}

/// The labels of a sample and the bytes of its image file.
fn read(opened: &OpenedDataset, index: usize) -> Result<(Label, Vec<u8>), DataError> {
    let failed = |source| DataError::NotConverted {
        name: opened.format.to_string(),
        source,
    };
    let sample = opened.complete.get(index).map_err(failed)?;
    let bytes = match opened.source().encoded_image(index)? {
        Some(bytes) => bytes,
        None => png(&sample.image).map_err(|error| failed(DatasetError::new(index, error)))?,
    };
    let size = sample.image.size();
    let label = Label {
        id: sample.id,
        file: String::new(),
        size,
        keypoints: sample.keypoints,
        group: sample.group,
        face_box: sample.face_box,
        boxes: sample.boxes,
        attributes: sample.attributes,
        is_face: sample.is_face,
    };
    Ok((label, bytes))
}

/// Makes the folder, which must be new or empty, and the schema file.
fn begin(folder: &Path, images: &Path, schema: &Schema) -> Result<(), DataError> {
    if folder.exists() && !sorted_names(folder)?.is_empty() {
        return Err(DataError::FolderNotEmpty {
            path: folder.to_owned(),
        });
    }
    std::fs::create_dir_all(images).map_err(DataError::write(images))?;
    if schema.is_empty() {
        return Ok(());
    }
    let path = folder.join("schema.toml");
    let text = toml::to_string(schema).map_err(|source| DataError::Write {
        path: path.clone(),
        source: std::io::Error::other(source),
    })?;
    write_atomic(&path, text.as_bytes())
}

/// Writes a file under another name and renames it, so that it is complete or absent.
fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let written = File::create(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    });
    written.map_err(DataError::write(path))
}

#[cfg(test)]
mod tests;
