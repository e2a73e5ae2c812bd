//! Conversion of interleaved bytes to the normalized planes of a network's input.

use super::Image;
use super::gray::luma;
use crate::vectors::{self, Kernel};

/// Writes an image as planes `[channels, height, width]` of `value · scale + offset`.
///
/// For one plane a color image is converted to gray as by [`Image::to_gray`]; for several planes
/// the channel of a gray image is repeated. Alpha is ignored.
pub(crate) fn fill(image: &Image, scale: f32, offset: f32, channels: usize, out: &mut [f32]) {
    let is_gray = image.channels() <= 2;
    let len = image.width() * image.height();
    for (index, plane) in out.chunks_exact_mut(len).enumerate() {
        let source = match (channels, is_gray) {
            (_, true) => PlaneSource::Channel(0),
            (1, false) => PlaneSource::Luma,
            (_, false) => PlaneSource::Channel(index),
        };
        vectors::run(Plane {
            image,
            source,
            scale,
            offset,
            plane,
        });
    }
}

/// Where the values of a plane come from.
#[derive(Clone, Copy)]
enum PlaneSource {
    Channel(usize),
    Luma,
}

struct Plane<'a> {
    image: &'a Image,
    source: PlaneSource,
    scale: f32,
    offset: f32,
    plane: &'a mut [f32],
}

impl Kernel for Plane<'_> {
    #[inline(always)]
    fn run(self) {
        // The number of channels is a constant in the loops, so that they can be vectorized.
        match self.image.channels() {
            1 => self.fill::<1>(),
            2 => self.fill::<2>(),
            3 => self.fill::<3>(),
            _ => self.fill::<4>(),
        }
    }
}

impl Plane<'_> {
    #[inline(always)]
    fn fill<const C: usize>(self) {
        let (pixels, _) = self.image.as_bytes().as_chunks::<C>();
        let (scale, offset) = (self.scale, self.offset);
        match self.source {
            PlaneSource::Channel(channel) => {
                for (value, pixel) in self.plane.iter_mut().zip(pixels) {
                    *value = f32::from(pixel[channel]) * scale + offset;
                }
            }
            PlaneSource::Luma => {
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

    /// Every combination of channels gives the result of a conversion of the image.
    #[test]
    fn channels_are_converted() {
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
