//! The weights of linear interpolation at a whole factor, along one axis.

/// One of the `scale` phases of the output: output pixel `scale · j + p`, for every j, is
/// interpolated between two neighbors with the same weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Phase {
    /// The neighbors are the pixels `j + first − 1` and `j + first`; beyond the edge, the pixel at
    /// the edge counts.
    pub(super) first: usize,
    /// The weights of these two.
    pub(crate) weights: [f64; 2],
}

impl Phase {
    /// The phases of a factor of at least 1. Output pixel i is at (i + ½) / scale − ½ of the input:
    /// PyTorch's `align_corners=False`.
    pub(crate) fn all(scale: usize) -> Vec<Self> {
        let phase = |p: usize| {
            let position = (p as f64 + 0.5) / scale as f64 - 0.5;
            let upper = position - position.floor();
            Self {
                first: usize::from(position >= 0.0),
                weights: [1.0 - upper, upper],
            }
        };
        (0..scale).map(phase).collect()
    }

    /// The neighbors of pixel `j` on an axis of `len` pixels.
    pub(crate) fn neighbors(&self, j: usize, len: usize) -> [usize; 2] {
        [
            (j + self.first).saturating_sub(1),
            (j + self.first).min(len - 1),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_has_weights_of_quarters() {
        let [left, right] = [(0, [0.25, 0.75]), (1, [0.75, 0.25])];
        let expected = [left, right].map(|(first, weights)| Phase { first, weights });
        assert_eq!(Phase::all(2), expected);
        assert_eq!(expected[0].neighbors(0, 5), [0, 0]);
        assert_eq!(expected[0].neighbors(3, 5), [2, 3]);
        assert_eq!(expected[1].neighbors(4, 5), [4, 4]);
    }
}
