//! What the commands of a page read and no command before them writes: rendered faces, under the names
//! and in the formats of the page.

use crate::run::Run;
use crate::shortened::shortened;
use fkp_core::{Dataset, Sample};
use fkp_synth::camera::Channels;
use fkp_synth::{KeypointSet, SceneConfig, SynthConfig, SynthFaces, SynthScenes};
use image::DynamicImage;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The inputs of each page, in the folder in which its commands run.
const OF_PAGES: &[(&str, &[&str])] = &[
    (
        "README.md",
        &[
            "photo.jpg",
            "photos",
            "training.zip",
            "folder",
            "other-folder",
            "xrays",
        ],
    ),
    ("docs/augmentation.md", &["xrays"]),
    (
        "docs/benchmarks/README.md",
        &["../shared/data/wider", "../shared/data/ytf68"],
    ),
    ("docs/dataset-format.md", &["folder", "other-folder"]),
    ("docs/face-detection.md", &["wider"]),
    ("docs/onnx.md", &["folder", "runs/folder-001"]),
    ("docs/rendered-faces.md", &["ytf68"]),
    ("docs/start.md", &["photo.jpg", "folder"]),
    ("docs/tutorial.md", &["folder"]),
    ("docs/weights/faces.md", &["crates/fkp-weights/weights"]),
    (
        "docs/weights/fast.md",
        &["ibug68", "crates/fkp-weights/weights"],
    ),
    (
        "docs/weights/research-accurate.md",
        &[
            "ibug68",
            "../shared/data/ibug68",
            "../shared/data/ytf68",
            "crates/fkp-weights-research/weights",
        ],
    ),
    (
        "docs/weights/research-faces.md",
        &[
            "../shared/data/wider",
            "crates/fkp-weights-research/weights",
        ],
    ),
    (
        "docs/weights/research-fast.md",
        &[
            "ibug68",
            "../shared/data/ibug68",
            "../shared/data/ytf68",
            "../shared/data/wider",
            "crates/fkp-weights-research/weights",
        ],
    ),
];

/// The command of another page that writes the run with which a page begins.
const README_RUN: &str = "train -- --data folder --config examples/configs/tutorial.toml";

/// Writes a file.
type Writer = fn(&Path);

/// Commands before a pipe, and what writes their output in their place.
const PIPES: [(&str, Writer); 1] = [("ffmpeg -i clip.mp4 -f yuv4mpegpipe -", video)];

/// Writes the inputs of a page into a folder.
pub(crate) fn prepare(page: &str, folder: &Path) {
    let of_page = OF_PAGES.iter().filter(|(name, _)| *name == page);
    for name in of_page.flat_map(|(_, names)| names.iter()) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match path.file_name().and_then(|name| name.to_str()).unwrap() {
            "photo.jpg" => scene(&path, 0),
            "photos" => {
                std::fs::create_dir(&path).unwrap();
                (1..3).for_each(|seed| scene(&path.join(format!("{seed}.jpg")), seed));
            }
            "training.zip" => kaggle(&path),
            "folder" => table(&path, KeypointSet::Kaggle15, 1, 15),
            "other-folder" => table(&path, KeypointSet::Kaggle15, 2, 15),
            // Numbered keypoints without a known shape.
            "xrays" => table(&path, KeypointSet::Ibug68, 4, 19),
            "ytf68" => ytf68(&path),
            "ibug68" => ibug68(&path),
            "wider" => wider(&path),
            "weights" => std::fs::create_dir(&path).unwrap(),
            "folder-001" => trained(folder, README_RUN),
            other => panic!("{page}: nothing writes the input `{other}`"),
        }
    }
}

/// Whether something takes the place of the command before a pipe.
pub(crate) fn is_prepared(pipe: &str) -> bool {
    PIPES.iter().any(|(command, _)| *command == pipe)
}

/// The output of the command before a pipe.
pub(crate) fn pipe(command: &str, folder: &Path) -> Stdio {
    let found = PIPES.iter().find(|(pipe, _)| *pipe == command);
    let (_, write) = found.unwrap_or_else(|| panic!("nothing takes the place of `{command}`"));
    let file = folder.join("standard-input");
    write(&file);
    std::fs::File::open(file).unwrap().into()
}

/// All pages with inputs.
pub(crate) fn pages() -> impl Iterator<Item = &'static str> {
    OF_PAGES.iter().map(|(page, _)| *page)
}

fn faces(keypoints: KeypointSet, seed: u64, count: usize) -> impl Iterator<Item = Sample> {
    let faces = SynthFaces::new(SynthConfig {
        count,
        seed,
        keypoints,
        ..SynthConfig::default()
    });
    let faces = faces.unwrap();
    (0..count).map(move |index| faces.get(index).unwrap())
}

fn save(sample: &Sample, file: &Path) {
    DynamicImage::from(sample.image.clone()).save(file).unwrap();
}

fn coordinates(sample: &Sample) -> Vec<String> {
    let values = sample.keypoints.iter().flat_map(|k| [k.x, k.y]);
    values.map(|value| value.to_string()).collect()
}

/// A folder of images with a table of the first keypoints: under their names, or numbered if they are
/// only some of their set.
fn table(folder: &Path, keypoints: KeypointSet, seed: u64, first: usize) {
    let images = folder.join("images");
    std::fs::create_dir_all(&images).unwrap();
    let schema = keypoints.schema();
    let mut header = "image".to_owned();
    for (index, name) in schema.keypoints().iter().take(first).enumerate() {
        match first == schema.len() {
            true => write!(header, ",{name}_x,{name}_y").unwrap(),
            false => write!(header, ",{index}_x,{index}_y").unwrap(),
        }
    }
    let mut text = header + "\n";
    for (index, sample) in faces(keypoints, seed, 48).enumerate() {
        let name = format!("face{index}.png");
        save(&sample, &images.join(&name));
        let values = &coordinates(&sample)[..2 * first];
        writeln!(text, "{name},{}", values.join(",")).unwrap();
    }
    std::fs::write(folder.join("keypoints.csv"), text).unwrap();
}

