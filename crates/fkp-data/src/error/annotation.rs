//! What is wrong at one place of an annotation file.

/// Which rule of its format a place in an annotation file breaks.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnotationError {
    /// A required column is missing.
    #[error("the column is missing; the header has: {found}")]
    MissingColumn {
        /// The columns of the header, shortened.
        found: String,
    },
    /// Two columns have the same name.
    #[error("the header has this column twice, at positions {first} and {second}")]
    DuplicateColumn {
        /// Position of the first, from 1.
        first: usize,
        /// Position of the second, from 1.
        second: usize,
    },
    /// A column belongs neither to the format nor to the schema.
    #[error("unknown column; expected {expected}")]
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
    /// A text is not valid UTF-8.
    #[error("`{text}` is not valid UTF-8")]
    NotUtf8 {
        /// The bytes, with replacement characters.
        text: String,
    },
    /// A required cell is empty.
    #[error("the cell is empty")]
    EmptyCell,
    /// A coordinate is not a number.
    #[error("`{text}` is not a number")]
    NotANumber {
        /// The text, shortened.
        text: String,
    },
    /// A coordinate is NaN or infinite.
    #[error("`{text}` is not a finite number; leave the cell empty where there is no label")]
    NotFinite {
        /// The text, shortened.
        text: String,
    },
    /// A coordinate is larger than any image.
    #[error("`{text}` is out of range; the limit is {limit} pixels")]
    OutOfRange {
        /// The text, shortened.
        text: String,
        /// The largest absolute value that is accepted.
        limit: f64,
    },
    /// A coordinate lies farther outside its image than the size of the image.
    #[error("`{text}` is farther outside the image ({width}×{height}) than the size of the image")]
    FarOutsideImage {
        /// The coordinate as it stands in the file.
        text: String,
        /// Width of the image in pixels.
        width: usize,
        /// Height of the image in pixels.
        height: usize,
    },
    /// A box has no part in its image.
    #[error("no part of the box is in the image ({width}×{height})")]
    OutsideImage {
        /// Width of the image in pixels.
        width: usize,
        /// Height of the image in pixels.
        height: usize,
    },
    /// The width or height of a box is not positive.
    #[error("`{text}` is not a positive number of pixels")]
    InvalidSize {
        /// The text, shortened.
        text: String,
    },
    /// A flag is neither 0 nor 1.
    #[error("`{text}` is neither 0 nor 1")]
    InvalidFlag {
        /// The text, shortened.
        text: String,
    },
    /// Only one of a keypoint's two coordinates is given.
    #[error("the cell is empty, but the keypoint's other coordinate is given")]
    MissingCoordinate,
    /// A pixel is not an integer from 0 to 255.
    #[error("pixel {index} (counted from 0) is `{text}`, not an integer from 0 to 255")]
    InvalidPixel {
        /// Which pixel, from 0.
        index: usize,
        /// The text, shortened.
        text: String,
    },
    /// An image has another number of pixels than the first image.
    #[error("the image has {found} pixels instead of {expected}")]
    PixelCount {
        /// Number of pixels of the first image.
        expected: usize,
        /// Number of pixels of this image.
        found: usize,
    },
    /// An image is not square.
    #[error("{found} pixels do not make a square image")]
    NotSquare {
        /// Number of pixels of the image.
        found: usize,
    },
    /// The image of an annotation does not exist.
    #[error("the image does not exist; searched {searched}")]
    MissingImage {
        /// The paths that were tried.
        searched: String,
    },
    /// A name in a list has no annotation.
    #[error("`{name}` is not in the data set; searched {searched}")]
    MissingAnnotation {
        /// The name.
        name: String,
        /// The path that was tried.
        searched: String,
    },
    /// Something that must be unique occurs twice.
    #[error("`{name}` occurs twice; first in {first}")]
    Duplicate {
        /// What occurs twice.
        name: String,
        /// Where it occurs first: a file and row.
        first: String,
    },
    /// The number of keypoints is not the expected one.
    #[error("there are {found} keypoints, not {expected}{reason}")]
    KeypointCount {
        /// The expected number.
        expected: usize,
        /// The number found.
        found: usize,
        /// Where the expected number comes from, as a clause that starts with a comma, or empty.
        reason: String,
    },
    /// A list of keypoints does not consist of x, y and visibility for each keypoint.
    #[error("the list has {found} numbers; {keypoints} keypoints need {expected} (x, y, v each)")]
    KeypointsLength {
        /// Number of keypoints of the schema.
        keypoints: usize,
        /// Numbers expected.
        expected: usize,
        /// Numbers found.
        found: usize,
    },
    /// A visibility flag is not 0, 1 or 2.
    #[error("keypoint {keypoint} (counted from 0) has visibility {given}; allowed are 0, 1 and 2")]
    InvalidVisibility {
        /// Which keypoint, from 0.
        keypoint: usize,
        /// The flag.
        given: f64,
    },
    /// An annotation refers to an image or a category that is not in the file.
    #[error("{kind} {id} is not in the file")]
    UnknownId {
        /// `image` or `category`.
        kind: &'static str,
        /// The number.
        id: i64,
    },
    /// Categories with different keypoints cannot form one data set.
    #[error("the keypoints differ from those of category `{first}`; a file must have one schema")]
    KeypointsDiffer {
        /// The first category with keypoints.
        first: String,
    },
    /// The text does not follow the format's grammar.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What the format expects.
        expected: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// A line has another number of words than its format has.
    #[error("the line has {found} words; expected {expected}")]
    WordCount {
        /// The number or numbers expected, and why.
        expected: String,
        /// Words of the line.
        found: usize,
    },
    /// There is more of something than any data set has.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The largest number that is accepted.
        limit: usize,
    },
    /// The XML or YAML cannot be parsed or has another structure.
    #[error("{message}")]
    Markup {
        /// The message of the parser, or what is missing.
        message: String,
    },
    /// The JSON cannot be parsed or has another structure.
    #[error("{message}")]
    Json {
        /// The message of the parser.
        message: String,
    },
    /// A label is not a keypoint of the given schema.
    #[error("`{name}` is not a keypoint of schema `{schema}`")]
    UnknownKeypoint {
        /// The label, shortened.
        name: String,
        /// The name of the schema.
        schema: String,
    },
    /// An image has another size than its annotation says.
    #[error(
        "the image has {} × {} pixels, its annotation is for {} × {}",
        found.0, found.1, expected.0, expected.1
    )]
    ImageSize {
        /// Width and height of the image.
        found: (usize, usize),
        /// Width and height in the annotation.
        expected: (usize, usize),
    },
    /// A file has or claims more of something than is read.
    #[error("{found} {what} are more than the limit of {limit}")]
    LimitExceeded {
        /// What is counted.
        what: &'static str,
        /// The number found.
        found: u64,
        /// The largest number that is read.
        limit: u64,
    },
    /// The file uses a part of its format that is not read.
    #[error("{found} cannot be read; {instead}")]
    Unsupported {
        /// What the file has.
        found: String,
        /// What to do about it.
        instead: &'static str,
    },
    /// A required variable of a binary file is missing.
    #[error("the variable is missing; the file has: {found}")]
    MissingVariable {
        /// The variables of the file, shortened.
        found: String,
    },
    /// The TOML cannot be parsed or has another structure.
    #[error("{message}")]
    Toml {
        /// The message of the parser.
        message: String,
    },
    /// A correction is for a sample that the data set does not have.
    #[error("the data set has no sample `{id}`")]
    UnknownSample {
        /// The id.
        id: String,
    },
    /// A correction is for an id that several samples have.
    #[error("several samples have this id; add `index`, which may be {at}")]
    AmbiguousSample {
        /// The positions of the samples, from 0.
        at: String,
    },
    /// The sample at the position of a correction has another id.
    #[error("the sample of this id is not there, but at {at}")]
    WrongIndex {
        /// The positions of the samples with the id, from 0.
        at: String,
    },
    /// A correction was made for other pixels.
    #[error("the image has the content hash {found}, not {expected}: it is another image")]
    OtherImage {
        /// The hash in the file, shortened.
        expected: String,
        /// The hash of the image.
        found: String,
    },
    /// A correction is for a keypoint that the schema does not have.
    #[error("there is no keypoint `{keypoint}`; the keypoints are {known}")]
    NoSuchKeypoint {
        /// The name.
        keypoint: String,
        /// The names of the schema, shortened.
        known: String,
    },
    /// Left and right cannot be exchanged.
    #[error("{message}")]
    Sides {
        /// Why not.
        message: String,
    },
}

fkp_core::debug_as_sentence!(AnnotationError);
