//! Renders scenes on a contact sheet with the boxes of their faces, and prints the time per scene:
//! `cargo run --release -p fkp-synth --example scene_sheet -- sheet.png 0 384 4 3`
//! (file, seed, side of a scene, columns, rows, and `plain` for no boxes). Green boxes are faces to
//! find, orange ones are ignored.

use fkp_core::{Dataset, LabeledBox};
use fkp_synth::{SceneConfig, SynthScenes};
use image::{Rgb, RgbImage, imageops};
use imageproc::drawing::draw_hollow_rect_mut;
use imageproc::rect::Rect;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap_or_else(|| "sheet.png".to_owned());
    let mut number = |default: u32| args.next().map_or(Ok(default), |text| text.parse());
    let (seed, size) = (number(0)?, number(384)?);
    let (columns, rows) = (number(4)?, number(3)?);
    let plain = args.next().is_some_and(|text| text == "plain");
    let scenes = SynthScenes::new(SceneConfig {
        size: size as usize,
        count: (columns * rows) as usize,
        seed: seed.into(),
        ..SceneConfig::default()
    })?;
    let mut sheet = RgbImage::new(size * columns, size * rows);
    let mut seconds = 0.0;
    for index in 0..scenes.len() {
        let start = std::time::Instant::now();
        let sample = scenes.get(index)?;
        seconds += start.elapsed().as_secs_f64();
        let scene: image::DynamicImage = sample.image.into();
        let mut scene = scene.to_rgb8();
        for face in sample.boxes.iter().filter(|_| !plain) {
            let color = if face.ignore {
                Rgb([255, 150, 0])
            } else {
                Rgb([60, 255, 60])
            };
            draw_hollow_rect_mut(&mut scene, pixels(face), color);
        }
        let index = index as u32;
        let corner = |cell: u32| i64::from(cell * size);
        let (x, y) = (corner(index % columns), corner(index / columns));
        imageops::replace(&mut sheet, &scene, x, y);
    }
    sheet.save(&file)?;
    let each = seconds * 1e3 / scenes.len() as f64;
    println!("wrote {file}: {each:.1} ms a scene");
    Ok(())
}

/// The pixels along the edges of a box.
fn pixels(face: &LabeledBox) -> Rect {
    let bounds = face.bounds;
    let (x, y) = (bounds.x.round() as i32, bounds.y.round() as i32);
    let side = |length: f64| (length.round() as u32).max(1);
    Rect::at(x, y).of_size(side(bounds.width), side(bounds.height))
}
