//! Border rules, on pixel indices and on coordinates.

use super::coords::{BLOCK, at_least};
use crate::Channel;
use serde::{Deserialize, Serialize};

/// The pixels outside the image. The names are OpenCV's; Keras' `fill_mode` in brackets.
///
/// In a file: `"constant"` for black, `{ constant = 7 }`, `"replicate"`, `"reflect"`,
/// `"reflect101"` or `"wrap"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", from = "Written")]
pub enum Border {
    /// A constant value in every channel (`constant`).
    Constant(u8),
    /// The edge pixel repeated, `aaa|abcd|ddd` (`nearest`).
    #[default]
    Replicate,
    /// The image reflected about its edge, `cba|abcd|dcb` (`reflect`).
    Reflect,
    /// The image reflected about the center of the edge pixel, `dcb|abcd|cba`.
    Reflect101,
    /// The image repeated, `bcd|abcd|abc` (`wrap`).
    Wrap,
}

/// How a [`Border`] may be written in a file.
#[derive(Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected \"constant\", { constant = 0 to 255 }, \"replicate\", \
                               \"reflect\", \"reflect101\" or \"wrap\""
)]
enum Written {
    Name(Name),
    Valued { constant: u8 },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Constant,
    Replicate,
    Reflect,
    Reflect101,
    Wrap,
}

impl From<Written> for Border {
    fn from(written: Written) -> Self {
        match written {
            Written::Name(Name::Constant) => Self::Constant(0),
            Written::Name(Name::Replicate) => Self::Replicate,
            Written::Name(Name::Reflect) => Self::Reflect,
            Written::Name(Name::Reflect101) => Self::Reflect101,
            Written::Name(Name::Wrap) => Self::Wrap,
            Written::Valued { constant } => Self::Constant(constant),
        }
    }
}

impl Border {
    /// The pixel in `0..len` whose value pixel `i` has along one axis; `None` if it has the
    /// constant value. `len` is at least 1.
    ///
    /// ```
    /// use fkp_core::Border;
    /// assert_eq!(Border::Reflect.index(-2, 4), Some(1));
    /// assert_eq!(Border::Constant(0).index(-2, 4), None);
    /// ```
    #[inline(always)]
    pub fn index(self, i: i64, len: usize) -> Option<usize> {
        let len = len as i64;
        if (0..len).contains(&i) {
            return Some(i as usize);
        }
        let inside = match self {
            Self::Constant(_) => return None,
            Self::Replicate => i.clamp(0, len - 1),
            Self::Wrap => i.rem_euclid(len),
            Self::Reflect => {
                let i = i.rem_euclid(2 * len);
                i.min(2 * len - 1 - i)
            }
            Self::Reflect101 => {
                let period = (2 * len - 2).max(1);
                let i = i.rem_euclid(period);
                i.min(period - i).min(len - 1)
            }
        };
        Some(inside as usize)
    }

    /// The constant value as a channel of type `T`; 0 for the other rules.
    pub(super) fn constant<T: Channel>(self) -> T {
        match self {
            Self::Constant(value) => T::from_f32(f32::from(value) / 255.0 * T::WHITE),
            _ => T::default(),
        }
    }
}

/// Maps the coordinates along one axis into `[0, len − 1]`, so that a bilinear sample there has the
/// value that the border rule defines. The image is padded by one pixel on each side for a constant
/// border and by a copy of the first pixel after the last for a wrapped one; `len` includes them.
#[inline(always)]
pub(super) fn coordinates(values: &mut [f32; BLOCK], len: usize, border: Border) {
    let last = (len - 1) as f32;
    match border {
        Border::Replicate => clamp(values, 0.0, last),
        Border::Constant(_) => {
            clamp(values, -1.0, last - 1.0);
            values.iter_mut().for_each(|v| *v += 1.0);
        }
        Border::Reflect101 => {
            let period = (2.0 * last).max(1.0);
            for v in values.iter_mut() {
                let u = v.abs();
                let u = u - period * (u / period).floor();
                *v = last - (last - u).abs();
            }
            // An image of one pixel cannot be reflected; rounding may leave the interval.
            clamp(values, 0.0, last);
        }
        Border::Reflect => {
            let span = len as f32;
            for v in values.iter_mut() {
                let u = (*v + 0.5).abs();
                let u = u - 2.0 * span * (u / (2.0 * span)).floor();
                *v = span - (span - u).abs() - 0.5;
            }
            clamp(values, 0.0, last);
        }
        Border::Wrap => {
            // `last` is the number of pixels without the copy.
            for v in values.iter_mut() {
                *v -= last * (*v / last).floor();
            }
            clamp(values, 0.0, last);
        }
    }
}

#[inline(always)]
fn clamp(values: &mut [f32; BLOCK], low: f32, high: f32) {
    values
        .iter_mut()
        .for_each(|v| *v = at_most(at_least(*v, low), high));
}

/// `value`, or `high` if that is smaller or `value` is NaN.
#[inline(always)]
fn at_most(value: f32, high: f32) -> f32 {
    if value < high { value } else { high }
}
