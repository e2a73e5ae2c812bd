//! The plot of a learning-rate range test.

use super::chart::{
    BLUE, Canvas, Curve, Labels, Line, ORANGE, PlotResult, panel, render, save_image,
};
use crate::TrainError;
use image::RgbImage;
use plotters::prelude::*;
use std::path::Path;

/// Draws the loss over the learning rate, with a logarithmic axis, into a PNG file. The suggested
/// rate is marked. Where the loss diverges, the curve is clipped at the upper edge.
///
/// # Errors
/// If there are not two different positive learning rates with a finite loss, or the file cannot
/// be written.
pub fn plot_learning_rates(
    path: &Path,
    losses: &[(f64, f64)],
    suggestion: Option<f64>,
) -> Result<(), TrainError> {
    save_image(path, &image(losses, suggestion)?)
}

fn image(losses: &[(f64, f64)], suggestion: Option<f64>) -> Result<RgbImage, TrainError> {
    let usable = |&&(rate, loss): &&(f64, f64)| rate > 0.0 && rate.is_finite() && loss.is_finite();
    let points: Vec<(f64, f64)> = losses.iter().filter(usable).copied().collect();
    render("the losses over learning rates", (860, 480), |canvas| {
        draw(canvas, points, suggestion)
    })
}

fn draw(canvas: &Canvas<'_>, points: Vec<(f64, f64)>, suggestion: Option<f64>) -> PlotResult {
    let over = |pick: fn(&(f64, f64)) -> f64, fold: fn(f64, f64) -> f64, from: f64| {
        points.iter().map(pick).fold(from, fold)
    };
    let (first, last) = (
        over(|p| p.0, f64::min, f64::INFINITY),
        over(|p| p.0, f64::max, 0.0),
    );
    if first >= last {
        return Err("there are fewer than two learning rates".into());
    }
    let lowest = over(|p| p.1, f64::min, f64::INFINITY);
    let highest = over(|p| p.1, f64::max, f64::NEG_INFINITY);
    // The interesting range is between the initial and the lowest loss; a loss far above it only
    // shows that the rate is too high.
    let start = points.first().map_or(highest, |p| p.1);
    let above = (start - lowest).max(0.1 * start.abs());
    let top = highest.min(start + 0.6 * above);
    let margin = 0.06 * (top - lowest).max(1e-3 * top.abs()).max(1e-12);
    let (bottom, top) = (lowest - margin, top + margin);
    let below = points.iter().rposition(|p| p.1 <= top).unwrap_or(0);
    let curve = points.iter().take(below + 2);
    let curve = curve.map(|&(rate, loss)| (rate, loss.min(top)));
    let mut curves = vec![Curve {
        name: "loss".to_owned(),
        color: BLUE,
        points: curve.collect(),
        line: Line::Smooth,
    }];
    let suggestion = suggestion.filter(|rate| (first..=last).contains(rate));
    if let Some(rate) = suggestion {
        curves.push(Curve {
            name: format!("suggested: {rate:.1e}"),
            color: ORANGE,
            points: vec![(rate, bottom), (rate, top)],
            line: Line::Smooth,
        });
    }
    let labels = Labels {
        title: "loss over learning rate",
        x: "learning rate",
        names: SeriesLabelPosition::UpperLeft,
    };
    let rates = (first..last).log_scale();
    panel(canvas, labels, rates, bottom..top, &curves)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A typical curve: first constant, then falling, then diverging.
    fn sweep() -> Vec<(f64, f64)> {
        let at = |i: i32| {
            let exponent = -7.0 + 8.0 * f64::from(i) / 99.0;
            let fall = 0.3 / (1.0 + (-2.5 * (exponent + 3.5)).exp());
            let blow = (3.0 * (exponent + 0.6)).exp();
            (10f64.powf(exponent), 0.42 - fall + blow)
        };
        (0..100).map(at).collect()
    }

    #[test]
    fn the_suggestion_is_drawn_at_its_rate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rates.png");
        // In the middle of 1e-7..1e1 on a logarithmic axis.
        plot_learning_rates(&path, &sweep(), Some(1e-3)).unwrap();
        let image = image::open(&path).unwrap().into_rgb8();
        // Below the legend.
        let row = image.height() * 3 / 4;
        let orange = (0..image.width()).find(|&x| {
            let [r, _, b] = image.get_pixel(x, row).0;
            r > 200 && b < 60
        });
        let axis = |dark: &dyn Fn(u32) -> bool| (0..image.width()).find(|&x| dark(x)).unwrap();
        let left = axis(&|x| {
            let column = (60..400).filter(|&y| image.get_pixel(x, y).0[0] < 160);
            column.count() > 300
        });
        let middle = (left + image.width() - 12) / 2;
        assert!(
            orange.unwrap().abs_diff(middle) <= 3,
            "{orange:?}, {middle}"
        );
    }

    #[test]
    fn values_that_are_not_finite_are_left_out_and_an_empty_plot_is_an_error() {
        let mut losses = sweep();
        losses.push((20.0, f64::NAN));
        losses.push((f64::INFINITY, 1.0));
        losses.push((0.0, 1.0));
        assert_eq!(
            image(&losses, None).unwrap(),
            image(&sweep(), None).unwrap()
        );
        let error = image(&[(1e-3, 1.0)], None).unwrap_err().to_string();
        assert!(error.contains("fewer than two learning rates"), "{error}");
        assert!(image(&[], Some(0.1)).is_err());
    }
}
