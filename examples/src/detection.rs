//! Measurements of a face detector on a data set, at the size of the images.

use anyhow::{Context, Result};
use fkp_core::{Affine, Dataset, Detection, Image, LabeledBox, Metric};
use fkp_draw::{draw_box, enlarge};
use fkp_metrics::{AveragePrecision, MatchRule};
use fkp_model::{DetectOptions, DetectorOptions, Face, FaceDetector, Landmarker, Refine};
use image::{Rgb, RgbImage, imageops};
use serde::Serialize;
use std::time::Instant;

/// The precision at the default threshold of a detector, on the images that chose its best epoch.
const PRECISION: f64 = 0.9;

/// Resamples of the intervals.
const RESAMPLES: usize = 1000;

/// The faces that a detector finds in the images of a data set, and how many of them are right.
pub struct DetectionMeasurements {
    images: Vec<DetectedImage>,
    labels: Vec<Vec<LabeledBox>>,
    /// Of faces from 16 px on.
    from_16: AveragePrecision,
    precision: [PrecisionFrom; 2],
}

/// The faces of an image, in the layout of a file of detections.
#[derive(Debug, Clone, Serialize)]
pub struct DetectedImage {
    /// Name of the image.
    pub file: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Time of the detection in milliseconds.
    pub ms: f64,
    /// The faces, those with the highest score first.
    pub faces: Vec<DetectedFace>,
}

/// A face of an image.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DetectedFace {
    /// x, y, width and height in pixels; x and y from the outer edge of the image.
    #[serde(rename = "box")]
    pub bounds: [f64; 4],
    /// The score, from 0 to 1.
    pub score: f32,
    #[serde(skip)]
    found: Detection,
}

/// Average precision of faces from some height on.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PrecisionFrom {
    /// The height in pixels.
    pub min_height_px: f64,
    /// Number of faces.
    pub faces: usize,
    /// The average precision at an intersection over union of 0.5; `None` without faces.
    pub average_precision: Option<f64>,
    /// Its 95 % interval over the images.
    pub interval: Option<[f64; 2]>,
}

impl DetectionMeasurements {
    /// Runs the detector on every image, one after the other. With a landmarker, the scores are those of
    /// [`Landmarker::detect_faces`], which finds the keypoints, too: of all detections, however low their
    /// score, with one prediction each, whatever the options of the landmarker.
    ///
    /// # Errors
    /// If an image cannot be read or the detector fails.
    pub fn new(
        detector: &FaceDetector,
        landmarker: Option<&Landmarker>,
        dataset: &dyn Dataset,
    ) -> Result<Self> {
        // Every detection, for the whole curve.
        let all = DetectorOptions {
            min_score: 0.0,
            ..*detector.options()
        };
        let detector = detector.with_options(all)?;
        // A second prediction does not change the score.
        let once = DetectOptions {
            refine: Refine::Never,
            ..DetectOptions::default()
        };
        let landmarker = landmarker.map(|landmarker| {
            let landmarker = landmarker.with_detector(detector.clone());
            landmarker.with_options(once)
        });
        let landmarker = landmarker.transpose()?;
        let detect = |image: &Image| match &landmarker {
            None => detector.detect(image),
            Some(landmarker) => {
                let faces = landmarker.detect_faces(image)?;
                Ok(faces.iter().filter_map(Face::detection).collect())
            }
        };
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for index in 0..dataset.len() {
            let sample = dataset.get(index)?;
            let started = Instant::now();
            let found = detect(&sample.image)?;
            let ms = started.elapsed().as_secs_f64() * 1e3;
            images.push(DetectedImage {
                file: sample.id.clone(),
                width: sample.image.width(),
                height: sample.image.height(),
                ms,
                faces: found.into_iter().map(DetectedFace::new).collect(),
            });
            labels.push(sample.boxes);
        }
        let [from_16, from_32] = [16.0, 32.0].map(|height| curve(&images, &labels, height));
        Ok(Self {
            precision: [
                PrecisionFrom::new(16.0, &from_16),
                PrecisionFrom::new(32.0, &from_32),
            ],
            images,
            labels,
            from_16,
        })
    }

    /// The detections of each image.
    pub fn images(&self) -> &[DetectedImage] {
        &self.images
    }

