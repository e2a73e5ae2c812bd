//! Resampling: every destination pixel is mapped back to the source and sampled there.
//!
//! Each row is processed in blocks of 32 pixels: first their source coordinates, then the border
//! rule, then the samples. Each stage is a loop over plain arrays that the compiler vectorizes for
//! the processor's instruction set (chosen at run time by `pulp`). The border rules act on
//! coordinates, not on pixels: repeating the edge is a clamp and reflection is a triangle wave, so
//! that pixels at the border take no more time than others.
//!
//! [`warp_affine`] is for an [`Image`] and an [`Affine`] map. [`warp`] takes any map, `u8` or `f32`
//! channels, and memory that is reused from one image to the next.

mod area;
mod bicubic;
mod bilinear;
mod border;
mod bytes;
#[cfg(target_arch = "x86_64")]
mod bytes_avx2;
mod coords;
mod nearest;
mod rows;
mod separable;
mod source;

pub use border::Border;
pub use coords::{InverseMap, PointMap};
pub use source::View;

use crate::vectors;
use crate::{Affine, Channel, Image};
use bicubic::Bicubic;
use nearest::Nearest;
use rows::Rows;
use separable::AxisMap;
use serde::{Deserialize, Serialize};
use source::Source;

/// The interpolation between pixel centers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The nearest pixel: for masks and labels.
    Nearest,
    /// Bilinear interpolation of the four neighbors.
    #[default]
    Bilinear,
    /// Cubic convolution over 4×4 neighbors (Keys 1981, a = −1/2): sharper, may overshoot.
    Bicubic,
    /// Bilinear where the map enlarges; where it shrinks, the mean over the destination pixel's
    /// area (a regular grid of bilinear samples), which avoids aliasing.
    Area,
}

/// How a warp samples its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// The pixels outside the image.
    #[serde(default)]
    pub border: Border,
    /// The interpolation between pixel centers.
    #[serde(default)]
    pub interpolation: Filter,
}

/// Transforms the image `src` by `dst_from_src` into an image of `size` = (width, height).
///
/// The center of each destination pixel is mapped to the source by the inverse map and sampled
/// there. The same map applied to the keypoints ([`crate::Keypoints::map`]) keeps them aligned.
///
/// ```
/// use fkp_core::{Affine, Border, Filter, Image, warp_affine};
/// let src = Image::new(3, 1, 1, vec![10, 20, 30])?;
/// let flip = Affine::flip_horizontal(3);
/// let flipped = warp_affine(&src, &flip, (3, 1), Filter::Bilinear, Border::Replicate);
/// assert_eq!(flipped.as_bytes(), &[30, 20, 10]);
/// # Ok::<(), fkp_core::ImageError>(())
/// ```
///
/// # Panics
/// If a side of `size` is zero.
pub fn warp_affine(
    src: &Image,
    dst_from_src: &Affine,
    size: (usize, usize),
    filter: Filter,
    border: Border,
) -> Image {
    let map = InverseMap::Affine(dst_from_src.inverse().rows());
    let (mut scratch, mut dst) = (Scratch::default(), Vec::new());
    let sampling = Sampling {
        border,
        interpolation: filter,
    };
    warp(src.into(), map, size, sampling, &mut scratch, &mut dst);
    Image::valid(size.0, size.1, src.channels(), dst)
}

/// Memory that is reused from one warp to the next.
#[derive(Default)]
pub struct Scratch<T> {
    padded: Vec<T>,
    separable: separable::Memory,
}

/// Fills `dst` with the image `src` transformed by a map into an image of `size` = (width, height).
///
/// `dst` has the channels of `src`; its previous content is ignored. Allocates nothing if `scratch`
/// and `dst` were used for an image of the same shape before.
///
/// ```
/// use fkp_core::warp::{Border, InverseMap, Sampling, Scratch, View, warp};
/// let src = View::new(3, 1, 1, &[0.1f32, 0.2, 0.3])?;
/// let right_by_one = InverseMap::Affine([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]);
/// let mut dst = Vec::new();
/// let sampling = Sampling { border: Border::Constant(0), ..Sampling::default() };
/// warp(src, right_by_one, (3, 1), sampling, &mut Scratch::default(), &mut dst);
/// assert_eq!(dst, [0.0, 0.1, 0.2]);
/// # Ok::<(), fkp_core::ImageError>(())
/// ```
pub fn warp<T: Channel>(
    src: View<'_, T>,
    map: InverseMap<'_>,
    size: (usize, usize),
    sampling: Sampling,
    scratch: &mut Scratch<T>,
    dst: &mut Vec<T>,
) {
    dst.resize(size.0 * size.1 * src.channels, T::default());
    // The number of channels is a constant in the loops, so that they unroll.
    match src.channels {
        1 => warp_channels::<T, 1>(src, &map, size, sampling, scratch, dst),
        2 => warp_channels::<T, 2>(src, &map, size, sampling, scratch, dst),
        3 => warp_channels::<T, 3>(src, &map, size, sampling, scratch, dst),
        _ => warp_channels::<T, 4>(src, &map, size, sampling, scratch, dst),
    }
}

