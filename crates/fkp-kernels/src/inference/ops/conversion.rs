//! From one layout to another.

use crate::inference::image::ImageOp;
use crate::inference::layouts::Planes;
use crate::layout::{Frame, padded};

/// Planes to pixels.
#[derive(Debug)]
pub(in crate::inference) struct Pack(pub(in crate::inference) Frame);

/// Planes to planes with a border of zeros.
#[derive(Debug)]
pub(in crate::inference) struct Pad(pub(in crate::inference) Planes);

/// Pixels to planes: `[channels, h, w]`, also as the channels of one pixel.
#[derive(Debug)]
pub(in crate::inference) struct Unpack(pub(in crate::inference) Frame);

/// The pixels without what is around them, `[h, w, padded channels]`.
#[derive(Debug)]
pub(in crate::inference) struct Tighten(pub(in crate::inference) Frame);

impl ImageOp for Pack {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        self.0.pack(x, output);
    }
}

impl ImageOp for Pad {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        let Planes {
            h,
            w,
            frame_w,
            margin,
            ..
        } = self.0;
        output.fill(0.0);
        let planes = output.chunks_exact_mut(self.0.area());
        for (to, from) in planes.zip(x.chunks_exact(h * w)) {
            let lines = to[margin * frame_w..].chunks_mut(frame_w);
            for (to, from) in lines.zip(from.chunks_exact(w)) {
                to[margin..][..w].copy_from_slice(from);
            }
        }
    }
}

impl ImageOp for Unpack {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        let Frame { channels, h, w, .. } = self.0;
        let (values, padding) = output.split_at_mut(channels * h * w);
        self.0.unpack(x, values);
        padding.fill(0.0);
    }
}

impl ImageOp for Tighten {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        let row_len = self.0.w * padded(self.0.channels);
        for (y, row) in output.chunks_exact_mut(row_len).enumerate() {
            row.copy_from_slice(self.0.row(y, x));
        }
    }
}
