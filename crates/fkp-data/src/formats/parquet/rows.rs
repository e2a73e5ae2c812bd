//! The samples in the rows of Parquet files.

use super::columns::{Columns, KeypointColumns, Missing};
use super::footer::{self, no_panic};
use super::keypoints::{Written, keypoints, number_of, numbers_of, written};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet, find_image};
use crate::coco_values::face_box;
use crate::error::{AnnotationError, listed, shortened};
use crate::formats::reader::ReadOptions;
use crate::formats::split_by_file::{NamedFile, split_by_file};
use crate::image_source::ImageSource;
use crate::schema::FileSchema;
use fkp_core::{FaceBox, Keypoint, Keypoints};
use parquet::file::reader::FileReader;
use parquet::record::reader::TreeBuilder;
use parquet::record::{Field, Row};
use parquet::schema::types::{SchemaDescriptor, Type};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are decoded at once: an image each.
const BATCH: usize = 64;

/// An open file and its path, for messages.
pub(crate) struct ParquetFile {
    path: PathBuf,
    reader: Box<dyn FileReader>,
}

impl ParquetFile {
    pub(crate) fn new(path: PathBuf, reader: impl FileReader + 'static) -> Self {
        let reader = Box::new(reader);
        Self { path, reader }
    }

    pub(super) fn open(path: PathBuf) -> Result<Self, DataError> {
        let reader = footer::open(&path)?;
        Ok(Self::new(path, reader))
    }
}

/// Reads the samples of all files, of which `root` is the folder or the only one.
///
/// # Errors
/// If a file is corrupt or has other columns than the first, a column is missing, or a value is
/// invalid: the error names its row, counted from 1, and column.
pub(crate) fn read(
    root: &Path,
    files: &[ParquetFile],
    options: &ReadOptions,
) -> Result<AnnotatedSet, DataError> {
    let rows = files
        .iter()
        .map(|file| file.reader.metadata().file_metadata().num_rows());
    let total = rows.map(|rows| u64::try_from(rows).unwrap_or(0));
    let total = total.fold(0, u64::saturating_add);
    let mut samples = Vec::new();
    let mut named = Vec::new();
    let mut columns: Option<Columns> = None;
    for file in files {
        let found = Columns::find(file.reader.metadata().file_metadata().schema());
        let found = found.map_err(|Missing { column, error }| {
            DataError::invalid(&file.path, 1, format!("column `{column}`"), error)
        })?;
        if let Some(first) = columns.as_ref().filter(|first| **first != found) {
            let error = AnnotationError::Syntax {
                expected: "the columns of the first file",
                found: format!("{} instead of {}", found.listed(), first.listed()),
            };
            return Err(DataError::invalid(&file.path, 1, "the columns", error));
        }
        let before = samples.len();
        read_file(file, &found, &mut samples, |done| {
            options.progress.report(done, total.max(done), "images");
        })?;
        columns = Some(found);
        let name = file.path.file_name().unwrap_or_default();
        named.push(NamedFile {
            name: name.to_string_lossy().into_owned(),
            samples: samples.len() - before,
        });
    }
    let Some(columns) = columns.filter(|_| !samples.is_empty()) else {
        let path = root.to_owned();
        return Err(DataError::NoSamples { path });
    };
    let labels = labels(&samples, &columns)?;
    let schema = schema(root, &labels, &columns, options)?;
    let mut images = Vec::with_capacity(samples.len());
    for (sample, labels) in samples.iter().zip(&labels) {
        if labels.len() != schema.order.len() {
            return Err(sample.error(
                "keypoints",
                AnnotationError::KeypointCount {
                    expected: schema.order.len(),
                    found: labels.len(),
                    reason: ", as in the first row or the schema".to_owned(),
                },
            ));
        }
        images.push(AnnotatedImage {
            id: sample.id.clone(),
            image: sample.image.clone(),
            keypoints: Keypoints::new(schema.order.iter().map(|i| labels[*i]).collect()),
            group: sample.group.clone(),
            face_box: sample.face_box,
            ..AnnotatedImage::default()
        });
    }
    let mut notes = Vec::new();
    options
        .far_labels
        .apply_to_files(&mut images, &mut notes, |index, far| {
            let column = match &columns.keypoints {
                KeypointColumns::List(name) => format!("{name}[{}]", schema.order[far.keypoint]),
                KeypointColumns::Named(named) => {
                    let named = &named[schema.order[far.keypoint]];
                    [&named.x, &named.y][far.axis].clone()
                }
            };
            samples[index].error(&column, far.error(far.value.to_string()))
        })?;
    let mut set = AnnotatedSet {
        predefined_split: split_by_file(named, &["train*.parquet", "val*.parquet"], &mut notes),
        schema: schema.schema,
        schema_source: schema.source,
        images,
        notes,
    };
    set.detect_schema_by_shape();
    Ok(set)
}

