//! A stream of approximately normal numbers, fast enough for every pixel.

use crate::math::hash;

/// Independent generators that run side by side.
const LANES: usize = 8;

/// Eight interleaved xorshift generators (Marsaglia, *Xorshift RNGs*, 2003).
#[derive(Debug, Clone)]
pub(crate) struct NormalStream {
    lanes: [u32; LANES],
}

impl NormalStream {
    /// The stream of a seed.
    pub(crate) fn new(seed: u32) -> Self {
        // Zero is the one state that xorshift never leaves.
        Self {
            lanes: std::array::from_fn(|lane| hash(lane as u32, seed).max(1)),
        }
    }

    /// Fills a slice with numbers of mean 0 and standard deviation 1, within ±3.5: sums of four
    /// uniform bytes.
    pub(crate) fn fill(&mut self, values: &mut [f32]) {
        let (chunks, rest) = values.as_chunks_mut::<LANES>();
        for chunk in chunks {
            *chunk = self.next();
        }
        for (value, next) in rest.iter_mut().zip(self.next()) {
            *value = next;
        }
    }

    fn next(&mut self) -> [f32; LANES] {
        let mut numbers = [0.0; LANES];
        for (state, number) in self.lanes.iter_mut().zip(&mut numbers) {
            *state ^= *state << 13;
            *state ^= *state >> 17;
            *state ^= *state << 5;
            let pairs = (*state & 0x00ff_00ff) + ((*state >> 8) & 0x00ff_00ff);
            let sum = (pairs + (pairs >> 16)) & 0xffff;
            // A byte has mean 127.5 and variance (256² − 1) / 12.
            *number = (sum as i32 as f32 - 510.0) * (1.0 / 147.8);
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_mean_0_and_standard_deviation_1() {
        let mut values = vec![0.0; 20_001];
        NormalStream::new(9).fill(&mut values);
        let mean = values.iter().sum::<f32>() / 20_001.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 2e4;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
        // Neighbors, also those in the same lane, are independent.
        for lag in [1, 8] {
            let pairs = values.iter().zip(&values[lag..]);
            let correlation = pairs.map(|(a, b)| a * b).sum::<f32>() / 2e4;
            assert!(correlation.abs() < 0.03, "{correlation} at lag {lag}");
        }
    }

    #[test]
    fn a_seed_gives_one_stream() {
        let stream = |seed| {
            let mut values = [0.0; 100];
            NormalStream::new(seed).fill(&mut values);
            values
        };
        assert_eq!(stream(3), stream(3));
        assert_ne!(stream(3), stream(4));
    }
}
