//! Another landmark task: 19 anatomical points in X-ray pictures of heads in profile. Shows that
//! nothing in the data, augmentation and training crates is about faces.
//!
//! ```text
//! cargo run --release --example other_landmarks
//! cargo run --release --example other_landmarks -- --data folder-with-keypoints.csv
//! ```

use anyhow::{Context, Result};
use candle_core::Device;
use clap::Parser;
use fkp_augment::Recipe;
use fkp_core::{CropRule, Dataset, InputSpec};
use fkp_data::{Cached, Channels, Cropped, OpenOptions};
use fkp_examples::{check_picture, finish, say, table, use_threads};
use fkp_model::{CnnConfig, Network, NetworkConfig};
use fkp_train::observers::Progress;
use fkp_train::plots::{Cell, contact_sheet};
use fkp_train::{Coordinates, Evaluator, Fit, Params, TrainConfig};
use std::path::PathBuf;
use std::process::ExitCode;

/// Train on a landmark task that is no face.
#[derive(Parser)]
struct Arguments {
    /// Folder with pictures and a CSV of coordinates; the X-ray set beside the checkout if absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Passes over the training set.
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Picture of validation results to write.
    #[arg(long, default_value = "other_landmarks.png")]
    out: PathBuf,
    /// Threads to compute with; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    check_picture(&arguments.out)?;
    let found = || fkp_data::testing::shared_set("cephalo19");
    let path = arguments.data.clone().or_else(found).context(
        "the X-ray set is not beside the checkout: name a folder with --data, or set FKP_DATA",
    )?;

    // The points have numbers for names and nothing is symmetric: no flip pairs, errors by box.
    let opened = fkp_data::open(&path, &OpenOptions::default())?;
    let schema = opened.complete.schema().clone();
    let input = InputSpec::grey(96);
    let parts = opened.train_val()?;
    let crops = |part| {
        Cached::new(Cropped::new(
            part,
            CropRule::Whole,
            input.size,
            Channels::Grey,
        ))
    };
    let (train, validation) = (crops(parts.train), crops(parts.val));
    say!(
        "{}: {} pictures to learn from, {} to judge by",
        path.display(),
        train.len(),
        validation.len()
    );

    // A profile looks one way, so it is not flipped.
    let augment = Recipe {
        flip_horizontal_p: 0.0,
        ..Recipe::tutorial()
    };
    let augment = augment.compile(&schema)?;
    let network = NetworkConfig::Cnn(CnnConfig {
        conv_channels: vec![16, 32, 64, 64],
        dense: vec![256],
        ..CnnConfig::default()
    });
    let config = TrainConfig {
        epochs: arguments.epochs,
        batch_size: 16,
        ..TrainConfig::default()
    };
    let params = Params::new(config.seed, &Device::Cpu);
    let network = Network::new(&network, &input, schema.len(), params.builder())?;
    let codec = Coordinates::new(input.frame(), config.loss);
    let fit = Fit {
        augment: &augment,
        ..Fit::new(
            &network,
            &params,
            &codec,
            input,
            (&train, &validation),
            &config,
        )
    };
    fit.run(&mut Progress::new())?;

    let mut cells = Vec::new();
    let evaluator = Evaluator {
        network: &network,
        codec: &codec,
        input,
        batch_size: 32,
        device: &Device::Cpu,
    };
    let report = evaluator.run(&validation, |scored| {
        if cells.len() < 12 {
            cells.push(Cell::compared(&scored));
        }
    })?;
    say!("{}", table(&report));
    let sheet = contact_sheet(Cell::COMPARED, &cells, 6, 192, &schema)?;
    let saved = sheet.save(&arguments.out);
    saved.with_context(|| format!("{}: cannot write", arguments.out.display()))?;
    say!("see {}", arguments.out.display());
    Ok(())
}
