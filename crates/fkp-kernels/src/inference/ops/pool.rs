//! Pooling over windows and whole maps.

use crate::frame_pool::FramePool;
use crate::inference::image::ImageOp;
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

#[derive(Debug)]
pub(in crate::inference) struct Pool(pub(in crate::inference) FramePool);

/// The mean of each channel.
#[derive(Debug)]
pub(in crate::inference) struct GlobalMean {
    /// With a window of the whole image, and a result of one pixel.
    pub(in crate::inference) pool: FramePool,
}

impl ImageOp for Pool {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        dispatch(RunPool {
            pool: &self.0,
            x,
            output,
        });
    }
}

impl ImageOp for GlobalMean {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        with_scratch(self.pool.depth, |means| {
            dispatch(RunPool {
                pool: &self.pool,
                x,
                output: means,
            });
            output.copy_from_slice(&means[..output.len()]);
        });
    }
}

struct RunPool<'a> {
    pool: &'a FramePool,
    x: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for RunPool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.pool.run(s, self.x, self.output);
    }
}
