//! The error of each keypoint as a bar chart.

use crate::plots::chart::{BLUE, Canvas, FONT, GRAY, ORANGE, PlotResult, render};
use crate::plots::save_image;
use crate::{EpochReport, Observer, TrainError};
use fkp_metrics::{EvaluationReport, KeypointReport};
use image::RgbImage;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Redraws a bar chart after each epoch, such as `keypoint_errors.png`: the mean absolute error of
/// each keypoint in pixels on the validation set.
///
/// A chart that cannot be drawn or written does not stop the run; [`Self::finish`] returns the
/// error.
pub struct KeypointErrors {
    path: PathBuf,
    failed: Option<TrainError>,
}

/// The order of the keypoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeypointOrder {
    /// The largest error first.
    WorstFirst,
    /// As in the schema.
    Schema,
}

impl KeypointErrors {
    /// Draws into this PNG file, the largest error first.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            failed: None,
        }
    }

    /// Draws the errors of an evaluation.
    ///
    /// # Errors
    /// If there are no keypoints, or the file cannot be written.
    pub fn draw(
        path: &Path,
        evaluation: &EvaluationReport,
        order: KeypointOrder,
    ) -> Result<(), TrainError> {
        save_image(path, &image(evaluation, order)?)
    }

    /// The first error of drawing or writing, if any.
    pub fn finish(self) -> Result<(), TrainError> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl Observer for KeypointErrors {
    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        if let Err(error) = Self::draw(&self.path, report.validation, KeypointOrder::WorstFirst) {
            self.failed.get_or_insert(error);
        }
        ControlFlow::Continue(())
    }
}

const WIDTH: u32 = 860;
const TOP: i32 = 62;
const MARGIN: i32 = 16;

fn image(evaluation: &EvaluationReport, order: KeypointOrder) -> Result<RgbImage, TrainError> {
    let mut keypoints: Vec<&KeypointReport> = evaluation.per_keypoint.iter().collect();
    if order == KeypointOrder::WorstFirst {
        // Keypoints without labels come last.
        let error = |keypoint: &KeypointReport| keypoint.mae_px.unwrap_or(-1.0);
        keypoints.sort_by(|a, b| error(b).total_cmp(&error(a)));
    }
    // Many keypoints get thinner bars, so that 68 of them fit on a screen.
    let row = if keypoints.len() > 30 { 15 } else { 22 };
    let height = TOP + row * keypoints.len() as i32 + MARGIN;
    render(
        "the errors of the keypoints",
        (WIDTH, height as u32),
        |canvas| bars(canvas, &keypoints, evaluation.mae_px, row),
    )
}

