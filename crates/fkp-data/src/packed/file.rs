//! Reading a packed file: [`PackedFile`].

use super::header::{Header, PackedMetadata, PackedSource, Tensor};
use super::layout::hex;
use super::storage::Storage;
use super::values::{
    MAX_CONVENTION, MAX_VISIBILITY, NO_GROUP, Part, check_box, check_finite, face_box_of,
    visibility_of,
};
use crate::DataError;
use crate::error::{PackedError, shortened};
use crate::origin::{Labels, Origin, SourceDataset};
use crate::split::SplitIndices;
use fkp_core::{
    BoundingBox, CropRule, Dataset, DatasetError, FaceBox, Image, Keypoint, Keypoints, LabeledBox,
    Sample, Schema, decode_image,
};
use safetensors::tensor::Dtype;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Up to this size a file is copied into memory and its checksums are compared when it is opened. A
/// larger one is mapped.
const COPY_LIMIT: usize = 32 << 20;

/// A data set in the dataset format, `.fkp`: opened, not parsed, however many samples it has.
///
/// A file of at most 32 MiB is read into memory, and its checksums are compared. A larger one is mapped,
/// so that a data set may be larger than memory: each sample is copied out of the mapping when it is
/// requested, and checked like any other input. [`PackedFile::verify`] compares the checksums.
///
/// ```
/// use fkp_core::{Dataset, Image, InMemory, Keypoints, Sample, Schema};
/// use fkp_data::{PackInput, PackOptions, PackedFile, pack};
/// let sample = Sample::new("a", Image::filled(4, 3, 1, 7), Keypoints::unlabeled(15));
/// let set = InMemory::new(Schema::kaggle15(), vec![sample.clone()])?;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("one.fkp");
/// pack(&[PackInput::new("one", std::sync::Arc::new(set))], &path, &PackOptions::default())?;
/// let file = PackedFile::open(&path)?;
/// assert_eq!((file.len(), file.get(0)?), (1, sample));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PackedFile {
    path: PathBuf,
    storage: Storage,
    metadata: PackedMetadata,
    all: std::collections::BTreeMap<String, Tensor>,
    tensors: Tensors,
    len: usize,
}

/// Where the tensors are.
struct Tensors {
    images: Images,
    keypoints: Tensor,
    visibility: Tensor,
    face_boxes: Tensor,
    face_box_conventions: Tensor,
    sources: Tensor,
    is_face: Tensor,
    splits: Tensor,
    attributes: Tensor,
    groups: Tensor,
    ids: Texts,
    group_names: Texts,
    box_offsets: Tensor,
    boxes: Tensor,
    boxes_ignored: Tensor,
}

/// Where the images are.
enum Images {
    Pixels(Tensor),
    Encoded { ranges: Tensor, bytes: Tensor },
}

/// Where texts are: their bytes one after the other, and the offset of each and of the end.
struct Texts {
    offsets: Tensor,
    bytes: Tensor,
}

