//! The reader of COCO keypoints: [`Format::Coco`](crate::Format::Coco).

mod categories;
mod top_level;

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet, find_image};
use crate::coco_values::{face_box_of_json, visibility};
use crate::error::AnnotationError;
use crate::files::{has_extension, read_file, sorted_names};
use crate::json_document::{Document, Entry};
use crate::json_keys::has_top_level_key;
use crate::progress::ByteSteps;
use crate::table::checked_coordinate;
use categories::Categories;
use fkp_core::{Keypoint, Keypoints, Visibility};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use top_level::TopLevel;

/// The reader of [`Format::Coco`](crate::Format::Coco).
pub(super) struct CocoReader;

impl FormatReader for CocoReader {
    fn name(&self) -> &'static str {
        "coco"
    }

    fn expects(&self) -> &'static str {
        "a .json file with images and annotations, or a folder with annotations.json or exactly one \
         .json file"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let file = match path.is_file() {
            true => has_extension(path, "json").then(|| path.to_owned()),
            false => annotation_file(path)?,
        };
        Ok(match file {
            Some(file) if has_top_level_key(&file, &["images", "annotations"])? => Some(file),
            _ => None,
        })
    }

    /// # Errors
    /// If the file cannot be parsed, an entry contradicts another, or an image is missing.
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let file = match path.is_file() {
            true => Some(path.to_owned()),
            false => annotation_file(path)?,
        };
        let Some(file) = file else {
            return Err(self.not_this_format(path));
        };
        let bytes = read_file(&file)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let find = |name: &str| find_image(folder, name);
        Ok(parse(&file, &bytes, options, find)?.into())
    }
}

/// `annotations.json` of a folder, or else its only `.json` file.
fn annotation_file(folder: &Path) -> Result<Option<PathBuf>, DataError> {
    let usual = folder.join("annotations.json");
    if usual.is_file() {
        return Ok(Some(usual));
    }
    let names = sorted_names(folder)?;
    let files: Vec<_> = names.iter().filter(|n| has_extension(n, "json")).collect();
    Ok(match files.as_slice() {
        [only] => Some(folder.join(only)),
        _ => None,
    })
}

fn parse(
    path: &Path,
    bytes: &[u8],
    options: &ReadOptions,
    find: impl Fn(&str) -> Result<PathBuf, AnnotationError>,
) -> Result<AnnotatedSet, DataError> {
    let document = Document::new(path, bytes)?;
    let top: TopLevel<'_> = document.top_level()?;
    let categories = Categories::read(&document, &top)?;
    let schema = categories.schema(&document, options.schema.as_ref())?;
    let mut files = image_files(&document, &top)?;
    let mut images = Vec::new();
    // The annotation of each sample.
    let mut indices = Vec::new();
    let mut unlabeled = 0;
    let mut steps = ByteSteps::new(&options.progress, bytes.len());
    for (index, raw) in top.annotations.iter().enumerate() {
        let entry = document.entry("annotations", index, raw);
        steps.advance(entry.start());
        let annotation: Annotation = entry.parse()?;
        if let Some(id) = annotation.category_id.filter(|id| !categories.knows(*id)) {
            let kind = "category";
            return Err(entry.error("category_id", AnnotationError::UnknownId { kind, id }));
        }
        let id = annotation.image_id;
        let Some(file) = files.get_mut(&id) else {
            let kind = "image";
            return Err(entry.error("image_id", AnnotationError::UnknownId { kind, id }));
        };
        let Some(keypoints) = annotation.keypoints(&entry, &schema.order)? else {
            unlabeled += 1;
            continue;
        };
        if file.samples == 0 {
            let found = find(&file.name);
            file.path = found.map_err(|error| file.entry.error("file_name", error))?;
        }
        file.samples += 1;
        indices.push(index);
        images.push(AnnotatedImage {
            id: match file.samples {
                1 => file.name.clone(),
                number => format!("{} face {number}", file.name),
            },
            image: file.path.clone().into(),
            keypoints,
            face_box: face_box_of_json(annotation.bbox.as_ref()),
            ..AnnotatedImage::default()
        });
    }
    steps.finish();
    if images.is_empty() {
        return Err(DataError::NoSamples {
            path: path.to_owned(),
        });
    }
    let mut notes = Vec::new();
    if unlabeled > 0 {
        notes.push(format!(
            "{unlabeled} annotations without a labeled keypoint were ignored"
        ));
    }
    let far = options.far_labels;
    far.apply_to_files(&mut images, &mut notes, |sample, far| {
        let index = indices[sample];
        let entry = document.entry("annotations", index, top.annotations[index]);
        let number = 3 * schema.order[far.keypoint] + far.axis;
        entry.error(
            &format!("keypoints[{number}]"),
            far.error(far.value.to_string()),
        )
    })?;
    let mut folder = AnnotatedSet {
        schema: schema.schema,
        schema_source: schema.source,
        images,
        predefined_split: None,
        notes,
    };
    folder.detect_schema_by_shape();
    Ok(folder)
}

