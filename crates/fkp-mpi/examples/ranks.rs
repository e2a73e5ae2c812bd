//! Trains a small network on several ranks: find the bright dot in an image.
//!
//! ```text
//! mpirun -n 2 cargo run --features mpi --example ranks -- FOLDER EPOCHS
//! ```
//!
//! With a third argument, `resume`, it resumes the run in the folder, and with `fail` rank 1 fails in the
//! second epoch.

use candle_core::{Result as CandleResult, Tensor};
use candle_nn::{Init, ModuleT, VarBuilder};
use fkp_core::{Dataset, Image, InMemory, InputSpec, Keypoint, Keypoints, Sample, Schema, Task};
use fkp_core::{DatasetError, Subset};
use fkp_kernels::{Activation, linear};
use fkp_mpi::MpiCommunicator;
use fkp_train::{Communicator, TrainConfig, Trainer};
use std::error::Error;

/// Width and height of the images.
const SIDE: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let communicator = MpiCommunicator::new()?;
    match train(&communicator) {
        Ok(()) => communicator.finish(),
        Err(error) => {
            eprintln!("error on rank {}: {error}", communicator.rank());
            communicator.abort(1);
        }
    }
    Ok(())
}

fn train(communicator: &MpiCommunicator) -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, epochs, rest @ ..] = &arguments[..] else {
        return Err("the arguments are FOLDER EPOCHS [resume | fail]".into());
    };
    let rest = rest.first().map(String::as_str);
    println!(
        "rank {} is process {}",
        communicator.rank(),
        std::process::id()
    );
    let config = TrainConfig {
        epochs: epochs.parse()?,
        batch_size: 8,
        learning_rate: 1e-3,
        ..TrainConfig::default()
    };
    let task = Task::new(Schema::numbered("dot", 1)?, InputSpec::gray(SIDE));
    let trainer = Trainer::new(&task, config, Network::new)?;
    let trainer = trainer.communicator(communicator).save_to(folder);
    let dots = dots(50)?;
    let training = Unreliable {
        dots: &dots,
        fails_in: (rest == Some("fail") && communicator.rank() == 1).then_some(1),
    };
    let validation = Subset::new(&dots, (40..50).collect())?;
    match rest {
        Some("resume") => trainer.resume(&training, &validation, &mut ())?,
        _ => trainer.fit(&training, &validation, &mut ())?,
    };
    Ok(())
}

/// One bright dot in each image.
fn dots(count: usize) -> Result<InMemory, Box<dyn Error>> {
    let sample = |i: usize| {
        let (x, y) = ((i * 3) % SIDE, (i * 5 / SIDE) % SIDE);
        let mut image = Image::filled(SIDE, SIDE, 1, 0);
        image.pixel_mut(x, y)[0] = 255;
        let keypoint = Keypoint::new(x as f32, y as f32);
        Sample::new(i.to_string(), image, Keypoints::new(vec![keypoint]))
    };
    let samples = (0..count).map(sample).collect();
    Ok(InMemory::new(Schema::numbered("dot", 1)?, samples)?)
}

/// A data set that cannot be read from some epoch on, if that is asked for.
struct Unreliable<'a> {
    dots: &'a InMemory,
    fails_in: Option<usize>,
}

impl Dataset for Unreliable<'_> {
    fn schema(&self) -> &Schema {
        self.dots.schema()
    }

    fn len(&self) -> usize {
        self.dots.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.dots.get(index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        match self.fails_in.is_some_and(|first| epoch >= first) {
            true => Err(DatasetError::new(index, "the disk is gone")),
            false => self.dots.get(index),
        }
    }
}

/// Two dense layers, the first so wide that the ranks exchange the factors of its gradient.
struct Network {
    weights: [Tensor; 2],
    biases: [Tensor; 2],
}

impl Network {
    fn new(vb: VarBuilder<'static>) -> CandleResult<Self> {
        let uniform = |limit: f64| Init::Uniform {
            lo: -limit,
            up: limit,
        };
        let weight = |shape: (usize, usize), name| {
            let limit = 1.0 / (shape.1 as f64).sqrt();
            vb.get_with_hints(shape, name, uniform(limit))
        };
        Ok(Self {
            weights: [
                weight((1024, SIDE * SIDE), "weight1")?,
                weight((2, 1024), "weight2")?,
            ],
            biases: [
                vb.get_with_hints(1024, "bias1", Init::Const(0.0))?,
                vb.get_with_hints(2, "bias2", Init::Const(0.0))?,
            ],
        })
    }
}

impl ModuleT for Network {
    fn forward_t(&self, x: &Tensor, _: bool) -> CandleResult<Tensor> {
        let [first, second] = &self.weights;
        let x = x.flatten_from(1)?;
        let x = linear(&x, first, Some(&self.biases[0]), Activation::Relu)?;
        linear(&x, second, Some(&self.biases[1]), Activation::Identity)
    }
}
