//! Reading the labels of a YOLO pose data set, once its files are found.

use super::data_yaml::{DataYaml, KeypointShape, with_flip_pairs};
use super::images::{ImageFile, ImageFiles};
use super::labels::{BEFORE, LabelFile, guess_shape};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet};
use crate::error::AnnotationError;
use crate::formats::reader::ReadOptions;
use crate::image_source::ImageSource;
use crate::parallel::read_files;
use crate::schema::{FileSchema, SchemaSource, ShapeMatch, match_shape};
use crate::split::{PredefinedSplit, SplitIndices};
use fkp_core::{Keypoints, Schema};
use std::path::PathBuf;

/// The keys of the two parts of a split.
const PARTS: [&str; 2] = ["train", "val"];

/// A data set that is found, but not read.
pub(super) struct Source {
    /// Where an error about the whole data set is.
    pub(super) path: PathBuf,
    /// The folder that names of images start from.
    pub(super) root: PathBuf,
    pub(super) yaml: Option<DataYaml>,
}

impl Source {
    /// The samples: each line of a label file with a labeled keypoint.
    ///
    /// # Errors
    /// If a label file is invalid, the number of keypoints is unknown, or a label is far outside.
    pub(super) fn read(
        &self,
        files: &ImageFiles,
        options: &ReadOptions,
    ) -> Result<AnnotatedSet, DataError> {
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
