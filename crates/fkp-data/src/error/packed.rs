//! What is wrong with a file in the dataset format.

/// Which rule of the dataset format a file breaks, or a data set that is to be written.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PackedError {
    /// The file is not in the dataset format.
    #[error("the file is not in the dataset format: it has no header of safetensors with `format`")]
    NotPacked,
    /// The file could not be read.
    #[error("the file cannot be read, or was changed while it was open")]
    Read {
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The version is not one that this crate reads.
    #[error("the version of the format is `{found}`, not `1`")]
    Version {
        /// What the file says.
        found: String,
    },
    /// The header is not one of safetensors.
    #[error("the header is not valid")]
    Header {
        /// The error of the parser.
        #[source]
        source: serde_json::Error,
    },
    /// The file is longer or shorter than its header says.
    #[error("the file has {found} bytes, by its header {expected}; is it truncated?")]
    FileLength {
        /// Number of bytes by the header.
        expected: u64,
        /// Number of bytes of the file.
        found: u64,
    },
    /// An entry of the metadata is missing.
    #[error("the metadata has no entry `{key}`")]
    MissingEntry {
        /// Name of the entry.
        key: &'static str,
    },
    /// An entry of the metadata cannot be parsed.
    #[error("the entry `{key}` of the metadata is not valid")]
    Entry {
        /// Name of the entry.
        key: &'static str,
        /// The error of the parser.
        #[source]
        source: serde_json::Error,
    },
    /// There are more attributes than the format can hold.
    #[error("there are {count} attributes; at most 64 are possible")]
    TooManyAttributes {
        /// Number of attributes.
        count: usize,
    },
    /// The names of the attributes are longer than can be written.
    #[error("the names of the attributes have {bytes} bytes; at most 4096 can be written")]
    LongAttributes {
        /// Number of bytes of all names.
        bytes: usize,
    },
    /// A tensor is missing.
    #[error("there is no tensor `{name}`")]
    MissingTensor {
        /// Name of the tensor.
        name: &'static str,
    },
    /// A tensor has another element type or shape.
    #[error("the tensor `{name}` is {found}, not {expected}")]
    WrongTensor {
        /// Name of the tensor.
        name: &'static str,
        /// Element type and shape that the format requires.
        expected: String,
        /// Element type and shape in the file.
        found: String,
    },
    /// The bytes of a tensor are not those that were written.
    #[error("the tensor `{name}` is damaged: its checksum is {found}, not {expected}")]
    Checksum {
        /// Name of the tensor.
        name: String,
        /// SHA-256 by the metadata.
        expected: String,
        /// SHA-256 of the bytes in the file.
        found: String,
    },
    /// A number refers to something that is not in the file.
    #[error("sample {index}, tensor `{name}`: {value} is out of range; the limit is {limit}")]
    OutOfRange {
        /// The sample, counted from 0.
        index: usize,
        /// Name of the tensor.
        name: &'static str,
        /// The number.
        value: u64,
        /// The largest number that is possible.
        limit: u64,
    },
    /// A range starts behind its end.
    #[error("sample {index}, tensor `{name}`: the range {start} to {end} is not valid")]
    InvalidRange {
        /// The sample, counted from 0.
        index: usize,
        /// Name of the tensor.
        name: &'static str,
        /// Start of the range.
        start: u64,
        /// End of the range.
        end: u64,
    },
    /// A text is not valid UTF-8.
    #[error("sample {index}, tensor `{name}`: `{text}` is not valid UTF-8")]
    NotUtf8 {
        /// The sample, counted from 0.
        index: usize,
        /// Name of the tensor.
        name: &'static str,
        /// The bytes, with replacement characters.
        text: String,
    },
    /// A number that must be finite is not, or is larger than any image.
    #[error("sample {index}, {what}: {value} is not a finite number of pixels in range")]
    NotFinite {
        /// The sample, counted from 0.
        index: usize,
        /// The keypoint or box.
        what: String,
        /// The number.
        value: f64,
    },
    /// The image of a sample cannot be decoded.
    #[error("sample {index}: the image cannot be decoded")]
    Image {
        /// The sample, counted from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: fkp_core::DecodeError,
    },
    /// Images of different sizes cannot be stored as one tensor of pixels.
    #[error(
        "sample {index} (`{id}`) has {found} (width×height×channels), the first sample {expected}: \
         images of different sizes cannot be stored as pixels, but as encoded files"
    )]
    SizeDiffers {
        /// The sample, counted from 0.
        index: usize,
        /// Its id.
        id: String,
        /// Size of the first image.
        expected: String,
        /// Size of this image.
        found: String,
    },
    /// A data set that is to be written has no samples.
    #[error("there are no samples to write")]
    NoSamples,
    /// The data sets that are to be written are cropped by different rules.
    #[error("source `{name}` is cropped by another rule than the first source")]
    CropDiffers {
        /// Name of the source.
        name: String,
    },
    /// An unfinished file is from other sources or options.
    #[error(
        "it was begun with other sources or options ({what} differs); remove it to start again"
    )]
    OtherJob {
        /// What differs.
        what: &'static str,
    },
    /// The record of an unfinished file is damaged.
    #[error("line {line} cannot be parsed; remove the unfinished file to start again")]
    Journal {
        /// The line, counted from 1.
        line: usize,
        /// The error of the parser.
        #[source]
        source: serde_json::Error,
    },
}

fkp_core::debug_as_sentence!(PackedError);
