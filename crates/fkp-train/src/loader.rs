//! Batches, prepared ahead of the step that uses them.

use crate::{Codec, Target, TrainError};
use candle_core::{Device, Tensor};
use fkp_core::{Augment, Dataset, InputSpec, Keypoints, Purpose, Sample, rng_for};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;

/// How many batches wait ready while one is used.
const AHEAD: usize = 2;

/// Some samples as tensors.
pub(crate) struct Batch {
    /// Indices of the samples in their set.
    pub(crate) indices: Vec<usize>,
    /// The samples as they were fed, augmented.
    pub(crate) samples: Vec<Sample>,
    /// `[n, channels, size, size]`, normalised.
    pub(crate) x: Tensor,
    pub(crate) target: Target,
}

/// Turns indices into batches.
pub(crate) struct Loader<'a> {
    pub(crate) dataset: &'a dyn Dataset,
    /// `training` or `validation`, for messages.
    pub(crate) split: &'static str,
    pub(crate) augment: &'a dyn Augment,
    /// Seed and epoch of the augmentation. Nothing else enters its random numbers but the index.
    pub(crate) seed: u64,
    pub(crate) epoch: usize,
    pub(crate) codec: &'a dyn Codec,
    pub(crate) input: InputSpec,
    pub(crate) device: &'a Device,
}

impl Loader<'_> {
    /// Calls `consume` with each batch in order, while a thread prepares the next ones.
    pub(crate) fn for_each(
        &self,
        batches: &[Vec<usize>],
        mut consume: impl FnMut(Batch) -> Result<ControlFlow<()>, TrainError>,
    ) -> Result<(), TrainError> {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(AHEAD);
            let producer = scope.spawn(move || {
                for indices in batches {
                    let batch = self.load(indices);
                    let failed = batch.is_err();
                    // The receiver is gone when the consumer stopped early.
                    if sender.send(batch).is_err() || failed {
                        break;
                    }
                }
            });
            let mut result = Ok(());
            for batch in receiver {
                match batch.and_then(&mut consume) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => break,
                    Err(error) => {
                        result = Err(error);
                        break;
                    }
                }
            }
            // A producer that waits to send learns here that nobody listens: `receiver` is gone.
            match producer.join() {
                Ok(()) => result,
                Err(panic) => result.and(Err(TrainError::LoaderPanicked {
                    message: panic_message(panic.as_ref()),
                })),
            }
        })
    }

    fn load(&self, indices: &[usize]) -> Result<Batch, TrainError> {
        let mut values = vec![0.0; indices.len() * self.input.len()];
        let samples = values
            .par_chunks_mut(self.input.len())
            .zip(indices)
            .map(|(out, &index)| {
                let sample = self.sample(index)?;
                self.input.fill(&sample.image, out);
                Ok(sample)
            })
            // Collected before the error is looked at, so that of several the first is reported.
            .collect::<Vec<Result<Sample, TrainError>>>();
        let samples = samples.into_iter().collect::<Result<Vec<_>, _>>()?;
        let keypoints: Vec<Keypoints> = samples.iter().map(|s| s.keypoints.clone()).collect();
        let input = &self.input;
        let shape = (indices.len(), input.channels, input.size, input.size);
        Ok(Batch {
            x: Tensor::from_vec(values, shape, self.device)?,
            target: self.codec.encode(&keypoints, self.device)?,
            indices: indices.to_vec(),
            samples,
        })
    }

    fn sample(&self, index: usize) -> Result<Sample, TrainError> {
        let split = self.split;
        let read = self.dataset.get(index);
        let sample = read.map_err(|source| TrainError::Data { split, source })?;
        let id = sample.id.clone();
        let mut rng = rng_for(self.seed, Purpose::Augment, self.epoch as u64, index as u64);
        let sample = self.augment.apply(sample, &mut rng);
        let (width, height) = sample.image.size();
        let (side, points) = (self.input.size, self.dataset.schema().len());
        let problem = if (width, height) != (side, side) {
            format!("the picture is {width}×{height}, the network takes {side}×{side}")
        } else if sample.keypoints.len() != points {
            let found = sample.keypoints.len();
            format!("there are {found} keypoints, the schema has {points}")
        } else if let Some((i, point)) = not_finite(&sample.keypoints) {
            let name = &self.dataset.schema().keypoints()[i];
            format!("keypoint `{name}` is at ({}, {})", point.x, point.y)
        } else {
            return Ok(sample);
        };
        Err(TrainError::Sample {
            split,
            index,
            id,
            problem,
        })
    }
}

fn not_finite(keypoints: &Keypoints) -> Option<(usize, &fkp_core::Keypoint)> {
    let mut labelled = keypoints.labelled();
    labelled.find(|(_, point)| !(point.x.is_finite() && point.y.is_finite()))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}
