//! Applies the steps of a record to an image.

use super::Step;
use crate::geometry::ComposedMap;
use crate::pixels::{Canvas, map_values, view};
use fkp_core::Channel;
use fkp_core::warp::{Sampling, Scratch, View, warp};

/// Memory that is kept from one image to the next.
#[derive(Default)]
pub(crate) struct Workspace<T> {
    /// The image so far, at the end the result.
    pub(crate) front: Vec<T>,
    back: Vec<T>,
    third: Vec<T>,
    scratch: Scratch<T>,
    floats: Vec<f32>,
}

impl<T: Channel> Workspace<T> {
    /// The result, in exchange for the source's buffer.
    ///
    /// The buffers are swapped unless that would give away memory that the next image needs, or
    /// return a buffer much larger than the image in it: then the result is copied.
    pub(crate) fn hand_over(&mut self, mut source: Vec<T>) -> Vec<T> {
        let (kept, given) = (source.capacity(), self.front.capacity());
        let limit = 2 * self.front.len();
        if given <= kept && given <= limit {
            return std::mem::replace(&mut self.front, source);
        }
        source.clear();
        source.extend_from_slice(&self.front);
        if kept > limit {
            source.shrink_to_fit();
        }
        source
    }
}

/// Applies the steps to `src`, leaves the result in `workspace.front` and returns its (width,
/// height).
pub(super) fn render<T: Channel>(
    src: View<'_, T>,
    steps: &[Step],
    sampling: Sampling,
    workspace: &mut Workspace<T>,
) -> (usize, usize) {
    let mut size = src.size();
    let mut started = false;
    let mut rest = steps;
    while !rest.is_empty() {
        let (map, count) = ComposedMap::of(rest.iter().map_while(Step::geometric), size);
        if count > 0 {
            rest = &rest[count..];
            if map.is_identity(size) {
                continue;
            }
            let Workspace {
                front,
                back,
                scratch,
                ..
            } = workspace;
            let from = match started {
                true => view(front, size, src.channels()),
                false => src,
            };
            warp(from, map.inverse(), map.size, sampling, scratch, back);
            std::mem::swap(front, back);
            started = true;
            size = map.size;
            continue;
        }
        if !started {
            copy(src, workspace);
            started = true;
        }
        let count = apply_pointwise(rest, &mut workspace.front);
        rest = &rest[count..];
        if count > 0 {
            continue;
        }
        rest[0].apply(&mut Canvas {
            data: &mut workspace.front,
            width: size.0,
            height: size.1,
            channels: src.channels(),
            second: &mut workspace.back,
            third: &mut workspace.third,
            floats: &mut workspace.floats,
            scratch: &mut workspace.scratch,
        });
        rest = &rest[1..];
    }
    if !started {
        copy(src, workspace);
    }
    size
}

/// Applies the pointwise steps at the start of `steps` together and returns their number.
fn apply_pointwise<T: Channel>(steps: &[Step], data: &mut [T]) -> usize {
    let is_pointwise = |step: &&Step| step.pointwise(0.0).is_some();
    let count = steps.iter().take_while(is_pointwise).count();
    if count > 0 {
        map_values(data, |v| {
            let each = steps[..count].iter();
            each.fold(v, |v, step| step.pointwise(v).unwrap_or(v))
        });
    }
    count
}

fn copy<T: Channel>(src: View<'_, T>, workspace: &mut Workspace<T>) {
    workspace.front.clear();
    workspace.front.extend_from_slice(src.as_slice());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BrightnessStep, ContrastStep, GammaStep, InvertStep};

    #[test]
    fn bytes_and_floats_agree() {
        let steps = [
            ContrastStep { factor: 1.4 }.into(),
            BrightnessStep { add: -0.05 }.into(),
            GammaStep { gamma: 0.8 }.into(),
            InvertStep {}.into(),
        ];
        let mut bytes: Vec<u8> = (0..=255).collect();
        let mut floats: Vec<f32> = bytes.iter().map(|b| f32::from(*b) / 255.0).collect();
        assert_eq!(apply_pointwise(&steps, &mut bytes), 4);
        apply_pointwise(&steps, &mut floats);
        for (byte, float) in bytes.iter().zip(floats) {
            assert!((f32::from(*byte) - float * 255.0).abs() <= 0.5001);
        }
        assert_eq!((bytes[0], bytes[255]), (255, 10));
    }
}