fn bars(
    canvas: &Canvas<'_>,
    keypoints: &[&KeypointReport],
    mean: Option<f64>,
    row: i32,
) -> PlotResult {
    let style = |size: i32, pos: Pos| {
        let font = (FONT, size).into_font();
        TextStyle::from(font).pos(pos)
    };
    let text = style(row.min(18) - 3, Pos::new(HPos::Left, VPos::Center));
    let mut names = 0;
    for keypoint in keypoints {
        names = canvas
            .estimate_text_size(&keypoint.name, &text)?
            .0
            .max(names);
    }
    let left = MARGIN + names as i32 + 10;
    // With space for the number behind the longest bar.
    let right = WIDTH as i32 - MARGIN - 50;
    let errors = keypoints.iter().filter_map(|keypoint| keypoint.mae_px);
    let longest = errors
        .filter(|error| error.is_finite())
        .fold(1e-9, f64::max);
    let x = |error: f64| {
        let fraction = (error / longest).clamp(0.0, 1.0);
        left + (fraction * f64::from(right - left)).round() as i32
    };

    let title = "mean absolute error per keypoint, in pixels of the crop";
    let caption = style(19, Pos::new(HPos::Center, VPos::Top));
    canvas.draw(&Text::new(title, (WIDTH as i32 / 2, 12), caption))?;
    let bottom = TOP + row * keypoints.len() as i32;
    let rows = || (TOP..).step_by(row as usize).zip(keypoints);
    for (top, keypoint) in rows() {
        let name = text.clone().pos(Pos::new(HPos::Right, VPos::Center));
        let at = (left - 10, top + row / 2);
        canvas.draw(&Text::new(keypoint.name.clone(), at, name))?;
        if let Some(error) = keypoint.mae_px {
            let bar = [(left, top + 2), (x(error), top + row - 2)];
            canvas.draw(&Rectangle::new(bar, BLUE.mix(0.75).filled()))?;
        }
    }
    canvas.draw(&PathElement::new(
        [(left, TOP - 2), (left, bottom + 2)],
        GRAY,
    ))?;
    if let Some(mean) = mean.filter(|mean| mean.is_finite()) {
        let line = [(x(mean), TOP - 4), (x(mean), bottom + 2)];
        canvas.draw(&PathElement::new(line, ORANGE))?;
        let above = style(15, Pos::new(HPos::Center, VPos::Bottom)).color(&ORANGE);
        let label = format!("all keypoints {mean:.2}");
        canvas.draw(&Text::new(label, (x(mean), TOP - 5), above))?;
    }
    for (top, keypoint) in rows() {
        let number = keypoint.mae_px.map(|error| format!("{error:.2}"));
        let number = number.unwrap_or_else(|| "no label".to_owned());
        let start = keypoint.mae_px.map_or(left, x) + 6;
        let (width, _) = canvas.estimate_text_size(&number, &text)?;
        // The number is drawn over the line of the mean.
        let background = [
            (start - 3, top + 1),
            (start + width as i32 + 2, top + row - 1),
        ];
        canvas.draw(&Rectangle::new(background, WHITE.filled()))?;
        canvas.draw(&Text::new(number, (start, top + row / 2), text.clone()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observers::testing::{FakeRun, STEPS};

    /// Length of each row's bar in pixels.
    fn lengths(image: &RgbImage, count: i32, row: i32) -> Vec<usize> {
        let is_blue = |x: u32, y: i32| {
            let [r, g, b] = image.get_pixel(x, y as u32).0;
            b > r.saturating_add(60) && b > g
        };
        let of = |i: i32| {
            let y = TOP + row * i + 3;
            (0..WIDTH).filter(|&x| is_blue(x, y)).count()
        };
        (0..count).map(of).collect()
    }

    #[test]
    fn bars_are_as_long_as_the_errors() {
        let run = FakeRun::new();
        let mut evaluation = run.validation.clone();
        evaluation.mae_px = None;
        evaluation.per_keypoint.truncate(4);
        let errors = [Some(1.0), Some(4.0), None, Some(2.0)];
        for (keypoint, error) in evaluation.per_keypoint.iter_mut().zip(errors) {
            keypoint.mae_px = error;
        }
        let bar_lengths = |order| lengths(&image(&evaluation, order).unwrap(), 4, 22);
        let schema = bar_lengths(KeypointOrder::Schema);
        let unit = schema[1] as f64 / 4.0;
        assert!(unit > 100.0, "{schema:?}");
        for (length, error) in schema.iter().zip(errors) {
            let expected = unit * error.unwrap_or(0.0);
            assert!((*length as f64 - expected).abs() <= 3.0, "{schema:?}");
        }
        let sorted = bar_lengths(KeypointOrder::WorstFirst);
        assert_eq!(sorted, [schema[1], schema[3], schema[0], schema[2]]);
    }

    #[test]
    fn the_chart_is_drawn_after_each_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keypoint_errors.png");
        let mut errors = KeypointErrors::new(&path);
        assert!(FakeRun::new().replay(&mut errors, 0..STEPS).is_continue());
        errors.finish().unwrap();
        assert_eq!(image::open(&path).unwrap().height(), 62 + 15 * 22 + 16);
    }
}
