//! Predicts keypoints in images of any size.
//!
//! ```text
//! cargo run --release --example predict -- crop.png --out out/               # the pretrained model
//! cargo run --release --example predict -- photo.jpg --box 120,80,160,200 --out out/
//! cargo run --release --example predict -- --model runs/X/best.safetensors crops/ --out out/
//! cargo run --release --example predict -- --submission IdLookupTable.csv test.csv --out out/
//! ```

mod submission;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use fkp_core::Affine;
use fkp_data::decode_image;
use fkp_draw::{Colors, draw_keypoints, enlarge};
use fkp_examples::{finish, landmarker, model_help, say, use_threads, write_text};
use fkp_model::{
    BoundingBox, BoxConvention, DetectOptions, FaceBox, HeadPose, Image, Keypoints, Landmarker,
    Schema,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Predict keypoints in images, in pixels of each image.
#[derive(Parser)]
struct Arguments {
    #[arg(long, help = model_help())]
    model: Option<PathBuf>,
    /// Keypoints to return, which must follow from those of the model, such as kaggle15; those of
    /// the model if absent.
    #[arg(long)]
    schema: Option<String>,
    /// Average the predictions for each image and its mirror image, which takes twice the time.
    #[arg(long)]
    flip: bool,
    /// Crop each face again by the keypoints found and predict once more, which takes twice the
    /// time.
    #[arg(long)]
    refine: bool,
    /// Image files and folders (PNG, JPEG, BMP).
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// The face as x,y,width,height in pixels. Without it, each image must be a face crop already.
    #[arg(long = "box", value_parser = parse_box, allow_hyphen_values = true)]
    face: Option<BoundingBox>,
    /// What --box is around: face (forehead to chin, as detectors give it), keypoints (those of the
    /// model), or crop (the square that the network sees).
    #[arg(long, value_enum, default_value_t, requires = "face")]
    box_kind: BoxKind,
    /// Folder for predictions.json, predictions.csv and an overlay of each image.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Predict the images of Kaggle's test table, the one file given in place of images, and write
    /// submission.csv with the coordinates that this IdLookupTable.csv asks for.
    #[arg(long, conflicts_with_all = ["face", "schema"])]
    submission: Option<PathBuf>,
    /// Number of threads; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
}

/// [`BoxConvention`] on the command line.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum BoxKind {
    #[default]
    Face,
    Keypoints,
    Crop,
}

impl From<BoxKind> for BoxConvention {
    fn from(kind: BoxKind) -> Self {
        match kind {
            BoxKind::Face => Self::Face,
            BoxKind::Keypoints => Self::Keypoints,
            BoxKind::Crop => Self::Crop,
        }
    }
}

/// The end of an overlay's file name.
const OVERLAY: &str = ".overlay.png";

#[derive(Serialize)]
struct Prediction {
    file: String,
    width: usize,
    height: usize,
    keypoints: Vec<NamedKeypoint>,
    /// The probability that the crop is a face, where the model gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    /// The orientation of the head, where the model has the keypoints for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pose: Option<Pose>,
}

/// In degrees.
#[derive(Serialize)]
struct Pose {
    yaw: f32,
    pitch: f32,
    roll: f32,
}

impl From<HeadPose> for Pose {
    fn from(pose: HeadPose) -> Self {
        let HeadPose { yaw, pitch, roll } = pose;
        Self { yaw, pitch, roll }
    }
}

#[derive(Serialize)]
struct NamedKeypoint {
    name: String,
    x: f32,
    y: f32,
    /// Standard deviation in pixels, where the model gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    sigma: Option<f32>,
}

#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    keypoint: &'a str,
    x: f32,
    y: f32,
    sigma: Option<f32>,
}

fn main() -> ExitCode {
    finish(predict(&Arguments::parse()))
}

fn predict(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    let (mut landmarker, _) = landmarker(arguments.model.as_deref())?;
    let options = DetectOptions {
        flip: arguments.flip,
        refine: arguments.refine,
        ..DetectOptions::default()
    };
    landmarker = landmarker.with_options(options)?;
    if let Some(schema) = &arguments.schema {
        landmarker = landmarker.with_schema(&fkp_data::schema_from(schema)?)?;
    }
    let out = &arguments.out;
    let create = || std::fs::create_dir_all(out);
    let failed = || format!("{}: cannot create", out.display());
    if let Some(lookup) = &arguments.submission {
        let [test] = &arguments.images[..] else {
            bail!("--submission: give the test table, and nothing else");
        };
        create().with_context(failed)?;
        return submission::write(&landmarker, test, lookup, &out.join("submission.csv"));
    }
    let files = images(&arguments.images)?;
    create().with_context(failed)?;

    let (mut predictions, mut failures) = (Vec::new(), Vec::new());
    let mut names = BTreeSet::new();
    let face = arguments.face.map(|bounds| FaceBox {
        convention: arguments.box_kind.into(),
        bounds,
    });
    for file in &files {
        let overlay = out.join(overlay_name(file, &mut names));
        match predict_one(&landmarker, file, face.as_ref(), &overlay) {
            Ok(prediction) => predictions.push(prediction),
            // Go on with the other files and report this one at the end.
            Err(error) => failures.push(error),
        }
    }
    let json = serde_json::to_string_pretty(&predictions)? + "\n";
    write_text(&out.join("predictions.json"), &json)?;
    write_csv(&out.join("predictions.csv"), &predictions)?;
    say!(
        "{} of {} images predicted into {}",
        predictions.len(),
        files.len(),
        out.display()
    );
    if failures.is_empty() {
        return Ok(());
    }
    for error in &failures {
        eprintln!("skipped: {error:#}");
    }
    bail!(
        "{} of {} images could not be predicted",
        failures.len(),
        files.len()
    )
}

