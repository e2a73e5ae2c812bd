//! The basis of all plots: canvas, font, colors, axes and file.

use crate::TrainError;
use crate::checkpoint::write_atomic;
use image::{ImageFormat, RgbImage};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::io::Cursor;
use std::path::Path;

/// Writes an image as PNG, atomically: a reader of the file sees the old image or the new one.
///
/// # Errors
/// If the file cannot be written.
pub fn save_image(path: &Path, image: &RgbImage) -> Result<(), TrainError> {
    write_atomic(path, &png(image)?).map_err(|source| TrainError::Io {
        path: path.to_owned(),
        action: "write the image",
        source,
    })
}

pub(crate) type Canvas<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// A result with any error of plotters, whose error types depend on the backend.
pub(crate) type PlotResult = Result<(), Box<dyn std::error::Error>>;

pub(crate) const BLUE: RGBColor = RGBColor(31, 119, 180);
pub(crate) const ORANGE: RGBColor = RGBColor(255, 127, 14);
pub(crate) const GRAY: RGBColor = RGBColor(110, 110, 110);
pub(crate) const FONT: &str = "sans-serif";

pub(crate) fn png(image: &RgbImage) -> Result<Vec<u8>, TrainError> {
    let mut bytes = Cursor::new(Vec::new());
    let written = image.write_to(&mut bytes, ImageFormat::Png);
    written.map_err(|error| plot_error("an image", error))?;
    Ok(bytes.into_inner())
}

/// An image of a plot that `draw` draws on a white canvas.
pub(crate) fn render(
    what: &'static str,
    (width, height): (u32, u32),
    draw: impl FnOnce(&Canvas<'_>) -> PlotResult,
) -> Result<RgbImage, TrainError> {
    let font = epaint_default_fonts::UBUNTU_LIGHT;
    register_font(FONT, FontStyle::Normal, font)
        .map_err(|_| plot_error(what, "the font cannot be read"))?;
    let mut image = RgbImage::new(width, height);
    let canvas = BitMapBackend::with_buffer(&mut image, (width, height)).into_drawing_area();
    let filled = canvas.fill(&WHITE).map_err(Into::into);
    let result = filled.and_then(|()| draw(&canvas));
    let result = result.and_then(|()| Ok(canvas.present()?));
    result.map_err(|error| plot_error(what, error))?;
    drop(canvas);
    Ok(image)
}

pub(crate) fn plot_error(what: &'static str, problem: impl std::fmt::Display) -> TrainError {
    TrainError::Plot {
        what,
        problem: problem.to_string(),
    }
}

/// A curve of a panel.
pub(crate) struct Curve<X> {
    pub(crate) name: String,
    pub(crate) color: RGBColor,
    pub(crate) points: Vec<(X, f64)>,
    pub(crate) line: Line,
}

/// How a curve is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Points joined by a line.
    Joined,
    /// A line alone.
    Smooth,
    /// A ring around each point.
    Rings,
}

const RING: i32 = 7;

/// The title and labels of a panel.
pub(crate) struct Labels<'a> {
    pub(crate) title: &'a str,
    /// Name of the horizontal axis.
    pub(crate) x: &'a str,
    /// Position of the legend.
    pub(crate) names: SeriesLabelPosition,
}

/// Draws curves with title, axes and legend.
pub(crate) fn panel<X, Y>(
    area: &Canvas<'_>,
    labels: Labels<'_>,
    x: X,
    y: Y,
    curves: &[Curve<X::Value>],
) -> PlotResult
where
    X: AsRangedCoord,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<X::Value> + Ranged<ValueType = X::Value>,
    Y::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
    X::Value: Copy + Tick + 'static,
{
    let mut chart = ChartBuilder::on(area)
        .caption(labels.title, (FONT, 20))
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(58)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_desc(labels.x)
        .x_labels(10)
        .y_labels(8)
        .x_label_formatter(&|x| x.tick())
        .y_label_formatter(&|y| y.tick())
        .label_style((FONT, 15))
        .axis_style(GRAY)
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for curve in curves {
        let (points, line) = (curve.points.iter().copied(), ShapeStyle::from(curve.color));
        let line = line.stroke_width(2);
        let series = match curve.line {
            Line::Joined => chart.draw_series(LineSeries::new(points, line).point_size(2))?,
            Line::Smooth => chart.draw_series(LineSeries::new(points, line))?,
            Line::Rings => chart.draw_series(points.map(|at| Circle::new(at, RING, line)))?,
        };
        let line_kind = curve.line;
        series
            .label(curve.name.as_str())
            .legend(move |(x, y)| match line_kind {
                Line::Rings => Circle::new((x + 10, y), RING, line).into_dyn(),
                Line::Joined | Line::Smooth => {
                    PathElement::new([(x, y), (x + 20, y)], line).into_dyn()
                }
            });
    }
    // A single curve is named by the title.
    if curves.len() > 1 {
        chart
            .configure_series_labels()
            .position(labels.names)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .label_font((FONT, 15))
            .draw()?;
    }
    Ok(())
}

/// The label of a number on an axis.
pub(crate) trait Tick {
    fn tick(&self) -> String;
}

impl Tick for i32 {
    fn tick(&self) -> String {
        self.to_string()
    }
}

impl Tick for f64 {
    /// Rounded, because ticks are multiples of an inexact interval.
    fn tick(&self) -> String {
        let magnitude = self.abs();
        if magnitude < 1e-12 {
            return "0".to_owned();
        }
        if !(1e-4..1e5).contains(&magnitude) {
            let text = format!("{self:.2e}");
            return text.replace(".00e", "e").replace("0e", "e");
        }
        let text = format!("{self:.7}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tick_labels_are_short() {
        let shown = [0.0, 0.1 + 0.2, 12.0, 2.5e-4, 1e-5, 2.5e-6, 123456.0, -0.05].map(|v| v.tick());
        assert_eq!(
            shown,
            [
                "0", "0.3", "12", "0.00025", "1e-5", "2.5e-6", "1.23e5", "-0.05"
            ]
        );
    }

    #[test]
    fn an_image_replaces_the_previous_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        for shade in [10, 200] {
            let image = RgbImage::from_pixel(3, 2, image::Rgb([shade; 3]));
            save_image(&path, &image).unwrap();
            assert_eq!(image::open(&path).unwrap().into_rgb8(), image);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = folder.path().join("no/a.png");
        let error = save_image(&nowhere, &RgbImage::new(1, 1))
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("no/a.png: cannot write the image"),
            "{error}"
        );
    }
}
