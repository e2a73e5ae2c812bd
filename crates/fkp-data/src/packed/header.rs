//! The header of a packed file: what tensors it has, and what they mean.

use crate::DataError;
use crate::error::PackedError;
use crate::files::read_head;
use fkp_core::{CropRule, Schema};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The value of the entry `format` in the metadata.
pub(super) const FORMAT: &str = "fkp";
/// The version of the format that is written, and the only one that is read.
pub(super) const VERSION: &str = "1";
/// The largest header that is read, in bytes: that of the `safetensors` package.
const MAX_HEADER: u64 = 100_000_000;
/// The length of the header comes first.
pub(super) const LENGTH_BYTES: usize = 8;
/// Number of attributes that fit into the bits of one number.
pub(super) const MAX_ATTRIBUTES: usize = 64;
/// Bytes of the names of all attributes, for which a header has room when it is reserved.
pub(super) const MAX_ATTRIBUTE_BYTES: usize = 4 << 10;

/// One of the sources of a packed data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackedSource {
    /// Name of the source, such as that of its folder.
    pub name: String,
    /// The license of the images and labels, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
}

/// What the metadata of a packed file says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PackedMetadata {
    pub(super) schema: Schema,
    pub(super) sources: Vec<PackedSource>,
    /// The names of the bits of the tensor `attributes`.
    pub(super) attributes: Vec<String>,
    /// The rule by which the images were cropped, if they are crops.
    pub(super) crop: Option<CropRule>,
    /// The SHA-256 of each tensor, in hexadecimal digits.
    pub(super) checksums: BTreeMap<String, String>,
}

/// Where a tensor is in the file, and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    /// The first byte, from the start of the file.
    pub(super) start: usize,
    /// Number of bytes.
    pub(super) len: usize,
    pub(super) shape: Vec<usize>,
}

/// The parsed header.
pub(super) struct Header {
    metadata: Metadata,
    /// Number of bytes before the data of the tensors.
    data_start: usize,
}

/// Whether the file starts like a packed file.
pub(crate) fn is_packed(path: &Path) -> Result<bool, DataError> {
    let head = read_head(path)?;
    let Some((length, json)) = head.split_first_chunk::<LENGTH_BYTES>() else {
        return Ok(false);
    };
    // Most files are of other formats: they are not searched.
    if json.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Ok(false);
    }
    let length = u64::from_le_bytes(*length).min(json.len() as u64) as usize;
    let marker = format!("\"format\":\"{FORMAT}\"");
    let compact: Vec<u8> = json[..length]
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let mut windows = compact.windows(marker.len());
    Ok(windows.any(|window| window == marker.as_bytes()))
}

impl Header {
    /// Parses the header of a file of `file_len` bytes. `read` returns bytes from a position on.
    pub(super) fn read(
        file_len: u64,
        mut read: impl FnMut(u64, &mut [u8]) -> std::io::Result<()>,
    ) -> Result<Self, PackedError> {
        let mut length = [0; LENGTH_BYTES];
        if file_len < LENGTH_BYTES as u64 {
            return Err(PackedError::NotPacked);
        }
        read(0, &mut length).map_err(|source| PackedError::Read { source })?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER.min(file_len - LENGTH_BYTES as u64) {
            return Err(PackedError::NotPacked);
        }
        let mut json = vec![0; length as usize];
        read(LENGTH_BYTES as u64, &mut json).map_err(|source| PackedError::Read { source })?;
        let metadata: Metadata =
            serde_json::from_slice(&json).map_err(|source| PackedError::Header { source })?;
        let data_start = LENGTH_BYTES as u64 + length;
        let expected = data_start.checked_add(metadata.data_len() as u64);
        if expected != Some(file_len) {
            return Err(PackedError::FileLength {
                expected: expected.unwrap_or(u64::MAX),
                found: file_len,
            });
        }
        Ok(Self {
            metadata,
            data_start: data_start as usize,
        })
    }

