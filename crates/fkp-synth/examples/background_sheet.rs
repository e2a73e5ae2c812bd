//! Paints sampled backgrounds, develops them by sampled cameras, and saves a contact sheet:
//! `cargo run --release -p fkp-synth --example background_sheet -- sheet.png 0 96 2 10 7 color`
//! (file, seed, size of an image, enlargement, columns, rows, `color` or `gray`).
//! `neutral` in place of `color` develops with the tone curve alone.

use fkp_core::{Purpose, rng_for};
use fkp_synth::Texture;
use fkp_synth::background::BackgroundDistribution;
use fkp_synth::camera::{Camera, CameraDistribution, Channels};
use image::{RgbImage, imageops};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap_or_else(|| "sheet.png".to_owned());
    let mut number = |default: u32| args.next().map_or(Ok(default), |text| text.parse());
    let (seed, size, zoom) = (number(0)?, number(96)?, number(2)?);
    let (columns, rows) = (number(10)?, number(7)?);
    let mode = args.next().unwrap_or_else(|| "color".to_owned());
    let channels = if mode == "gray" {
        Channels::Gray
    } else {
        Channels::Rgb
    };
    let side = size * zoom;
    let mut sheet = RgbImage::new(side * columns, side * rows);
    for index in 0..columns * rows {
        let mut rng = rng_for(seed.into(), Purpose::Render, 0, index.into());
        let background = BackgroundDistribution::default().sample(&mut rng);
        let sampled = CameraDistribution::default().sample(&mut rng);
        let camera = if mode == "neutral" {
            Camera::NEUTRAL
        } else {
            sampled
        };
        let texture = Texture {
            seed: index,
            mirrored: false,
        };
        let size = size as usize;
        let light = background.paint(texture.seed, size);
        let image = camera.develop(&light, size, channels, texture);
        let image: image::DynamicImage = image.into();
        let cell = imageops::resize(&image.to_rgb8(), side, side, imageops::FilterType::Nearest);
        let corner = |cell: u32| i64::from(cell * side);
        let (x, y) = (corner(index % columns), corner(index / columns));
        imageops::replace(&mut sheet, &cell, x, y);
    }
    sheet.save(&file)?;
    Ok(())
}
