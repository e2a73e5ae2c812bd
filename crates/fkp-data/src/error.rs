//! What can be wrong with a data set, and where.

use crate::Format;
use std::path::{Path, PathBuf};

mod problem;

pub use problem::Problem;

/// A data set cannot be read.
///
/// Whatever is wrong inside an annotation file is [`DataError::Invalid`], which says at which row
/// (counted from 1, as an editor shows it) and in which column or field.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The system could not read a file or a folder.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file has no content.
    #[error("`{}` is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The annotations hold not a single sample.
    #[error("`{}` holds no samples", path.display())]
    NoSamples {
        /// The file or folder.
        path: PathBuf,
    },
    /// A place in an annotation file breaks the format's rules.
    #[error("`{}`, row {row}, {column}: {problem}", path.display())]
    Invalid {
        /// The annotation file.
        path: PathBuf,
        /// The line, counted from 1; of a record that spans lines, the first.
        row: u64,
        /// The column or field, such as `nose_tip_x` or `annotations[3].keypoints`.
        column: String,
        /// Which rule is broken.
        problem: Problem,
    },
    /// A zip archive is damaged or cut short.
    #[error("`{}` is no readable zip archive; is it cut short?", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What the reader of archives said.
        #[source]
        source: zip::result::ZipError,
    },
    /// A zip archive does not hold exactly one table.
    #[error(
        "`{}` must hold `training.csv`, `test.csv` or just one .csv file; it holds: {found}",
        path.display()
    )]
    ArchiveContent {
        /// The archive.
        path: PathBuf,
        /// The files in it.
        found: String,
    },
    /// A file is larger than this crate is willing to read into memory.
    #[error("`{}` has more than {limit} bytes, the most that is read", path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// An image file cannot be decoded.
    #[error("image `{}` cannot be read", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: fkp_core::DecodeError,
    },
    /// Nothing here looks like a data set.
    #[error(
        "no known data set format in `{}`: looked for {looked_for}; found {found}",
        path.display()
    )]
    UnknownFormat {
        /// The file or folder.
        path: PathBuf,
        /// What would have been recognized.
        looked_for: &'static str,
        /// What is there.
        found: String,
    },
    /// The path is not what a format that was asked for needs.
    #[error("`{}` is no {format} data set: that needs {needs}; found {found}", path.display())]
    NotThisFormat {
        /// The file or folder.
        path: PathBuf,
        /// The format that was asked for.
        format: Format,
        /// What the format needs.
        needs: &'static str,
        /// What is there.
        found: String,
    },
    /// A name is not that of a format.
    #[error("`{given}` is no data set format; there are: {}", Format::NAMES.join(", "))]
    UnknownFormatName {
        /// What was given.
        given: String,
    },
    /// A name is not that of a split.
    #[error("`{given}` is no split; there are: all, train, val")]
    UnknownSplitName {
        /// What was given.
        given: String,
    },
    /// A schema file is not understood.
    #[error("`{}` is not a valid schema", path.display())]
    SchemaFile {
        /// The file.
        path: PathBuf,
        /// What the parser said, with row and column.
        #[source]
        source: toml::de::Error,
    },
    /// A name is neither that of a built-in schema nor of a file.
    #[error("`{given}` is neither a schema file nor a built-in schema ({})", fkp_core::Schema::BUILTIN.join(", "))]
    UnknownSchema {
        /// What was given.
        given: String,
    },
    /// The names in the annotations do not make a schema.
    #[error("the keypoints of `{}` are not a valid schema", path.display())]
    Schema {
        /// The annotation file.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        source: Box<fkp_core::SchemaError>,
    },
    /// The given schema is not that of the data.
    #[error(
        "`{}` has {found} keypoints, schema `{schema}` has {expected}",
        path.display()
    )]
    OtherSchema {
        /// The annotation file or folder.
        path: PathBuf,
        /// Name of the schema.
        schema: String,
        /// Keypoints of the schema.
        expected: usize,
        /// Keypoints in the annotations.
        found: usize,
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
    /// A sample was asked for that is not there, or could not be read while splitting.
    #[error("the data set cannot be split")]
    Split {
        /// Which sample failed, and why.
        #[source]
        source: fkp_core::DatasetError,
    },
    /// The split that a set brings has a person or an image on both sides.
    #[error(
        "the split of `{}` leaks: `{train_id}` of train.{ending} and `{val_id}` of val.{ending} {shared}",
        path.display()
    )]
    LeakingSplit {
        /// The folder of the set.
        path: PathBuf,
        /// The ending of its two tables or lists, `train.*` and `val.*`.
        ending: &'static str,
        /// A training sample.
        train_id: String,
        /// A validation sample that must not be apart from it.
        val_id: String,
        /// What the two have in common, as a predicate such as ``show one person, `Ann` ``.
        shared: String,
    },
    /// A data set is too small to be split without a leak.
    #[error(
        "{samples} samples of {groups} group(s) (people, or different images) cannot be split; two groups are needed"
    )]
    TooFewGroups {
        /// Number of samples.
        samples: usize,
        /// Number of different people or images.
        groups: usize,
    },
    /// A field of a split rule is nonsense.
    #[error("`{field}` must be {expected}, got {given}")]
    BadRule {
        /// Name of the field.
        field: &'static str,
        /// What is allowed.
        expected: &'static str,
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
        /// What the hub's client said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fkp_core::debug_as_sentence!(DataError);

impl DataError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn invalid(
        path: &Path,
        row: u64,
        column: impl Into<String>,
        problem: Problem,
    ) -> Self {
        Self::Invalid {
            path: path.to_owned(),
            row,
            column: column.into(),
            problem,
        }
    }
}

/// A text short enough for a message.
pub(crate) fn abridged(text: &[u8]) -> String {
    const MOST: usize = 40;
    let head = String::from_utf8_lossy(&text[..text.len().min(4 * MOST)]);
    match head.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &head[..end]),
        None => head.into_owned(),
    }
}

/// The first few of many names, for a message.
pub(crate) fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    const MOST: usize = 8;
    let mut names = names.into_iter();
    let mut text = String::new();
    for name in names.by_ref().take(MOST) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&abridged(name.as_ref().as_bytes()));
    }
    match (names.count(), text.is_empty()) {
        (_, true) => "nothing".to_owned(),
        (0, false) => text,
        (more, false) => format!("{text} and {more} more"),
    }
}
