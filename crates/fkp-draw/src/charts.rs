//! Charts of a data set: bars, and the mean shape with the spread of its keypoints.

use crate::text::draw_text;
use crate::{Colors, DrawError, draw_keypoints};
use fkp_core::{Affine, BoundingBox, Keypoints, Schema};
use image::{Rgb, RgbImage};
use imageproc::drawing::{draw_antialiased_line_segment_mut, draw_filled_rect_mut};
use imageproc::pixelops::interpolate;
use imageproc::rect::Rect;

const WHITE: Rgb<u8> = Rgb([255; 3]);
const TEXT: Rgb<u8> = Rgb([40; 3]);
const BAR: Rgb<u8> = Rgb([87, 151, 199]);
const ELLIPSE: Rgb<u8> = Rgb([90, 90, 200]);
const BACKGROUND: Rgb<u8> = Rgb([246, 246, 248]);
const MARGIN: i32 = 14;
const TOP: i32 = 44;

/// A bar of a chart with its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What the bar is of, left of it.
    pub label: String,
    /// Its length, at least 0, in the unit of the other bars.
    pub value: f64,
}

/// Draws horizontal bars below each other, each with its label and its value, rounded to an integer.
///
/// # Errors
/// If the font cannot be read.
pub fn bar_chart(title: &str, bars: &[Bar]) -> Result<RgbImage, DrawError> {
    const WIDTH: i32 = 760;
    const VALUES: i32 = 70;
    // Many bars are thinner, so that 68 of them fit on a screen.
    let row = if bars.len() > 30 { 15 } else { 22 };
    let size = row as f32 - 5.0;
    let longest_label = bars.iter().map(|bar| bar.label.chars().count()).max();
    let labels = (longest_label.unwrap_or(0) as f32 * size * 0.52) as i32;
    let (left, right) = (MARGIN + labels.min(WIDTH / 2) + 10, WIDTH - MARGIN - VALUES);
    let largest = bars.iter().map(|bar| bar.value).filter(|v| v.is_finite());
    let largest = largest.fold(1e-9, f64::max);
    let height = TOP + row * bars.len() as i32 + MARGIN;
    let mut canvas = RgbImage::from_pixel(WIDTH as u32, height as u32, WHITE);
    draw_text(&mut canvas, (MARGIN, 12), 19.0, TEXT, title)?;
    for (top, bar) in (TOP..).step_by(row as usize).zip(bars) {
        let fraction = (bar.value / largest).clamp(0.0, 1.0);
        let length = (fraction * f64::from(right - left)).round() as u32;
        if length > 0 {
            let rect = Rect::at(left, top + 2).of_size(length, row as u32 - 4);
            draw_filled_rect_mut(&mut canvas, rect, BAR);
        }
        draw_text(&mut canvas, (MARGIN, top + 1), size, TEXT, &bar.label)?;
        let value = format!("{:.0}", bar.value);
        let after = (left + length as i32 + 8, top + 1);
        draw_text(&mut canvas, after, size, TEXT, &value)?;
    }
    Ok(canvas)
}

/// Draws keypoints in any unit, each with the ellipse of two standard deviations of its covariance
/// `[[xx, xy], [xy, yy]]`, on a square of `side` pixels below a title. Names are drawn if they are
/// short, such as numbers.
///
/// # Errors
/// If no keypoint is labeled, all of them coincide, or the font cannot be read.
pub fn shape_chart(
    title: &str,
    keypoints: &Keypoints,
    covariances: &[[[f64; 2]; 2]],
    schema: &Schema,
    side: u32,
) -> Result<RgbImage, DrawError> {
    let labeled: Vec<(usize, (f64, f64), Ellipse)> = keypoints
        .labeled()
        .zip(covariances)
        .map(|((index, p), covariance)| {
            let center = (f64::from(p.x), f64::from(p.y));
            (index, center, Ellipse::of(*covariance))
        })
        .collect();
    let corners = labeled
        .iter()
        .flat_map(|(_, center, ellipse)| ellipse.outline(*center));
    let bounds = BoundingBox::around(corners).ok_or(DrawError::EmptySheet)?;
    let space = f64::from(side) - 2.0 * f64::from(MARGIN);
    let scale = space / bounds.longer_side();
    let ((cx, cy), middle) = (bounds.center(), f64::from(side) / 2.0);
    let map = Affine::new([
        [scale, 0.0, middle - scale * cx],
        [0.0, scale, middle + f64::from(TOP) - scale * cy],
    ]);
    let map = map.map_err(|_| DrawError::EmptySheet)?;
    let mut canvas = RgbImage::from_pixel(side, side + TOP as u32, BACKGROUND);
    draw_text(&mut canvas, (MARGIN, 12), 19.0, TEXT, title)?;
    let pixel = |(x, y): (f64, f64)| {
        let (x, y) = map.apply(x, y);
        (x.round() as i32, y.round() as i32)
    };
    for (_, center, ellipse) in &labeled {
        let outline: Vec<(i32, i32)> = ellipse.outline(*center).map(pixel).collect();
        for line in outline.windows(2) {
            let blend = |line: Rgb<u8>, under: Rgb<u8>, w: f32| interpolate(line, under, 0.8 * w);
            draw_antialiased_line_segment_mut(&mut canvas, line[0], line[1], ELLIPSE, blend);
        }
    }
    draw_keypoints(&mut canvas, keypoints, &map, schema, Colors::BySide, 3);
    for (index, center, _) in &labeled {
        let name = &schema.keypoints()[*index];
        if name.len() <= 3 {
            let (x, y) = pixel(*center);
            draw_text(&mut canvas, (x + 5, y - 14), 12.0, TEXT, name)?;
        }
    }
    Ok(canvas)
}

