//! Reads COCO keypoints: [`Format::Coco`].

use crate::error::{Problem, listed};
use crate::folder::{AnnotatedImage, Folder, find_image, has_ending, sorted_names};
use crate::table::in_reach;
use crate::text::read_file;
use crate::{DataError, Format, OpenOptions};
use categories::Categories;
use document::{Document, Entry, TopLevel};
use fkp_core::{BoundingBox, FaceBox, Keypoint, Keypoints, Visibility};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod categories;
mod document;

/// Reads a `.json` file, or `annotations.json` or the only `.json` file of a folder.
///
/// # Errors
/// If the file does not parse, an entry contradicts another, or an image is missing.
pub(crate) fn read(path: &Path, options: &OpenOptions) -> Result<Folder, DataError> {
    let file = match path.is_dir() {
        false => path.to_owned(),
        true => file_of(path)?.ok_or(DataError::NotThisFormat {
            path: path.to_owned(),
            format: Format::Coco,
            needs: "a .json file, or a folder with annotations.json or just one .json file",
            found: listed(sorted_names(path)?),
        })?,
    };
    let bytes = read_file(&file)?;
    let dir = file.parent().unwrap_or(Path::new(""));
    parse(&file, &bytes, options, |name| find_image(dir, name))
}

fn parse(
    path: &Path,
    bytes: &[u8],
    options: &OpenOptions,
    find: impl Fn(&str) -> Result<PathBuf, Problem>,
) -> Result<Folder, DataError> {
    let document = Document::new(path, bytes)?;
    let top = document.top_level()?;
    let categories = Categories::read(&document, &top)?;
    let recognized = categories.schema(&document, options.schema.as_ref())?;
    let order = &recognized.order;
    let names = image_names(&document, &top)?;
    let mut found: BTreeMap<i64, PathBuf> = BTreeMap::new();
    let mut samples_of: BTreeMap<i64, u32> = BTreeMap::new();
    let mut images = Vec::new();
    // Which annotation each sample is.
    let mut indices = Vec::new();
    let mut left_out = 0;
    for (index, raw) in top.annotations.iter().enumerate() {
        let entry = document.entry("annotations", index, raw);
        let annotation: Annotation = entry.parse()?;
        if let Some(id) = annotation.category_id.filter(|id| !categories.knows(*id)) {
            let kind = "category";
            return Err(entry.error("category_id", Problem::UnknownId { kind, id }));
        }
        let id = annotation.image_id;
        let Some(name) = names.get(&id) else {
            let kind = "image";
            return Err(entry.error("image_id", Problem::UnknownId { kind, id }));
        };
        let Some(keypoints) = annotation.keypoints(&entry, order)? else {
            left_out += 1;
            continue;
        };
        let image = match found.get(&id) {
            Some(image) => image.clone(),
            None => {
                let image = find(&name.file_name)
                    .map_err(|problem| name.entry.error("file_name", problem))?;
                found.insert(id, image.clone());
                image
            }
        };
        let samples = samples_of.entry(id).or_insert(0u32);
        *samples += 1;
        indices.push(index);
        images.push(AnnotatedImage {
            id: match *samples {
                1 => name.file_name.clone(),
                number => format!("{} face {number}", name.file_name),
            },
            path: image,
            keypoints,
            group: None,
            face_box: annotation.face_box(),
        });
    }
    if images.is_empty() {
        return Err(DataError::NoSamples {
            path: path.to_owned(),
        });
    }
    let mut notes = Vec::new();
    if left_out > 0 {
        notes.push(format!(
            "{left_out} annotations without a labeled keypoint were left out"
        ));
    }
    let far = options.far_labels;
    far.apply_to_files(&mut images, &mut notes, |sample, far| {
        let index = indices[sample];
        let entry = document.entry("annotations", index, top.annotations[index]);
        let place = 3 * recognized.order[far.keypoint] + far.axis as usize;
        entry.error(
            &format!("keypoints[{place}]"),
            far.problem(far.value.to_string()),
        )
    })?;
    let mut folder = Folder {
        schema: recognized.schema,
        schema_source: recognized.source,
        images,
        own_split: None,
        notes,
    };
    folder.recognize_shape();
    Ok(folder)
}

