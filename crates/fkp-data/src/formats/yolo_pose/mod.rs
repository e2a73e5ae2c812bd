//! The reader of YOLO pose data sets: [`Format::YoloPose`](crate::Format::YoloPose).

mod data_yaml;
mod images;
mod labels;
mod yaml;

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet};
use crate::error::AnnotationError;
use crate::files::{has_extension, read_head, sorted_names};
use crate::folder_tree::FilesBelow;
use crate::image_source::ImageSource;
use crate::parallel::read_files;
use crate::schema::{FileSchema, SchemaSource, ShapeMatch, match_shape};
use crate::split::{PredefinedSplit, SplitIndices};
use data_yaml::{DataYaml, KeypointShape, is_data_yaml, with_flip_pairs};
use fkp_core::{Keypoints, Schema};
use images::{ImageFile, ImageFiles};
use labels::{BEFORE, LabelFile, guess_shape};
use std::path::{Path, PathBuf};

/// The keys of the two parts of a split.
const PARTS: [&str; 2] = ["train", "val"];

/// Folders of the images of one part or two, where there is no `data.yaml`.
const FOLDERS: [&[&str]; 4] = [
    &["images/train", "images/val"],
    &["train/images", "valid/images"],
    &["train/images", "val/images"],
    &["images"],
];

/// The reader of [`Format::YoloPose`](crate::Format::YoloPose).
pub(super) struct YoloPoseReader;

impl FormatReader for YoloPoseReader {
    fn name(&self) -> &'static str {
        "yolo-pose"
    }

    fn expects(&self) -> &'static str {
        "data.yaml with kpt_shape, or a folder with it or with images/ and labels/"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let found = yaml_of(path)?.is_some() || (path.is_dir() && has_label_lines(path)?);
        Ok(found.then(|| path.to_owned()))
    }

    /// # Errors
    /// If a file cannot be read or breaks a rule of the format anywhere, or an image is missing.
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let file = match path.is_file() {
            // A requested format is not detected: an error says what is wrong with the file.
            true => Some(path.to_owned()),
            false => yaml_of(path)?,
        };
        let (yaml, parts, root) = match &file {
            Some(file) => {
                let mut yaml = DataYaml::read(file)?;
                let parts = std::mem::take(&mut yaml.parts);
                let root = file.parent().unwrap_or(Path::new("")).to_owned();
                (Some(yaml), parts, root)
            }
            None => (None, folders(path), path.to_owned()),
        };
        if parts.is_empty() {
            return Err(self.not_this_format(path));
        }
        let files = ImageFiles::find(&parts)?;
        let source = Source {
            // Where an error about the whole data set is.
            path: file.unwrap_or_else(|| path.to_owned()),
            root,
            yaml,
        };
        Ok(source.read(&files, options)?.into())
    }
}

