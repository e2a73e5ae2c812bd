//! The vectorized resampling against a reference in `f64`, and the guarantees of each filter.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use fkp_core::warp::{InverseMap, PointMap, Sampling, Scratch, View, warp};
use fkp_core::{Affine, Border, Filter, Image, warp_affine};
use proptest::prelude::*;

/// The definition of a warp, pixel by pixel, in `f64`.
fn reference(
    src: &Image,
    map: &Affine,
    (width, height): (usize, usize),
    filter: Filter,
    border: Border,
) -> Vec<f64> {
    let [[a, b, tx], [c, d, ty]] = map.inverse().rows();
    let fetch = |x: i64, y: i64, channel: usize| {
        let at = border
            .index(x, src.width())
            .zip(border.index(y, src.height()));
        match (at, border) {
            (Some((x, y)), _) => f64::from(src.pixel(x, y)[channel]),
            (None, Border::Constant(value)) => f64::from(value),
            (None, _) => panic!("{border:?} has a pixel everywhere"),
        }
    };
    let bilinear = |x: f64, y: f64, channel: usize| {
        let (x0, y0) = (x.floor(), y.floor());
        let (fx, fy) = (x - x0, y - y0);
        let at = |i: i64, j: i64| fetch(x0 as i64 + i, y0 as i64 + j, channel);
        let row = |j: i64| at(0, j) * (1.0 - fx) + at(1, j) * fx;
        row(0) * (1.0 - fy) + row(1) * fy
    };
    let taps = |step: f64| match filter {
        Filter::Area => (step - 1e-6).ceil().max(1.0) as usize,
        _ => 1,
    };
    let (nx, ny) = (taps(a.hypot(c)), taps(b.hypot(d)));
    let offset = |tap: usize, taps: usize| (tap as f64 + 0.5) / taps as f64 - 0.5;
    let mut values = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for channel in 0..src.channels() {
                let mut sum = 0.0;
                for ky in 0..ny {
                    for kx in 0..nx {
                        let (u, v) = (x as f64 + offset(kx, nx), y as f64 + offset(ky, ny));
                        let (sx, sy) = (a * u + b * v + tx, c * u + d * v + ty);
                        sum += match filter {
                            Filter::Nearest => fetch(
                                (sx + 0.5).floor() as i64,
                                (sy + 0.5).floor() as i64,
                                channel,
                            ),
                            _ => bilinear(sx, sy, channel),
                        };
                    }
                }
                values.push(sum / (nx * ny) as f64);
            }
        }
    }
    values
}

/// Waves that rise and fall by up to 60 levels from pixel to pixel.
fn texture((width, height): (usize, usize), channels: usize) -> Image {
    let value = |x: usize, y: usize, c: usize| {
        let wave = (0.7 * x as f64 + c as f64).sin() + (0.9 * y as f64 - 0.4 * x as f64).cos();
        (127.5 + 60.0 * wave) as u8
    };
    let data = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| (0..channels).map(move |c| value(x, y, c))));
    Image::new(width, height, channels, data.collect()).unwrap()
}

fn any_border() -> impl Strategy<Value = Border> {
    prop_oneof![
        any::<u8>().prop_map(Border::Constant),
        Just(Border::Replicate),
        Just(Border::Reflect),
        Just(Border::Reflect101),
        Just(Border::Wrap),
    ]
}

