//! Smooth noise over the canvas.

use super::dice::Dice;

/// Noise of several wavelengths, in about [−1, 1], with a mean of about 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fractal {
    /// Number of cells along x and y in the first octave.
    pub(super) cells: [f32; 2],
    /// Each octave has twice the cells of the one before. Those finer than the pixels are left
    /// out, and their variance is added to the others'.
    pub(super) octaves: usize,
    /// Amplitude of an octave relative to the one before.
    pub(super) gain: f32,
}

impl Fractal {
    /// The values of all pixels of a canvas of this size.
    pub(super) fn values(&self, size: usize, dice: &mut Dice) -> Vec<f32> {
        let mut values = vec![0.0; size * size];
        let mut amplitude = 1.0;
        let mut cells = self.cells;
        let mut seeds = Dice::new(dice.bits());
        let (mut painted, mut power) = (0.0f32, 0.0f32);
        for _ in 0..self.octaves {
            let seed = seeds.bits();
            power += amplitude * amplitude;
            if cells[0].max(cells[1]) <= 0.9 * size as f32 {
                painted += amplitude * amplitude;
                add_octave(&mut values, size, cells, amplitude, Dice::new(seed));
            }
            amplitude *= self.gain;
            cells = cells.map(|count| 2.0 * count);
        }
        if painted < power && painted > 0.0 {
            // The same variance at any size, for the sake of what compares it to a threshold.
            let factor = (power / painted).sqrt();
            values.iter_mut().for_each(|value| *value *= factor);
        }
        values
    }
}

/// Adds value noise of mean 0 within ±amplitude.
fn add_octave(values: &mut [f32], size: usize, cells: [f32; 2], amplitude: f32, mut dice: Dice) {
    let columns = cells[0].ceil() as usize + 2;
    let rows = cells[1].ceil() as usize + 2;
    // A random phase, so that the lattices of two octaves do not coincide.
    let phase = [dice.unit(), dice.unit()];
    let lattice: Vec<f32> = (0..columns * rows)
        .map(|_| amplitude * (2.0 * dice.unit() - 1.0))
        .collect();
    let step = 1.0 / size as f32;
    let place = |i: usize, axis: usize| {
        let position = (i as f32 + 0.5) * step * cells[axis] + phase[axis];
        let cell = position as i32 as usize;
        let t = position - cell as f32;
        (cell, t * t * (3.0 - 2.0 * t))
    };
    // Interpolated along x once per row of the lattice, which are fewer than the rows of pixels.
    let across: Vec<(usize, f32)> = (0..size).map(|x| place(x, 0)).collect();
    let mut wide = vec![0.0; rows * size];
    for (row, line) in wide
        .chunks_exact_mut(size)
        .zip(lattice.chunks_exact(columns))
    {
        for (value, (cell, t)) in row.iter_mut().zip(&across) {
            let (left, right) = (line[*cell], line[*cell + 1]);
            *value = left + (right - left) * t;
        }
    }
    for (y, row) in values.chunks_exact_mut(size).enumerate() {
        let (cell, t) = place(y, 1);
        let (above, below) = wide[cell * size..(cell + 2) * size].split_at(size);
        for ((value, above), below) in row.iter_mut().zip(above).zip(below) {
            *value += above + (below - above) * t;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_size_shows_the_same_noise() {
        let fractal = Fractal {
            cells: [3.0, 5.0],
            octaves: 3,
            gain: 0.5,
        };
        let small = fractal.values(32, &mut Dice::new(4));
        let large = fractal.values(96, &mut Dice::new(4));
        for y in 0..32 {
            for x in 0..32 {
                // The middle of three pixels.
                let other = large[(3 * y + 1) * 96 + 3 * x + 1];
                assert!((small[y * 32 + x] - other).abs() < 1e-4);
            }
        }
        let spread = small.iter().copied().fold(0.0, f32::max);
        assert!(spread > 0.4 && small.iter().all(|v| v.abs() <= 1.75));
    }
}
