//! The fast resampling against the plain one of `fkp-core`, and what each filter promises.

use crate::support::texture;
use fkp_augment::{Drawn, Interpolation, Sampling, Step};
use fkp_core::{Affine, Border, Filter, Image, warp_affine};
use proptest::prelude::*;

fn any_border() -> impl Strategy<Value = Border> {
    prop_oneof![
        any::<u8>().prop_map(Border::Constant),
        Just(Border::Replicate),
        Just(Border::Reflect),
        Just(Border::Reflect101),
        Just(Border::Wrap),
    ]
}

fn warp(src: &Image, map: Affine, size: (usize, usize), sampling: Sampling) -> Image {
    let mut drawn = Drawn::nothing(src.size(), sampling);
    drawn.push(Step::Affine { map, size });
    drawn.image(src)
}

fn worst(a: &Image, b: &Image) -> u8 {
    assert_eq!(a.size(), b.size());
    let pairs = a.as_bytes().iter().zip(b.as_bytes());
    pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn fast_agrees_with_plain(
        width in 1usize..70, height in 1usize..70, channels in 1usize..=4,
        out in (1usize..70, 1usize..70), border in any_border(),
        angle in -3.2f64..3.2, zoom in 0.4f64..2.5, stretch in 0.7f64..1.4,
        dx in -80.0f64..80.0, dy in -80.0f64..80.0, flip: bool, area: bool,
    ) {
        let src = texture((width, height), channels);
        let mut map = Affine::rotation_about(src.centre(), angle)
            .then(&Affine::scale_about(src.centre(), zoom, zoom * stretch).unwrap()).unwrap()
            .then(&Affine::translation(dx, dy)).unwrap();
        if flip {
            map = map.then(&Affine::flip_horizontal(out.0)).unwrap();
        }
        let (filter, interpolation) = match area {
            true => (Filter::Area, Interpolation::Area),
            false => (Filter::Bilinear, Interpolation::Bilinear),
        };
        let plain = warp_affine(&src, &map, out, filter, border);
        let fast = warp(&src, map, out, Sampling { border, interpolation });
        // Neighbours differ by up to 60 levels (255 at a constant border), 1/512 px is half a
        // level there, and rounding adds another half.
        prop_assert!(worst(&plain, &fast) <= 1);
    }

    #[test]
    fn whole_pixel_moves_are_exact(
        width in 1usize..50, height in 1usize..50, channels in 1usize..=4, border in any_border(),
        dx in -120i32..120, dy in -120i32..120, flip: bool,
        interpolation in prop_oneof![
            Just(Interpolation::Nearest), Just(Interpolation::Bilinear),
            Just(Interpolation::Bicubic), Just(Interpolation::Area),
        ],
    ) {
        let src = texture((width, height), channels);
        let mut map = Affine::translation(dx.into(), dy.into());
        if flip {
            map = Affine::flip_horizontal(width).then(&map).unwrap();
        }
        let plain = warp_affine(&src, &map, (40, 45), Filter::Nearest, border);
        let moved = warp(&src, map, (40, 45), Sampling { border, interpolation });
        prop_assert_eq!(plain, moved);
    }
}

/// Cubic convolution with a = −1/2 gives quadratics back exactly, which bilinear cannot.
#[test]
fn bicubic_reproduces_quadratics() {
    let value = |x: f64, y: f64| 0.01 * x * x - 0.02 * x * y + 0.015 * y * y + 0.3 * x;
    let data = (0..900).map(|i| value((i % 30) as f64, (i / 30) as f64) as f32);
    let src = fkp_augment::Raster::new(30, 30, 1, data.collect()).unwrap();
    let map = Affine::rotation_about((14.5, 14.5), 0.3);
    let mut drawn = Drawn::nothing(
        (30, 30),
        Sampling {
            border: Border::Replicate,
            interpolation: Interpolation::Bicubic,
        },
    );
    drawn.push(Step::Affine {
        map,
        size: (30, 30),
    });
    let moved = drawn.image(&src);
    for y in 10..20 {
        for x in 10..20 {
            let (u, v) = drawn.undo_point(x as f64, y as f64);
            let found = f64::from(moved.pixel(x, y)[0]);
            assert!(
                (found - value(u, v)).abs() < 1e-3,
                "{found} {}",
                value(u, v)
            );
        }
    }
}

#[test]
fn nearest_invents_no_value() {
    let labels = Image::new(4, 4, 1, [0, 7, 7, 200].repeat(4)).unwrap();
    let map = Affine::rotation_about((1.5, 1.5), 0.4);
    let sampling = Sampling {
        border: Border::Replicate,
        interpolation: Interpolation::Nearest,
    };
    let moved = warp(&labels, map, (9, 9), sampling);
    assert!(moved.as_bytes().iter().all(|v| [0, 7, 200].contains(v)));
}
