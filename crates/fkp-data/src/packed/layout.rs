//! Where each tensor of a packed file is while the file is written.
//!
//! What takes a fixed number of bytes a sample comes first, so that it can be written while the images
//! follow at the end of the file. What is known only at the end comes last.

use super::header::{LENGTH_BYTES, PackedMetadata, to_json};
use fkp_core::Image;
use safetensors::tensor::{Dtype, TensorInfo};
use sha2::{Digest, Sha256};

/// How the images are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImageLayout {
    /// One tensor of pixels; all images have this size.
    Pixels {
        width: usize,
        height: usize,
        channels: usize,
    },
    /// The bytes of image files, with a range for each sample.
    Encoded,
}

impl ImageLayout {
    /// The pixels of images like this one.
    pub(super) fn pixels_of(image: &Image) -> Self {
        Self::Pixels {
            width: image.width(),
            height: image.height(),
            channels: image.channels(),
        }
    }

    /// Width × height × channels, for a message.
    pub(super) fn describe(image: &Image) -> String {
        format!("{}×{}×{}", image.width(), image.height(), image.channels())
    }
}

/// The number of samples and what each has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) samples: usize,
    pub(super) keypoints: usize,
    pub(super) images: ImageLayout,
}

/// A tensor with a fixed number of bytes for each sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    FaceBoxes,
    ImageRanges,
    Keypoints,
    Sources,
    Visibility,
    FaceBoxConventions,
    IsFace,
    Splits,
}

/// Those of eight-byte elements come first and those of one byte last, so that each is aligned.
const COLUMNS: [Column; 8] = [
    Column::FaceBoxes,
    Column::ImageRanges,
    Column::Keypoints,
    Column::Sources,
    Column::Visibility,
    Column::FaceBoxConventions,
    Column::IsFace,
    Column::Splits,
];

impl Column {
    /// Name, element type and shape of the elements of one sample.
    fn tensor(self, shape: &Shape) -> (&'static str, Dtype, Vec<usize>) {
        let keypoints = shape.keypoints;
        match self {
            Self::FaceBoxes => ("face_boxes", Dtype::F64, vec![4]),
            Self::ImageRanges => ("image_ranges", Dtype::U64, vec![2]),
            Self::Keypoints => ("keypoints", Dtype::F32, vec![keypoints, 2]),
            Self::Sources => ("sources", Dtype::U32, vec![]),
            Self::Visibility => ("visibility", Dtype::U8, vec![keypoints]),
            Self::FaceBoxConventions => ("face_box_conventions", Dtype::U8, vec![]),
            Self::IsFace => ("is_face", Dtype::U8, vec![]),
            Self::Splits => ("splits", Dtype::U8, vec![]),
        }
    }

    /// Number of bytes of one sample.
    pub(super) fn row_bytes(self, shape: &Shape) -> usize {
        let (_, dtype, row) = self.tensor(shape);
        row.iter().product::<usize>() * dtype.bitsize() / 8
    }
}

/// The positions in a file that is being written.
pub(super) struct Layout {
    pub(super) shape: Shape,
    /// Number of bytes before the data: the header is written last, into this space.
    pub(super) data_start: u64,
    columns: Vec<(Column, u64)>,
    /// Where the images start, from the start of the file.
    pub(super) images_start: u64,
}

impl Layout {
    /// The positions for this data, before its attributes and checksums are known.
    pub(super) fn new(metadata: &PackedMetadata, shape: Shape) -> Result<Self, serde_json::Error> {
        // Space for the tensors, whose numbers have at most 20 digits, the checksums of 64 digits,
        // and 64 names of attributes.
        const RESERVED: usize = 12 << 10;
        let json = to_json(metadata, &[])?;
        let data_start = (LENGTH_BYTES + json.len() + RESERVED).next_multiple_of(4096) as u64;
        let mut position = data_start;
        let mut columns = Vec::new();
        let has_ranges = shape.images == ImageLayout::Encoded;
        let stored = |column: &Column| has_ranges || *column != Column::ImageRanges;
        for column in COLUMNS.into_iter().filter(stored) {
            columns.push((column, position));
            position += (column.row_bytes(&shape) * shape.samples) as u64;
        }
        Ok(Self {
            shape,
            data_start,
            columns,
            images_start: position,
        })
    }

    /// The columns of the file with the position of each, from the start of the file.
    pub(super) fn columns(&self) -> impl Iterator<Item = (Column, u64)> + '_ {
        self.columns.iter().copied()
    }

    /// The tensors in the order of the file: the columns, the images of `image_bytes` bytes, and
    /// those in `last`.
    pub(super) fn tensors(
        &self,
        image_bytes: u64,
        last: &[Section],
    ) -> Vec<(&'static str, TensorInfo)> {
        let mut tensors = Vec::new();
        for (column, start) in self.columns() {
            let (name, dtype, row) = column.tensor(&self.shape);
            let start = (start - self.data_start) as usize;
            let len = column.row_bytes(&self.shape) * self.shape.samples;
            let shape = [vec![self.shape.samples], row].concat();
            let data_offsets = (start, start + len);
            tensors.push((name, info(dtype, shape, data_offsets)));
        }
        let start = (self.images_start - self.data_start) as usize;
        let mut end = start + image_bytes as usize;
        let (name, shape) = match self.shape.images {
            ImageLayout::Pixels {
                width,
                height,
                channels,
            } => ("pixels", vec![self.shape.samples, height, width, channels]),
            ImageLayout::Encoded => ("image_bytes", vec![image_bytes as usize]),
        };
        tensors.push((name, info(Dtype::U8, shape, (start, end))));
        for section in last {
            let start = end;
            end += section.bytes.len();
            tensors.push((
                section.name,
                info(section.dtype, section.shape.clone(), (start, end)),
            ));
        }
        tensors
    }
}

fn info(dtype: Dtype, shape: Vec<usize>, data_offsets: (usize, usize)) -> TensorInfo {
    TensorInfo {
        dtype,
        shape,
        data_offsets,
    }
}

/// A tensor that is written at the end.
pub(super) struct Section {
    pub(super) name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl Section {
    pub(super) fn bytes(name: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            name,
            dtype: Dtype::U8,
            shape: vec![bytes.len()],
            bytes,
        }
    }

    pub(super) fn numbers(name: &'static str, numbers: &[u64]) -> Self {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
        Self {
            name,
            dtype: Dtype::U64,
            shape: vec![numbers.len()],
            bytes: bytes.collect(),
        }
    }

    pub(super) fn indices(name: &'static str, indices: &[u32]) -> Self {
        let bytes = indices.iter().flat_map(|index| index.to_le_bytes());
        Self {
            name,
            dtype: Dtype::U32,
            shape: vec![indices.len()],
            bytes: bytes.collect(),
        }
    }

    pub(super) fn boxes(name: &'static str, boxes: &[[f64; 4]]) -> Self {
        let numbers = boxes.iter().flatten();
        Self {
            name,
            dtype: Dtype::F64,
            shape: vec![boxes.len(), 4],
            bytes: numbers.flat_map(|number| number.to_le_bytes()).collect(),
        }
    }
}

/// The SHA-256 of a tensor in hexadecimal digits.
pub(super) fn hex(hasher: Sha256) -> String {
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
