//! Covering a rectangle.

use super::Canvas;
use crate::Fill;
use fkp_core::{Channel, Rng};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// Paints the part of the rectangle that lies in the image.
pub(super) fn erase<T: Channel>(
    canvas: &mut Canvas<'_, T>,
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    fill: Fill,
    seed: u64,
) {
    let row_len = canvas.width * canvas.channels;
    let (start, end) = (
        x.min(canvas.width),
        x.saturating_add(width).min(canvas.width),
    );
    let columns = start * canvas.channels..end * canvas.channels;
    let rows = canvas.data.chunks_exact_mut(row_len).skip(y).take(height);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for row in rows {
        let cells = &mut row[columns.clone()];
        match fill {
            Fill::Constant(value) => cells.fill(T::from_f32(value as f32 * T::WHITE)),
            Fill::Noise => {
                // Eight values from one 64-bit number.
                for eight in cells.chunks_mut(8) {
                    let bytes = rng.next_u64().to_le_bytes();
                    for (cell, byte) in eight.iter_mut().zip(bytes) {
                        *cell = T::from_f32(f32::from(byte) / 255.0 * T::WHITE);
                    }
                }
            }
        }
    }
}
