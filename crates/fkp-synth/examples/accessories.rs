//! Renders faces with one kind of accessory on a contact sheet, without the camera's noise:
//! `cargo run --release -p fkp-synth --example accessories -- sheet.png 0 192 8 4 hat Hijab`
//! (file, seed, size of a face, columns, rows, which accessory, and a word that its parameters
//! contain). The first half of the rows faces the camera, the others turn up to 75°. Green
//! keypoints are visible, orange ones occluded; a last argument `plain` leaves them out.

use fkp_core::{Purpose, Visibility, rng_for};
use fkp_synth::camera::{Camera, Channels};
use fkp_synth::distribution::Probability;
use fkp_synth::params::{Accessories, CropAround, FaceParams};
use fkp_synth::{FaceDistribution, KeypointSet, render};
use image::{Rgb, RgbImage, imageops};
use imageproc::drawing::draw_filled_circle_mut;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap_or_else(|| "sheet.png".to_owned());
    let mut number = |default: u32| args.next().map_or(Ok(default), |text| text.parse());
    let (seed, size) = (number(0)?, number(192)?);
    let (columns, rows) = (number(8)?, number(4)?);
    let which = args.next().unwrap_or_else(|| "glasses".to_owned());
    let word = args.next().unwrap_or_default();
    let has_labels = args.next().as_deref() != Some("plain");
    let mut faces = FaceDistribution::default();
    faces.view.crop = CropAround::FaceBox(0.62);
    let worn = &mut faces.accessories;
    let always = Probability(1.0);
    match which.as_str() {
        "glasses" => worn.glasses.clear = always,
        "sunglasses" => worn.glasses.sunglasses = always,
        "mask" => worn.mask.worn = always,
        "hat" => worn.hat.worn = always,
        "scarf" => worn.scarf.worn = always,
        "hand" => worn.hand.present = always,
        "object" => worn.object.present = always,
        "foreground" => worn.foreground.present = always,
        "all" => {}
        other => return Err(format!("`{other}` is not an accessory").into()),
    }
    let mut sheet = RgbImage::new(size * columns, size * rows);
    let (mut found, mut index) = (0, 0);
    let mut spent = std::time::Duration::ZERO;
    while found < columns * rows && index < 20_000 {
        let mut face = faces.sample(&mut rng_for(seed.into(), Purpose::Render, 0, index));
        index += 1;
        if !matches(&face, &which, &word) {
            continue;
        }
        face.camera = Camera {
            color: face.camera.color,
            ..Camera::NEUTRAL
        };
        let half = rows.div_ceil(2) * columns;
        face.pose.yaw = if found < half {
            0.3 * face.pose.yaw
        } else {
            let t = (found - half) as f32 / (columns * rows - half).max(2) as f32;
            1.31 * (2.0 * t - 1.0)
        };
        let start = std::time::Instant::now();
        let (image, keypoints) = render(&face, size as usize, Channels::Rgb, KeypointSet::Ibug68);
        spent += start.elapsed();
        let image: image::DynamicImage = image.into();
        let mut image = image.to_rgb8();
        for keypoint in keypoints.iter().filter(|_| has_labels) {
            let color = match keypoint.visibility {
                Visibility::Visible => Rgb([80, 255, 80]),
                Visibility::Occluded => Rgb([255, 170, 0]),
                _ => Rgb([255, 0, 0]),
            };
            let at = (keypoint.x.round() as i32, keypoint.y.round() as i32);
            draw_filled_circle_mut(&mut image, at, i32::from(size >= 160), color);
        }
        let corner = |cell: u32| i64::from(cell * size);
        let (x, y) = (corner(found % columns), corner(found / columns));
        imageops::replace(&mut sheet, &image, x, y);
        found += 1;
    }
    sheet.save(&file)?;
    let each = spent.as_secs_f64() * 1e3 / f64::from(found.max(1));
    println!("wrote {file}: {found} faces, {each:.2} ms a face");
    Ok(())
}

/// Whether a face has the accessory, with this word in its parameters.
fn matches(face: &FaceParams, which: &str, word: &str) -> bool {
    let worn: &Accessories = &face.accessories;
    let described = match which {
        "glasses" | "sunglasses" => worn.glasses.map(|item| format!("{item:?}")),
        "mask" => worn.mask.map(|item| format!("{item:?}")),
        "hat" => worn.hat.map(|item| format!("{item:?}")),
        "scarf" => worn.scarf.map(|item| format!("{item:?}")),
        "hand" => worn.hand.map(|item| format!("{item:?}")),
        "object" => worn.object.map(|item| format!("{item:?}")),
        "foreground" => worn.foreground.map(|item| format!("{item:?}")),
        _ => Some(String::new()),
    };
    described.is_some_and(|text| text.contains(word))
}
