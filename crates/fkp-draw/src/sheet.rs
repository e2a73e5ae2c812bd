//! Contact sheets: many small images in rows, each with keypoints and a caption.

use crate::text::draw_text;
use crate::{Colors, DrawError, draw_keypoints, enlarge};
use fkp_core::{Image, Keypoints, Prediction, Sample, Schema};
use image::{Rgb, RgbImage};

/// One image of a contact sheet with the keypoints that are drawn on it.
pub struct Cell {
    /// The image.
    pub image: Image,
    /// Sets of keypoints in pixels of the image with their colors, drawn in this order.
    pub layers: Vec<(Keypoints, Colors)>,
    /// One line of text below the image.
    pub caption: String,
}

impl Cell {
    /// A sample with its labels in green and the prediction in red.
    pub fn compared(sample: &Sample, predicted: &Prediction) -> Self {
        Self {
            image: sample.image.clone(),
            layers: vec![
                (sample.keypoints.clone(), Colors::Plain(TRUTH)),
                (predicted.keypoints.clone(), Colors::Plain(PREDICTION)),
            ],
            caption: sample.id.clone(),
        }
    }

    /// The title of a sheet of [`Cell::compared`] images.
    pub const COMPARED: &'static str = "truth green, prediction red";
}

const TRUTH: Rgb<u8> = Rgb([60, 220, 90]);
const PREDICTION: Rgb<u8> = Rgb([255, 70, 70]);
const MARGIN: u32 = 6;
const CAPTION: u32 = 18;
const BACKGROUND: Rgb<u8> = Rgb([24, 24, 28]);
const TEXT: Rgb<u8> = Rgb([225, 225, 225]);

/// Draws cells in rows of `columns`, each image in a square of `side` pixels, below a title.
///
/// # Errors
/// If there are no cells or no columns, or an image cannot be enlarged to `side`.
pub fn contact_sheet(
    title: &str,
    cells: &[Cell],
    columns: usize,
    side: u32,
    schema: &Schema,
) -> Result<RgbImage, DrawError> {
    if cells.is_empty() || columns == 0 {
        return Err(DrawError::EmptySheet);
    }
    let columns = columns.min(cells.len()) as u32;
    let rows = (cells.len() as u32).div_ceil(columns);
    let (step_x, step_y) = (side + MARGIN, side + CAPTION + MARGIN);
    let top = 30;
    let size = (columns * step_x + MARGIN, rows * step_y + MARGIN + top);
    let mut sheet = RgbImage::from_pixel(size.0, size.1, BACKGROUND);
    draw_text(&mut sheet, (MARGIN as i32, 7), 18.0, TEXT, title)?;
    for (index, cell) in cells.iter().enumerate() {
        let (column, row) = (index as u32 % columns, index as u32 / columns);
        let (x, y) = (MARGIN + column * step_x, top + row * step_y);
        let longer = cell.image.width().max(cell.image.height());
        let (mut canvas, map) = enlarge(&cell.image, f64::from(side) / longer as f64)?;
        for (keypoints, colors) in &cell.layers {
            draw_keypoints(
                &mut canvas,
                keypoints,
                &map,
                schema,
                *colors,
                1 + side as i32 / 160,
            );
        }
        image::imageops::replace(&mut sheet, &canvas, i64::from(x), i64::from(y));
        // A character of this size is about 6.2 px wide.
        let fits = side as usize * 10 / 62;
        let caption: String = cell.caption.chars().take(fits).collect();
        let below = (x as i32, (y + side + 1) as i32);
        draw_text(&mut sheet, below, 13.0, TEXT, &caption)?;
    }
    Ok(sheet)
}