/// One row, whose keypoints are not interpreted yet.
struct Sample<'f> {
    path: &'f Path,
    /// From 1.
    row: u64,
    id: String,
    image: ImageSource,
    keypoints: Written,
    visibility: Option<Vec<Option<f64>>>,
    group: Option<String>,
    face_box: Option<FaceBox>,
}

impl Sample<'_> {
    fn error(&self, column: &str, error: AnnotationError) -> DataError {
        DataError::invalid(self.path, self.row, format!("column `{column}`"), error)
    }
}

fn read_file<'f>(
    file: &'f ParquetFile,
    columns: &Columns,
    samples: &mut Vec<Sample<'f>>,
    report: impl Fn(u64),
) -> Result<(), DataError> {
    let ParquetFile { path, reader } = file;
    let schema = reader.metadata().file_metadata().schema();
    let projection = Type::group_type_builder(schema.name()).with_fields(columns.project(schema));
    let projection = no_panic(path, || projection.build())?;
    let descriptor = Arc::new(SchemaDescriptor::new(Arc::new(projection)));
    let start = samples.len();
    for index in 0..reader.num_row_groups() {
        let group = no_panic(path, || reader.get_row_group(index))?;
        let tree = TreeBuilder::new().with_batch_size(BATCH);
        let mut rows = no_panic(path, || tree.as_iter(descriptor.clone(), &*group))?;
        while let Some(row) = no_panic(path, || rows.next().transpose())? {
            let number = (samples.len() - start) as u64 + 1;
            let sample = sample(path, number, columns, row).map_err(|(column, error)| {
                DataError::invalid(path, number, format!("column `{column}`"), error)
            })?;
            samples.push(sample);
            report(samples.len() as u64);
        }
    }
    Ok(())
}

/// An error in a column of a row.
type InColumn = (String, AnnotationError);

fn sample<'f>(
    path: &'f Path,
    number: u64,
    columns: &Columns,
    row: Row,
) -> Result<Sample<'f>, InColumn> {
    let fields = row.into_columns();
    let field = |name: &str| {
        let mut fields = fields.iter();
        let found = fields.find(|(known, _)| known == name);
        found.map_or(&Field::Null, |(_, field)| field)
    };
    let (image, name) =
        image(path, field(&columns.image)).map_err(|error| (columns.image.clone(), error))?;
    let keypoints = match &columns.keypoints {
        KeypointColumns::List(name) => {
            written(field(name)).map_err(|error| (name.clone(), error))?
        }
        KeypointColumns::Named(columns) => {
            let names = columns.iter().flat_map(|named| [&named.x, &named.y]);
            let numbers =
                names.map(|name| number_of(field(name)).map_err(|error| (name.clone(), error)));
            Written::Flat(numbers.collect::<Result<_, _>>()?)
        }
    };
    let list_of = |name: &Option<String>| match name.as_deref().map(|name| (name, field(name))) {
        None | Some((_, Field::Null)) => Ok(None),
        Some((name, field)) => match numbers_of(field) {
            Ok(numbers) => Ok(Some(numbers)),
            Err(error) => Err((name.to_owned(), error)),
        },
    };
    let bbox: Option<Vec<f64>> =
        list_of(&columns.bbox)?.and_then(|bbox| bbox.into_iter().collect());
    let group = match columns.group.as_deref().map(field) {
        None | Some(Field::Null) => None,
        Some(Field::Str(name)) => Some(name.clone()),
        Some(other) => Some(other.to_string()),
    };
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Sample {
        path,
        row: number,
        id: name.unwrap_or_else(|| format!("{file} row {number}")),
        image,
        keypoints,
        visibility: list_of(&columns.visibility)?,
        group,
        face_box: bbox.and_then(|sides| face_box(&sides)),
    })
}

