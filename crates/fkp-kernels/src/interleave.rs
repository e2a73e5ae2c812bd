//! Rows of pixels from and to their phases: phase p of stride s is every s-th pixel, from pixel p
//! on.

use std::array::from_fn;

/// Writes `line` from `stride` phases, which start `distance` values apart in `phases`. With a
/// distance of 0 each pixel of one row is repeated.
pub(crate) fn interleave(phases: &[f32], distance: usize, line: &mut [f32], stride: usize) {
    match stride {
        // A number of phases that is known at compile time gives vector shuffles.
        2 => interleave_fixed::<2>(phases, distance, line),
        4 => interleave_fixed::<4>(phases, distance, line),
        _ => {
            for phase in 0..stride {
                let pixels = line.iter_mut().skip(phase).step_by(stride);
                pixels
                    .zip(&phases[phase * distance..])
                    .for_each(|(pixel, &v)| *pixel = v);
            }
        }
    }
}

fn interleave_fixed<const S: usize>(phases: &[f32], distance: usize, line: &mut [f32]) {
    let (groups, _) = line.as_chunks_mut::<S>();
    let phases: [&[f32]; S] = from_fn(|p| &phases[p * distance..][..groups.len()]);
    for (i, group) in groups.iter_mut().enumerate() {
        *group = from_fn(|p| phases[p][i]);
    }
}

/// The inverse of [`interleave`].
pub(crate) fn deinterleave(line: &[f32], phases: &mut [f32], distance: usize, stride: usize) {
    match stride {
        2 => deinterleave_fixed::<2>(line, phases, distance),
        4 => deinterleave_fixed::<4>(line, phases, distance),
        _ => {
            for phase in 0..stride {
                let pixels = line.iter().skip(phase).step_by(stride);
                phases[phase * distance..]
                    .iter_mut()
                    .zip(pixels)
                    .for_each(|(v, &pixel)| *v = pixel);
            }
        }
    }
}

fn deinterleave_fixed<const S: usize>(line: &[f32], phases: &mut [f32], distance: usize) {
    let (groups, _) = line.as_chunks::<S>();
    for (p, phase) in phases.chunks_mut(distance).take(S).enumerate() {
        for (v, group) in phase.iter_mut().zip(groups) {
            *v = group[p];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_of_every_stride() {
        for stride in 1..6 {
            let width = 7;
            let line: Vec<f32> = (0..width * stride).map(|i| i as f32).collect();
            let distance = width + 2;
            let mut phases = vec![-1.0; stride * distance];
            deinterleave(&line, &mut phases, distance, stride);
            for (p, phase) in phases.chunks(distance).enumerate() {
                let expected = (0..width).map(|i| (i * stride + p) as f32);
                assert!(phase[..width].iter().copied().eq(expected));
                assert_eq!(phase[width..], [-1.0; 2]);
            }
            let mut back = vec![-1.0; line.len()];
            interleave(&phases, distance, &mut back, stride);
            assert_eq!(back, line);
            interleave(&line[..width], 0, &mut back, stride);
            let repeated = (0..width * stride).map(|i| (i / stride) as f32);
            assert!(back.into_iter().eq(repeated));
        }
    }
}
