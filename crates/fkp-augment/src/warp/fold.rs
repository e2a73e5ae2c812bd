//! Border rules, on coordinates and on pixel indices.

use super::BLOCK;
use fkp_core::Border;

/// Brings the coordinates along one axis into `[0, len − 1]`, such that a bilinear sample there is
/// what the border rule asks for. A constant border has a frame of one pixel around the picture
/// and a wrapped one a copy of the first pixel behind the last; `len` counts them.
#[inline(always)]
pub(crate) fn coordinates(values: &mut [f32; BLOCK], len: usize, border: Border) {
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
            // A picture of one pixel has nothing to mirror; rounding may leave the interval.
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

/// `value`, or `low` if that is larger or `value` is NaN. One instruction, which `f32::max`, with
/// its other rule for NaN, is not.
#[inline(always)]
pub(super) fn at_least(value: f32, low: f32) -> f32 {
    if value > low { value } else { low }
}

/// `value`, or `high` if that is smaller or `value` is NaN.
#[inline(always)]
fn at_most(value: f32, high: f32) -> f32 {
    if value < high { value } else { high }
}

/// The pixel in `0..len` that stands for pixel `i`; `None` where the constant does.
#[inline(always)]
pub(crate) fn index(i: i64, len: usize, border: Border) -> Option<usize> {
    let len = len as i64;
    if (0..len).contains(&i) {
        return Some(i as usize);
    }
    let inside = match border {
        Border::Constant(_) => return None,
        Border::Replicate => i.clamp(0, len - 1),
        Border::Wrap => i.rem_euclid(len),
        Border::Reflect => {
            let i = i.rem_euclid(2 * len);
            i.min(2 * len - 1 - i)
        }
        Border::Reflect101 => {
            let period = (2 * len - 2).max(1);
            let i = i.rem_euclid(period);
            i.min(period - i).min(len - 1)
        }
    };
    Some(inside as usize)
}
