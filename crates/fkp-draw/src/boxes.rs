//! Boxes of faces, drawn on an image.

use fkp_core::{Affine, BoundingBox};
use image::{Rgb, RgbImage};
use imageproc::drawing::draw_hollow_rect_mut;
use imageproc::rect::Rect;

/// Draws the outline of a box, `thickness` pixels of the canvas wide.
pub fn draw_box(
    canvas: &mut RgbImage,
    bounds: &BoundingBox,
    canvas_from_image: &Affine,
    color: Rgb<u8>,
    thickness: u32,
) {
    let mapped = bounds.map(canvas_from_image);
    // The time to draw a line is proportional to its length, also outside of the canvas.
    let near = |v: f64| v.is_finite() && v.abs() < 1e5;
    let (x, y) = (mapped.x + 0.5, mapped.y + 0.5);
    if !(near(x) && near(y) && near(mapped.width) && near(mapped.height)) {
        return;
    }
    for inset in 0..thickness {
        let side = |length: f64| (length.round() as u32).saturating_sub(2 * inset).max(1);
        let corner = |start: f64| start.round() as i32 + inset as i32;
        let rect = Rect::at(corner(x), corner(y));
        let rect = rect.of_size(side(mapped.width), side(mapped.height));
        draw_hollow_rect_mut(canvas, rect, color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_is_on_the_outer_pixels_of_the_box() {
        let red = Rgb([255, 0, 0]);
        let mut canvas = RgbImage::new(12, 12);
        let bounds = BoundingBox::from_image_edges(2.0, 3.0, 5.0, 4.0);
        draw_box(&mut canvas, &bounds, &Affine::identity(), red, 1);
        let is_red = |x, y| *canvas.get_pixel(x, y) == red;
        assert!(is_red(2, 3) && is_red(6, 6) && is_red(4, 3) && is_red(2, 5));
        assert!(!is_red(3, 4) && !is_red(7, 6) && !is_red(1, 3));
        // Far outside, nothing happens.
        let far = BoundingBox { x: 1e300, ..bounds };
        draw_box(&mut canvas, &far, &Affine::identity(), red, 2);
    }
}