    /// The entries of the metadata.
    pub(super) fn metadata(&self) -> Result<PackedMetadata, PackedError> {
        let empty = HashMap::new();
        let entries = self.metadata.metadata().as_ref().unwrap_or(&empty);
        let text = |key: &str| entries.get(key).map(String::as_str);
        if text("format") != Some(FORMAT) {
            return Err(PackedError::NotPacked);
        }
        let version = text("version").unwrap_or_default();
        if version != VERSION {
            return Err(PackedError::Version {
                found: version.to_owned(),
            });
        }
        let required = |key: &'static str| text(key).ok_or(PackedError::MissingEntry { key });
        let metadata = PackedMetadata {
            schema: parsed("schema", required("schema")?)?,
            sources: parsed("sources", required("sources")?)?,
            attributes: parsed("attributes", text("attributes").unwrap_or("[]"))?,
            crop: text("crop").map(|json| parsed("crop", json)).transpose()?,
            checksums: parsed("checksums", text("checksums").unwrap_or("{}"))?,
        };
        if metadata.attributes.len() > MAX_ATTRIBUTES {
            return Err(PackedError::TooManyAttributes {
                count: metadata.attributes.len(),
            });
        }
        Ok(metadata)
    }

    /// A tensor of this element type and shape, in which `None` is any size.
    pub(super) fn tensor(
        &self,
        name: &'static str,
        dtype: Dtype,
        shape: &[Option<usize>],
    ) -> Result<Tensor, PackedError> {
        let info = self.metadata.info(name);
        let info = info.ok_or(PackedError::MissingTensor { name })?;
        let mut sizes = info.shape.iter().zip(shape);
        let is_equal = |(size, expected): (&usize, &Option<usize>)| {
            expected.is_none_or(|expected| *size == expected)
        };
        if info.dtype != dtype || info.shape.len() != shape.len() || !sizes.all(is_equal) {
            let sizes = shape.iter().map(|size| match size {
                Some(size) => size.to_string(),
                None => "any".to_owned(),
            });
            return Err(PackedError::WrongTensor {
                name,
                expected: format!("{dtype:?} [{}]", sizes.collect::<Vec<_>>().join(", ")),
                found: format!("{:?} {:?}", info.dtype, info.shape),
            });
        }
        Ok(self.located(info))
    }

    /// Whether there is a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.metadata.info(name).is_some()
    }

    /// All tensors, by name.
    pub(super) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let tensors = self.metadata.tensors();
        let located = tensors
            .iter()
            .map(|(name, info)| (name, self.located(info)));
        located
            .map(|(name, tensor)| (name.clone(), tensor))
            .collect()
    }

    fn located(&self, info: &TensorInfo) -> Tensor {
        let (start, end) = info.data_offsets;
        Tensor {
            start: self.data_start + start,
            len: end - start,
            shape: info.shape.clone(),
        }
    }
}

fn parsed<T: DeserializeOwned>(key: &'static str, json: &str) -> Result<T, PackedError> {
    serde_json::from_str(json).map_err(|source| PackedError::Entry { key, source })
}

/// The JSON of a header, whose tensors are (name, info) with offsets from the start of the data. Equal
/// input gives equal bytes: all keys are sorted.
pub(super) fn to_json(
    metadata: &PackedMetadata,
    tensors: &[(&'static str, TensorInfo)],
) -> Result<String, serde_json::Error> {
    let mut entries = Map::new();
    let mut insert = |key: &str, text: String| entries.insert(key.to_owned(), Value::from(text));
    insert("format", FORMAT.to_owned());
    insert("version", VERSION.to_owned());
    insert("schema", serde_json::to_string(&metadata.schema)?);
    insert("sources", serde_json::to_string(&metadata.sources)?);
    insert("attributes", serde_json::to_string(&metadata.attributes)?);
    insert("checksums", serde_json::to_string(&metadata.checksums)?);
    if let Some(crop) = &metadata.crop {
        insert("crop", serde_json::to_string(crop)?);
    }
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), Value::Object(entries));
    for (name, info) in tensors {
        header.insert((*name).to_owned(), json!(info));
    }
    serde_json::to_string(&header)
}
