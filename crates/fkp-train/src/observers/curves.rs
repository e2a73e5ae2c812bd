//! The learning curves of a run as a plot.

use crate::plots::chart::{BLUE, Canvas, Curve, Labels, Line, ORANGE, PlotResult, panel, render};
use crate::plots::save_image;
use crate::{EpochRecord, EpochReport, Observer, TrainError};
use image::RgbImage;
use plotters::prelude::*;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Redraws a plot after each epoch, such as `curves.png`: loss, error in pixels and learning rate
/// over epochs.
///
/// A plot that cannot be drawn or written does not stop the run; [`Self::finish`] returns the
/// error.
pub struct Curves {
    path: PathBuf,
    failed: Option<TrainError>,
}

impl Curves {
    /// Draws into this PNG file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            failed: None,
        }
    }

    /// Draws the curves of these epochs.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn draw(path: &Path, history: &[EpochRecord]) -> Result<(), TrainError> {
        save_image(path, &image(history)?)
    }

    /// The first error of drawing or writing, if any.
    pub fn finish(self) -> Result<(), TrainError> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl Observer for Curves {
    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        if let Err(error) = Self::draw(&self.path, report.history) {
            self.failed.get_or_insert(error);
        }
        ControlFlow::Continue(())
    }
}

/// Curves whose values span more than this factor are drawn on a logarithmic axis.
const LOG_SCALE_FROM: f64 = 25.0;

fn image(history: &[EpochRecord]) -> Result<RgbImage, TrainError> {
    let curve = |name: &str, color, value: fn(&EpochRecord) -> Option<f64>| {
        let points = history
            .iter()
            .filter_map(|r| Some((r.epoch as i32, value(r)?)));
        Curve {
            name: name.to_owned(),
            color,
            points: points.filter(|(_, y)| y.is_finite()).collect(),
            // Markers at many points would overlap.
            line: if history.len() > 25 {
                Line::Smooth
            } else {
                Line::Joined
            },
        }
    };
    let mut loss = vec![
        curve("training, augmented", ORANGE, |r| Some(r.train_loss)),
        curve("validation", BLUE, |r| Some(r.val_loss)),
    ];
    let best = loss[1]
        .points
        .iter()
        .copied()
        .min_by(|a, b| a.1.total_cmp(&b.1));
    if let Some(best) = best {
        loss.push(Curve {
            name: format!("best, epoch {}", best.0),
            color: BLACK,
            points: vec![best],
            line: Line::Rings,
        });
    }
    let error = [
        curve("RMSE, validation", ORANGE, |r| r.rmse_px),
        curve("MAE, validation", BLUE, |r| r.mae_px),
    ];
    let rate = [curve("learning rate", BLUE, |r| Some(r.learning_rate))];
    render("the curves", (1440, 440), |canvas| {
        let panels = canvas.split_evenly((1, 3));
        let last = history
            .last()
            .map_or(2, |record| record.epoch.max(2) as i32);
        over_epochs(&panels[0], "loss", last, &loss)?;
        over_epochs(&panels[1], "error in pixels of the crop", last, &error)?;
        over_epochs(&panels[2], "learning rate", last, &rate)
    })
}

fn over_epochs(area: &Canvas<'_>, title: &str, last: i32, curves: &[Curve<i32>]) -> PlotResult {
    let values = || {
        curves
            .iter()
            .flat_map(|curve| curve.points.iter().map(|(_, y)| *y))
    };
    let lowest = values().fold(f64::INFINITY, f64::min);
    let highest = values().fold(0.0, f64::max).max(1e-12);
    let labels = Labels {
        title,
        x: "epoch",
        names: SeriesLabelPosition::UpperRight,
    };
    if lowest > 0.0 && lowest.is_finite() && highest / lowest > LOG_SCALE_FROM {
        let range = (0.8 * lowest..1.3 * highest).log_scale();
        return panel(area, labels, 1..last, range, curves);
    }
    // A loss can be negative, such as a negative log-likelihood.
    let bottom = if lowest < 0.0 { 1.05 * lowest } else { 0.0 };
    panel(area, labels, 1..last, bottom..1.08 * highest, curves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observers::testing::{EPOCHS, FakeRun, STEPS};

    fn columns_with(image: &RgbImage, color: RGBColor) -> Vec<u32> {
        let is = |x: u32| {
            let mut column = (60..image.height()).map(|y| image.get_pixel(x, y).0);
            column.any(|pixel| pixel == [color.0, color.1, color.2])
        };
        (0..image.width()).filter(|&x| is(x)).collect()
    }

    #[test]
    fn the_plot_is_redrawn_after_each_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.png");
        let run = FakeRun::new();
        let mut curves = Curves::new(&path);
        let mut seen = Vec::new();
        for epoch in 0..EPOCHS {
            assert!(
                run.replay(&mut curves, epoch * STEPS..(epoch + 1) * STEPS)
                    .is_continue()
            );
            seen.push(image::open(&path).unwrap().into_rgb8());
        }
        curves.finish().unwrap();
        assert!(seen[0] != seen[1] && seen[1] != seen[2]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let blue = columns_with(&seen[2], BLUE);
        // There is a blue curve in each of the three panels.
        for panel in 0..3 {
            let inside = 480 * panel + 75..480 * (panel + 1) - 12u32;
            let wide = blue.iter().filter(|&x| inside.contains(x)).count();
            assert!(wide > 300, "panel {panel}: {wide} columns");
        }
    }

    #[test]
    fn any_history_can_be_drawn() {
        let run = FakeRun::new();
        image(&[]).unwrap();
        image(&run.history[..1]).unwrap();
        let mut odd = run.history.clone();
        odd[0].train_loss = f64::INFINITY;
        odd[1].val_loss = -2.0;
        odd[1].mae_px = None;
        odd[2].learning_rate = 0.0;
        odd[2].train_loss = 1e-9;
        image(&odd).unwrap();
    }

    #[test]
    fn a_plot_that_cannot_be_written_does_not_stop_the_run() {
        let mut curves = Curves::new("no/such/folder/curves.png");
        assert!(FakeRun::new().replay(&mut curves, 0..STEPS).is_continue());
        let error = curves.finish().unwrap_err().to_string();
        assert!(error.contains("no/such/folder/curves.png"), "{error}");
    }
}
