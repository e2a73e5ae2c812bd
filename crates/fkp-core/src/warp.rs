//! Resampling a picture under an affine map.

use crate::{Affine, Image};
use serde::{Deserialize, Serialize};

/// What lies beyond the picture's edge. The names are OpenCV's; Keras' `fill_mode` in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// One value in every channel (`constant`).
    Constant(u8),
    /// The edge pixel again and again, `aaa|abcd|ddd` (`nearest`).
    #[default]
    Replicate,
    /// The mirror image with the edge pixel repeated, `cba|abcd|dcb` (`reflect`).
    Reflect,
    /// The mirror image about the edge pixel's centre, `dcb|abcd|cba`.
    Reflect101,
    /// The picture again, `bcd|abcd|abc` (`wrap`).
    Wrap,
}

/// How a value between pixel centres is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The nearest pixel: for masks and labels.
    Nearest,
    /// Linear between the four neighbours.
    #[default]
    Bilinear,
    /// Bilinear where the map enlarges; where it shrinks by more than 1, the mean over the
    /// destination pixel's area (an even grid of bilinear samples), so that nothing aliases.
    Area,
}

/// The picture `src` seen through `dst_from_src`, in a frame of `size` = (width, height).
///
/// A destination pixel's centre is taken back by the inverse map and the source read there; the
/// same map applied to points ([`crate::Keypoints::map`]) keeps them on what they mark.
///
/// ```
/// use fkp_core::{Affine, Border, Filter, Image, warp_affine};
/// let src = Image::new(3, 1, 1, vec![10, 20, 30])?;
/// let flipped = warp_affine(&src, &Affine::flip_horizontal(3), (3, 1), Filter::Bilinear, Border::Replicate);
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
    match src.channels() {
        1 => warp::<1>(src, dst_from_src, size, filter, border),
        2 => warp::<2>(src, dst_from_src, size, filter, border),
        3 => warp::<3>(src, dst_from_src, size, filter, border),
        _ => warp::<4>(src, dst_from_src, size, filter, border),
    }
}

/// The channels are a constant so that the inner loops unroll.
fn warp<const C: usize>(
    src: &Image,
    dst_from_src: &Affine,
    (width, height): (usize, usize),
    filter: Filter,
    border: Border,
) -> Image {
    let mut dst = Image::filled(width, height, C, 0);
    let source = Source::<C> {
        data: src.as_bytes(),
        width: src.width() as i64,
        height: src.height() as i64,
        border,
    };
    let [[a, b, tx], [c, d, ty]] = dst_from_src.inverse().rows();
    let (nx, ny) = match filter {
        // Steps in the source per destination pixel along each axis: the length of the column.
        Filter::Area => (taps(a.hypot(c)), taps(b.hypot(d))),
        Filter::Nearest | Filter::Bilinear => (1, 1),
    };
    let weight = 1.0 / (nx * ny) as f32;
    let offset = |tap: usize, taps: usize| (tap as f64 + 0.5) / taps as f64 - 0.5;
    for (y, row) in dst.as_bytes_mut().chunks_exact_mut(width * C).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(C).enumerate() {
            let mut sum = [0f32; C];
            for ky in 0..ny {
                let v = y as f64 + offset(ky, ny);
                for kx in 0..nx {
                    let u = x as f64 + offset(kx, nx);
                    let (sx, sy) = (a * u + b * v + tx, c * u + d * v + ty);
                    let value = if filter == Filter::Nearest {
                        source.nearest(sx, sy)
                    } else {
                        source.bilinear(sx, sy)
                    };
                    for (sum, value) in sum.iter_mut().zip(value) {
                        *sum += value;
                    }
                }
            }
            for (byte, sum) in pixel.iter_mut().zip(sum) {
                // `as` saturates; half is added to round to nearest.
                *byte = (sum * weight + 0.5) as u8;
            }
        }
    }
    dst
}

/// How many samples along an axis keep every source pixel in view. The cap bounds the work for
/// absurd maps; beyond a shrink of 64 the grid thins out.
fn taps(source_step: f64) -> usize {
    (source_step - 1e-9).ceil().clamp(1.0, 64.0) as usize
}

