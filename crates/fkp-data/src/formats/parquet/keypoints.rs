//! The keypoints in the row of a Parquet file, as numbers in lists.

use crate::coco_values::visibility;
use crate::error::{AnnotationError, shortened};
use crate::table::checked_coordinate;
use fkp_core::{Keypoint, Visibility};
use parquet::record::Field;

/// Keypoints as they are written; `None` for a null.
pub(super) enum Written {
    Flat(Vec<Option<f64>>),
    Nested(Vec<Option<Vec<Option<f64>>>>),
}

impl Written {
    /// Whether the numbers may be x, y and visibility of each keypoint in one list: each third is such
    /// a flag.
    pub(super) fn may_be_in_threes(&self) -> bool {
        match self {
            Self::Nested(_) => false,
            Self::Flat(numbers) => {
                let (triples, rest) = numbers.as_chunks::<3>();
                let mut triples = triples.iter();
                rest.is_empty() && triples.all(|triple| matches!(triple[2], Some(0.0 | 1.0 | 2.0)))
            }
        }
    }
}

/// The keypoints of a column of lists.
pub(super) fn written(field: &Field) -> Result<Written, AnnotationError> {
    let Field::ListInternal(list) = field else {
        return Err(match field {
            Field::Null => AnnotationError::EmptyCell,
            other => not_a("a list", other),
        });
    };
    let elements = list.elements().iter();
    let is_nested = |field: &Field| matches!(field, Field::ListInternal(_));
    if !elements.clone().any(is_nested) {
        return Ok(Written::Flat(numbers_of(field)?));
    }
    let keypoints = elements.map(|element| match element {
        Field::Null => Ok(None),
        list => numbers_of(list).map(Some),
    });
    Ok(Written::Nested(keypoints.collect::<Result<_, _>>()?))
}

/// The numbers of a list.
pub(super) fn numbers_of(field: &Field) -> Result<Vec<Option<f64>>, AnnotationError> {
    match field {
        Field::ListInternal(list) => list.elements().iter().map(number_of).collect(),
        other => Err(not_a("a list of numbers", other)),
    }
}

/// A number, or `None` for a null.
pub(super) fn number_of(field: &Field) -> Result<Option<f64>, AnnotationError> {
    Ok(Some(match field {
        Field::Null => return Ok(None),
        Field::Byte(value) => f64::from(*value),
        Field::Short(value) => f64::from(*value),
        Field::Int(value) => f64::from(*value),
        Field::Long(value) => *value as f64,
        Field::UByte(value) => f64::from(*value),
        Field::UShort(value) => f64::from(*value),
        Field::UInt(value) => f64::from(*value),
        Field::ULong(value) => *value as f64,
        Field::Float(value) => f64::from(*value),
        Field::Double(value) => *value,
        other => return Err(not_a("a number", other)),
    }))
}

fn not_a(expected: &'static str, found: &Field) -> AnnotationError {
    let found = match found {
        Field::Bytes(_) => "bytes".to_owned(),
        other => format!("`{}`", shortened(other.to_string().as_bytes())),
    };
    AnnotationError::Syntax { expected, found }
}

/// An error in a keypoint, or, without its index, in the column of the visibility.
pub(super) type InKeypoint = (Option<usize>, AnnotationError);

/// The keypoints of a row; `flags` is its column of the visibility. `in_threes`: a flat list has x, y
/// and visibility of each.
pub(super) fn keypoints(
    written: &Written,
    flags: Option<&[Option<f64>]>,
    in_threes: bool,
) -> Result<Vec<Keypoint>, InKeypoint> {
    let lists: Vec<Option<&[Option<f64>]>> = match written {
        Written::Nested(lists) => lists.iter().map(Option::as_deref).collect(),
        Written::Flat(numbers) => {
            let width = if in_threes { 3 } else { 2 };
            if numbers.len() % width != 0 {
                let found = format!("{}", numbers.len());
                let expected = "an even number of numbers, x and y of each keypoint";
                return Err((Some(0), AnnotationError::Syntax { expected, found }));
            }
            numbers.chunks(width).map(Some).collect()
        }
    };
    if let Some(flags) = flags.filter(|flags| flags.len() != lists.len()) {
        let error = AnnotationError::KeypointCount {
            expected: lists.len(),
            found: flags.len(),
            reason: ", as the column of keypoints has".to_owned(),
        };
        return Err((None, error));
    }
    let keypoint = |(index, list): (usize, &Option<&[Option<f64>]>)| {
        let invalid = |error| (Some(index), error);
        let (x, y, own_flag) = match list {
            None => return Ok(Keypoint::unlabeled()),
            Some([x, y]) => (*x, *y, None),
            Some([x, y, flag]) => (*x, *y, *flag),
            Some(other) => {
                let found = format!("{}", other.len());
                let expected = "two or three numbers";
                return Err(invalid(AnnotationError::Syntax { expected, found }));
            }
        };
        let flag = flags.map_or(own_flag, |flags| flags[index]);
        let visibility = visibility(index, flag.unwrap_or(2.0)).map_err(invalid)?;
        // pandas writes NaN for a missing number.
        let present = |value: Option<f64>| value.filter(|value| !value.is_nan());
        let (x, y) = match (present(x), present(y)) {
            _ if visibility == Visibility::Unlabeled => return Ok(Keypoint::unlabeled()),
            (None, None) => return Ok(Keypoint::unlabeled()),
            (Some(x), Some(y)) => (x, y),
            _ => return Err(invalid(AnnotationError::MissingCoordinate)),
        };
        let checked = |value: f64| checked_coordinate(value, || value.to_string()).map_err(invalid);
        Ok(Keypoint {
            x: checked(x)? as f32,
            y: checked(y)? as f32,
            visibility,
        })
    };
    lists.iter().enumerate().map(keypoint).collect()
}