/// The ellipse of two standard deviations of a covariance.
struct Ellipse {
    /// The half axes as vectors.
    axes: [(f64, f64); 2],
}

impl Ellipse {
    fn of([[xx, xy], [_, yy]]: [[f64; 2]; 2]) -> Self {
        // The eigenvalues of a symmetric matrix, and the angle of the first eigenvector.
        let (mean, half) = ((xx + yy) / 2.0, (xx - yy) / 2.0);
        let root = half.hypot(xy);
        let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
        let [long, short] = [mean + root, mean - root].map(|value| 2.0 * value.max(0.0).sqrt());
        let (sin, cos) = angle.sin_cos();
        Self {
            axes: [(long * cos, long * sin), (-short * sin, short * cos)],
        }
    }

    /// Points around the center, the last one equal to the first.
    fn outline(&self, center: (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
        const STEPS: i32 = 48;
        let [a, b] = self.axes;
        (0..=STEPS).map(move |step| {
            let (sin, cos) = (std::f64::consts::TAU * f64::from(step) / f64::from(STEPS)).sin_cos();
            (
                center.0 + cos * a.0 + sin * b.0,
                center.1 + cos * a.1 + sin * b.1,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_has_the_largest_value() {
        let bar = |value: f64| Bar {
            label: "a".to_owned(),
            value,
        };
        let chart = bar_chart("title", &[bar(2.0), bar(4.0), bar(0.0)]).unwrap();
        let length = |row: u32| {
            let y = TOP as u32 + 22 * row + 11;
            (0..chart.width())
                .filter(|x| *chart.get_pixel(*x, y) == BAR)
                .count()
        };
        assert!(length(1) > 400 && length(0).abs_diff(length(1) / 2) <= 1);
        assert_eq!(length(2), 0);
        assert!(bar_chart("nothing", &[]).is_ok());
    }

    #[test]
    fn the_ellipse_has_two_standard_deviations_along_its_axes() {
        let outline = |covariance| -> Vec<(f64, f64)> {
            Ellipse::of(covariance).outline((10.0, 20.0)).collect()
        };
        let points = outline([[9.0, 0.0], [0.0, 4.0]]);
        assert!((points[0].0 - 16.0).abs() < 1e-9 && (points[0].1 - 20.0).abs() < 1e-9);
        assert!((points[12].0 - 10.0).abs() < 1e-9 && (points[12].1 - 24.0).abs() < 1e-9);
        // Along the diagonal.
        let points = outline([[1.0, 1.0], [1.0, 1.0]]);
        let far = 2.0 * 2.0_f64.sqrt() / 2.0_f64.sqrt();
        assert!((points[0].0 - 10.0 - far).abs() < 1e-9 && (points[0].1 - 20.0 - far).abs() < 1e-9);
        let keypoints = Keypoints::from_xy(&[[0.0, 0.0], [1.0, 2.0]]);
        let schema = Schema::numbered("two", 2).unwrap();
        let covariances = [[[0.1, 0.0], [0.0, 0.1]]; 2];
        let chart = shape_chart("shape", &keypoints, &covariances, &schema, 300).unwrap();
        assert!(chart.pixels().any(|pixel| *pixel != BACKGROUND));
        let none = Keypoints::unlabeled(2);
        assert!(shape_chart("shape", &none, &[], &schema, 300).is_err());
    }
}
