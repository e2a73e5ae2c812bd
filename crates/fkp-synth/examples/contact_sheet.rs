//! Renders faces with their keypoints on a contact sheet:
//! `cargo run --release -p fkp-synth --example contact_sheet -- sheet.png 0 96 3 8 5`
//! (file, seed, size of a face, enlargement, columns, rows).
//! Green keypoints are visible, orange ones occluded, red ones out of frame.

use fkp_core::{Dataset, Visibility};
use fkp_synth::{SynthConfig, SynthFaces};
use image::{Rgb, RgbImage, imageops};
use imageproc::drawing::draw_filled_circle_mut;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap_or_else(|| "sheet.png".to_owned());
    let mut number = |default: u32| args.next().map_or(Ok(default), |text| text.parse());
    let (seed, size, zoom) = (number(0)?, number(96)?, number(3)?);
    let (columns, rows) = (number(8)?, number(5)?);
    let faces = SynthFaces::new(SynthConfig {
        size: size as usize,
        count: (columns * rows) as usize,
        seed: seed.into(),
        ..SynthConfig::default()
    })?;
    let side = size * zoom;
    let mut sheet = RgbImage::new(side * columns, side * rows);
    for index in 0..faces.len() {
        let sample = faces.get(index)?;
        let face: image::DynamicImage = sample.image.into();
        let mut face = imageops::resize(&face.to_rgb8(), side, side, imageops::FilterType::Nearest);
        for keypoint in sample.keypoints.iter() {
            let color = match keypoint.visibility {
                Visibility::Visible => Rgb([80, 255, 80]),
                Visibility::Occluded => Rgb([255, 170, 0]),
                _ => Rgb([255, 0, 0]),
            };
            // Pixel (i, j) of the face fills zoom × zoom pixels of the sheet.
            let position = |v: f32| ((v + 0.5) * zoom as f32 - 0.5).round() as i32;
            draw_filled_circle_mut(
                &mut face,
                (position(keypoint.x), position(keypoint.y)),
                1,
                color,
            );
        }
        let index = index as u32;
        let corner = |cell: u32| i64::from(cell * side);
        let (x, y) = (corner(index % columns), corner(index / columns));
        imageops::replace(&mut sheet, &face, x, y);
    }
    sheet.save(&file)?;
    println!("wrote {file}");
    Ok(())
}
