//! Draws the numbers of geometric steps.

use super::scene::seed;
use super::{Scene, Transform};
use crate::{Distortion, DistortionKind, Projective, Step};
use fkp_core::{Affine, BoundingBox, Rng};
use rand::RngExt;
use rand::seq::IndexedRandom;

/// Whether `transform` is geometric; if so, its step is drawn.
pub(super) fn sample(transform: &Transform, scene: &mut Scene<'_>, rng: &mut dyn Rng) -> bool {
    let size = scene.replay.size;
    let (width, height) = scene.size();
    match transform {
        Transform::FlipHorizontal {} => {
            let map = Affine::flip_horizontal(size.0);
            scene.push(Step::Affine { map, size });
        }
        Transform::FlipVertical {} => {
            let map = affine([[1.0, 0.0, 0.0], [0.0, -1.0, height - 1.0]]);
            scene.push(Step::Affine { map, size });
        }
        Transform::Rotate90 { turns } => {
            let (rows, size) = match turns.choose(rng) {
                None | Some(0) => return true,
                Some(1) => (
                    [[0.0, 1.0, 0.0], [-1.0, 0.0, width - 1.0]],
                    (size.1, size.0),
                ),
                Some(2) => ([[-1.0, 0.0, width - 1.0], [0.0, -1.0, height - 1.0]], size),
                _ => (
                    [[0.0, -1.0, height - 1.0], [1.0, 0.0, 0.0]],
                    (size.1, size.0),
                ),
            };
            let map = affine(rows);
            scene.push(Step::Affine { map, size });
        }
        Transform::Affine(range) => {
            let map = range.sample((width, height), scene.center(), rng);
            scene.push(Step::Affine { map, size });
        }
        Transform::Perspective { magnitude } => {
            let (right, bottom) = (width - 0.5, height - 0.5);
            let src = [(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)];
            let dst = src.map(|(x, y)| {
                let dx = rng.random_range(-magnitude..=*magnitude) * width;
                (
                    x + dx,
                    y + rng.random_range(-magnitude..=*magnitude) * height,
                )
            });
            match Projective::from_corners(src, dst) {
                Ok(map) => scene.push(Step::Perspective { map, size }),
                Err(error) => unreachable!("corners within 0.2 of the sides are convex: {error}"),
            }
        }
        Transform::Elastic { cells, magnitude } => {
            bend(
                DistortionKind::Elastic,
                *cells,
                magnitude.sample(rng),
                scene,
                rng,
            );
        }
        Transform::GridDistortion { cells, magnitude } => {
            bend(
                DistortionKind::Grid,
                *cells,
                magnitude.sample(rng),
                scene,
                rng,
            );
        }
        Transform::CenterCrop {
            width: w,
            height: h,
        } => {
            let map = Affine::translation(
                -((width - *w as f64) / 2.0).floor(),
                -((height - *h as f64) / 2.0).floor(),
            );
            scene.push(Step::Affine {
                map,
                size: (*w, *h),
            });
        }
        Transform::RandomCrop {
            width: w,
            height: h,
        } => {
            let mut offset = |side: usize, crop: usize| match crop <= side {
                true => -(rng.random_range(0..=side - crop) as f64),
                false => rng.random_range(0..=crop - side) as f64,
            };
            let map = Affine::translation(offset(size.0, *w), offset(size.1, *h));
            scene.push(Step::Affine {
                map,
                size: (*w, *h),
            });
        }
        Transform::RandomResizedCrop {
            width: w,
            height: h,
            area,
            aspect,
        } => {
            let area = area.sample(rng) * width * height;
            let aspect = rng.random_range(aspect.low.ln()..=aspect.high.ln()).exp();
            let window_w = (area * aspect).sqrt().min(width);
            let window_h = (area / aspect).sqrt().min(height);
            let window = BoundingBox {
                x: rng.random_range(0.0..=width - window_w) - 0.5,
                y: rng.random_range(0.0..=height - window_h) - 0.5,
                width: window_w,
                height: window_h,
            };
            scene.push(window_to(&window, (*w, *h)));
        }
        Transform::KeypointSafeCrop {
            width: w,
            height: h,
            margin,
        } => {
            let window = safe_window(scene, *w as f64 / *h as f64, *margin, rng);
            scene.push(window_to(&window, (*w, *h)));
        }
        Transform::FaceBoxCrop { side, scale, shift } => {
            let whole = BoundingBox {
                x: -0.5,
                y: -0.5,
                width,
                height,
            };
            let keypoints = || scene.keypoints_box().filter(|b| b.longer_side() > 0.0);
            let face = scene.face_box().or_else(keypoints).unwrap_or(whole);
            let length = face.longer_side() * scale.sample(rng);
            let (cx, cy) = face.center();
            let mut start =
                |center: f64| center + (rng.random_range(-shift..=*shift) - 0.5) * length;
            let window = BoundingBox {
                x: start(cx),
                y: start(cy),
                width: length,
                height: length,
            };
            scene.push(window_to(&window, (*side, *side)));
        }
        Transform::Pad {
            left,
            top,
            right,
            bottom,
        } => scene.push(Step::Affine {
            map: Affine::translation(*left as f64, *top as f64),
            size: (size.0 + left + right, size.1 + top + bottom),
        }),
        Transform::Letterbox {
            width: w,
            height: h,
        } => {
            let (w, h) = (*w as f64, *h as f64);
            let zoom = (w / width).min(h / height);
            let window = BoundingBox {
                x: (width - w / zoom) / 2.0 - 0.5,
                y: (height - h / zoom) / 2.0 - 0.5,
                width: w / zoom,
                height: h / zoom,
            };
            scene.push(window_to(&window, (w as usize, h as usize)));
        }
        Transform::Resize {
            width: w,
            height: h,
        } => {
            let window = BoundingBox {
                x: -0.5,
                y: -0.5,
                width,
                height,
            };
            scene.push(window_to(&window, (*w, *h)));
        }
        _ => return false,
    }
    true
}

