//! The samples in the bytes of a packed file. All that is read is checked: nothing in a file is trusted.

use super::header::{PackedMetadata, Tensor};
use super::layout::hex;
use super::storage::Storage;
use super::tensors::{Images, Tensors, Texts};
use super::values::{
    MAX_CONVENTION, MAX_VISIBILITY, NO_GROUP, Part, check_box, check_finite, face_box_of,
    visibility_of,
};
use crate::error::{PackedError, shortened};
use crate::origin::{Labels, Origin};
use crate::split::SplitIndices;
use fkp_core::{
    BoundingBox, FaceBox, Image, Keypoint, Keypoints, LabeledBox, Sample, decode_image,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The bytes of a packed file and what its header says of them.
pub(super) struct Contents {
    pub(super) storage: Storage,
    pub(super) metadata: PackedMetadata,
    /// All tensors by name, for their checksums.
    pub(super) all: BTreeMap<String, Tensor>,
    pub(super) tensors: Tensors,
    /// Number of samples.
    pub(super) len: usize,
}

impl Contents {
    /// Compares the checksums of all tensors.
    pub(super) fn verify(&self) -> Result<(), PackedError> {
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
                self.read(tensor.start + done, out)?;
                hasher.update(&*out);
                done += part;
            }
            let found = hex(hasher);
            if *expected != found {
                let (name, expected) = (name.clone(), expected.clone());
                return Err(PackedError::Checksum {
                    name,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// The number of the source of a sample.
    pub(super) fn source_of(&self, index: usize) -> Result<usize, PackedError> {
        let number = self.u32_at(&self.tensors.sources, index)?;
        let count = self.metadata.sources.len();
        self.below(index, "sources", u64::from(number), count)
    }

    /// The parts of the predefined split, if there is one.
    pub(super) fn predefined_split(&self) -> Result<Option<SplitIndices>, PackedError> {
        let mut codes = vec![0; self.len];
        self.read(self.tensors.splits.start, &mut codes)?;
        let (mut train, mut val) = (Vec::new(), Vec::new());
        for (index, &code) in codes.iter().enumerate() {
            match Part::of(code) {
                Some(Part::Neither) => {}
                Some(Part::Train) => train.push(index),
                Some(Part::Val) => val.push(index),
                None => return Err(self.unknown_code(index, "splits", code, Part::MAX)),
            }
        }
        let is_split = !train.is_empty() && !val.is_empty();
        Ok(is_split.then_some(SplitIndices { train, val }))
    }

    /// The image and the person of a sample. Damage is an error when the sample is read; here it is an
    /// image and a person of its own.
    pub(super) fn origin(&self, index: usize) -> Origin {
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

    /// Width and height of the images, if they are pixels.
    pub(super) fn pixel_size(&self) -> Option<(usize, usize)> {
        match &self.tensors.images {
            Images::Pixels(pixels) => match pixels.shape[..] {
                [_, height, width, _] => Some((width, height)),
                _ => None,
            },
            Images::Encoded { .. } => None,
        }
    }

    /// The bytes of the image file of a sample; `None` if the images are pixels.
    pub(super) fn encoded_image(&self, index: usize) -> Result<Option<Vec<u8>>, PackedError> {
        match &self.tensors.images {
            Images::Pixels(_) => Ok(None),
            Images::Encoded { ranges, bytes } => self.encoded(index, ranges, bytes).map(Some),
        }
    }

    pub(super) fn sample(&self, index: usize) -> Result<Sample, PackedError> {
        let image = self.image(index)?;
        let labels = self.labels(index)?;
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

    pub(super) fn labels(&self, index: usize) -> Result<Labels, PackedError> {
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
}
