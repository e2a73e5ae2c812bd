//! The curves of a run as a picture.

use anyhow::{Result, anyhow};
use fkp_train::{EpochRecord, EpochReport, Observer};
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Redraws `curves.png` after each epoch: loss and pixel errors over epochs.
pub struct CurvesPlot {
    path: PathBuf,
    failed: Option<anyhow::Error>,
}

impl CurvesPlot {
    /// Draws into this file.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self> {
        register_font(
            "sans-serif",
            FontStyle::Normal,
            epaint_default_fonts::UBUNTU_LIGHT,
        )
        .map_err(|_| anyhow!("the font of the plots cannot be read"))?;
        Ok(Self {
            path: path.into(),
            failed: None,
        })
    }

    /// Draws the curves of these epochs.
    pub fn draw(path: &Path, history: &[EpochRecord]) -> Result<()> {
        let series = |value: fn(&EpochRecord) -> Option<f64>| {
            let points = history
                .iter()
                .filter_map(|r| Some((r.epoch as i32, value(r)?)));
            points.filter(|(_, y)| y.is_finite()).collect::<Vec<_>>()
        };
        let mut pixels = vec![255; (SIZE.0 * SIZE.1 * 3) as usize];
        {
            let root = BitMapBackend::with_buffer(&mut pixels, SIZE).into_drawing_area();
            root.fill(&WHITE)?;
            let (left, right) = root.split_horizontally(SIZE.0 / 2);
            let loss = [
                (
                    "training (augmented)",
                    ORANGE,
                    series(|r| Some(r.train_loss)),
                ),
                ("validation", BLUE, series(|r| Some(r.val_loss))),
            ];
            panel(&left, "loss", &loss)?;
            let error = [
                ("MAE, validation", BLUE, series(|r| r.mae_px)),
                ("RMSE, validation", ORANGE, series(|r| r.rmse_px)),
            ];
            panel(&right, "error in pixels of the crop", &error)?;
            root.present()?;
        }
        let picture = image::RgbImage::from_raw(SIZE.0, SIZE.1, pixels);
        let picture =
            picture.ok_or_else(|| anyhow!("the plot has another size than its buffer"))?;
        Ok(picture.save(path)?)
    }

    /// The first error that drawing met, if any: it did not stop the run.
    pub fn finish(self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl Observer for CurvesPlot {
    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        if let Err(error) = Self::draw(&self.path, report.history) {
            self.failed.get_or_insert(error);
        }
        ControlFlow::Continue(())
    }
}

type Curve<'a> = (&'a str, RGBColor, Vec<(i32, f64)>);

const SIZE: (u32, u32) = (1100, 460);
const BLUE: RGBColor = RGBColor(31, 119, 180);
const ORANGE: RGBColor = RGBColor(255, 127, 14);

fn panel<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    title: &str,
    curves: &[Curve<'_>],
) -> Result<()>
where
    DB::ErrorType: 'static,
{
    let all = || {
        curves
            .iter()
            .flat_map(|(_, _, points)| points.iter().copied())
    };
    let last = all().map(|(x, _)| x).fold(2, i32::max);
    let top = all().map(|(_, y)| y).fold(0.0, f64::max).max(1e-9);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(1..last, 0.0..1.05 * top)?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_labels(12)
        .label_style(("sans-serif", 14))
        .light_line_style(WHITE)
        .draw()?;
    for (name, colour, points) in curves {
        let line = ShapeStyle::from(colour).stroke_width(2);
        let curve = LineSeries::new(points.iter().copied(), line).point_size(2);
        let key = move |(x, y)| PathElement::new([(x, y), (x + 20, y)], line);
        chart.draw_series(curve)?.label(*name).legend(key);
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 14))
        .draw()?;
    Ok(())
}
