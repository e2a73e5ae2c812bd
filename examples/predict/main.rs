//! Finds the faces in images of any size, and predicts their keypoints.
//!
//! ```text
//! cargo run --release --example predict -- photo.jpg --out out/              # every face
//! cargo run --release --example predict -- photo.jpg --box 120,80,160,200 --out out/
//! cargo run --release --example predict -- --model runs/X/best.safetensors --crop crops/ --out out/
//! ffmpeg -i clip.mp4 -f yuv4mpegpipe - | cargo run --release --example predict -- --video - --out out/
//! cargo run --release --example predict -- test.csv --submission IdLookupTable.csv --out out/
//! ```

mod output;
mod submission;
mod video;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use fkp_data::decode_upright;
use fkp_examples::{
    detector, detector_help, finish, landmarker, model_help, say, use_threads, write_text,
};
use fkp_model::{
    BoundingBox, BoxConvention, DetectOptions, DetectorOptions, Face, FaceBox, Image, Landmarker,
    ModelError, Refine, Tracker,
};
use output::{Prediction, draw, write_csv};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Find the faces in images and predict their keypoints, in pixels of each image.
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
    /// Crop every face again by the keypoints found and predict once more, which takes twice the time;
    /// without it only those of which the box of a detector was inexact.
    #[arg(long)]
    refine: bool,
    /// Image files and folders (PNG, JPEG, BMP), made upright by their EXIF orientation.
    #[arg(required_unless_present = "video")]
    images: Vec<PathBuf>,
    #[arg(long, help = detector_help(), conflicts_with_all = ["face", "crop"])]
    detector: Option<PathBuf>,
    /// The height of the smallest face to find, in pixels, in images that are not larger than
    /// --max-side.
    #[arg(long, default_value_t = DetectorOptions::SMALLEST_PX, conflicts_with_all = ["face", "crop"])]
    min_face: f64,
    /// Images with a longer side than this are reduced to it before faces are searched for.
    #[arg(long, default_value_t = DetectorOptions::default().max_side, conflicts_with_all = ["face", "crop"])]
    max_side: usize,
    /// Each image is a crop of one face already: no face is searched for.
    #[arg(long, conflicts_with = "face")]
    crop: bool,
    /// The face as x,y,width,height in pixels, in place of those that the detector finds.
    #[arg(long = "box", value_parser = parse_box, allow_hyphen_values = true)]
    face: Option<BoundingBox>,
    /// What --box is around: face (forehead to chin, as detectors give it), keypoints (those of the
    /// model), or crop (the square that the network sees).
    #[arg(long, value_enum, default_value_t, requires = "face")]
    box_kind: BoxKind,
    /// Follow the faces of a video, in place of images: a y4m file, - for one on standard input
    /// (`ffmpeg -i clip.mp4 -f yuv4mpegpipe - | predict --video -`), or a folder of images in the order
    /// of their names. Writes predictions.jsonl, a line for each frame.
    #[arg(long, conflicts_with_all = ["images", "face", "crop", "submission"])]
    video: Option<PathBuf>,
    /// Also draw the frames of a video.
    #[arg(long, requires = "video")]
    overlays: bool,
    /// Folder for predictions.json, predictions.csv and an overlay of each image.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Predict the images of Kaggle's test table, the one file given in place of images, and write
    /// submission.csv with the coordinates that this IdLookupTable.csv asks for; without a file, the
    /// one beside the test table.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["face", "schema", "crop", "detector"])]
    submission: Option<Option<PathBuf>>,
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
pub(crate) const OVERLAY: &str = ".overlay.png";

/// Where the faces of an image come from.
enum Faces {
    /// The detector finds them.
    Detected,
    /// The image is a crop of one.
    Crop,
    /// In this box.
    Box(FaceBox),
}

fn main() -> ExitCode {
    finish(predict(&Arguments::parse()))
}