#[derive(Deserialize)]
struct Image {
    id: i64,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: i64,
    category_id: Option<i64>,
    keypoints: Option<Vec<f64>>,
    /// The box of the whole object, here a face. Parsed later, because an invalid box is not an
    /// error.
    bbox: Option<serde_json::Value>,
}

impl Annotation {
    /// The keypoints in the order of the schema; `None` if none is labeled.
    fn keypoints(
        &self,
        entry: &Entry<'_>,
        order: &[usize],
    ) -> Result<Option<Keypoints>, DataError> {
        let Some(numbers) = &self.keypoints else {
            return Ok(None);
        };
        let invalid = |error| entry.error("keypoints", error);
        let (triples, rest) = numbers.as_chunks::<3>();
        if triples.len() != order.len() || !rest.is_empty() {
            return Err(invalid(AnnotationError::KeypointsLength {
                keypoints: order.len(),
                expected: 3 * order.len(),
                found: numbers.len(),
            }));
        }
        let mut keypoints = Vec::with_capacity(order.len());
        for &keypoint in order {
            let [x, y, flag] = triples[keypoint];
            let visibility = visibility(keypoint, flag).map_err(invalid)?;
            if visibility == Visibility::Unlabeled {
                keypoints.push(Keypoint::unlabeled());
                continue;
            }
            let checked =
                |value: f64| checked_coordinate(value, || value.to_string()).map_err(invalid);
            keypoints.push(Keypoint {
                x: checked(x)? as f32,
                y: checked(y)? as f32,
                visibility,
            });
        }
        let keypoints = Keypoints::new(keypoints);
        let is_labeled = keypoints.labeled().next().is_some();
        Ok(is_labeled.then_some(keypoints))
    }
}

/// An image file of the annotations.
struct ImageFile<'d> {
    entry: Entry<'d>,
    name: String,
    /// Number of samples so far.
    samples: usize,
    /// Where the file is, once there is a sample.
    path: PathBuf,
}

/// The images by their ids.
fn image_files<'d>(
    document: &'d Document<'d>,
    top: &TopLevel<'d>,
) -> Result<BTreeMap<i64, ImageFile<'d>>, DataError> {
    let mut files: BTreeMap<i64, ImageFile<'d>> = BTreeMap::new();
    for (index, raw) in top.images.iter().enumerate() {
        let entry = document.entry("images", index, raw);
        let Image {
            id,
            file_name: name,
        } = entry.parse()?;
        if let Some(first) = files.get(&id) {
            let first = format!("images[{}]", first.entry.index);
            let name = id.to_string();
            return Err(entry.error("id", AnnotationError::Duplicate { name, first }));
        }
        let (samples, path) = (0, PathBuf::new());
        let file = ImageFile {
            entry,
            name,
            samples,
            path,
        };
        files.insert(id, file);
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
