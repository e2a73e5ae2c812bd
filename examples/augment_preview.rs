//! Draws a contact sheet of augmented images with their keypoints: of a recipe, or of each
//! transform.
//!
//! ```text
//! cargo run --release --example augment_preview -- --data ytf68 --out sheet.png
//! cargo run --release --example augment_preview -- --transforms folder
//! ```

use anyhow::{Context, Result};
use clap::Parser;
use fkp_augment::{Recipe, Transform};
use fkp_core::{
    Augment, Border, BoundingBox, Dataset, FaceBox, Image, Purpose, Sample, Schema, rng_for,
};
use fkp_draw::{Cell, Colors, contact_sheet};
use fkp_examples::{
    Gallery, RunConfig, check_image, finish, format_help, gallery, open_for_training, say,
};
use fkp_synth::{SynthConfig, SynthFaces};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Draw a contact sheet: each row shows an image and augmented versions of it. The subject's left
/// keypoints are green, right ones red, middle ones yellow; keypoints outside the image are not
/// drawn.
#[derive(Parser)]
struct Arguments {
    /// File or folder with annotated images; rendered faces if absent.
    #[arg(long)]
    data: Option<PathBuf>,
    #[arg(long, help = format_help())]
    format: Option<String>,
    /// Keypoints: kaggle15 (default), ibug68, aflw21, wflw98, source, or a TOML file.
    #[arg(long)]
    schema: Option<String>,
    /// Configuration file with the augmentation; the tutorial's if absent.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Number of images.
    #[arg(long, default_value_t = 5)]
    rows: usize,
    /// Augmented versions of each image; with --transforms, faces for each transform.
    #[arg(long, default_value_t = 7)]
    variations: usize,
    /// Seed of the augmentation.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The image to write.
    #[arg(long, default_value = "sheet.png")]
    out: PathBuf,
    /// Show each transform on rendered faces instead of a recipe: this folder gets a sheet for each
    /// transform, and `geometric.png` and `photometric.png` with all of them.
    #[arg(long, conflicts_with_all = ["data", "format", "schema", "config", "out"])]
    transforms: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    finish(match &arguments.transforms {
        Some(folder) => each_transform(folder, &arguments),
        None => preview(&arguments),
    })
}

fn preview(arguments: &Arguments) -> Result<()> {
    check_image(&arguments.out)?;
    let mut config = match &arguments.config {
        Some(file) => RunConfig::read(file)?,
        None => RunConfig::default(),
    };
    if arguments.data.is_some() {
        config.data.sources.clear();
    }
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
        let original = sample.id.clone();
        cells.extend(augmented(sample, &original, index, &augment, arguments)?);
    }
    let columns = arguments.variations + 1;
    let path = &arguments.out;
    let title = format!("{}: originals and augmented images", data.source.name);
    save(path, &title, (&cells, columns, 160), &data.schema)?;
    say!(
        "{rows} images with {} augmented versions each: {}",
        arguments.variations,
        path.display()
    );
    Ok(())
}

/// An image with this caption, and augmented versions of it.
fn augmented(
    sample: Sample,
    original: &str,
    index: usize,
    augment: &dyn Augment,
    arguments: &Arguments,
) -> Result<Vec<Cell>> {
    let variations = (0..arguments.variations).map(|variation| {
        let epoch = variation as u64;
        let mut rng = rng_for(arguments.seed, Purpose::Augment, epoch, index as u64);
        let caption = format!("epoch {}", variation + 1);
        Ok(cell(augment.apply(sample.clone(), &mut rng)?, caption))
    });
    let first = Ok(cell(sample.clone(), original.to_owned()));
    std::iter::once(first).chain(variations).collect()
}

fn cell(sample: Sample, caption: String) -> Cell {
    Cell {
        layers: vec![(sample.keypoints, Colors::BySide)],
        image: sample.image,
        caption,
    }
}

/// Side of the rendered faces in pixels.
const SIDE: usize = 96;

fn each_transform(folder: &Path, arguments: &Arguments) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot create the folder", folder.display()))?;
    let faces = SynthFaces::new(SynthConfig {
        size: SIDE,
        ..SynthConfig::default()
    })?;
    let Gallery {
        geometric,
        photometric,
    } = gallery(SIDE);
    let first_photometric = geometric.len();
    let mut sheets = [Vec::new(), Vec::new()];
    for (index, transform) in geometric.iter().chain(&photometric).enumerate() {
        let mut cells = before_and_after(transform, index, &faces, arguments)?;
        let columns = 2 * arguments.variations.clamp(1, 3);
        let (name, schema) = (transform.kind(), faces.schema());
        let file = folder.join(format!("{name}.png"));
        save(&file, name, (&cells, columns, 192), schema)?;
        cells.truncate(4);
        sheets[usize::from(index >= first_photometric)].extend(cells);
    }
    for (name, cells) in ["Geometric", "Photometric"].iter().zip(sheets) {
        let colors = "left green, right red, middle yellow, occluded darker";
        let title = format!("{name} transforms: {colors}");
        let file = folder.join(format!("{}.png", name.to_lowercase()));
        save(&file, &title, (&cells, 8, 120), faces.schema())?;
    }
    say!("a sheet for each transform: {}", folder.display());
    Ok(())
}

/// Rendered faces, each followed by its augmented version.
fn before_and_after(
    transform: &Transform,
    transform_index: usize,
    faces: &SynthFaces,
    arguments: &Arguments,
) -> Result<Vec<Cell>> {
    let recipe = Recipe {
        // Pixels beyond the edge of the original image are visible as such.
        border: Border::Constant(90),
        ..Recipe::of([transform.clone()])
    };
    let augment = recipe.compile(faces.schema())?;
    let mut cells = Vec::new();
    for face in 0..arguments.variations {
        let index = transform_index * arguments.variations + face;
        let sample = with_box(colored(faces.get(index)?, transform)?);
        let mut rng = rng_for(arguments.seed, Purpose::Augment, 0, index as u64);
        let augmented = augment.apply(sample.clone(), &mut rng)?;
        cells.push(cell(sample, "original".to_owned()));
        cells.push(cell(augmented, transform.kind().to_owned()));
    }
    Ok(cells)
}

/// Rendered faces are gray; transforms of colors get a tinted one.
fn colored(sample: Sample, transform: &Transform) -> Result<Sample> {
    if !matches!(transform, Transform::HueSaturation(_) | Transform::Gray(_)) {
        return Ok(sample);
    }
    let (width, height) = sample.image.size();
    let tint = |gray: &u8| {
        let v = f64::from(*gray) / 255.0;
        // Dark values become bluish, light ones the color of skin.
        [v.powf(0.8), v, v.powf(1.25) * 0.8 + 0.1].map(|v| (v * 255.0).round() as u8)
    };
    let bytes = sample.image.as_bytes().iter().flat_map(tint).collect();
    Ok(Sample {
        image: Image::new(width, height, 3, bytes)?,
        ..sample
    })
}

/// A face box around the keypoints, as a detector would return.
fn with_box(sample: Sample) -> Sample {
    let keypoints = sample.keypoints.labeled();
    let around = BoundingBox::around(keypoints.map(|(_, p)| (p.x.into(), p.y.into())));
    Sample {
        face_box: around.map(FaceBox::keypoints),
        ..sample
    }
}

fn save(
    path: &Path,
    title: &str,
    (cells, columns, side): (&[Cell], usize, u32),
    schema: &Schema,
) -> Result<()> {
    let sheet = contact_sheet(title, cells, columns, side, schema)?;
    let saved = sheet.save(path);
    saved.with_context(|| format!("{}: cannot write the sheet", path.display()))
}
