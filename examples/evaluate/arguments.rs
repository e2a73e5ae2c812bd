//! What the command line says.

use anyhow::{Result, bail, ensure};
use clap::{Parser, ValueEnum};
use fkp_core::{BoxJitter, OutputSpec, Task};
use fkp_data::BoxSource;
use fkp_examples::{Part, check_image, check_writable, format_help, model_help};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Evaluate a model. Keypoints, crop rule, input and output come from the model file.
#[derive(Parser)]
pub(crate) struct Arguments {
    #[arg(long, help = model_help())]
    pub(crate) model: Option<PathBuf>,
    /// File or folder with annotated images; held-out rendered faces if absent.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    #[arg(long, help = format_help())]
    pub(crate) format: Option<String>,
    /// Samples to exclude and labels to correct: a file such as `inspect --fix` writes.
    #[arg(long, requires = "data")]
    pub(crate) corrections: Option<PathBuf>,
    /// Keypoints to evaluate, which must follow from those of the model, such as kaggle15; those of
    /// the model if absent.
    #[arg(long)]
    pub(crate) schema: Option<String>,
    /// train, selection (the part on which the best epoch was chosen), val, all, or
    /// train:FRACTION:SEED: a part of the training part by person or image, such as train:0.5:0, to
    /// choose settings on.
    #[arg(long, default_value_t)]
    pub(crate) split: Part,
    /// Boxes for the crops: labels (around the labeled keypoints, as in training), given (those of
    /// the data), or jittered (those of the labels, shifted by up to 8 % and scaled by up to 10 %,
    /// like the boxes of a detector).
    #[arg(long, value_enum, default_value_t)]
    pub(crate) boxes: BoxChoice,
    /// Seed of --boxes jittered; 0 if absent.
    #[arg(long)]
    pub(crate) jitter_seed: Option<u64>,
    /// Reduce each crop to so many pixels on a side first, as if the face were so small in its photograph.
    #[arg(long, value_name = "PIXELS")]
    pub(crate) crop_px: Option<NonZeroUsize>,
    /// Write the metrics to this file, with the names of the model, the data, the boxes and the
    /// convention.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Add the mean offsets between predictions and the labels of a data set, from a file of
    /// --measure-convention.
    #[arg(long)]
    pub(crate) convention: Option<PathBuf>,
    /// Write the mean offsets from the predictions to the labels to this file. Measure them on a
    /// training part.
    #[arg(long, conflicts_with = "convention")]
    pub(crate) measure_convention: Option<PathBuf>,
    /// Write the model to this file, with two bytes per weight and with its standard deviations
    /// calibrated on the evaluated samples. Calibrate on samples that chose the best epoch
    /// (--split selection).
    #[arg(long, conflicts_with_all = ["convention", "schema"])]
    pub(crate) calibrate: Option<PathBuf>,
    /// Draw the 24 faces with the largest errors into this image.
    #[arg(long)]
    pub(crate) worst: Option<PathBuf>,
    /// Write the report into this folder: report.md with the errors by part of the face, yaw,
    /// visibility and sharpness, report.json, error_curve.png, and worst.png as by --worst.
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
    /// Of a face detector: correct the scores by the face score of a model of keypoints, a file or the name of
    /// a pretrained one, as predict does. The times are then those of all detections with one prediction of their
    /// keypoints each.
    #[arg(long, value_name = "MODEL", num_args = 0..=1, default_missing_value = "fast")]
    pub(crate) face_score: Option<PathBuf>,
    /// Of a face detector: write the detections in each image to this file.
    #[arg(long)]
    pub(crate) detections: Option<PathBuf>,
    /// Images per batch; 32 if absent.
    #[arg(long)]
    pub(crate) batch_size: Option<NonZeroUsize>,
    /// Number of threads; all cores if absent.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
}

/// [`BoxSource`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BoxChoice {
    #[default]
    Labels,
    Given,
    Jittered,
}

impl Arguments {
    /// Checks before the evaluation that everything can be written after it.
    pub(crate) fn check_outputs(&self) -> Result<()> {
        let texts = [
            &self.json,
            &self.measure_convention,
            &self.calibrate,
            &self.detections,
        ];
        for path in texts.into_iter().flatten() {
            check_writable(path)?;
        }
        if let Some(path) = &self.worst {
            check_image(path)?;
        }
        if let Some(folder) = &self.report {
            check_writable(&folder.join("report.md"))?;
        }
        Ok(())
    }

    pub(crate) fn box_source(&self) -> BoxSource {
        match self.boxes {
            BoxChoice::Labels => BoxSource::Labels,
            BoxChoice::Given => BoxSource::Given,
            BoxChoice::Jittered => BoxSource::Jittered {
                jitter: BoxJitter::default(),
                seed: self.jitter_seed.unwrap_or(0),
            },
        }
    }

    /// Refuses the options that have no use with a model of this task or without another option, and
    /// values out of its range.
    pub(crate) fn check_options(&self, name: &str, task: &Task) -> Result<()> {
        let (options, user, model) = match task.output {
            OutputSpec::Boxes { .. } => (
                self.of_keypoints(),
                "models of keypoints",
                "a face detector",
            ),
            _ => (
                self.of_detectors(),
                "face detectors",
                "a model of keypoints",
            ),
        };
        if let Some((option, _)) = options.iter().find(|(_, is_given)| *is_given) {
            bail!("{option} is for {user}, and {name} is {model}");
        }
        if self.jitter_seed.is_some() && self.boxes != BoxChoice::Jittered {
            bail!("--jitter-seed is for --boxes jittered");
        }
        let side = task.input.size;
        if let Some(pixels) = self.crop_px {
            ensure!(
                pixels.get() <= side,
                "--crop-px must be at most {side}, the side of the network's input, got {pixels}"
            );
        }
        Ok(())
    }

    /// The options of models of keypoints, and which of them are given.
    fn of_keypoints(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("--schema", self.schema.is_some()),
            ("--boxes", self.boxes != BoxChoice::Labels),
            ("--jitter-seed", self.jitter_seed.is_some()),
            ("--batch-size", self.batch_size.is_some()),
            ("--crop-px", self.crop_px.is_some()),
            ("--report", self.report.is_some()),
            ("--convention", self.convention.is_some()),
            ("--measure-convention", self.measure_convention.is_some()),
            ("--calibrate", self.calibrate.is_some()),
        ]
    }

    /// The options of face detectors, and which of them are given.
    fn of_detectors(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("--detections", self.detections.is_some()),
            ("--face-score", self.face_score.is_some()),
        ]
    }
}