/// `data.yaml`, if it is one of a pose data set, or else the only such file in the folder.
fn yaml_of(path: &Path) -> Result<Option<PathBuf>, DataError> {
    let is_yaml = |file: &Path| -> Result<bool, DataError> {
        let extensions = ["yaml", "yml"].into_iter();
        let is_named = extensions.into_iter().any(|end| has_extension(file, end));
        Ok(is_named && file.is_file() && is_data_yaml(&read_head(file)?))
    };
    if path.is_file() {
        return Ok(is_yaml(path)?.then(|| path.to_owned()));
    }
    let mut found = Vec::new();
    for name in sorted_names(path)? {
        let file = path.join(&name);
        if is_yaml(&file)? {
            if name == "data.yaml" {
                return Ok(Some(file));
            }
            found.push(file);
        }
    }
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// The folders of images of each part, in a folder without `data.yaml`.
fn folders(path: &Path) -> Vec<Vec<PathBuf>> {
    let layouts = FOLDERS.map(|parts| {
        let parts = parts.iter().map(|part| path.join(part));
        parts.collect::<Vec<PathBuf>>()
    });
    let is_there = |folder: &PathBuf| folder.is_dir() && images::label_path(folder).is_dir();
    let mut layouts = layouts.into_iter();
    let found = layouts.find(|parts| parts.iter().all(is_there));
    found.into_iter().flatten().map(|part| vec![part]).collect()
}

/// Whether a folder of labels has a text file that begins with a class, a box and more numbers.
fn has_label_lines(path: &Path) -> Result<bool, DataError> {
    let parts = folders(path);
    let Some(folder) = parts.first().and_then(|part| part.first()) else {
        return Ok(false);
    };
    let folder = images::label_path(folder);
    let found = FilesBelow::find(&folder, images::is_label_name)?;
    for name in found.names {
        let text = read_head(&folder.join(name))?;
        let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        if let Some(line) = lines.find(|line| !line.is_empty()) {
            let words = line.split(|byte| byte.is_ascii_whitespace());
            let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
            let is_number = |word: &&[u8]| crate::table::coordinate(word).is_ok();
            return Ok(words.len() > BEFORE + 1 && words.iter().all(is_number));
        }
    }
    Ok(false)
}

/// A data set that is found, but not read.
struct Source {
    path: PathBuf,
    root: PathBuf,
    yaml: Option<DataYaml>,
}

impl Source {
    fn read(&self, files: &ImageFiles, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
        let labels = read_files(&files.labeled, &options.progress, read_labels)?;
        let (labels, sizes): (Vec<LabelFile>, Vec<(usize, usize)>) = labels.into_iter().unzip();
        let given = options.schema.as_ref();
        let shape = match &self.yaml {
            Some(yaml) => Some(yaml.shape),
            None => guess_shape(&labels, given.map(Schema::len))?,
        };
        let no_samples = || DataError::NoSamples {
            path: self.path.clone(),
        };
        let shape = shape.ok_or_else(no_samples)?;
        let schema = self.schema(shape, given)?;
        let mut samples = Samples::default();
        let mut ends = Vec::new();
        let mut next = 0;
        for end in &files.ends {
            for index in next..*end {
                let (file, labels) = (&files.labeled[index], &labels[index]);
                self.add(file, labels, sizes[index], shape, &schema, &mut samples)?;
            }
            next = *end;
            ends.push(samples.images.len());
        }
        if samples.images.is_empty() {
            return Err(no_samples());
        }
        let mut notes = files.notes.clone();
        if self.yaml.as_ref().is_some_and(|yaml| yaml.has_test) {
            notes.push("the images of `test` were not read".to_owned());
        }
        if samples.unlabeled > 0 {
            notes.push(format!(
                "{} lines without a labeled keypoint were ignored",
                samples.unlabeled
            ));
        }
        let Samples {
            mut images, places, ..
        } = samples;
        let far = options.far_labels;
        far.apply_to_files(&mut images, &mut notes, |index, far| {
            let Place { file, line } = places[index];
            let (labels, number) = (&labels[file], schema.order[far.keypoint] * shape.dims);
            let line = &labels.lines[line];
            let number = BEFORE + number + far.axis;
            let text = line
                .numbers
                .get(number)
                .map(f64::to_string)
                .unwrap_or_default();
            let column = format!("number {}", number + 1);
            DataError::invalid(&labels.path, line.row, column, far.error(text))
        })?;
        let mut set = AnnotatedSet {
            schema: schema.schema,
            schema_source: schema.source,
            images,
            predefined_split: None,
            notes,
        };
        if let [train, all] = ends[..] {
            set.predefined_split = Some(PredefinedSplit {
                indices: SplitIndices {
                    train: (0..train).collect(),
                    val: (train..all).collect(),
                },
                files: &PARTS,
            });
        }
        self.detect_schema(&mut set);
        Ok(set)
    }

    /// Adds the faces of an image.
    fn add(
        &self,
        file: &ImageFile,
        labels: &LabelFile,
        size: (usize, usize),
        shape: KeypointShape,
        schema: &FileSchema,
        samples: &mut Samples,
    ) -> Result<(), DataError> {
        let KeypointShape { count, dims } = shape;
        let reason = match &self.yaml {
            Some(_) => format!(" (a class, a box and `kpt_shape: [{count}, {dims}]`)"),
            None => String::new(),
        };
        let name = file.image.strip_prefix(&self.root).unwrap_or(&file.image);
        let name = name.display().to_string().replace('\\', "/");
        let mut number = 0;
        for (index, line) in labels.lines.iter().enumerate() {
            let face = line.face(&labels.path, shape, &reason, size)?;
            let classes = self.yaml.as_ref().and_then(|yaml| yaml.classes);
            if classes.is_some_and(|classes| face.class >= classes) {
                let (kind, id) = ("class", face.class as i64);
                let error = AnnotationError::UnknownId { kind, id };
                return Err(DataError::invalid(
                    &labels.path,
                    line.row,
                    "the class",
                    error,
                ));
            }
            let keypoints: Keypoints = schema.order.iter().map(|i| face.keypoints[*i]).collect();
            if keypoints.labeled().next().is_none() {
                samples.unlabeled += 1;
                continue;
            }
            number += 1;
            samples.places.push(Place {
                file: file.index,
                line: index,
            });
            samples.images.push(AnnotatedImage {
                id: match number {
                    1 => name.clone(),
                    number => format!("{name} face {number}"),
                },
                image: file.image.clone().into(),
                keypoints,
                face_box: face.face_box,
                ..AnnotatedImage::default()
            });
        }
        Ok(())
    }

    /// The schema of the names, or of numbers.
    fn schema(
        &self,
        shape: KeypointShape,
        given: Option<&Schema>,
    ) -> Result<FileSchema, DataError> {
        let path = &self.path;
        let numbers = || (0..shape.count).map(|i| i.to_string()).collect();
        let named = self.yaml.as_ref().and_then(|yaml| yaml.names.clone());
        let (name, names) = named.unwrap_or_else(|| ("yolo".to_owned(), numbers()));
        if let Some(schema) = given {
            return FileSchema::given(path, schema, &names, |name| {
                let found = crate::error::listed(&names);
                let column = format!("`kpt_names`: `{name}`");
                DataError::invalid(path, 1, column, AnnotationError::MissingColumn { found })
            });
        }
        let mut found = FileSchema::from_names(path, &name, &names, &[])?;
        let pairs = self.yaml.as_ref().and_then(|yaml| yaml.flip_pairs.as_ref());
        if let Some(pairs) = pairs {
            let position = |index: &usize| found.order.iter().position(|i| i == index);
            let pairs: Vec<_> = pairs
                .iter()
                .filter_map(|(a, b)| Some((position(a)?, position(b)?)))
                .collect();
            found.schema = with_flip_pairs(path, found.schema, &pairs)?;
        }
        Ok(found)
    }

    /// The built-in schema of numbered keypoints, by their shape.
    fn detect_schema(&self, set: &mut AnnotatedSet) {
        if set.schema_source != SchemaSource::Numbers || !set.schema.has_known_flip_pairs() {
            set.detect_schema_by_shape();
            return;
        }
        let labels = set.images.iter().map(|image| &image.keypoints);
        if let ShapeMatch::Matches(schema) = match_shape(set.schema.len(), labels) {
            let pairs = set.schema.flip_pairs().to_vec();
            if with_flip_pairs(&self.path, schema.clone(), &pairs).is_ok() {
                set.schema = schema;
                set.schema_source = SchemaSource::Shape;
            }
        }
    }
}

/// The samples so far.
#[derive(Default)]
struct Samples {
    images: Vec<AnnotatedImage>,
    places: Vec<Place>,
    unlabeled: usize,
}

/// Where a sample is: which label file, and which of its lines.
struct Place {
    file: usize,
    line: usize,
}

/// The labels of an image and its size in pixels, by its header.
fn read_labels(file: &ImageFile) -> Result<(LabelFile, (usize, usize)), DataError> {
    let labels = LabelFile::read(&file.labels)?;
    if labels.lines.is_empty() {
        return Ok((labels, (0, 0)));
    }
    let source = ImageSource::File(file.image.clone());
    let size = match source.size() {
        Some(size) => size,
        // The error says what is wrong with the image.
        None => source.decode()?.size(),
    };
    Ok((labels, size))
}

#[cfg(test)]
mod tests;