/// The largest difference in gray levels.
fn worst(exact: &[f64], found: &Image) -> f64 {
    assert_eq!(exact.len(), found.as_bytes().len());
    let pairs = exact.iter().zip(found.as_bytes());
    let differences = pairs.map(|(a, b)| (a - f64::from(*b)).abs());
    differences.fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn vectorized_agrees_with_the_reference(
        width in 1usize..70, height in 1usize..70, channels in 1usize..=4,
        out in (1usize..70, 1usize..70), border in any_border(),
        angle in -3.2f64..3.2, zoom in 0.4f64..2.5, stretch in 0.7f64..1.4,
        dx in -80.0f64..80.0, dy in -80.0f64..80.0, flip: bool, area: bool,
    ) {
        let src = texture((width, height), channels);
        let mut map = Affine::rotation_about(src.center(), angle)
            .then(&Affine::scale_about(src.center(), zoom, zoom * stretch).unwrap()).unwrap()
            .then(&Affine::translation(dx, dy)).unwrap();
        if flip {
            map = map.then(&Affine::flip_horizontal(out.0)).unwrap();
        }
        let filter = if area { Filter::Area } else { Filter::Bilinear };
        let exact = reference(&src, &map, out, filter, border);
        // Half a level for rounding, and the rounding of coordinates.
        prop_assert!(worst(&exact, &warp_affine(&src, &map, out, filter, border)) < 1.0);
    }

    /// Maps without rotation have an area filter of their own.
    #[test]
    fn shrinking_agrees_with_the_reference(
        width in 1usize..120, height in 1usize..120, channels in 1usize..=4,
        out in (1usize..20, 1usize..20), border in any_border(),
        scale in (0.01f64..1.5, 0.01f64..1.5), shift in (-9.0f64..20.0, -9.0f64..20.0),
        flip: bool,
    ) {
        let src = texture((width, height), channels);
        let mut map = Affine::scale_about((0.0, 0.0), scale.0, scale.1).unwrap()
            .then(&Affine::translation(shift.0, shift.1)).unwrap();
        if flip {
            map = map.then(&Affine::flip_horizontal(out.0)).unwrap();
        }
        let exact = reference(&src, &map, out, Filter::Area, border);
        let found = warp_affine(&src, &map, out, Filter::Area, border);
        prop_assert!(worst(&exact, &found) < 0.6);
    }

    #[test]
    fn shifts_by_whole_pixels_are_exact(
        width in 1usize..50, height in 1usize..50, channels in 1usize..=4, border in any_border(),
        dx in -120i32..120, dy in -120i32..120, flip: bool,
        filter in prop_oneof![
            Just(Filter::Nearest), Just(Filter::Bilinear),
            Just(Filter::Bicubic), Just(Filter::Area),
        ],
    ) {
        let src = texture((width, height), channels);
        let mut map = Affine::translation(dx.into(), dy.into());
        if flip {
            map = Affine::flip_horizontal(width).then(&map).unwrap();
        }
        let exact = reference(&src, &map, (40, 45), Filter::Nearest, border);
        prop_assert_eq!(worst(&exact, &warp_affine(&src, &map, (40, 45), filter, border)), 0.0);
    }

    /// `f32` channels are processed by other loops than bytes.
    #[test]
    fn floats_agree_with_bytes(
        channels in 1usize..=4, border in any_border(), angle in -3.2f64..3.2, zoom in 0.2f64..2.5,
        turned: bool,
        filter in prop_oneof![
            Just(Filter::Nearest), Just(Filter::Bilinear),
            Just(Filter::Bicubic), Just(Filter::Area),
        ],
    ) {
        let src = texture((31, 23), channels);
        let floats: Vec<f32> = src.as_bytes().iter().map(|v| f32::from(*v) / 255.0).collect();
        let mut map = Affine::scale_about((9.0, 9.0), zoom, zoom * 1.1).unwrap();
        if turned {
            map = map.then(&Affine::rotation_about((9.0, 9.0), angle)).unwrap();
        }
        let sampling = Sampling { border, interpolation: filter };
        let view = View::new(31, 23, channels, &floats).unwrap();
        let inverse = InverseMap::Affine(map.inverse().rows());
        let mut out = Vec::new();
        warp(view, inverse, (20, 20), sampling, &mut Scratch::default(), &mut out);
        let bytes = warp_affine(&src, &map, (20, 20), filter, border);
        for (float, byte) in out.iter().zip(bytes.as_bytes()) {
            prop_assert!((float.clamp(0.0, 1.0) * 255.0 - f32::from(*byte)).abs() < 1.0);
        }
    }
}

