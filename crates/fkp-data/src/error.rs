//! What can be wrong with a data set, and where.

use crate::Format;
use std::path::{Path, PathBuf};

/// A data set cannot be read.
///
/// Whatever is wrong inside an annotation file is [`DataError::Invalid`], which says at which row
/// (counted from 1, as an editor shows it) and in which column or field.
#[derive(Debug, thiserror::Error)]
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
    /// A picture's header promises more pixels than this crate is willing to decode.
    #[error(
        "picture `{}` is {width}×{height}, the limit is {limit} pixels in all",
        path.display()
    )]
    PictureTooLarge {
        /// The picture.
        path: PathBuf,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// The most pixels that are decoded.
        limit: u64,
    },
    /// A picture cannot be decoded.
    #[error("picture `{}` does not decode", path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// What the decoder said.
        #[source]
        source: image::ImageError,
    },
    /// A picture without pixels.
    #[error("picture `{}` is {width}×{height}", path.display())]
    PictureEmpty {
        /// The picture.
        path: PathBuf,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// Nothing here looks like a data set.
    #[error(
        "no known data set format in `{}`: looked for {looked_for}; found {found}",
        path.display()
    )]
    UnknownFormat {
        /// The file or folder.
        path: PathBuf,
        /// What would have been recognised.
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
    #[error("`{}` is no schema", path.display())]
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
    #[error("the keypoints of `{}` do not make a schema", path.display())]
    Schema {
        /// The annotation file.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        source: fkp_core::SchemaError,
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
        /// Points of the schema.
        expected: usize,
        /// Points in the annotations.
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
    /// A data set is too small to be split without a leak.
    #[error(
        "{samples} samples of {groups} group(s) (people, or different pictures) cannot be split; two groups are needed"
    )]
    TooFewGroups {
        /// Number of samples.
        samples: usize,
        /// Number of different people or pictures.
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

/// Which rule a place in an annotation file breaks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A column is not there.
    #[error("the column is missing; the header has: {found}")]
    MissingColumn {
        /// The columns that are there, abridged.
        found: String,
    },
    /// Two columns have one name.
    #[error("the header has this column twice, as number {first} and {second}")]
    DuplicateColumn {
        /// Position of the first, from 1.
        first: usize,
        /// Position of the second, from 1.
        second: usize,
    },
    /// A column means nothing to the format or the schema.
    #[error("this column is not known; expected {expected}")]
    UnknownColumn {
        /// What is allowed.
        expected: String,
    },
    /// A row has more or fewer cells than the header.
    #[error("the row has {found} cells, the header has {expected}")]
    CellCount {
        /// Columns of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// Bytes are not UTF-8 text.
    #[error("`{text}` is not UTF-8 text")]
    NotUtf8 {
        /// The bytes, with replacement characters.
        text: String,
    },
    /// A cell that must have content is empty.
    #[error("the cell is empty")]
    EmptyCell,
    /// A coordinate is not a number.
    #[error("`{text}` is not a number")]
    NotANumber {
        /// The text, abridged.
        text: String,
    },
    /// A coordinate is NaN or infinite.
    #[error("`{text}` is not a finite number; leave the cell empty where a point has no label")]
    NotFinite {
        /// The text, abridged.
        text: String,
    },
    /// A coordinate lies absurdly far outside any picture.
    #[error("`{text}` is farther out than {limit} pixels")]
    TooFar {
        /// The text, abridged.
        text: String,
        /// The largest distance that is accepted.
        limit: f64,
    },
    /// Only one of a point's two coordinates is given.
    #[error("the cell is empty, but the point's other coordinate is given")]
    HalfLabelled,
    /// A pixel is not an integer from 0 to 255.
    #[error("pixel {index} (counted from 0) is `{text}`, not an integer from 0 to 255")]
    NotAPixel {
        /// Which pixel, from 0.
        index: usize,
        /// The text, abridged.
        text: String,
    },
    /// A picture has another number of pixels than those before it.
    #[error("the picture has {found} pixels instead of {expected}")]
    PixelCount {
        /// Pixels of the first picture.
        expected: usize,
        /// Pixels of this one.
        found: usize,
    },
    /// A picture is not square.
    #[error("{found} pixels do not make a square picture")]
    NotSquare {
        /// Pixels of the picture.
        found: usize,
    },
    /// There is no picture for an annotation.
    #[error("there is no picture; looked for {looked_for}")]
    MissingPicture {
        /// The paths that were tried.
        looked_for: String,
    },
    /// There is no annotation for a name in a list.
    #[error("`{name}` is not in the data set; looked for {looked_for}")]
    MissingAnnotation {
        /// The name.
        name: String,
        /// The path that was tried.
        looked_for: String,
    },
    /// Something that must occur once occurs again.
    #[error("`{name}` occurs again; first in {first}")]
    Duplicate {
        /// What occurs twice.
        name: String,
        /// Where it was first: a file and row.
        first: String,
    },
    /// There are more or fewer points than there should be.
    #[error("there are {found} points, not {expected}{why}")]
    PointCount {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
        /// Who says so, as a clause that starts with a comma, or nothing.
        why: String,
    },
    /// A list of keypoints is not made of x, y and visibility each.
    #[error("the list has {found} numbers; {points} keypoints need {expected} (x, y, v each)")]
    KeypointsLength {
        /// Points of the schema.
        points: usize,
        /// Numbers that it takes.
        expected: usize,
        /// Numbers that are there.
        found: usize,
    },
    /// A visibility flag is not 0, 1 or 2.
    #[error("keypoint {point} (counted from 0) has visibility {given}; allowed are 0, 1 and 2")]
    BadVisibility {
        /// Which point, from 0.
        point: usize,
        /// The flag.
        given: f64,
    },
    /// An annotation refers to something that is not in the file.
    #[error("{kind} {id} is not in the file")]
    UnknownId {
        /// `image` or `category`.
        kind: &'static str,
        /// The number.
        id: i64,
    },
    /// Categories with different keypoints cannot be one data set.
    #[error("its keypoints differ from those of category `{first}`; one file, one schema")]
    OtherKeypoints {
        /// The category before.
        first: String,
    },
    /// The text does not follow the format's grammar.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What should be there.
        expected: &'static str,
        /// What is there, abridged.
        found: String,
    },
    /// JSON that does not parse or has another shape.
    #[error("{message}")]
    Json {
        /// What the parser said.
        message: String,
    },
}

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
