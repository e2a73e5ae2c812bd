//! The soft-argmax of each channel.

use crate::inference::image::ImageOp;
use crate::layout::Frame;
use crate::scratch::with_scratch;
use crate::soft_argmax::MeanPosition;

/// The mean positions of the channels, `[channels, 2]`, also as the channels of one pixel.
#[derive(Debug)]
pub(in crate::inference) struct MeanPositions {
    pub(in crate::inference) input: Frame,
    pub(in crate::inference) mean: MeanPosition,
}

impl ImageOp for MeanPositions {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        let (channels, len) = (self.input.channels, self.mean.map_len());
        let (positions, padding) = output.split_at_mut(2 * channels);
        with_scratch(channels * len, |planes| {
            self.input.unpack(x, planes);
            let maps = planes.chunks_exact(len);
            for (position, map) in positions.chunks_exact_mut(2).zip(maps) {
                position.copy_from_slice(&self.mean.of(map));
            }
        });
        padding.fill(0.0);
    }
}
