//! Where the tensors of a packed file are.

use super::header::{Header, PackedMetadata, Tensor};
use crate::error::PackedError;
use safetensors::tensor::Dtype;

/// Where the tensors are.
pub(super) struct Tensors {
    pub(super) images: Images,
    pub(super) keypoints: Tensor,
    pub(super) visibility: Tensor,
    pub(super) face_boxes: Tensor,
    pub(super) face_box_conventions: Tensor,
    pub(super) sources: Tensor,
    pub(super) is_face: Tensor,
    pub(super) splits: Tensor,
    pub(super) attributes: Tensor,
    pub(super) groups: Tensor,
    pub(super) ids: Texts,
    pub(super) group_names: Texts,
    pub(super) box_offsets: Tensor,
    pub(super) boxes: Tensor,
    pub(super) boxes_ignored: Tensor,
}

/// Where the images are.
pub(super) enum Images {
    Pixels(Tensor),
    Encoded { ranges: Tensor, bytes: Tensor },
}

/// Where texts are: their bytes one after the other, and the offset of each and of the end.
pub(super) struct Texts {
    pub(super) offsets: Tensor,
    pub(super) bytes: Tensor,
}

impl Tensors {
    /// The tensors of a header with the shapes that the format requires, and the number of samples.
    pub(super) fn of(
        header: &Header,
        metadata: &PackedMetadata,
    ) -> Result<(usize, Self), PackedError> {
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