    /// The average precision of faces from 16 px and from 32 px on.
    pub fn precision(&self) -> &[PrecisionFrom; 2] {
        &self.precision
    }

    /// The lowest score at which nine of ten detections from 16 px on are faces: the default of a
    /// detector that is exported.
    pub fn threshold(&self) -> Option<f32> {
        let point = self.from_16.at_precision(PRECISION)?;
        Some(point.threshold)
    }

    /// The results as lines of text.
    pub fn lines(&self, threshold: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for from in &self.precision {
            let percent = |value: f64| format!("{:.1} %", 100.0 * value);
            let value = from.average_precision.map_or("n/a".to_owned(), percent);
            let interval = from.interval.map_or(String::new(), |[low, high]| {
                format!(" (95 % interval {} to {})", percent(low), percent(high))
            });
            lines.push(format!(
                "average precision of {} faces from {} px: {value}{interval}",
                from.faces, from.min_height_px
            ));
        }
        if let Some(point) = self.from_16.at_threshold(threshold) {
            lines.push(format!(
                "at the threshold {threshold:.3}, faces from 16 px: precision {:.1} %, recall {:.1} %",
                100.0 * point.precision,
                100.0 * point.recall
            ));
        }
        let mut times: Vec<f64> = self.images.iter().map(|image| image.ms).collect();
        times.sort_by(f64::total_cmp);
        if let Some(median) = times.get(times.len() / 2) {
            lines.push(format!("median time of an image: {median:.2} ms"));
        }
        lines
    }

    /// Images with their labels in green (ignored ones gray) and the detections from this score on in
    /// red, in rows of four.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn overlay(&self, dataset: &dyn Dataset, count: usize, threshold: f32) -> Result<RgbImage> {
        const SIDE: u32 = 360;
        const COLUMNS: usize = 4;
        let shown = count.min(dataset.len());
        let every = dataset.len().div_ceil(shown.max(1)).max(1);
        let indices: Vec<usize> = (0..dataset.len()).step_by(every).collect();
        let rows = indices.len().div_ceil(COLUMNS) as u32;
        let mut sheet = RgbImage::new(COLUMNS as u32 * SIDE, rows * SIDE);
        for (cell, &index) in indices.iter().enumerate() {
            let image: Image = dataset.get(index)?.image;
            let longer = image.width().max(image.height());
            let (mut canvas, map): (_, Affine) =
                enlarge(&image, f64::from(SIDE) / longer as f64).context("overlay")?;
            for label in &self.labels[index] {
                let color = match label.ignore {
                    true => Rgb([128, 128, 128]),
                    false => Rgb([60, 220, 90]),
                };
                draw_box(&mut canvas, &label.bounds, &map, color, 1);
            }
            for face in &self.images[index].faces {
                if face.score >= threshold {
                    draw_box(&mut canvas, &face.found.bounds, &map, Rgb([255, 70, 70]), 1);
                }
            }
            let (x, y) = (
                (cell % COLUMNS) as u32 * SIDE,
                (cell / COLUMNS) as u32 * SIDE,
            );
            imageops::replace(&mut sheet, &canvas, i64::from(x), i64::from(y));
        }
        Ok(sheet)
    }
}

impl PrecisionFrom {
    fn new(min_height_px: f64, curve: &AveragePrecision) -> Self {
        Self {
            min_height_px,
            faces: curve.faces(),
            average_precision: curve.value(),
            interval: curve.interval(RESAMPLES, 0),
        }
    }
}

/// The precision-recall curve of faces from this height on.
fn curve(
    images: &[DetectedImage],
    labels: &[Vec<LabeledBox>],
    min_height_px: f64,
) -> AveragePrecision {
    let mut curve = AveragePrecision::new(MatchRule {
        min_height_px,
        ..MatchRule::default()
    });
    for (image, labels) in images.iter().zip(labels) {
        let found: Vec<Detection> = image.faces.iter().map(|face| face.found).collect();
        curve.add(&found, labels);
    }
    curve
}

impl DetectedFace {
    fn new(found: Detection) -> Self {
        Self {
            bounds: found.bounds.to_image_edges(),
            score: found.score,
            found,
        }
    }
}
