//! Filling a network's input: many samples varied in parallel, straight into one slice.

use crate::pixels::Workspace;
use crate::{AugmentError, Drawn, Pipeline, Subject};
use fkp_core::vectors::{self, Kernel};
use fkp_core::warp::{Sampling, View};
use fkp_core::{Keypoints, Purpose, Sample, rng_for};
use rayon::prelude::*;
use std::borrow::Borrow;
use std::cell::RefCell;

/// How a channel's value becomes a network's input: `(v/255 − mean) / std`, channel by channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalise {
    /// Mean of each channel as a fraction of white.
    pub mean: [f32; 4],
    /// Standard deviation of each channel as a fraction of white.
    pub std: [f32; 4],
}

impl Default for Normalise {
    /// 0 for black, 1 for white.
    fn default() -> Self {
        Self {
            mean: [0.0; 4],
            std: [1.0; 4],
        }
    }
}

/// A batch to be filled, in the caller's memory.
#[derive(Debug)]
pub struct BatchMut<'a> {
    /// (width, height, channels) of every picture in the batch.
    pub shape: (usize, usize, usize),
    /// `[n, channels, height, width]`.
    pub pixels: &'a mut [f32],
    /// One per sample. Point sets that have the right length already are overwritten in place.
    pub keypoints: &'a mut [Keypoints],
}

/// Varies `samples` and writes them into `batch`. The randomness of a sample is that of
/// `(seed, epoch, index)` with the index that `indices` gives, whatever the number of threads; it
/// is what [`fkp_core::Augment::apply`] does with the generator of the same key.
///
/// Runs on the current `rayon` pool. Each thread keeps its memory from one picture to the next: once
/// it has seen pictures of each size and, in `keypoints`, sets of the right length, nothing is
/// allocated for a sample, whatever the recipe. (`rayon` itself allocates a little now and then when
/// the call comes from outside the pool.)
///
/// ```
/// use fkp_augment::{BatchMut, Normalise, Recipe, fill_batch};
/// use fkp_core::{Image, Keypoints, Sample, Schema};
/// let augment = Recipe::tutorial().compile(&Schema::kaggle15())?;
/// let face = Sample::new("face", Image::filled(96, 96, 1, 51), Keypoints::unlabelled(15));
/// let mut pixels = vec![0.0; 2 * 96 * 96];
/// let mut keypoints = vec![Keypoints::default(); 2];
/// let batch = BatchMut { shape: (96, 96, 1), pixels: &mut pixels, keypoints: &mut keypoints };
/// fill_batch(&augment, &[&face, &face], &[4, 9], (7, 0), &Normalise::default(), batch)?;
/// assert!((pixels[0] - 0.2).abs() < 1e-6);
/// # Ok::<(), fkp_augment::AugmentError>(())
/// ```
///
/// # Errors
/// If a buffer's length does not fit, or a sample comes out in another shape than the batch has.
///
/// # Panics
/// If a sample has another number of points than the pipeline's schema.
pub fn fill_batch<S: Borrow<Sample> + Sync>(
    pipeline: &Pipeline,
    samples: &[S],
    indices: &[u64],
    (seed, epoch): (u64, u64),
    normalise: &Normalise,
    batch: BatchMut<'_>,
) -> Result<(), AugmentError> {
    let (width, height, channels) = batch.shape;
    let plane = width * height * channels;
    let fits = |buffer, actual: usize, expected: usize| match actual == expected {
        true => Ok(()),
        false => Err(AugmentError::WrongLength {
            buffer,
            expected,
            actual,
        }),
    };
    fits("indices", indices.len(), samples.len())?;
    fits("keypoints", batch.keypoints.len(), samples.len())?;
    fits("pixels", batch.pixels.len(), samples.len() * plane)?;
    if plane == 0 {
        return fits("pixels", 0, 1);
    }
    let jobs = batch
        .pixels
        .par_chunks_exact_mut(plane)
        .zip(batch.keypoints.par_iter_mut())
        .zip(samples.par_iter().zip(indices.par_iter()))
        .enumerate();
    jobs.try_for_each(|(place, ((pixels, keypoints), (sample, &index)))| {
        let mut rng = rng_for(seed, Purpose::Augment, epoch, index);
        MEMORY.with_borrow_mut(|memory| {
            let sample = sample.borrow();
            let subject = Subject::from(sample);
            let Memory { drawn, workspace } = memory;
            pipeline.draw_into(drawn, sample.image.size(), subject, &mut rng);
            let view = View::from(&sample.image);
            let size = drawn.run_view(view, workspace);
            let actual = (size.0, size.1, view.channels());
            if actual != batch.shape {
                return Err(AugmentError::WrongShape {
                    index: place,
                    expected: batch.shape,
                    actual,
                });
            }
            to_planes(&workspace.front, channels, normalise, pixels);
            if keypoints.len() == sample.keypoints.len() {
                keypoints.copy_from_slice(&sample.keypoints);
            } else {
                keypoints.clone_from(&sample.keypoints);
            }
            drawn.move_keypoints(keypoints, pipeline.schema());
            Ok(())
        })
    })
}

/// What a thread keeps between pictures.
struct Memory {
    drawn: Drawn,
    workspace: Workspace<u8>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::new(Memory {
        drawn: Drawn::nothing((1, 1), Sampling::default()),
        workspace: Workspace::default(),
    });
}

/// From interleaved bytes to normalised planes.
fn to_planes(bytes: &[u8], channels: usize, normalise: &Normalise, planes: &mut [f32]) {
    let len = planes.len() / channels;
    for (channel, plane) in planes.chunks_exact_mut(len).enumerate() {
        let std = normalise.std[channel];
        vectors::run(Plane {
            bytes,
            channel,
            channels,
            scale: 1.0 / (255.0 * std),
            offset: -normalise.mean[channel] / std,
            plane,
        });
    }
}

struct Plane<'a> {
    bytes: &'a [u8],
    channel: usize,
    channels: usize,
    scale: f32,
    offset: f32,
    plane: &'a mut [f32],
}

impl Kernel for Plane<'_> {
    #[inline(always)]
    fn run(self) {
        match self.channels {
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
        for (value, pixel) in self.plane.iter_mut().zip(self.bytes.chunks_exact(C)) {
            *value = f32::from(pixel[self.channel]) * self.scale + self.offset;
        }
    }
}