fn bend(
    kind: DistortionKind,
    cells: usize,
    magnitude: f64,
    scene: &mut Scene<'_>,
    rng: &mut dyn Rng,
) {
    match Distortion::new(kind, cells, magnitude, seed(rng), scene.replay.size) {
        Ok(map) => scene.push(Step::Distortion { map }),
        Err(error) => unreachable!("the recipe was checked: {error}"),
    }
}

/// The window's outer edges onto those of a frame of `size`.
fn window_to(window: &BoundingBox, size: (usize, usize)) -> Step {
    let (sx, sy) = (size.0 as f64 / window.width, size.1 as f64 / window.height);
    Step::Affine {
        map: affine([
            [sx, 0.0, -window.x * sx - 0.5],
            [0.0, sy, -window.y * sy - 0.5],
        ]),
        size,
    }
}

/// A window of the given width over height that holds the labeled keypoints.
fn safe_window(scene: &Scene<'_>, aspect: f64, margin: f64, rng: &mut dyn Rng) -> BoundingBox {
    let (width, height) = scene.size();
    let largest = height.min(width / aspect);
    let Some(keypoints) = scene.keypoints_box() else {
        // Rounding must not make the window larger than the image.
        let [w, h] = [(largest * aspect).min(width), largest];
        return BoundingBox {
            x: rng.random_range(0.0..=width - w) - 0.5,
            y: rng.random_range(0.0..=height - h) - 0.5,
            width: w,
            height: h,
        };
    };
    // At least a pixel more than the keypoints on every side, so that rounding loses none.
    let room = margin * keypoints.longer_side() + 1.0;
    let needed = BoundingBox {
        x: keypoints.x - room,
        y: keypoints.y - room,
        width: keypoints.width + 2.0 * room,
        height: keypoints.height + 2.0 * room,
    };
    let smallest = needed.height.max(needed.width / aspect);
    // Where the keypoints need more than the image has, the border shows.
    let h = rng.random_range(smallest..=largest.max(smallest));
    let w = h * aspect;
    let mut start = |needed: f64, extent: f64, window: f64, side: f64| {
        // The starts that keep the keypoints in, and of these the ones that stay in the image.
        // By rounding the window may be a little smaller than what it has to hold.
        let (low, high) = ((needed + extent - window).min(needed), needed);
        let (inner_low, inner_high) = (low.max(-0.5), high.min(side - 0.5 - window));
        match inner_low <= inner_high {
            true => rng.random_range(inner_low..=inner_high),
            false => rng.random_range(low..=high),
        }
    };
    BoundingBox {
        x: start(needed.x, needed.width, w, width),
        y: start(needed.y, needed.height, h, height),
        width: w,
        height: h,
    }
}

fn affine(rows: [[f64; 3]; 2]) -> Affine {
    match Affine::new(rows) {
        Ok(map) => map,
        Err(error) => unreachable!("frames have an area: {error}"),
    }
}