/// Kaggle's table in its archive.
fn kaggle(file: &Path) {
    let schema = KeypointSet::Kaggle15.schema();
    let columns = schema.keypoints().iter();
    let columns: Vec<String> = columns.map(|name| format!("{name}_x,{name}_y")).collect();
    let mut text = columns.join(",") + ",Image\n";
    for sample in faces(KeypointSet::Kaggle15, 5, 48) {
        let pixels = sample.image.as_bytes().iter().map(u8::to_string);
        let pixels: Vec<String> = pixels.collect();
        let values = coordinates(&sample).join(",");
        writeln!(text, "{values},{}", pixels.join(" ")).unwrap();
    }
    let mut archive = zip::ZipWriter::new(std::fs::File::create(file).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("training.csv", options).unwrap();
    archive.write_all(text.as_bytes()).unwrap();
    archive.finish().unwrap();
}

/// Frames with 68 numbered keypoints in two tables, one for each part.
fn ytf68(folder: &Path) {
    let images = folder.join("images");
    std::fs::create_dir_all(&images).unwrap();
    let numbers: Vec<String> = (0..136).map(|number| number.to_string()).collect();
    for (part, seed, count) in [("train", 6, 40), ("val", 7, 16)] {
        let mut text = format!(",{}\n", numbers.join(","));
        for (index, sample) in faces(KeypointSet::Ibug68, seed, count).enumerate() {
            let name = format!("{part}{index}.jpg");
            save(&sample, &images.join(&name));
            writeln!(text, "{name},{}", coordinates(&sample).join(",")).unwrap();
        }
        std::fs::write(folder.join(part).with_extension("csv"), text).unwrap();
    }
}

/// Photographs with a `.pts` file each, which counts pixels from 1, and lists of the two parts.
fn ibug68(folder: &Path) {
    let photographs = folder.join("helen");
    std::fs::create_dir_all(&photographs).unwrap();
    for (part, seed, count) in [("train", 8, 40), ("val", 9, 16)] {
        let mut list = String::new();
        for (index, sample) in faces(KeypointSet::Ibug68, seed, count).enumerate() {
            let name = format!("{part}{index}");
            save(&sample, &photographs.join(&name).with_extension("jpg"));
            let mut text = "version: 1\nn_points: 68\n{\n".to_owned();
            for k in sample.keypoints.iter() {
                writeln!(text, "{} {}", k.x + 1.0, k.y + 1.0).unwrap();
            }
            let file = photographs.join(&name).with_extension("pts");
            std::fs::write(file, text + "}\n").unwrap();
            writeln!(list, "helen/{name}").unwrap();
        }
        std::fs::write(folder.join(part).with_extension("txt"), list).unwrap();
    }
}

fn scenes(count: usize, size: usize, seed: u64) -> SynthScenes {
    let scenes = SynthScenes::new(SceneConfig {
        size,
        count,
        seed,
        channels: Channels::Rgb,
        ..SceneConfig::default()
    });
    scenes.unwrap()
}

/// An image of some persons.
fn scene(file: &Path, seed: u64) {
    save(&scenes(1, 256, seed).get(0).unwrap(), file);
}

/// Scenes with the boxes of their faces, in two parts.
fn wider(folder: &Path) {
    for (part, seed, count) in [("train", 10, 24), ("val", 11, 8)] {
        let folder = folder.join(part);
        std::fs::create_dir_all(folder.join("images")).unwrap();
        let mut text = "image,x,y,width,height,ignore\n".to_owned();
        let scenes = scenes(count, 256, seed);
        for index in 0..count {
            let sample = scenes.get(index).unwrap();
            let name = format!("images/{index}.jpg");
            save(&sample, &folder.join(&name));
            for label in &sample.boxes {
                let [x, y, width, height] = label.bounds.to_image_edges();
                let ignore = u8::from(label.ignore);
                writeln!(text, "{name},{x},{y},{width},{height},{ignore}").unwrap();
            }
        }
        std::fs::write(folder.join("boxes.csv"), text).unwrap();
    }
}

/// A run that another page makes.
fn trained(folder: &Path, command: &str) {
    let run = Run::parse(&format!("cargo run --release --example {command}"));
    let run = shortened(&run.unwrap());
    let mut command = Command::new(run.executable());
    let output = command.args(&run.arguments).current_dir(folder).output();
    let output = output.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

/// Frames of a scene that moves to the right, as ffmpeg writes them: gray, full range.
fn video(file: &Path) {
    let (size, frames) = (192, 12);
    let sample = scenes(1, size, 12).get(0).unwrap();
    let image = DynamicImage::from(sample.image).into_luma8();
    let mut bytes =
        format!("YUV4MPEG2 W{size} H{size} F25:1 Cmono XCOLORRANGE=FULL\n").into_bytes();
    for frame in 0..frames {
        bytes.extend(b"FRAME\n");
        for row in image.rows() {
            let row: Vec<u8> = row.map(|pixel| pixel.0[0]).collect();
            bytes.extend(std::iter::repeat_n(row[0], frame));
            bytes.extend(&row[..size - frame]);
        }
    }
    std::fs::write(file, bytes).unwrap();
}