/// The annotation file of a folder.
pub(crate) fn file_of(dir: &Path) -> Result<Option<PathBuf>, DataError> {
    let usual = dir.join("annotations.json");
    if usual.is_file() {
        return Ok(Some(usual));
    }
    let names = sorted_names(dir)?;
    let files: Vec<_> = names.iter().filter(|n| has_ending(n, "json")).collect();
    Ok(match files.as_slice() {
        [only] => Some(dir.join(only)),
        _ => None,
    })
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
    /// Checked later, because an unusable box is no error.
    bbox: Option<serde_json::Value>,
}

impl Annotation {
    /// The keypoints in the schema's order; `None` if not one is labeled.
    fn keypoints(
        &self,
        entry: &Entry<'_>,
        order: &[usize],
    ) -> Result<Option<Keypoints>, DataError> {
        let Some(numbers) = &self.keypoints else {
            return Ok(None);
        };
        let error = |problem| entry.error("keypoints", problem);
        let (triples, rest) = numbers.as_chunks::<3>();
        if triples.len() != order.len() || !rest.is_empty() {
            return Err(error(Problem::KeypointsLength {
                keypoints: order.len(),
                expected: 3 * order.len(),
                found: numbers.len(),
            }));
        }
        let mut keypoints = Vec::with_capacity(order.len());
        for &keypoint in order {
            let [x, y, flag] = triples[keypoint];
            let visibility = match flag {
                0.0 => Visibility::Unlabeled,
                1.0 => Visibility::Occluded,
                2.0 => Visibility::Visible,
                given => return Err(error(Problem::BadVisibility { keypoint, given })),
            };
            if visibility == Visibility::Unlabeled {
                keypoints.push(Keypoint::unlabeled());
                continue;
            }
            let read = |value: f64| in_reach(value, || value.to_string()).map_err(error);
            keypoints.push(Keypoint {
                x: read(x)? as f32,
                y: read(y)? as f32,
                visibility,
            });
        }
        let keypoints = Keypoints::new(keypoints);
        let is_labeled = keypoints.labeled().next().is_some();
        Ok(is_labeled.then_some(keypoints))
    }

    /// COCO's boxes are around the whole object, here a face, and count from the image's edge.
    fn face_box(&self) -> Option<FaceBox> {
        let sides = self.bbox.as_ref()?.as_array()?;
        let sides: Option<Vec<f64>> = sides.iter().map(serde_json::Value::as_f64).collect();
        let [x, y, width, height] = *sides?.as_slice() else {
            return None;
        };
        let given = BoundingBox::from_image_edges(x, y, width, height);
        given.is_usable().then(|| FaceBox::face(given))
    }
}

/// The files of the images by their numbers.
fn image_names<'d>(
    document: &'d Document<'d>,
    top: &TopLevel<'d>,
) -> Result<BTreeMap<i64, NamedImage<'d>>, DataError> {
    let mut names: BTreeMap<i64, NamedImage<'d>> = BTreeMap::new();
    for (index, raw) in top.images.iter().enumerate() {
        let entry = document.entry("images", index, raw);
        let Image { id, file_name } = entry.parse()?;
        if let Some(first) = names.get(&id) {
            let first = format!("images[{}]", first.entry.index());
            let name = id.to_string();
            return Err(entry.error("id", Problem::Duplicate { name, first }));
        }
        names.insert(id, NamedImage { file_name, entry });
    }
    Ok(names)
}

struct NamedImage<'d> {
    file_name: String,
    entry: Entry<'d>,
}

#[cfg(test)]
mod tests;
