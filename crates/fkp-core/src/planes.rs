//! From interleaved bytes to the normalized planes that a network takes.

use crate::Image;
use crate::image::luma;
use crate::vectors::{self, Kernel};

/// Writes an image as planes `[channels, height, width]` of `value · scale + offset`.
///
/// One plane of a color image is its Rec. 601 gray, as [`Image::to_gray`] has it; of several, a
/// gray image fills all with its one channel. Alpha is ignored.
pub(crate) fn fill(image: &Image, scale: f32, offset: f32, channels: usize, out: &mut [f32]) {
    let is_gray = image.channels() <= 2;
    let len = image.width() * image.height();
    for (index, plane) in out.chunks_exact_mut(len).enumerate() {
        let of = match (channels, is_gray) {
            (_, true) => Of::Channel(0),
            (1, false) => Of::Luma,
            (_, false) => Of::Channel(index),
        };
        vectors::run(Plane {
            image,
            of,
            scale,
            offset,
            plane,
        });
    }
}

/// What a plane is made of.
#[derive(Clone, Copy)]
enum Of {
    Channel(usize),
    Luma,
}

struct Plane<'a> {
    image: &'a Image,
    of: Of,
    scale: f32,
    offset: f32,
    plane: &'a mut [f32],
}

impl Kernel for Plane<'_> {
    #[inline(always)]
    fn run(self) {
        // The number of channels is a constant in the loops, so that they can be vectorized.
        match self.image.channels() {
            1 => self.every::<1>(),
            2 => self.every::<2>(),
            3 => self.every::<3>(),
            _ => self.every::<4>(),
        }
    }
}

impl Plane<'_> {
    #[inline(always)]
    fn every<const C: usize>(self) {
        let (pixels, _) = self.image.as_bytes().as_chunks::<C>();
        let (scale, offset) = (self.scale, self.offset);
        match self.of {
            Of::Channel(channel) => {
                for (value, pixel) in self.plane.iter_mut().zip(pixels) {
                    *value = f32::from(pixel[channel]) * scale + offset;
                }
            }
            Of::Luma => {
                for (value, pixel) in self.plane.iter_mut().zip(pixels) {
                    let gray = luma(pixel[0], pixel[1 % C], pixel[2 % C]);
                    *value = f32::from(gray) * scale + offset;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Image, InputSpec};

    fn filled(image: &Image, channels: usize) -> Vec<f32> {
        let spec = InputSpec {
            channels,
            mean: 0.5,
            std: 0.25,
            ..InputSpec::gray(image.width())
        };
        let mut out = vec![f32::NAN; spec.len()];
        spec.fill(image, &mut out);
        out
    }

    /// Every combination of channels gives what a conversion of the image would give.
    #[test]
    fn channels_are_converted_on_the_way() {
        for given in 1..=4 {
            let bytes = (0..7 * 7 * given).map(|i| (i * 37 + i / 5) as u8).collect();
            let image = Image::new(7, 7, given, bytes).unwrap();
            for (wanted, converted) in [(1, image.to_gray()), (3, image.to_rgb())] {
                let out = filled(&image, wanted);
                for (i, pixel) in converted.as_bytes().chunks_exact(wanted).enumerate() {
                    for (channel, value) in pixel.iter().enumerate() {
                        let expected = (f32::from(*value) / 255.0 - 0.5) / 0.25;
                        let found = out[channel * 49 + i];
                        assert!((found - expected).abs() < 1e-5, "{given} to {wanted}");
                    }
                }
            }
        }
    }

    #[test]
    fn color_is_planar() {
        let image = Image::new(2, 2, 3, (0..12).collect()).unwrap();
        let levels: Vec<u8> = filled(&image, 3)
            .iter()
            .map(|v| ((v * 0.25 + 0.5) * 255.0).round() as u8)
            .collect();
        assert_eq!(levels, [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
    }
}