struct Source<'a, const C: usize> {
    data: &'a [u8],
    width: i64,
    height: i64,
    border: Border,
}

impl<const C: usize> Source<'_, C> {
    fn nearest(&self, x: f64, y: f64) -> [f32; C] {
        self.fetch(floor(x + 0.5), floor(y + 0.5))
    }

    fn bilinear(&self, x: f64, y: f64) -> [f32; C] {
        let (x0, y0) = (floor(x), floor(y));
        let (fx, fy) = ((x - x0 as f64) as f32, (y - y0 as f64) as f32);
        let inside = x0 >= 0 && y0 >= 0 && x0 + 1 < self.width && y0 + 1 < self.height;
        let [p00, p10, p01, p11] = if inside {
            let start = (y0 * self.width + x0) as usize * C;
            let below = start + self.width as usize * C;
            [
                self.read(start),
                self.read(start + C),
                self.read(below),
                self.read(below + C),
            ]
        } else {
            [
                self.fetch(x0, y0),
                self.fetch(x0 + 1, y0),
                self.fetch(x0, y0 + 1),
                self.fetch(x0 + 1, y0 + 1),
            ]
        };
        std::array::from_fn(|i| {
            let top = p00[i] + (p10[i] - p00[i]) * fx;
            let bottom = p01[i] + (p11[i] - p01[i]) * fx;
            top + (bottom - top) * fy
        })
    }

    fn fetch(&self, x: i64, y: i64) -> [f32; C] {
        if let Border::Constant(value) = self.border
            && (x < 0 || y < 0 || x >= self.width || y >= self.height)
        {
            return [f32::from(value); C];
        }
        let x = index(x, self.width, self.border);
        let y = index(y, self.height, self.border);
        self.read((y * self.width + x) as usize * C)
    }

    fn read(&self, start: usize) -> [f32; C] {
        let pixel = &self.data[start..start + C];
        std::array::from_fn(|i| f32::from(pixel[i]))
    }
}

/// Bounded, because a far-away point of an extreme map must not overflow the arithmetic below.
fn floor(value: f64) -> i64 {
    value.floor().clamp(-1e12, 1e12) as i64
}

/// The pixel inside `0..len` that stands for `i` under the border rule.
fn index(i: i64, len: i64, border: Border) -> i64 {
    match border {
        Border::Constant(_) | Border::Replicate => i.clamp(0, len - 1),
        Border::Wrap => i.rem_euclid(len),
        Border::Reflect => {
            let i = i.rem_euclid(2 * len);
            if i < len { i } else { 2 * len - 1 - i }
        }
        Border::Reflect101 => {
            if len == 1 {
                return 0;
            }
            let i = i.rem_euclid(2 * len - 2);
            if i < len { i } else { 2 * len - 2 - i }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grey(width: usize, data: &[u8]) -> Image {
        Image::new(width, data.len() / width, 1, data.to_vec()).unwrap()
    }

    #[test]
    fn borders_read_as_opencv_documents_them() {
        let src = grey(4, b"abcd");
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
        let src = grey(4, &[0, 10, 100, 200, 20, 30, 100, 200]);
        let map = Affine::resize((4, 2), (2, 1)).unwrap();
        let dst = warp_affine(&src, &map, (2, 1), Filter::Area, Border::Replicate);
        assert_eq!(dst.as_bytes(), &[15, 150]);
    }

    #[test]
    fn flip_twice_gives_the_picture_back() {
        let src = Image::new(5, 2, 3, (0..30).collect()).unwrap();
        let flip = Affine::flip_horizontal(5);
        let once = warp_affine(&src, &flip, (5, 2), Filter::Bilinear, Border::Replicate);
        let twice = warp_affine(&once, &flip, (5, 2), Filter::Bilinear, Border::Replicate);
        assert_ne!(once, src);
        assert_eq!(twice, src);
    }

    proptest! {
        /// A soft dot is drawn, the picture warped: its centroid is where its keypoint went.
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
            let centre = src.centre();
            let mut map = Affine::rotation_about(centre, angle)
                .then(&Affine::scale_about(centre, zoom, zoom * stretch).unwrap()).unwrap()
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
