//! Writes rendered faces as a data set: a folder of images and a table of coordinates. For trying
//! out the other programs, and as an example of the format.
//!
//! ```text
//! cargo run --release --example render -- --out my-faces --count 600
//! ```

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fkp_core::Dataset;
use fkp_examples::{finish, read_distribution, say};
use fkp_synth::{SynthConfig, SynthFaces};
use image::DynamicImage;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write rendered faces as images and a table.
#[derive(Parser)]
struct Arguments {
    /// Folder to write to. It must not exist.
    #[arg(long)]
    out: PathBuf,
    /// Number of faces, each of a different person.
    #[arg(long, default_value_t = 600)]
    count: usize,
    /// Side of an image in pixels.
    #[arg(long, default_value_t = 128)]
    size: usize,
    /// Seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The distribution of the faces: a TOML file, in which fields that are not named keep their
    /// defaults.
    #[arg(long, value_name = "FILE")]
    distribution: Option<PathBuf>,
}

fn main() -> ExitCode {
    finish(render(&Arguments::parse()))
}

fn render(arguments: &Arguments) -> Result<()> {
    let Arguments {
        out,
        count,
        size,
        seed,
        distribution,
    } = arguments;
    ensure!(!out.exists(), "{} exists already", out.display());
    let distribution = distribution.as_deref().map(read_distribution).transpose()?;
    let faces = SynthFaces::new(SynthConfig {
        count: *count,
        size: *size,
        seed: *seed,
        faces: distribution.unwrap_or_default(),
        ..SynthConfig::default()
    })?;
    let images = out.join("images");
    std::fs::create_dir_all(&images)
        .with_context(|| format!("{}: cannot create the folder", images.display()))?;
    let path = out.join("keypoints.csv");
    let mut table = csv::Writer::from_path(&path).with_context(|| format!("{}", path.display()))?;
    table.write_field("image")?;
    for name in faces.schema().keypoints() {
        table.write_field(format!("{name}_x"))?;
        table.write_field(format!("{name}_y"))?;
    }
    table.write_record(None::<&[u8]>)?;
    for index in 0..faces.len() {
        let sample = faces.get(index)?;
        let name = format!("face{index:05}.png");
        let file = images.join(&name);
        DynamicImage::from(sample.image)
            .save(&file)
            .with_context(|| format!("{}: cannot write", file.display()))?;
        table.write_field(&name)?;
        for keypoint in sample.keypoints.iter() {
            // An empty cell is an unlabeled keypoint.
            let cell = |v: f32| match keypoint.is_labeled() {
                true => format!("{v:.2}"),
                false => String::new(),
            };
            table.write_field(cell(keypoint.x))?;
            table.write_field(cell(keypoint.y))?;
        }
        table.write_record(None::<&[u8]>)?;
    }
    table
        .flush()
        .with_context(|| format!("{}: cannot write", path.display()))?;
    say!("{count} faces in {}", out.display());
    Ok(())
}
