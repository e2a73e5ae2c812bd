//! Another landmark task: 19 anatomical keypoints in X-ray images of heads in profile. The data,
//! augmentation and training crates are not specific to faces. The same network is trained without
//! and with augmentation and evaluated on held-out images (the split is by a hash of the image).
//!
//! ```text
//! cargo run --release --example other_landmarks
//! cargo run --release --example other_landmarks -- --data folder-with-keypoints.csv
//! ```

use anyhow::{Context, Result};
use clap::Parser;
use fkp_augment::{Brightness, Contrast, Range, Recipe};
use fkp_core::{CropRule, Dataset, InputSpec};
use fkp_data::{Cached, Cropped, OpenOptions};
use fkp_draw::{Cell, contact_sheet};
use fkp_examples::{check_image, finish, say, table, use_threads};
use fkp_metrics::EvaluationReport;
use fkp_model::{CnnConfig, ModelCard, NetworkConfig};
use fkp_train::observers::ProgressBar;
use fkp_train::{TrainConfig, Trainer};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Train on X-ray images, without and with augmentation.
#[derive(Parser)]
struct Arguments {
    /// Folder with images and a CSV of coordinates; the X-ray set beside the checkout if absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Epochs of each of the two trainings.
    #[arg(long, default_value_t = 150)]
    epochs: usize,
    /// A TOML file with an augmentation recipe.
    #[arg(long)]
    augment: Option<PathBuf>,
    /// Seed of the initial weights, the order of the samples and the augmentation.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File for an image of validation results.
    #[arg(long, default_value = "other_landmarks.png")]
    out: PathBuf,
    /// Number of threads; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    check_image(&arguments.out)?;
    let found = || fkp_test_support::shared_set("cephalo19");
    let path = arguments.data.clone().or_else(found).context(
        "the X-ray set is not beside the checkout: name a folder with --data, or set FKP_DATA",
    )?;

    // The keypoints are numbered and not symmetric: no flip pairs, errors normalized by the box.
    let opened = fkp_data::open(&path, &OpenOptions::default())?;
    let schema = opened.complete.schema().clone();
    let input = InputSpec::gray(96);
    let parts = opened.train_val()?;
    let crops = |part| Cached::new(Cropped::new(part, CropRule::Whole, input));
    let (train, validation) = (crops(parts.train), crops(parts.val));
    say!(
        "{}: {} training images, {} validation images",
        path.display(),
        train.len(),
        validation.len()
    );

    let recipe = match &arguments.augment {
        Some(file) => read_recipe(file)?,
        None => for_xrays(),
    };
    let network = NetworkConfig::Cnn(CnnConfig {
        conv_channels: vec![16, 32, 64, 64],
        dense: vec![256],
        ..CnnConfig::default()
    });
    let config = TrainConfig {
        epochs: arguments.epochs,
        batch_size: 16,
        seed: arguments.seed,
        ..TrainConfig::default()
    };
    let card = ModelCard::new(network, schema.clone(), input);
    let mut reports = Vec::new();
    let mut cells = Vec::new();
    for (name, recipe) in [("without", Recipe::none()), ("with", recipe)] {
        say!("{name} augmentation:");
        let augment = recipe.compile(&schema)?;
        // Both trainings have the same initial weights: they depend on the seed and the names only.
        let trainer = Trainer::new(&card, config.clone(), |vb| card.network(vb))?;
        let trainer = trainer.augment(&augment);
        trainer.fit(&train, &validation, &mut ProgressBar::new())?;
        let evaluator = trainer.evaluator();
        cells.clear();
        reports.push(evaluator.run(&validation, |scored| {
            if cells.len() < 12 {
                cells.push(Cell::compared(scored.sample, scored.predicted));
            }
        })?);
    }
    let [without, with] = &reports[..] else {
        unreachable!("two trainings");
    };
    say!("{}", table(with));
    say!("");
    say!("{}", compare(without, with));
    let sheet = contact_sheet(Cell::COMPARED, &cells, 6, 192, &schema)?;
    let saved = sheet.save(&arguments.out);
    saved.with_context(|| format!("{}: cannot write", arguments.out.display()))?;
    say!("see {}", arguments.out.display());
    Ok(())
}

/// Augmentation for X-rays in profile: no flip, because all heads face the same way; small
/// geometric changes, because patients are positioned; brightness for different exposures.
fn for_xrays() -> Recipe {
    Recipe {
        rotation_deg: 8.0,
        shift_x: 0.04,
        shift_y: 0.04,
        zoom: 0.08,
        transforms: vec![
            Contrast {
                factor: Range::new(0.8, 1.2),
            }
            .into(),
            Brightness {
                add: Range::within(0.1),
            }
            .into(),
        ],
        ..Recipe::none()
    }
}

fn read_recipe(file: &Path) -> Result<Recipe> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("{}: cannot read the file", file.display()))?;
    toml::from_str(&text).with_context(|| format!("{}: not a recipe", file.display()))
}

/// A table of the errors of both trainings, in pixels of the network's input.
fn compare(without: &EvaluationReport, with: &EvaluationReport) -> String {
    let mut lines = vec![format!(
        "{:<26} {:>10} {:>10} {:>8}",
        "error on validation", "without", "with", "change"
    )];
    let mut row = |name: &str, without: Option<f64>, with: Option<f64>| {
        if let (Some(without), Some(with)) = (without, with) {
            let change = 100.0 * (with / without - 1.0);
            lines.push(format!(
                "{name:<26} {without:>10.3} {with:>10.3} {change:>+6.1} %"
            ));
        }
    };
    row("MAE, px", without.mae_px, with.mae_px);
    row("RMSE, px", without.rmse_px, with.rmse_px);
    let percent = |value: Option<f64>| value.map(|v| 100.0 * v);
    row(
        "NME by box, %",
        percent(without.nme.by_box),
        percent(with.nme.by_box),
    );
    lines.join("\n")
}
