//! Shows what augmentation does to pictures and points.
//!
//! ```text
//! cargo run --release --example augment_preview -- --data ytf68 --out sheet.png
//! ```

use anyhow::{Context, Result};
use clap::Parser;
use fkp_core::{Augment, Purpose, rng_for};
use fkp_examples::{RunConfig, check_picture, finish, open_for_training, say};
use fkp_train::plots::{Cell, Marks, contact_sheet};
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw a contact sheet: each row a picture as it is and variations of it. The subject's left
/// points are green, right red, middle ones yellow; points outside the picture are not seen.
#[derive(Parser)]
struct Arguments {
    /// File or folder with annotated pictures; rendered faces if absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// kaggle, image-csv, pts or coco; recognised by looking if absent.
    #[arg(long)]
    format: Option<String>,
    /// Keypoints: kaggle15 (default), ibug68, aflw21, source, or a TOML file.
    #[arg(long)]
    schema: Option<String>,
    /// A TOML file whose augmentation is shown; the tutorial's if absent.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Pictures to show.
    #[arg(long, default_value_t = 5)]
    rows: usize,
    /// Variations of each.
    #[arg(long, default_value_t = 7)]
    variations: usize,
    /// Seed of the variations.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The picture to write.
    #[arg(long, default_value = "sheet.png")]
    out: PathBuf,
}

fn main() -> ExitCode {
    finish(preview(&Arguments::parse()))
}

fn preview(arguments: &Arguments) -> Result<()> {
    check_picture(&arguments.out)?;
    let mut config = match &arguments.config {
        Some(file) => RunConfig::read(file)?,
        None => RunConfig::default(),
    };
    config.data.path = arguments.data.clone().or(config.data.path);
    config.data.format = arguments.format.clone().or(config.data.format);
    if let Some(schema) = &arguments.schema {
        config.data.schema.clone_from(schema);
    }
    config.validate()?;
    let data = open_for_training(&config.data, &config.input)?;
    let augment = config.augment.compile(&data.schema)?;

    let rows = arguments.rows.clamp(1, data.train.len());
    let mut cells = Vec::new();
    for row in 0..rows {
        let index = row * data.train.len() / rows;
        let sample = data.train.get(index)?;
        let mut show = |sample: fkp_core::Sample, caption: String| {
            cells.push(Cell {
                layers: vec![(sample.keypoints, Marks::BySide)],
                image: sample.image,
                caption,
            });
        };
        show(sample.clone(), sample.id.clone());
        for variation in 0..arguments.variations {
            let epoch = variation as u64;
            let mut rng = rng_for(arguments.seed, Purpose::Augment, epoch, index as u64);
            let caption = format!("epoch {}", variation + 1);
            show(augment.apply(sample.clone(), &mut rng), caption);
        }
    }
    let columns = arguments.variations + 1;
    let sheet = contact_sheet(&data.source.description, &cells, columns, 160, &data.schema)?;
    let path = &arguments.out;
    let saved = sheet.save(path);
    saved.with_context(|| format!("{}: cannot write the sheet", path.display()))?;
    say!(
        "{rows} pictures with {} variations each: {}",
        arguments.variations,
        path.display()
    );
    Ok(())
}
