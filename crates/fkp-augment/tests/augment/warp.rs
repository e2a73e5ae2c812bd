//! The interpolations for `f32` channels.

use fkp_augment::{Filter, GeometricStep, Raster, Replay, Sampling};
use fkp_core::{Affine, Border};

/// Cubic convolution with a = −1/2 reproduces quadratics exactly, bilinear interpolation does not.
#[test]
fn bicubic_reproduces_quadratics() {
    let value = |x: f64, y: f64| 0.01 * x * x - 0.02 * x * y + 0.015 * y * y + 0.3 * x;
    let data = (0..900).map(|i| value((i % 30) as f64, (i / 30) as f64) as f32);
    let src = Raster::new(30, 30, 1, data.collect()).unwrap();
    let map = Affine::rotation_about((14.5, 14.5), 0.3);
    let mut replay = Replay::nothing(
        (30, 30),
        Sampling {
            border: Border::Replicate,
            interpolation: Filter::Bicubic,
        },
    );
    replay.push(GeometricStep::new(map, (30, 30)));
    let moved = replay.image(&src);
    for y in 10..20 {
        for x in 10..20 {
            let (u, v) = replay.undo_point(x as f64, y as f64);
            let found = f64::from(moved.pixel(x, y)[0]);
            assert!(
                (found - value(u, v)).abs() < 1e-3,
                "{found} {}",
                value(u, v)
            );
        }
    }
}