fn predict(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    let faces = match arguments.face {
        Some(bounds) => Faces::Box(FaceBox {
            convention: arguments.box_kind.into(),
            bounds,
        }),
        None if arguments.crop => Faces::Crop,
        None => Faces::Detected,
    };
    let landmarker = load(arguments, &faces)?;
    let out = &arguments.out;
    let create = || std::fs::create_dir_all(out);
    let failed = || format!("{}: cannot create", out.display());
    if let Some(lookup) = &arguments.submission {
        let [test] = &arguments.images[..] else {
            bail!("--submission: give the test table, and nothing else");
        };
        create().with_context(failed)?;
        let file = out.join("submission.csv");
        return submission::write(&landmarker, test, lookup.as_deref(), &file);
    }
    if let Some(video) = &arguments.video {
        let frames = video.is_dir().then(|| images(std::slice::from_ref(video)));
        let frames = frames.transpose()?;
        create().with_context(failed)?;
        let mut tracker = Tracker::new(landmarker);
        return video::predict(&mut tracker, video, frames, out, arguments.overlays);
    }
    let files = images(&arguments.images)?;
    create().with_context(failed)?;

    let (mut predictions, mut failures) = (Vec::new(), Vec::new());
    let mut names = BTreeSet::new();
    for file in &files {
        let overlay = out.join(overlay_name(file, &mut names));
        match predict_one(&landmarker, file, &faces, &overlay) {
            Ok(prediction) => predictions.push(prediction),
            // Go on with the other files and report this one at the end.
            Err(error) => failures.push(error),
        }
    }
    let json = serde_json::to_string_pretty(&predictions)? + "\n";
    write_text(&out.join("predictions.json"), &json)?;
    write_csv(&out.join("predictions.csv"), &predictions)?;
    let found: usize = predictions.iter().map(Prediction::count).sum();
    say!(
        "{} of {} images predicted into {}: {found} faces",
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

/// The model with the options of the command line.
fn load(arguments: &Arguments, faces: &Faces) -> Result<Landmarker> {
    let (mut landmarker, _) = landmarker(arguments.model.as_deref())?;
    let options = DetectOptions {
        flip: arguments.flip,
        refine: match arguments.refine {
            true => Refine::Always,
            false => Refine::default(),
        },
        ..DetectOptions::default()
    };
    landmarker = landmarker.with_options(options)?;
    if let Some(schema) = &arguments.schema {
        landmarker = landmarker.with_schema(&fkp_data::schema_from(schema)?)?;
    }
    if let Faces::Detected = faces {
        let (detector, _) = detector(arguments.detector.as_deref())?;
        let options = DetectorOptions {
            min_face_px: arguments.min_face,
            max_side: arguments.max_side,
            ..*detector.options()
        };
        landmarker = landmarker.with_detector(detector.with_options(options)?);
    }
    Ok(landmarker)
}

fn predict_one(
    landmarker: &Landmarker,
    file: &Path,
    faces: &Faces,
    overlay: &Path,
) -> Result<Prediction> {
    let image = decode_upright(file)?;
    let found = find(landmarker, &image, faces).with_context(|| file.display().to_string())?;
    draw(landmarker.schema(), &image, &found, overlay)?;
    Ok(Prediction::new(file, &image, &found))
}

fn find(landmarker: &Landmarker, image: &Image, faces: &Faces) -> Result<Vec<Face>> {
    Ok(match faces {
        Faces::Detected => match landmarker.detect_faces(image) {
            Err(error @ ModelError::Crop(_)) => Err(error).context(
                "the model does not know how a detected face is cropped; if the images are crops, \
                 say so with --crop",
            )?,
            faces => faces?,
        },
        Faces::Crop => vec![landmarker.detect(image)?],
        Faces::Box(face) => {
            if !overlaps(&face.bounds, image) {
                let (width, height) = image.size();
                bail!("the box lies outside the image of {width}×{height}");
            }
            vec![landmarker.detect_in(image, face)?]
        }
    })
}

fn overlaps(face: &BoundingBox, image: &Image) -> bool {
    let (width, height) = (image.width() as f64, image.height() as f64);
    let overlaps_x = face.x + face.width > -0.5 && face.x < width - 0.5;
    overlaps_x && face.y + face.height > -0.5 && face.y < height - 0.5
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