impl PackedFile {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read, is not in the dataset format, or is truncated; if it is small, also if it
    /// is damaged. Damage in a large file is an error of the sample, or found by [`Self::verify`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::open_copying(path.as_ref(), COPY_LIMIT)
    }

    /// Opens a file, which is copied into memory up to this size.
    pub(super) fn open_copying(path: &Path, copy_limit: usize) -> Result<Self, DataError> {
        let io = DataError::io(path);
        let mut file = File::open(path).map_err(io)?;
        let file_len = file.metadata().map_err(io)?.len();
        let invalid = |error| DataError::packed(path, error);
        let header = Header::read(file_len, |start, out| {
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(out)
        });
        let header = header.map_err(invalid)?;
        let metadata = header.metadata().map_err(invalid)?;
        let (len, tensors) = Tensors::of(&header, &metadata).map_err(invalid)?;
        let storage = Storage::new(file, file_len as usize, copy_limit).map_err(io)?;
        let opened = Self {
            path: path.to_owned(),
            all: header.tensors(),
            metadata,
            tensors,
            len,
            storage,
        };
        if let Storage::Memory(_) = opened.storage {
            opened.verify()?;
        }
        Ok(opened)
    }

    /// Compares the checksums of all tensors, for which the whole file is read.
    ///
    /// # Errors
    /// The first tensor whose bytes are not those that were written.
    pub fn verify(&self) -> Result<(), DataError> {
        for (name, tensor) in &self.all {
            let Some(expected) = self.metadata.checksums.get(name) else {
                continue;
            };
            let mut hasher = Sha256::new();
            let mut buffer = vec![0; tensor.len.min(1 << 20)];
            let mut done = 0;
            while done < tensor.len {
                let part = buffer.len().min(tensor.len - done);
                let out = &mut buffer[..part];
                self.read(tensor.start + done, out)
                    .map_err(|e| self.error(e))?;
                hasher.update(&*out);
                done += part;
            }
            let found = hex(hasher);
            if *expected != found {
                let (name, expected) = (name.clone(), expected.clone());
                return Err(self.error(PackedError::Checksum {
                    name,
                    expected,
                    found,
                }));
            }
        }
        Ok(())
    }

    /// The sources of the samples.
    pub fn sources(&self) -> &[PackedSource] {
        &self.metadata.sources
    }

    /// The rule by which the images were cropped; `None` if they are not crops.
    pub fn crop(&self) -> Option<&CropRule> {
        self.metadata.crop.as_ref()
    }

    /// Which of [`Self::sources`] a sample is from.
    ///
    /// # Errors
    /// If the file is damaged.
    ///
    /// # Panics
    /// If the index is out of range.
    pub fn source_of(&self, index: usize) -> Result<usize, DataError> {
        assert!(
            index < self.len,
            "there are {} samples, not {index}",
            self.len
        );
        let number = self
            .u32_at(&self.tensors.sources, index)
            .map_err(|e| self.error(e))?;
        let count = self.metadata.sources.len();
        let found = self.below(index, "sources", u64::from(number), count);
        found.map_err(|e| self.error(e))
    }

    /// The parts of the predefined split, if there is one.
    pub(crate) fn predefined_split(&self) -> Result<Option<SplitIndices>, DataError> {
        let mut codes = vec![0; self.len];
        let read = self.read(self.tensors.splits.start, &mut codes);
        read.map_err(|e| self.error(e))?;
        let (mut train, mut val) = (Vec::new(), Vec::new());
        for (index, &code) in codes.iter().enumerate() {
            match Part::of(code) {
                Some(Part::Neither) => {}
                Some(Part::Train) => train.push(index),
                Some(Part::Val) => val.push(index),
                None => {
                    return Err(self.error(self.unknown_code(index, "splits", code, Part::MAX)));
                }
            }
        }
        let is_split = !train.is_empty() && !val.is_empty();
        Ok(is_split.then_some(SplitIndices { train, val }))
    }

    fn sample(&self, index: usize) -> Result<Sample, PackedError> {
        let image = self.image(index)?;
        let labels = self.labels_at(index)?;
        Ok(Sample {
            id: labels.id,
            keypoints: labels.keypoints.mark_out_of_frame(image.size()),
            image,
            group: labels.group,
            face_box: self.face_box(index)?,
            boxes: labels.boxes,
            is_face: self.flag(index, "is_face", &self.tensors.is_face, index)?,
            attributes: self.attributes(index)?,
        })
    }

    fn labels_at(&self, index: usize) -> Result<Labels, PackedError> {
        let tensors = &self.tensors;
        let group = self.u32_at(&tensors.groups, index)?;
        let group = match group {
            NO_GROUP => None,
            group => {
                let count = tensors.group_names.offsets.shape[0] - 1;
                let group = self.below(index, "groups", u64::from(group), count)?;
                Some(self.text(index, &tensors.group_names, group, "group_bytes")?)
            }
        };
        Ok(Labels {
            id: self.text(index, &tensors.ids, index, "id_bytes")?,
            keypoints: self.keypoints(index)?,
            group,
            boxes: self.boxes(index)?,
        })
    }

    fn image(&self, index: usize) -> Result<Image, PackedError> {
        match &self.tensors.images {
            Images::Pixels(pixels) => {
                let [_, height, width, channels] = pixels.shape[..] else {
                    return Err(PackedError::MissingTensor { name: "pixels" });
                };
                let size = height * width * channels;
                let mut bytes = vec![0; size];
                self.read(pixels.start + index * size, &mut bytes)?;
                let image = Image::new(width, height, channels, bytes);
                image.map_err(|_| PackedError::WrongTensor {
                    name: "pixels",
                    expected: "images of 1 to 4 channels".to_owned(),
                    found: format!("{:?}", pixels.shape),
                })
            }
            Images::Encoded { ranges, bytes } => {
                let file = self.encoded(index, ranges, bytes)?;
                decode_image(&file).map_err(|source| PackedError::Image { index, source })
            }
        }
    }

    fn encoded(
        &self,
        index: usize,
        ranges: &Tensor,
        bytes: &Tensor,
    ) -> Result<Vec<u8>, PackedError> {
        let start = self.u64_at(ranges, 2 * index)?;
        let end = self.u64_at(ranges, 2 * index + 1)?;
        self.range(index, "image_ranges", bytes, [start, end])
    }

    fn keypoints(&self, index: usize) -> Result<Keypoints, PackedError> {
        let count = self.metadata.schema.len();
        let mut codes = vec![0; count];
        self.read(self.tensors.visibility.start + index * count, &mut codes)?;
        let mut xy = vec![0; 8 * count];
        self.read(self.tensors.keypoints.start + index * 8 * count, &mut xy)?;
        let (numbers, _) = xy.as_chunks::<4>();
        let mut keypoints = Vec::with_capacity(count);
        for (keypoint, &code) in codes.iter().enumerate() {
            let visibility = visibility_of(code);
            let visibility = visibility
                .ok_or_else(|| self.unknown_code(index, "visibility", code, MAX_VISIBILITY))?;
            let [x, y] = [0, 1].map(|axis| f32::from_le_bytes(numbers[2 * keypoint + axis]));
            let read = Keypoint { x, y, visibility };
            if !read.is_labeled() {
                keypoints.push(Keypoint::unlabeled());
                continue;
            }
            let name = || format!("keypoint `{}`", self.metadata.schema.keypoints()[keypoint]);
            check_finite(index, name, x.into())?;
            check_finite(index, name, y.into())?;
            keypoints.push(read);
        }
        Ok(Keypoints::new(keypoints))
    }

    fn face_box(&self, index: usize) -> Result<Option<FaceBox>, PackedError> {
        let name = "face_box_conventions";
        let code = self.u8_at(&self.tensors.face_box_conventions, index)?;
        let bounds = self.bounds(&self.tensors.face_boxes, index)?;
        let face_box = face_box_of(code, bounds)
            .ok_or_else(|| self.unknown_code(index, name, code, MAX_CONVENTION))?;
        if face_box.is_some() {
            check_box(index, "face_boxes", &bounds)?;
        }
        Ok(face_box)
    }

    fn boxes(&self, index: usize) -> Result<Vec<LabeledBox>, PackedError> {
        let tensors = &self.tensors;
        let start = self.u64_at(&tensors.box_offsets, index)?;
        let end = self.u64_at(&tensors.box_offsets, index + 1)?;
        let count = tensors.boxes.shape[0] as u64;
        if start > end || end > count {
            let name = "box_offsets";
            return Err(PackedError::InvalidRange {
                index,
                name,
                start,
                end,
            });
        }
        let boxes = (start as usize..end as usize).map(|number| {
            let bounds = self.bounds(&tensors.boxes, number)?;
            check_box(index, "boxes", &bounds)?;
            let ignore = self.flag(index, "boxes_ignored", &tensors.boxes_ignored, number)?;
            Ok(LabeledBox { bounds, ignore })
        });
        boxes.collect()
    }

    fn attributes(&self, index: usize) -> Result<Vec<String>, PackedError> {
        let bits = self.u64_at(&self.tensors.attributes, index)?;
        let names = &self.metadata.attributes;
        let known = match names.len() {
            64 => u64::MAX,
            count => (1 << count) - 1,
        };
        if bits & !known != 0 {
            let name = "attributes";
            return Err(PackedError::OutOfRange {
                index,
                name,
                value: bits,
                limit: known,
            });
        }
        let set = names
            .iter()
            .enumerate()
            .filter(|(bit, _)| bits >> bit & 1 == 1);
        Ok(set.map(|(_, name)| name.clone()).collect())
    }

    /// Text number `number` of a list.
    fn text(
        &self,
        index: usize,
        texts: &Texts,
        number: usize,
        name: &'static str,
    ) -> Result<String, PackedError> {
        let start = self.u64_at(&texts.offsets, number)?;
        let end = self.u64_at(&texts.offsets, number + 1)?;
        let bytes = self.range(index, name, &texts.bytes, [start, end])?;
        String::from_utf8(bytes).map_err(|error| PackedError::NotUtf8 {
            index,
            name,
            text: shortened(error.as_bytes()),
        })
    }

    /// Some bytes of a tensor of bytes.
    fn range(
        &self,
        index: usize,
        name: &'static str,
        tensor: &Tensor,
        [start, end]: [u64; 2],
    ) -> Result<Vec<u8>, PackedError> {
        if start > end || end > tensor.len as u64 {
            return Err(PackedError::InvalidRange {
                index,
                name,
                start,
                end,
            });
        }
        let mut bytes = vec![0; (end - start) as usize];
        self.read(tensor.start + start as usize, &mut bytes)?;
        Ok(bytes)
    }

    fn flag(
        &self,
        index: usize,
        name: &'static str,
        tensor: &Tensor,
        number: usize,
    ) -> Result<bool, PackedError> {
        match self.u8_at(tensor, number)? {
            0 => Ok(false),
            1 => Ok(true),
            code => Err(self.unknown_code(index, name, code, 1)),
        }
    }

    fn bounds(&self, tensor: &Tensor, number: usize) -> Result<BoundingBox, PackedError> {
        let mut bytes = [0; 32];
        self.read(tensor.start + 32 * number, &mut bytes)?;
        let (numbers, _) = bytes.as_chunks::<8>();
        let [x, y, width, height] = [0, 1, 2, 3].map(|i| f64::from_le_bytes(numbers[i]));
        Ok(BoundingBox {
            x,
            y,
            width,
            height,
        })
    }

    fn u8_at(&self, tensor: &Tensor, number: usize) -> Result<u8, PackedError> {
        let mut bytes = [0];
        self.read(tensor.start + number, &mut bytes)?;
        Ok(bytes[0])
    }

    fn u32_at(&self, tensor: &Tensor, number: usize) -> Result<u32, PackedError> {
        let mut bytes = [0; 4];
        self.read(tensor.start + 4 * number, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64_at(&self, tensor: &Tensor, number: usize) -> Result<u64, PackedError> {
        let mut bytes = [0; 8];
        self.read(tensor.start + 8 * number, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn read(&self, start: usize, out: &mut [u8]) -> Result<(), PackedError> {
        let read = self.storage.read(start, out);
        read.map_err(|source| PackedError::Read { source })
    }

    fn below(
        &self,
        index: usize,
        name: &'static str,
        value: u64,
        count: usize,
    ) -> Result<usize, PackedError> {
        if value < count as u64 {
            return Ok(value as usize);
        }
        let limit = (count as u64).saturating_sub(1);
        Err(PackedError::OutOfRange {
            index,
            name,
            value,
            limit,
        })
    }

    fn unknown_code(&self, index: usize, name: &'static str, code: u8, max: u8) -> PackedError {
        PackedError::OutOfRange {
            index,
            name,
            value: code.into(),
            limit: max.into(),
        }
    }

    fn error(&self, error: PackedError) -> DataError {
        DataError::packed(&self.path, error)
    }
}

impl std::fmt::Debug for PackedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackedFile")
            .field("path", &self.path)
            .field("schema", &self.metadata.schema.name())
            .field("samples", &self.len)
            .finish_non_exhaustive()
    }
}

impl Dataset for PackedFile {
    fn schema(&self) -> &Schema {
        &self.metadata.schema
    }

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        if index >= self.len {
            return Err(DatasetError::out_of_range(index, self.len));
        }
        let sample = self.sample(index);
        sample.map_err(|error| DatasetError::new(index, self.error(error)))
    }
}

