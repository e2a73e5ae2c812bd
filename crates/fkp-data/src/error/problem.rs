//! What can be wrong at one place of an annotation file.

/// Which rule a place in an annotation file breaks.
#[derive(Clone, PartialEq, thiserror::Error)]
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
    #[error("`{text}` is not a finite number; leave the cell empty where a keypoint has no label")]
    NotFinite {
        /// The text, abridged.
        text: String,
    },
    /// A coordinate lies absurdly far outside any image.
    #[error("`{text}` is farther out than {limit} pixels")]
    TooFar {
        /// The text, abridged.
        text: String,
        /// The largest distance that is accepted.
        limit: f64,
    },
    /// A coordinate lies farther outside its image than the image is large.
    #[error("`{text}` is farther outside the image ({width}×{height}) than the image is large")]
    FarOutside {
        /// The coordinate as it stands in the file.
        text: String,
        /// Width of the image in pixels.
        width: usize,
        /// Height of the image in pixels.
        height: usize,
    },
    /// Only one of a keypoint's two coordinates is given.
    #[error("the cell is empty, but the keypoint's other coordinate is given")]
    HalfLabeled,
    /// A pixel is not an integer from 0 to 255.
    #[error("pixel {index} (counted from 0) is `{text}`, not an integer from 0 to 255")]
    NotAPixel {
        /// Which pixel, from 0.
        index: usize,
        /// The text, abridged.
        text: String,
    },
    /// An image has another number of pixels than those before it.
    #[error("the image has {found} pixels instead of {expected}")]
    PixelCount {
        /// Pixels of the first image.
        expected: usize,
        /// Pixels of this one.
        found: usize,
    },
    /// An image is not square.
    #[error("{found} pixels do not make a square image")]
    NotSquare {
        /// Pixels of the image.
        found: usize,
    },
    /// There is no image for an annotation.
    #[error("there is no image; looked for {looked_for}")]
    MissingImage {
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
    /// There are more or fewer keypoints than there should be.
    #[error("there are {found} keypoints, not {expected}{why}")]
    KeypointCount {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
        /// Who says so, as a clause that starts with a comma, or nothing.
        why: String,
    },
    /// A list of keypoints is not made of x, y and visibility each.
    #[error("the list has {found} numbers; {keypoints} keypoints need {expected} (x, y, v each)")]
    KeypointsLength {
        /// Keypoints of the schema.
        keypoints: usize,
        /// Numbers that it takes.
        expected: usize,
        /// Numbers that are there.
        found: usize,
    },
    /// A visibility flag is not 0, 1 or 2.
    #[error("keypoint {keypoint} (counted from 0) has visibility {given}; allowed are 0, 1 and 2")]
    BadVisibility {
        /// Which keypoint, from 0.
        keypoint: usize,
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

fkp_core::debug_as_sentence!(Problem);
