//! Conversion of interleaved bytes to one gray channel.

use crate::vectors::{self, Kernel};

/// Rec. 601 in 16-bit fixed point, rounded, as in Pillow.
#[inline(always)]
pub(super) fn luma(r: u8, g: u8, b: u8) -> u8 {
    let sum = 19595 * u32::from(r) + 38470 * u32::from(g) + 7471 * u32::from(b) + 0x8000;
    (sum >> 16) as u8
}

/// The gray value of each pixel of this many channels, 1 to 4. Alpha is ignored.
pub(super) fn gray(pixels: &[u8], channels: usize) -> Vec<u8> {
    let mut gray = vec![0; pixels.len() / channels];
    vectors::run(Gray {
        pixels,
        channels,
        gray: &mut gray,
    });
    gray
}

struct Gray<'a> {
    pixels: &'a [u8],
    channels: usize,
    gray: &'a mut [u8],
}

impl Kernel for Gray<'_> {
    #[inline(always)]
    fn run(self) {
        // The number of channels is a constant in the loops, so that they can be vectorized.
        match self.channels {
            1 => self.fill::<1>(),
            2 => self.fill::<2>(),
            3 => self.fill::<3>(),
            _ => self.fill::<4>(),
        }
    }
}

impl Gray<'_> {
    #[inline(always)]
    fn fill<const C: usize>(self) {
        let (pixels, _) = self.pixels.as_chunks::<C>();
        for (gray, pixel) in self.gray.iter_mut().zip(pixels) {
            *gray = match C {
                1 | 2 => pixel[0],
                _ => luma(pixel[0], pixel[1 % C], pixel[2 % C]),
            };
        }
    }
}
