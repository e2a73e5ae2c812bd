//! Renders faces on a contact sheet, in color, with or without their keypoints:
//! `cargo run --release -p fkp-synth --example contact_sheet -- sheet.png 0 192 10 6 ibug68`
//! (file, seed, size of a face, columns, rows, `plain`, `kaggle15` or `ibug68`, and `neutral` for a
//! camera without any effect).
//! Green keypoints are visible, orange ones occluded, red ones out of frame.

use fkp_core::{Dataset, Visibility};
use fkp_synth::camera::{Camera, Channels};
use fkp_synth::params::CropAround;
use fkp_synth::{FaceDistribution, KeypointSet, SynthConfig, SynthFaces, render};
use image::{Rgb, RgbImage, imageops};
use imageproc::drawing::draw_filled_circle_mut;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap_or_else(|| "sheet.png".to_owned());
    let mut number = |default: u32| args.next().map_or(Ok(default), |text| text.parse());
    let (seed, size) = (number(0)?, number(192)?);
    let (columns, rows) = (number(10)?, number(6)?);
    let labels = args.next().unwrap_or_else(|| "plain".to_owned());
    let neutral = args.next().is_some_and(|text| text == "neutral");
    let mut faces = FaceDistribution::default();
    if labels != "kaggle15" {
        faces.view.crop = CropAround::FaceBox(0.68);
    }
    let faces = SynthFaces::new(SynthConfig {
        size: size as usize,
        count: (columns * rows) as usize,
        non_faces: 0,
        seed: seed.into(),
        channels: Channels::Rgb,
        keypoints: if labels == "kaggle15" {
            KeypointSet::Kaggle15
        } else {
            KeypointSet::Ibug68
        },
        faces,
    })?;
    let mut sheet = RgbImage::new(size * columns, size * rows);
    let start = std::time::Instant::now();
    for index in 0..faces.len() {
        let mut params = faces.params(index);
        if neutral {
            params.camera = Camera::NEUTRAL;
        }
        let set = faces.config().keypoints;
        let (image, keypoints) = render(&params, size as usize, Channels::Rgb, set);
        let face: image::DynamicImage = image.into();
        let mut face = face.to_rgb8();
        for keypoint in keypoints.iter().filter(|_| labels != "plain") {
            let color = match keypoint.visibility {
                Visibility::Visible => Rgb([80, 255, 80]),
                Visibility::Occluded => Rgb([255, 170, 0]),
                _ => Rgb([255, 0, 0]),
            };
            let at = (keypoint.x.round() as i32, keypoint.y.round() as i32);
            draw_filled_circle_mut(&mut face, at, i32::from(size >= 128), color);
        }
        let index = index as u32;
        let corner = |cell: u32| i64::from(cell * size);
        let (x, y) = (corner(index % columns), corner(index / columns));
        imageops::replace(&mut sheet, &face, x, y);
    }
    let each = start.elapsed().as_secs_f64() * 1e3 / faces.len() as f64;
    sheet.save(&file)?;
    println!("wrote {file}: {each:.2} ms a face");
    Ok(())
}