impl SourceDataset for PackedFile {
    fn origin(&self, index: usize) -> Origin {
        // Damage is an error when the sample is read; here it is an image and a person of its own.
        let image = match &self.tensors.images {
            Images::Pixels(_) => index,
            Images::Encoded { ranges, .. } => self
                .u64_at(ranges, 2 * index)
                .map_or(index, |start| start as usize),
        };
        let group = self.u32_at(&self.tensors.groups, index).unwrap_or(NO_GROUP);
        let person = (group != NO_GROUP).then_some(group as usize);
        Origin { image, person }
    }

    fn labels(&self, index: usize) -> Result<Labels, DataError> {
        self.labels_at(index).map_err(|error| self.error(error))
    }

    fn encoded_image(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        match &self.tensors.images {
            Images::Pixels(_) => Ok(None),
            Images::Encoded { ranges, bytes } => {
                let encoded = self.encoded(index, ranges, bytes);
                encoded.map(Some).map_err(|error| self.error(error))
            }
        }
    }
}

impl Tensors {
    /// The tensors of a header with the shapes that the format requires, and the number of samples.
    fn of(header: &Header, metadata: &PackedMetadata) -> Result<(usize, Self), PackedError> {
        let k = Some(metadata.schema.len());
        let splits = header.tensor("splits", Dtype::U8, &[None])?;
        let len = splits.shape[0];
        let n = Some(len);
        let after = len.checked_add(1);
        let images = match header.has("pixels") {
            true => Images::Pixels(header.tensor("pixels", Dtype::U8, &[n, None, None, None])?),
            false => Images::Encoded {
                ranges: header.tensor("image_ranges", Dtype::U64, &[n, Some(2)])?,
                bytes: header.tensor("image_bytes", Dtype::U8, &[None])?,
            },
        };
        let boxes = header.tensor("boxes", Dtype::F64, &[None, Some(4)])?;
        let group_offsets = header.tensor("group_offsets", Dtype::U64, &[None])?;
        if group_offsets.shape[0] == 0 {
            return Err(PackedError::WrongTensor {
                name: "group_offsets",
                expected: "U64 [groups + 1]".to_owned(),
                found: "U64 [0]".to_owned(),
            });
        }
        let tensors = Self {
            keypoints: header.tensor("keypoints", Dtype::F32, &[n, k, Some(2)])?,
            visibility: header.tensor("visibility", Dtype::U8, &[n, k])?,
            face_boxes: header.tensor("face_boxes", Dtype::F64, &[n, Some(4)])?,
            face_box_conventions: header.tensor("face_box_conventions", Dtype::U8, &[n])?,
            sources: header.tensor("sources", Dtype::U32, &[n])?,
            is_face: header.tensor("is_face", Dtype::U8, &[n])?,
            attributes: header.tensor("attributes", Dtype::U64, &[n])?,
            groups: header.tensor("groups", Dtype::U32, &[n])?,
            ids: Texts {
                offsets: header.tensor("id_offsets", Dtype::U64, &[after])?,
                bytes: header.tensor("id_bytes", Dtype::U8, &[None])?,
            },
            group_names: Texts {
                offsets: group_offsets,
                bytes: header.tensor("group_bytes", Dtype::U8, &[None])?,
            },
            box_offsets: header.tensor("box_offsets", Dtype::U64, &[after])?,
            boxes_ignored: header.tensor("boxes_ignored", Dtype::U8, &[Some(boxes.shape[0])])?,
            boxes,
            images,
            splits,
        };
        Ok((len, tensors))
    }
}
