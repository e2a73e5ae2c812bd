//! Keypoints and their skeleton, drawn on an image.

use crate::DrawError;
use fkp_core::{Affine, Border, Filter, Image, Keypoints, Schema, Visibility, warp_affine};
use image::{Rgb, RgbImage};
use imageproc::drawing::{draw_antialiased_line_segment_mut, draw_filled_circle_mut};
use imageproc::pixelops::interpolate;

/// The colors of the keypoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// The subject's left green, right red, the middle yellow: shows a flip that did not swap the
    /// labels.
    BySide,
    /// All keypoints in one color.
    Plain(Rgb<u8>),
}

const LEFT: Rgb<u8> = Rgb([60, 220, 90]);
const RIGHT: Rgb<u8> = Rgb([255, 70, 70]);
const MIDDLE: Rgb<u8> = Rgb([255, 220, 40]);

/// The image in color, `factor` times as large, and the map `canvas_from_image`.
///
/// # Errors
/// If the factor is not finite.
pub fn enlarge(image: &Image, factor: f64) -> Result<(RgbImage, Affine), DrawError> {
    let scaled = |side: usize| ((side as f64 * factor).round() as usize).max(1);
    let size = (scaled(image.width()), scaled(image.height()));
    let map = Affine::resize(image.size(), size);
    let map = map.map_err(|source| DrawError::Size {
        width: image.width(),
        height: image.height(),
        factor,
        source,
    })?;
    let image = match size == image.size() {
        true => image.to_rgb(),
        false => warp_affine(&image.to_rgb(), &map, size, Filter::Area, Border::Replicate),
    };
    Ok((image::DynamicImage::from(image).into_rgb8(), map))
}

/// Draws the labeled keypoints as discs of `radius` pixels of the canvas with a black border, or with
/// a radius of 0 as single pixels without, and the schema's skeleton as lines between them. Keypoints that are not visible are drawn darker.
pub fn draw_keypoints(
    canvas: &mut RgbImage,
    keypoints: &Keypoints,
    canvas_from_image: &Affine,
    schema: &Schema,
    colors: Colors,
    radius: i32,
) {
    let position = |index: usize| {
        let keypoint = &keypoints[index];
        let (x, y) = canvas_from_image.apply(keypoint.x.into(), keypoint.y.into());
        // The time to draw a line is proportional to its length, also outside of the canvas.
        let near = |v: f64| v.is_finite() && v.abs() < 1e5;
        (keypoint.is_labeled() && near(x) && near(y)).then(|| (x.round() as i32, y.round() as i32))
    };
    for &(a, b) in schema.skeleton() {
        if let (Some(a), Some(b)) = (position(a), position(b)) {
            let color = match colors {
                Colors::BySide => Rgb([200, 200, 200]),
                Colors::Plain(color) => color,
            };
            let blend =
                |line: Rgb<u8>, under: Rgb<u8>, weight: f32| interpolate(line, under, 0.5 * weight);
            draw_antialiased_line_segment_mut(canvas, a, b, color, blend);
        }
    }
    for (index, keypoint) in keypoints.labeled() {
        let Some(center) = position(index) else {
            continue;
        };
        let color = match colors {
            Colors::Plain(color) => color,
            Colors::BySide => side_color(schema, index),
        };
        let shade = match keypoint.visibility {
            Visibility::Visible => color,
            _ => interpolate(color, Rgb([0, 0, 0]), 0.5),
        };
        if radius > 0 {
            draw_filled_circle_mut(canvas, center, radius + 1, Rgb([0, 0, 0]));
        }
        draw_filled_circle_mut(canvas, center, radius, shade);
    }
}

/// The side is that of the keypoint's name if it contains left or right. Otherwise the keypoint of a flip
/// pair with the larger x in the mean shape is the subject's left, who looks into the camera; without a
/// mean shape the first of the pair is, as in `kaggle15`.
fn side_color(schema: &Schema, index: usize) -> Rgb<u8> {
    let name = &schema.keypoints()[index];
    if name.contains("left") {
        return LEFT;
    }
    if name.contains("right") {
        return RIGHT;
    }
    let pair = schema.flip_pairs().iter();
    let mut pair = pair.filter(|(first, second)| [*first, *second].contains(&index));
    let Some(&(first, second)) = pair.next() else {
        return MIDDLE;
    };
    let shape = schema.mean_shape();
    let first_is_left = match (shape.get(first), shape.get(second)) {
        (Some(first), Some(second)) => first[0] > second[0],
        _ => true,
    };
    match (index == first) == first_is_left {
        true => LEFT,
        false => RIGHT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_those_of_the_subject_whatever_the_order_of_a_pair() {
        for (schema, left, right, middle) in [
            (Schema::kaggle15(), 0, 1, 10),
            // Numbered, and the subject's right first.
            (Schema::ibug68(), 16, 0, 8),
            (Schema::wflw98(), 32, 0, 16),
        ] {
            let colors = [left, right, middle].map(|index| side_color(&schema, index));
            assert_eq!(colors, [LEFT, RIGHT, MIDDLE], "{}", schema.name());
        }
        let pair = Schema::numbered("two", 2).and_then(|two| two.with_flip_pairs(&[(0, 1)]));
        assert_eq!(side_color(&pair.unwrap(), 0), LEFT);
    }
}
