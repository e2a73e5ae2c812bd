//! Text on an image.

use crate::DrawError;
use ab_glyph::FontRef;
use image::{Rgb, RgbImage};
use imageproc::drawing::draw_text_mut;

/// Writes text with its top left corner at (x, y).
pub(crate) fn draw_text(
    canvas: &mut RgbImage,
    (x, y): (i32, i32),
    size: f32,
    color: Rgb<u8>,
    text: &str,
) -> Result<(), DrawError> {
    let font = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT);
    draw_text_mut(
        canvas,
        color,
        x,
        y,
        size,
        &font.map_err(DrawError::Font)?,
        text,
    );
    Ok(())
}