fn warp_channels<T: Channel, const C: usize>(
    src: View<'_, T>,
    inverse_map: &InverseMap<'_>,
    size: (usize, usize),
    sampling: Sampling,
    scratch: &mut Scratch<T>,
    dst: &mut [T],
) {
    let Sampling {
        border,
        interpolation,
    } = sampling;
    let width = size.0;
    match interpolation {
        Filter::Nearest => vectors::run(Rows::<_, T, C> {
            samples: Nearest { src, border },
            inverse_map,
            width,
            dst,
        }),
        Filter::Bicubic => vectors::run(Rows::<_, T, C> {
            samples: Bicubic { src, border },
            inverse_map,
            width,
            dst,
        }),
        Filter::Bilinear => {
            let source = Source::padded(src, border, &mut scratch.padded);
            bilinear_rows::<T, C>(&source, inverse_map, width, dst);
        }
        Filter::Area => {
            let source = Source::padded(src, border, &mut scratch.padded);
            let taps = area::taps(inverse_map, size);
            match *inverse_map {
                _ if taps == (1, 1) => bilinear_rows::<T, C>(&source, inverse_map, width, dst),
                InverseMap::Affine([[a, 0.0, tx], [0.0, d, ty]]) => {
                    let axis = |scale, shift| AxisMap { scale, shift };
                    let axes = (axis(a, tx), axis(d, ty));
                    let memory = &mut scratch.separable;
                    vectors::run(separable::Rows::<T, C>::new(
                        &source, axes, size, memory, dst,
                    ));
                }
                _ => vectors::run(area::Rows::<T, C> {
                    source: &source,
                    inverse_map,
                    width,
                    taps,
                    dst,
                }),
            }
        }
    }
}

fn bilinear_rows<T: Channel, const C: usize>(
    source: &Source<'_, T>,
    inverse_map: &InverseMap<'_>,
    width: usize,
    dst: &mut [T],
) {
    if let Some(bytes) = source.bytes()
        && let Some(dst) = T::bytes_mut(dst)
    {
        bytes_rows(bytes::Rows::<C> {
            source: &bytes,
            inverse_map,
            width,
            dst,
        });
    } else {
        vectors::run(Rows::<_, T, C> {
            samples: source,
            inverse_map,
            width,
            dst,
        });
    }
}

/// Runs the fastest code for this processor.
fn bytes_rows<const C: usize>(rows: bytes::Rows<'_, C>) {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = pulp::x86::V3::try_new() {
        return vectors::run(bytes_avx2::Avx2Rows { rows, cpu });
    }
    vectors::run(rows);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gray(width: usize, data: &[u8]) -> Image {
        Image::new(width, data.len() / width, 1, data.to_vec()).unwrap()
    }

    #[test]
    fn borders_are_those_of_opencv() {
        let src = gray(4, b"abcd");
        let shown = |border| {
            let map = Affine::translation(3.0, 0.0);
            let dst = warp_affine(&src, &map, (10, 1), Filter::Nearest, border);
            String::from_utf8(dst.into_bytes()).unwrap()
        };
        assert_eq!(shown(Border::Replicate), "aaaabcdddd");
        assert_eq!(shown(Border::Reflect), "cbaabcddcb");
        assert_eq!(shown(Border::Reflect101), "dcbabcdcba");
        assert_eq!(shown(Border::Wrap), "bcdabcdabc");
        assert_eq!(shown(Border::Constant(b'.')), "...abcd...");
    }

    #[test]
    fn halving_by_area_is_the_mean_of_two_by_two() {
        let src = gray(4, &[0, 10, 100, 200, 20, 30, 100, 200]);
        let map = Affine::resize((4, 2), (2, 1)).unwrap();
        let dst = warp_affine(&src, &map, (2, 1), Filter::Area, Border::Replicate);
        assert_eq!(dst.as_bytes(), &[15, 150]);
    }

    #[test]
    fn flip_twice_gives_the_image_back() {
        let src = Image::new(5, 2, 3, (0..30).collect()).unwrap();
        let flip = Affine::flip_horizontal(5);
        let once = warp_affine(&src, &flip, (5, 2), Filter::Bilinear, Border::Replicate);
        let twice = warp_affine(&once, &flip, (5, 2), Filter::Bilinear, Border::Replicate);
        assert_ne!(once, src);
        assert_eq!(twice, src);
    }

    proptest! {
        /// A blurred dot is drawn and the image warped: its centroid is at the mapped keypoint.
        #[test]
        fn dot_follows_keypoint(
            angle in -3.2f64..3.2, zoom in 0.5f64..2.0, stretch in 0.8f64..1.25,
            dx in -6.0f64..6.0, dy in -6.0f64..6.0, x in 26.0f64..38.0, y in 26.0f64..38.0,
            flip in any::<bool>(), area in any::<bool>(),
        ) {
            let mut src = Image::filled(65, 65, 1, 0);
            for j in 0..65 {
                for i in 0..65 {
                    let r2 = (i as f64 - x).powi(2) + (j as f64 - y).powi(2);
                    src.pixel_mut(i, j)[0] = (255.0 * (-r2 / 8.0).exp()).round() as u8;
                }
            }
            let center = src.center();
            let mut map = Affine::rotation_about(center, angle)
                .then(&Affine::scale_about(center, zoom, zoom * stretch).unwrap()).unwrap()
                .then(&Affine::translation(dx + 16.0, dy + 16.0)).unwrap();
            if flip {
                map = map.then(&Affine::flip_horizontal(97)).unwrap();
            }
            let filter = if area { Filter::Area } else { Filter::Bilinear };
            let dst = warp_affine(&src, &map, (97, 97), filter, Border::Constant(0));
            let (mut sum, mut cx, mut cy) = (0.0, 0.0, 0.0);
            for j in 0..97 {
                for i in 0..97 {
                    let value = f64::from(dst.pixel(i, j)[0]);
                    sum += value;
                    cx += value * i as f64;
                    cy += value * j as f64;
                }
            }
            let (px, py) = map.apply(x, y);
            prop_assert!((cx / sum - px).abs() < 0.1, "x {} for {px}", cx / sum);
            prop_assert!((cy / sum - py).abs() < 0.1, "y {} for {py}", cy / sum);
        }
    }
}
