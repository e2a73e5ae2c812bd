//! How the values of a sample are written as numbers.

use crate::error::PackedError;
use crate::table::MAX_COORDINATE_PX;
use fkp_core::{BoundingBox, BoxConvention, FaceBox, Visibility};

/// The number of no group.
pub(super) const NO_GROUP: u32 = u32::MAX;

/// The number of a visibility: that of COCO, and 3 for out of frame.
pub(super) fn visibility_code(visibility: Visibility) -> u8 {
    match visibility {
        Visibility::Unlabeled => 0,
        Visibility::Occluded => 1,
        Visibility::Visible => 2,
        Visibility::OutOfFrame => 3,
    }
}

/// The inverse of [`visibility_code`].
pub(super) fn visibility_of(code: u8) -> Option<Visibility> {
    Some(match code {
        0 => Visibility::Unlabeled,
        1 => Visibility::Occluded,
        2 => Visibility::Visible,
        3 => Visibility::OutOfFrame,
        _ => return None,
    })
}

/// The largest number of [`visibility_code`].
pub(super) const MAX_VISIBILITY: u8 = 3;

/// The number of the convention of a face box; 0 is no box.
pub(super) fn convention_code(face_box: Option<&FaceBox>) -> u8 {
    match face_box.map(|face_box| face_box.convention) {
        None => 0,
        Some(BoxConvention::Face) => 1,
        Some(BoxConvention::Keypoints) => 2,
        Some(BoxConvention::Crop) => 3,
    }
}

/// The face box of this convention; `None` for an unknown number.
pub(super) fn face_box_of(code: u8, bounds: BoundingBox) -> Option<Option<FaceBox>> {
    Some(match code {
        0 => None,
        1 => Some(FaceBox::face(bounds)),
        2 => Some(FaceBox::keypoints(bounds)),
        3 => Some(FaceBox::crop(bounds)),
        _ => return None,
    })
}

/// The largest number of [`convention_code`].
pub(super) const MAX_CONVENTION: u8 = 3;

/// The part of a predefined split that a sample is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Neither,
    Train,
    Val,
}

impl Part {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Neither => 0,
            Self::Train => 1,
            Self::Val => 2,
        }
    }

    pub(super) fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Neither,
            1 => Self::Train,
            2 => Self::Val,
            _ => return None,
        })
    }

    /// The largest number of [`Part::code`].
    pub(super) const MAX: u8 = 2;
}

/// Checks a coordinate or a side of a box that is read or written.
pub(super) fn check_finite(
    index: usize,
    what: impl FnOnce() -> String,
    value: f64,
) -> Result<(), PackedError> {
    if value.abs() <= MAX_COORDINATE_PX {
        return Ok(());
    }
    let what = what();
    Err(PackedError::NotFinite { index, what, value })
}

/// The same for the numbers of a box, whose sides are not negative.
pub(super) fn check_box(
    index: usize,
    name: &'static str,
    bounds: &BoundingBox,
) -> Result<(), PackedError> {
    let BoundingBox {
        x,
        y,
        width,
        height,
    } = *bounds;
    for value in [x, y, width, height] {
        check_finite(index, || name.to_owned(), value)?;
    }
    for value in [width, height] {
        let size = if value < 0.0 { f64::NAN } else { value };
        check_finite(index, || format!("{name}, a side"), size)?;
    }
    Ok(())
}
