//! The faces of a video: a line of JSON for each frame, and overlays on demand.

use crate::OVERLAY;
use crate::output::{Prediction, draw};
use anyhow::{Context, Result, bail};
use fkp_data::{Y4mReader, decode_upright};
use fkp_examples::say;
use fkp_model::{Face, Image, Tracker};
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Frames per second where the video does not say it.
const DEFAULT_RATE: f64 = 30.0;

/// A frame in the file of predictions.
#[derive(Serialize)]
struct Frame {
    frame: usize,
    /// Since the start of the video.
    seconds: f64,
    /// The identity of each face, in the order of `faces`.
    ids: Vec<u64>,
    #[serde(flatten)]
    prediction: Prediction,
}

/// Follows the faces of a video and writes `predictions.jsonl` into a folder, with `overlays` also
/// `frame-00000.overlay.png` and so on. The video is a y4m file, `-` for one on standard input, or a folder of
/// images in the order of their names.
pub(crate) fn predict(
    tracker: &mut Tracker,
    video: &Path,
    frames: Option<Vec<PathBuf>>,
    out: &Path,
    overlays: bool,
) -> Result<()> {
    let path = out.join("predictions.jsonl");
    let file = File::create(&path);
    let file = file.with_context(|| format!("{}: cannot write", path.display()))?;
    let mut writer = FrameWriter {
        tracker,
        file: BufWriter::new(file),
        out,
        overlays,
        frames: 0,
        faces: 0,
    };
    let name = video.display().to_string();
    if let Some(frames) = frames {
        for (number, frame) in frames.iter().enumerate() {
            let image = decode_upright(frame)?;
            let seconds = number as f64 / DEFAULT_RATE;
            writer.add(&image, seconds, &frame.display().to_string())?;
        }
    } else if name == "-" {
        writer.add_all(std::io::stdin().lock(), "standard input")?;
    } else {
        let source = File::open(video).with_context(|| format!("{name}: cannot read"))?;
        writer.add_all(BufReader::new(source), &name)?;
    }
    writer.file.flush()?;
    if writer.frames == 0 {
        bail!("{name}: the video has no frames");
    }
    say!(
        "{} frames with {} faces: {}",
        writer.frames,
        writer.faces,
        path.display()
    );
    Ok(())
}

struct FrameWriter<'a> {
    tracker: &'a mut Tracker,
    file: BufWriter<File>,
    out: &'a Path,
    overlays: bool,
    frames: usize,
    /// Faces in all frames together.
    faces: usize,
}

impl FrameWriter<'_> {
    /// The frames of a y4m stream.
    fn add_all(&mut self, source: impl BufRead, name: &str) -> Result<()> {
        let reader = Y4mReader::new(source).with_context(|| name.to_owned())?;
        let rate = reader.frames_per_second().unwrap_or(DEFAULT_RATE);
        for (number, image) in reader.enumerate() {
            let image = image.with_context(|| name.to_owned())?;
            self.add(&image, number as f64 / rate, name)?;
        }
        Ok(())
    }

    fn add(&mut self, image: &Image, seconds: f64, name: &str) -> Result<()> {
        let found = self.tracker.update(image, seconds)?;
        let ids = found.iter().map(|tracked| tracked.id).collect();
        let faces: Vec<Face> = found.into_iter().map(|tracked| tracked.face).collect();
        let frame = Frame {
            frame: self.frames,
            seconds,
            ids,
            prediction: Prediction::of_frame(Path::new(name), image, &faces),
        };
        serde_json::to_writer(&mut self.file, &frame)?;
        self.file.write_all(b"\n")?;
        if self.overlays {
            let path = self.out.join(format!("frame-{:05}{OVERLAY}", self.frames));
            draw(self.tracker.landmarker().schema(), image, &faces, &path)?;
        }
        self.frames += 1;
        self.faces += faces.len();
        Ok(())
    }
}
