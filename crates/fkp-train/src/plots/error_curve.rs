//! The plot of the cumulative error curve.

use super::chart::{
    BLUE, Canvas, Curve, GRAY, Labels, Line, PlotResult, panel, render, save_image,
};
use crate::TrainError;
use fkp_metrics::CumulativeErrorCurve;
use image::RgbImage;
use plotters::prelude::*;
use std::path::Path;

/// Draws the fraction of the images over the normalized error, as papers print it, into a PNG file:
/// up to twice the threshold, at which the failure rate is read and below which the area is
/// computed.
///
/// # Errors
/// If no image was scored, or the file cannot be written.
pub fn plot_error_curve(
    path: &Path,
    curve: &CumulativeErrorCurve,
    threshold: f64,
) -> Result<(), TrainError> {
    save_image(path, &image(curve, threshold)?)
}

fn image(curve: &CumulativeErrorCurve, threshold: f64) -> Result<RgbImage, TrainError> {
    render("the cumulative errors", (640, 480), |canvas| {
        draw(canvas, curve, threshold)
    })
}

fn draw(canvas: &Canvas<'_>, curve: &CumulativeErrorCurve, threshold: f64) -> PlotResult {
    let (Some(area), Some(failures)) = (curve.auc(threshold), curve.failure_rate(threshold)) else {
        return Err("no image was scored".into());
    };
    let limit = 2.0 * threshold;
    let points = curve.points(limit, 200);
    let curves = [
        Curve {
            name: format!(
                "AUC {area:.3}, failures {:.1} % at {:.0} %",
                100.0 * failures,
                100.0 * threshold
            ),
            color: BLUE,
            points,
            line: Line::Smooth,
        },
        Curve {
            name: "threshold".to_owned(),
            color: GRAY,
            points: vec![(threshold, 0.0), (threshold, 1.0)],
            line: Line::Smooth,
        },
    ];
    let title = format!(
        "images within an error, normalized by {}",
        curve.normalizer().name()
    );
    let labels = Labels {
        title: &title,
        x: "error",
        names: SeriesLabelPosition::LowerRight,
    };
    panel(canvas, labels, 0.0..limit, 0.0..1.0, &curves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::Keypoints;
    use fkp_metrics::Normalizer;

    #[test]
    fn a_curve_is_drawn_and_one_of_nothing_is_an_error() {
        let mut curve = CumulativeErrorCurve::new(Normalizer::Box);
        let error = image(&curve, 0.08).unwrap_err().to_string();
        assert!(error.contains("no image was scored"), "{error}");
        let truth = Keypoints::from_xy(&[[0.0, 0.0], [10.0, 10.0]]);
        for dx in [0.1, 0.4, 0.7] {
            let found = Keypoints::from_xy(&[[dx, 0.0], [10.0 + dx, 10.0]]);
            curve.add(&found, &truth);
        }
        let drawn = image(&curve, 0.08).unwrap();
        let is_blue = |pixel: &image::Rgb<u8>| pixel.0[2] > 150 && pixel.0[0] < 80;
        // The curve, and the line of the legend.
        assert!(drawn.pixels().filter(|pixel| is_blue(pixel)).count() > 300);
    }
}