/// A photograph shrunk to a crop: every pixel contributes, however many there are.
#[test]
fn a_large_shrink_is_the_mean_over_the_area() {
    // 41 2/3 source pixels to a pixel of the crop, and 131 1/4.
    for (side, crop) in [(4000, 96), (2100, 16)] {
        // Without a regular pattern, which a grid with gaps could match by chance.
        let mut state = 1u32;
        let data = (0..side * side).map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let level = 60 + 80 * ((i / side) * 3 / side + (i % side) * 2 / side % 2);
            (level as u32 + state / (1 << 26)) as u8
        });
        let src = Image::new(side, side, 1, data.collect()).unwrap();
        let map = Affine::resize((side, side), (crop, crop)).unwrap();
        let found = warp_affine(&src, &map, (crop, crop), Filter::Area, Border::Replicate);
        let mut worst: f64 = 0.0;
        for y in 0..crop {
            for x in 0..crop {
                worst =
                    worst.max((mean(&src, crop, (x, y)) - f64::from(found.pixel(x, y)[0])).abs());
            }
        }
        assert!(worst < 0.75, "{side} to {crop}: {worst} gray levels");
    }
}

/// The exact mean over the area of a crop's pixel, parts of pixels included.
fn mean(src: &Image, crop: usize, (x, y): (usize, usize)) -> f64 {
    let side = src.width() as f64 / crop as f64;
    let cover = |at: usize| {
        let (low, high) = (at as f64 * side, (at + 1) as f64 * side);
        let end = (high.ceil() as usize).min(src.width());
        (low as usize..end).map(move |i| (i, high.min(i as f64 + 1.0) - low.max(i as f64)))
    };
    let mut sum = 0.0;
    for (j, wy) in cover(y) {
        for (i, wx) in cover(x) {
            sum += wx * wy * f64::from(src.pixel(i, j)[0]);
        }
    }
    sum / (side * side)
}

#[test]
fn extreme_maps_terminate_and_stay_in_range() {
    let src = texture((40, 30), 3);
    for scale in [1e-9, 1e-4, 1e9] {
        for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Area] {
            for border in [
                Border::Replicate,
                Border::Reflect,
                Border::Wrap,
                Border::Constant(3),
            ] {
                for turn in [0.0, 0.3] {
                    let map = Affine::scale_about((20.0, 15.0), scale, scale)
                        .unwrap()
                        .then(&Affine::rotation_about((20.0, 15.0), turn))
                        .unwrap();
                    let found = warp_affine(&src, &map, (5, 4), filter, border);
                    assert_eq!(found.size(), (5, 4));
                }
            }
        }
    }
}

#[test]
fn nearest_adds_no_values() {
    let labels = Image::new(4, 4, 1, [0, 7, 7, 200].repeat(4)).unwrap();
    let map = Affine::rotation_about((1.5, 1.5), 0.4);
    let moved = warp_affine(&labels, &map, (9, 9), Filter::Nearest, Border::Replicate);
    assert!(moved.as_bytes().iter().all(|v| [0, 7, 200].contains(v)));
}

/// A map that is evaluated point by point gives the same image as its matrix.
#[test]
fn a_point_map_gives_the_image_of_its_matrix() {
    struct ByHand(Affine);
    impl PointMap for ByHand {
        fn src_from_dst(&self, x: f64, y: f64) -> (f64, f64) {
            self.0.inverse().apply(x, y)
        }
    }
    let src = texture((50, 40), 3);
    let map = Affine::rotation_about((24.5, 19.5), 0.3);
    let by_hand = ByHand(map);
    for interpolation in [
        Filter::Nearest,
        Filter::Bilinear,
        Filter::Bicubic,
        Filter::Area,
    ] {
        let sampling = Sampling {
            border: Border::Reflect,
            interpolation,
        };
        let mut out = Vec::new();
        let points = InverseMap::Points(&by_hand);
        warp(
            (&src).into(),
            points,
            (45, 45),
            sampling,
            &mut Scratch::default(),
            &mut out,
        );
        let exact = warp_affine(&src, &map, (45, 45), interpolation, Border::Reflect);
        let pairs = out.iter().zip(exact.as_bytes());
        let differing = pairs.filter(|(a, b)| a.abs_diff(**b) > 1).count();
        // Where a point is between two pixels, the nearest may be either.
        assert!(differing < 10, "{interpolation:?}: {differing}");
    }
}