/// The image of a row, and its name if it has one.
fn image(path: &Path, field: &Field) -> Result<(ImageSource, Option<String>), AnnotationError> {
    let (mut bytes, mut name) = (None, None);
    match field {
        Field::Bytes(found) => bytes = Some(found),
        Field::Group(row) => {
            for (key, value) in row.get_column_iter() {
                match (key.as_str(), value) {
                    ("bytes", Field::Bytes(found)) => bytes = Some(found),
                    ("path", Field::Str(found)) => name = Some(found.clone()),
                    _ => {}
                }
            }
        }
        _ => {}
    }
    match (bytes, &name) {
        (Some(bytes), _) => {
            let path = path.to_owned();
            let bytes = Arc::from(bytes.data());
            Ok((ImageSource::Encoded { path, bytes }, name))
        }
        (None, Some(file)) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            Ok((find_image(folder, file)?.into(), name))
        }
        (None, None) => Err(AnnotationError::EmptyCell),
    }
}

/// The keypoints of all rows in the order of the file.
fn labels(samples: &[Sample<'_>], columns: &Columns) -> Result<Vec<Vec<Keypoint>>, DataError> {
    let (column, is_list) = match &columns.keypoints {
        KeypointColumns::List(name) => (name.as_str(), true),
        KeypointColumns::Named(_) => ("keypoints", false),
    };
    let in_threes = is_list
        && columns.visibility.is_none()
        && samples
            .iter()
            .all(|sample| sample.keypoints.may_be_in_threes());
    let samples = samples.iter().map(|sample| {
        let flags = sample.visibility.as_deref();
        let keypoints = keypoints(&sample.keypoints, flags, in_threes);
        keypoints.map_err(|error| match (&columns.keypoints, error) {
            (_, (None, error)) => sample.error("visibility", error),
            (KeypointColumns::List(_), (Some(index), error)) => {
                sample.error(&format!("{column}[{index}]"), error)
            }
            (KeypointColumns::Named(named), (Some(index), error)) => {
                let named = named.get(index).map_or("", |named| named.name.as_str());
                sample.error(named, error)
            }
        })
    });
    samples.collect()
}

fn schema(
    root: &Path,
    labels: &[Vec<Keypoint>],
    columns: &Columns,
    options: &ReadOptions,
) -> Result<FileSchema, DataError> {
    let names: Vec<String> = match &columns.keypoints {
        KeypointColumns::Named(named) => named.iter().map(|named| named.name.clone()).collect(),
        KeypointColumns::List(_) => {
            let count = labels.first().map_or(0, Vec::len);
            (0..count).map(|number| number.to_string()).collect()
        }
    };
    match &options.schema {
        Some(schema) => FileSchema::given(root, schema, &names, |name| {
            let found = listed(&names);
            let column = format!("column `{}_x`", shortened(name.as_bytes()));
            DataError::invalid(root, 1, column, AnnotationError::MissingColumn { found })
        }),
        None => {
            let name = root.file_stem().unwrap_or_default().to_string_lossy();
            FileSchema::from_names(root, &name, &names, &[])
        }
    }
}
