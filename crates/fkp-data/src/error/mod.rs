//! The error of this crate: which file of a data set is invalid, and where.

mod annotation;
mod packed;

pub use annotation::AnnotationError;
pub use packed::PackedError;

use std::path::{Path, PathBuf};

/// A data set cannot be read.
///
/// Everything that is wrong inside an annotation file is [`DataError::Invalid`], which names the
/// row (counted from 1, as an editor shows it) and the column or field.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system could not read a file or a folder.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The operating system could not write a file.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// A file has no content.
    #[error("`{}` is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// There is not a single sample in the annotations.
    #[error("`{}` has no samples", path.display())]
    NoSamples {
        /// The file or folder.
        path: PathBuf,
    },
    /// A place in an annotation file breaks the format's rules.
    #[error("`{}`, row {row}, {column}: {error}", path.display())]
    Invalid {
        /// The annotation file.
        path: PathBuf,
        /// The line, counted from 1; the first line of a record that spans several.
        row: u64,
        /// The column or field, such as `nose_tip_x` or `annotations[3].keypoints`.
        column: String,
        /// What is wrong there.
        error: AnnotationError,
    },
    /// A file in the dataset format is invalid, or cannot be written.
    #[error("`{}`: {source}", path.display())]
    Packed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<PackedError>,
    },
    /// A folder that is to be written exists and has files.
    #[error("`{}` is not empty; give a new folder", path.display())]
    FolderNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A data set cannot be written in a format.
    #[error("the data set cannot be written as {format}: {reason}")]
    NotWritten {
        /// Name of the format.
        format: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// A sample of a data set that is to be written cannot be read.
    #[error("source `{name}` cannot be written")]
    NotConverted {
        /// Name of the source.
        name: String,
        /// Which sample, and why.
        #[source]
        source: fkp_core::DatasetError,
    },
    /// A place in a binary file breaks the format's rules.
    #[error("`{}`, byte {byte}, {field}: {error}", path.display())]
    InvalidBinary {
        /// The file.
        path: PathBuf,
        /// The byte where the field starts, counted from 0.
        byte: u64,
        /// The field, such as ``the member `a.jpg` `` or ``variable `pt2d` ``.
        field: String,
        /// What is wrong there.
        error: AnnotationError,
    },
    /// A file can be read only with a feature of this crate that is off.
    #[error(
        "`{}` can be read only with the feature `{feature}` of the crate `fkp-data`, which is off \
         by default",
        path.display()
    )]
    FeatureNeeded {
        /// The file or folder.
        path: PathBuf,
        /// The feature.
        feature: &'static str,
    },
    /// A library for a binary format refuses a file.
    #[error("`{}` is not a readable {format} file; is it truncated?", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The name of the format.
        format: &'static str,
        /// The error of the library.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A zip archive is corrupt or truncated.
    #[error("`{}` is not a readable zip archive; is it truncated?", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// The error of the zip reader.
        #[source]
        source: zip::result::ZipError,
    },
    /// A zip archive does not contain exactly one table.
    #[error(
        "`{}` must contain `training.csv`, `test.csv` or exactly one .csv file; it contains: \
         {found}",
        path.display()
    )]
    ArchiveContent {
        /// The archive.
        path: PathBuf,
        /// The files in it.
        found: String,
    },
    /// A file is too large to be read into memory.
    #[error("`{}` has more than {limit} bytes, the largest size that is read", path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// An image file cannot be decoded.
    #[error("image `{}` cannot be decoded", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: fkp_core::DecodeError,
    },
    /// A path does not hold a data set in a known format.
    #[error(
        "no known data set format in `{}`: expected {expected}; found {found}",
        path.display()
    )]
    UnknownFormat {
        /// The file or folder.
        path: PathBuf,
        /// What each format expects.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A path does not hold a data set in the requested format.
    #[error("`{}` is not a {format} data set: expected {expected}; found {found}", path.display())]
    NotThisFormat {
        /// The file or folder.
        path: PathBuf,
        /// Name of the requested format.
        format: &'static str,
        /// What the format expects.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A name is not the name of a format.
    #[error("`{given}` is not a data set format; the formats are: {known}")]
    UnknownFormatName {
        /// What was given.
        given: String,
        /// The names of all formats.
        known: String,
    },
    /// A name is not the name of a split.
    #[error("`{given}` is not a split; the splits are: all, train, val")]
    UnknownSplitName {
        /// What was given.
        given: String,
    },
    /// A schema file cannot be parsed.
    #[error("`{}` is not a valid schema", path.display())]
    SchemaFile {
        /// The file.
        path: PathBuf,
        /// The error of the parser, with line and column.
        #[source]
        source: toml::de::Error,
    },
    /// A name is neither a built-in schema nor a file.
    #[error(
        "`{given}` is neither a schema file nor a built-in schema ({})",
        fkp_core::Schema::BUILTIN.join(", ")
    )]
    UnknownSchema {
        /// What was given.
        given: String,
    },
    /// The keypoint names in the annotations are not a valid schema.
    #[error("the keypoints of `{}` are not a valid schema", path.display())]
    Schema {
        /// The annotation file.
        path: PathBuf,
        /// What is wrong with the names.
        #[source]
        source: Box<fkp_core::SchemaError>,
    },
    /// The given schema has another number of keypoints than the data.
    #[error(
        "`{}` has {found} keypoints, schema `{schema}` has {expected}",
        path.display()
    )]
    SchemaMismatch {
        /// The annotation file or folder.
        path: PathBuf,
        /// Name of the schema.
        schema: String,
        /// Number of keypoints of the schema.
        expected: usize,
        /// Number of keypoints in the annotations.
        found: usize,
    },
    /// A file has a schema of its own, which is not the given one.
    #[error(
        "`{}` has keypoints of its own schema `{found}`, not those of `{schema}`",
        path.display()
    )]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// Name of the given schema.
        schema: String,
        /// Name of the schema in the file.
        found: String,
    },
    /// A sample cannot be cropped.
    #[error("`{id}` cannot be cropped")]
    Crop {
        /// The sample.
        id: String,
        /// Why not.
        #[source]
        source: fkp_core::CropError,
    },
    /// A threshold of [`InspectOptions`](crate::InspectOptions) is invalid.
    #[error("`{field}` must be {allowed}, got {given}")]
    InvalidInspectOption {
        /// The field.
        field: &'static str,
        /// Which values are allowed.
        allowed: &'static str,
        /// What was given.
        given: f64,
    },
    /// The image of a sample with a correction cannot be read.
    #[error("the corrections cannot be applied")]
    Corrected {
        /// Which sample failed, and why.
        source: fkp_core::DatasetError,
    },
    /// A sample could not be read, or an index is out of range, while splitting.
    #[error("the data set cannot be split")]
    Split {
        /// Which sample failed, and why.
        #[from]
        source: fkp_core::DatasetError,
    },
    /// A field of a [`SampleFilter`](crate::SampleFilter) is invalid.
    #[error("`{field}` of the filter: {problem}")]
    InvalidFilter {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A sample could not be read while filtering.
    #[error("the data set cannot be filtered")]
    Filter {
        /// Which sample failed, and why.
        #[source]
        source: fkp_core::DatasetError,
    },
    /// There are no data sets to unite.
    #[error("there are no data sets to unite")]
    EmptyUnion,
    /// Two data sets of a union have the same name.
    #[error("two sources have the name `{name}`")]
    DuplicateSource {
        /// The name.
        name: String,
    },
    /// Data sets that become one have different schemas.
    #[error(
        "source `{name}` has the keypoints of `{schema}`, source `{first}` those of `{expected}`; map \
         them onto one schema first"
    )]
    SourceSchema {
        /// Name of the data set.
        name: String,
        /// Its schema.
        schema: String,
        /// Name of the first data set.
        first: String,
        /// The schema of the first.
        expected: String,
    },
    /// The weight of a data set of a union is invalid.
    #[error("the weight of source `{name}` must be finite and at least 0, got {given}")]
    InvalidWeight {
        /// Name of the data set.
        name: String,
        /// What was given.
        given: f64,
    },
    /// A sample of one of the data sets of a union cannot be read.
    #[error("sample {index} of source `{name}`")]
    SourceSample {
        /// Name of the data set.
        name: String,
        /// Index of the sample in that data set.
        index: usize,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The predefined split of a data set has a person or an image in both parts.
    #[error(
        "the split of `{}` leaks: `{train_id}` of {} and `{val_id}` of {} {shared}",
        path.display(),
        files[0],
        files[1]
    )]
    LeakingSplit {
        /// The folder of the set.
        path: PathBuf,
        /// The files or folders of the two parts, such as `train.csv` and `val.csv`.
        files: &'static [&'static str; 2],
        /// A training sample.
        train_id: String,
        /// A validation sample that must be in the same part.
        val_id: String,
        /// What the two have in common, as a predicate such as ``show one person, `Ann` ``.
        shared: String,
    },
    /// A data set is too small to be split without a leak.
    #[error(
        "{samples} samples of {groups} group(s) (persons, or distinct images) cannot be split; \
         at least two groups are needed"
    )]
    TooFewGroups {
        /// Number of samples.
        samples: usize,
        /// Number of distinct persons or images.
        groups: usize,
    },
    /// A cross-validation with less than two folds.
    #[error("the number of folds must be at least 2, got {given}")]
    TooFewFolds {
        /// What was given.
        given: usize,
    },
    /// A cross-validation with more folds than groups.
    #[error(
        "{samples} samples of {groups} group(s) (persons, or distinct images) cannot be divided into \
         {folds} folds"
    )]
    TooManyFolds {
        /// Number of folds.
        folds: usize,
        /// Number of samples.
        samples: usize,
        /// Number of distinct persons or images.
        groups: usize,
    },
    /// The fraction of a [`SplitRule`](crate::SplitRule) is invalid.
    #[error("`val_fraction` must be between 0 and 1, got {given}")]
    InvalidValFraction {
        /// What was given.
        given: f64,
    },
    /// A data set could not be fetched from the hub.
    #[cfg(feature = "hub")]
    #[error("cannot fetch `{file}` of data set `{repository}` from the hub")]
    Hub {
        /// `owner/name` of the data set.
        repository: String,
        /// The file asked for.
        file: String,
        /// The error of the hub's client.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fkp_core::debug_as_sentence!(DataError);

impl DataError {
    /// Makes the error of an operation on this file or folder.
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// Makes the error of writing this file or folder.
    pub(crate) fn write(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy {
        move |source| Self::Write {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn packed(path: &Path, source: PackedError) -> Self {
        Self::Packed {
            path: path.to_owned(),
            source: Box::new(source),
        }
    }

    pub(crate) fn invalid(
        path: &Path,
        row: u64,
        column: impl Into<String>,
        error: AnnotationError,
    ) -> Self {
        Self::Invalid {
            path: path.to_owned(),
            row,
            column: column.into(),
            error,
        }
    }

    pub(crate) fn invalid_binary(
        path: &Path,
        byte: u64,
        field: impl Into<String>,
        error: AnnotationError,
    ) -> Self {
        Self::InvalidBinary {
            path: path.to_owned(),
            byte,
            field: field.into(),
            error,
        }
    }
}

/// A text, shortened for a message.
pub(crate) fn shortened(text: &[u8]) -> String {
    const MAX_CHARS: usize = 40;
    let head = String::from_utf8_lossy(&text[..text.len().min(4 * MAX_CHARS)]);
    match head.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &head[..end]),
        None => head.into_owned(),
    }
}

/// The first few of a list of names, for a message.
pub(crate) fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    const MAX_NAMES: usize = 8;
    let mut names = names.into_iter();
    let mut text = String::new();
    for name in names.by_ref().take(MAX_NAMES) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&shortened(name.as_ref().as_bytes()));
    }
    match (names.count(), text.is_empty()) {
        (_, true) => "nothing".to_owned(),
        (0, false) => text,
        (more, false) => format!("{text} and {more} more"),
    }
}