fn predict_one(
    landmarker: &Landmarker,
    file: &Path,
    face: Option<&FaceBox>,
    overlay: &Path,
) -> Result<Prediction> {
    let image = decode_image(file)?;
    if let Some(face) = face
        && !overlaps(&face.bounds, &image)
    {
        let (width, height) = image.size();
        bail!(
            "{}: the box lies outside the image of {width}×{height}",
            file.display()
        );
    }
    let found = match face {
        Some(face) => landmarker.detect_in(&image, face),
        None => landmarker.detect(&image),
    };
    let found = found.with_context(|| file.display().to_string())?;
    draw(landmarker.schema(), &image, found.positions(), overlay)?;
    let named = found.keypoints().map(|keypoint| NamedKeypoint {
        name: keypoint.name.to_owned(),
        x: keypoint.x,
        y: keypoint.y,
        sigma: keypoint.sigma.is_finite().then_some(keypoint.sigma),
    });
    Ok(Prediction {
        file: file.display().to_string(),
        width: image.width(),
        height: image.height(),
        keypoints: named.collect(),
        score: found.score(),
        pose: found.pose().map(Pose::from),
    })
}

fn overlaps(face: &BoundingBox, image: &Image) -> bool {
    let (width, height) = (image.width() as f64, image.height() as f64);
    let overlaps_x = face.x + face.width > -0.5 && face.x < width - 0.5;
    overlaps_x && face.y + face.height > -0.5 && face.y < height - 0.5
}

/// Writes the overlay. Small images are enlarged, so that the discs do not hide the face.
fn draw(schema: &Schema, image: &Image, keypoints: &Keypoints, path: &Path) -> Result<()> {
    let longer = image.width().max(image.height()) as f64;
    let (mut canvas, map): (_, Affine) = enlarge(image, (480.0 / longer).max(1.0))?;
    let radius = (canvas.width().max(canvas.height()) / 200).max(2) as i32;
    draw_keypoints(&mut canvas, keypoints, &map, schema, Colors::BySide, radius);
    let saved = canvas.save(path);
    saved.with_context(|| format!("{}: cannot write the overlay", path.display()))
}

fn write_csv(path: &Path, predictions: &[Prediction]) -> Result<()> {
    let table = csv::Writer::from_path(path);
    let mut table = table.with_context(|| format!("{}: cannot write", path.display()))?;
    for prediction in predictions {
        for keypoint in &prediction.keypoints {
            table.serialize(Row {
                file: &prediction.file,
                keypoint: &keypoint.name,
                x: keypoint.x,
                y: keypoint.y,
                sigma: keypoint.sigma,
            })?;
        }
    }
    table.flush()?;
    Ok(())
}

/// Files as they are, folders as the images directly in them, sorted.
fn images(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = || format!("{}: cannot list the folder", path.display());
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).with_context(failed)? {
            let file = entry.with_context(failed)?.path();
            let ending = file.extension().map(|e| e.to_string_lossy().to_lowercase());
            // An overlay of an earlier prediction in the same folder is not an input.
            let is_overlay = file.to_string_lossy().ends_with(OVERLAY);
            if !is_overlay && matches!(ending.as_deref(), Some("png" | "jpg" | "jpeg" | "bmp")) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            bail!(
                "{}: no PNG, JPEG or BMP image in this folder",
                path.display()
            );
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

/// `NAME.overlay.png`, numbered where images of two folders have the same name.
fn overlay_name(file: &Path, taken: &mut BTreeSet<String>) -> String {
    let stem = file
        .file_stem()
        .map_or("image".into(), |stem| stem.to_string_lossy());
    let plain = std::iter::once(format!("{stem}{OVERLAY}"));
    let numbered = (2..).map(|number| format!("{stem}-{number}{OVERLAY}"));
    let mut free = plain
        .chain(numbered)
        .filter(|name| taken.insert(name.clone()));
    free.next().unwrap_or_default()
}

fn parse_box(text: &str) -> Result<BoundingBox, String> {
    let expected = || format!("expected x,y,width,height in pixels, got `{text}`");
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    let numbers = numbers.map_err(|_| expected())?;
    let &[x, y, width, height] = numbers.as_slice() else {
        return Err(expected());
    };
    let face = BoundingBox::from_image_edges(x, y, width, height);
    match face.is_usable() {
        true => Ok(face),
        false => Err(format!(
            "a box needs finite numbers and an area, got `{text}`"
        )),
    }
}
