//! Images whose content gives the position, and one example of every transform.

use fkp_augment::{
    Brightness, CenterCrop, Clahe, CoarseDropout, Contrast, Downscale, Elastic, Equalize,
    FaceBoxCrop, Fill, FlipHorizontal, FlipVertical, Gamma, GaussianBlur, GaussianNoise, Gray,
    GridDistortion, HueSaturation, Invert, Jpeg, KeypointSafeCrop, Letterbox, LightGradient,
    MedianBlur, MotionBlur, Pad, Perspective, PoissonNoise, RandomAffine, RandomBoxCrop,
    RandomCrop, RandomResizedCrop, Range, Raster, Resize, Rotate90, SaltAndPepper, Shadow, Sharpen,
    Standardize, Transform,
};
use fkp_core::{Image, Keypoint, Keypoints, Schema, Visibility};
use proptest::prelude::*;

/// A soft dot at (x, y) on black.
pub(crate) fn dot(size: (usize, usize), x: f64, y: f64) -> Image {
    let mut image = Image::filled(size.0, size.1, 1, 0);
    for j in 0..size.1 {
        for i in 0..size.0 {
            let r2 = (i as f64 - x).powi(2) + (j as f64 - y).powi(2);
            image.pixel_mut(i, j)[0] = (255.0 * (-r2 / 4.5).exp()).round() as u8;
        }
    }
    image
}

/// The mean position of the light.
pub(crate) fn centroid(image: &Image) -> (f64, f64) {
    let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
    for j in 0..image.height() {
        for i in 0..image.width() {
            let value = f64::from(image.pixel(i, j)[0]);
            sum += value;
            x += value * i as f64;
            y += value * j as f64;
        }
    }
    (x / sum, y / sum)
}

/// An image with two channels: the values of a pixel are its column and row.
pub(crate) fn ramp((width, height): (usize, usize)) -> Raster<f32> {
    let data = (0..height).flat_map(|j| (0..width).flat_map(move |i| [i as f32, j as f32]));
    Raster::new(width, height, 2, data.collect()).unwrap()
}

/// An image of noise, smooth enough that neighbors differ by a few levels.
pub(crate) fn texture((width, height): (usize, usize), channels: usize) -> Image {
    let value = |x: usize, y: usize, c: usize| {
        let (x, y) = (x as f64, y as f64);
        let wave =
            (x * 0.31 + c as f64).sin() + (y * 0.23 - c as f64).cos() + (x * y * 0.011).sin();
        (127.5 + 42.0 * wave) as u8
    };
    let data = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| (0..channels).map(move |c| value(x, y, c))));
    Image::new(width, height, channels, data.collect()).unwrap()
}

/// Keypoints `0`, `1`, …, each its own mirror partner.
pub(crate) fn symmetric(name: &str, count: usize) -> Schema {
    let schema = Schema::numbered(name, count).unwrap();
    schema.with_flip_pairs(&[]).unwrap()
}

pub(crate) fn any_face(size: (usize, usize)) -> impl Strategy<Value = Keypoints> {
    let visibility = prop_oneof![
        3 => Just(Visibility::Visible),
        1 => Just(Visibility::Occluded),
        1 => Just(Visibility::Unlabeled),
    ];
    let (w, h) = (size.0 as f32 - 1.0, size.1 as f32 - 1.0);
    prop::collection::vec((0.0..w, 0.0..h, visibility), 15).prop_map(|keypoints| {
        let keypoint = |(x, y, visibility)| match visibility {
            Visibility::Unlabeled => Keypoint::unlabeled(),
            visibility => Keypoint { x, y, visibility },
        };
        keypoints.into_iter().map(keypoint).collect()
    })
}

fn range(low: f64, high: f64) -> impl Strategy<Value = Range> {
    (low..high, low..high).prop_map(|(a, b)| Range::new(a.min(b), a.max(b)))
}

/// Any affine transform that keeps most of the image visible.
pub(crate) fn any_affine() -> impl Strategy<Value = Transform> {
    let angle = range(-180.0, 180.0);
    let shift = (
        range(-0.1, 0.1),
        range(-0.1, 0.1),
        range(-3.0, 3.0),
        range(-3.0, 3.0),
    );
    let scale = (range(0.7, 1.4), range(0.8, 1.25), range(0.8, 1.25));
    let shear = (range(-15.0, 15.0), range(-15.0, 15.0));
    (angle, shift, scale, shear).prop_map(|(rotation_deg, shift, scale, shear)| {
        Transform::from(RandomAffine {
            rotation_deg,
            shift_x: shift.0,
            shift_y: shift.1,
            shift_x_px: shift.2,
            shift_y_px: shift.3,
            scale: scale.0,
            scale_x: scale.1,
            scale_y: scale.2,
            shear_x_deg: shear.0,
            shear_y_deg: shear.1,
        })
    })
}

/// Any geometric transform whose map is affine or a perspective.
pub(crate) fn any_projective() -> impl Strategy<Value = Transform> {
    let side = || 40usize..130;
    prop_oneof![
        Just(Transform::from(FlipHorizontal {})),
        Just(Transform::from(FlipVertical {})),
        prop::collection::vec(0usize..4, 1..4)
            .prop_map(|turns| Transform::from(Rotate90 { turns })),
        any_affine(),
        (0.0..=0.2).prop_map(|magnitude| Transform::from(Perspective { magnitude })),
        (side(), side()).prop_map(|(width, height)| Transform::from(CenterCrop { width, height })),
        (side(), side()).prop_map(|(width, height)| Transform::from(RandomCrop { width, height })),
        (side(), side(), range(0.3, 1.0), range(0.6, 1.6)).prop_map(
            |(width, height, area, aspect)| Transform::from(RandomResizedCrop {
                width,
                height,
                area,
                aspect
            })
        ),
        (side(), side(), 0.0..0.5).prop_map(|(width, height, margin)| {
            Transform::from(KeypointSafeCrop {
                width,
                height,
                margin,
            })
        }),
        (side(), range(0.7, 1.5), 0.0..0.3).prop_map(|(side, scale, shift)| {
            Transform::from(FaceBoxCrop { side, scale, shift })
        }),
        (side(), side(), range(8.0, 40.0), 0.5..4.0).prop_map(
            |(width, height, side_px, max_zoom)| {
                Transform::from(RandomBoxCrop {
                    width,
                    height,
                    side_px,
                    max_zoom,
                })
            }
        ),
        (0usize..20, 0usize..20, 0usize..20, 0usize..20).prop_map(|(left, top, right, bottom)| {
            Transform::from(Pad {
                left,
                top,
                right,
                bottom,
            })
        }),
        (side(), side()).prop_map(|(width, height)| Transform::from(Letterbox { width, height })),
        (side(), side()).prop_map(|(width, height)| Transform::from(Resize { width, height })),
    ]
}

/// Any distortion small enough to keep a dot of a few pixels a dot.
pub(crate) fn any_distortion() -> impl Strategy<Value = Transform> {
    let cells = || 1usize..5;
    prop_oneof![
        (cells(), range(0.0, 0.2))
            .prop_map(|(cells, magnitude)| Transform::from(Elastic { cells, magnitude })),
        (cells(), range(0.0, 0.5))
            .prop_map(|(cells, magnitude)| Transform::from(GridDistortion { cells, magnitude })),
    ]
}

pub(crate) fn any_geometric() -> impl Strategy<Value = Transform> {
    prop_oneof![4 => any_projective(), 1 => any_distortion()]
}

/// One of every photometric transform.
pub(crate) fn photometric() -> Vec<Transform> {
    vec![
        Transform::from(Brightness {
            add: Range::new(0.1, 0.2),
        }),
        Transform::from(Contrast {
            factor: Range::new(0.5, 0.8),
        }),
        Transform::from(Gamma {
            gamma: Range::new(1.5, 2.0),
        }),
        Transform::from(Invert {}),
        Transform::from(HueSaturation {
            hue_deg: Range::new(20.0, 40.0),
            saturation: Range::new(0.5, 1.5),
        }),
        Transform::from(Gray {}),
        Transform::from(GaussianNoise {
            sigma: Range::new(0.02, 0.1),
        }),
        Transform::from(PoissonNoise {
            photons: Range::new(20.0, 200.0),
        }),
        Transform::from(SaltAndPepper {
            fraction: Range::new(0.05, 0.1),
        }),
        Transform::from(GaussianBlur {
            sigma_px: Range::new(0.8, 2.0),
        }),
        Transform::from(MedianBlur { radius_px: 2 }),
        Transform::from(MotionBlur {
            length_px: Range::new(4.0, 9.0),
        }),
        Transform::from(Sharpen {
            amount: Range::new(0.5, 2.0),
        }),
        Transform::from(Clahe {
            clip: Range::new(2.0, 4.0),
            tiles: 4,
        }),
        Transform::from(Equalize {}),
        Transform::from(Jpeg {
            quality: Range::new(10.0, 40.0),
        }),
        Transform::from(Downscale {
            factor: Range::new(0.3, 0.5),
        }),
        Transform::from(Shadow {
            strength: Range::new(0.3, 0.6),
        }),
        Transform::from(LightGradient {
            strength: Range::new(0.3, 0.6),
        }),
        Transform::from(Standardize {
            mean: 0.4,
            std: 0.1,
        }),
        Transform::from(CoarseDropout {
            count: 3,
            width: Range::new(0.1, 0.3),
            height: Range::new(0.1, 0.3),
            fill: Fill::Noise,
        }),
    ]
}

/// One of every transform except the compositions.
pub(crate) fn every_transform() -> Vec<Transform> {
    let range = Range::exactly(0.1);
    let (width, height) = (30, 20);
    let geometric = [
        Transform::from(FlipHorizontal {}),
        Transform::from(FlipVertical {}),
        Transform::from(Rotate90 { turns: vec![1] }),
        Transform::from(RandomAffine::default()),
        Transform::from(Perspective { magnitude: 0.1 }),
        Transform::from(Elastic {
            cells: 4,
            magnitude: range,
        }),
        Transform::from(GridDistortion {
            cells: 4,
            magnitude: range,
        }),
        Transform::from(CenterCrop { width, height }),
        Transform::from(RandomCrop { width, height }),
        Transform::from(RandomResizedCrop {
            width,
            height,
            area: range,
            aspect: range,
        }),
        Transform::from(KeypointSafeCrop {
            width,
            height,
            margin: 0.1,
        }),
        Transform::from(FaceBoxCrop {
            side: 30,
            scale: range,
            shift: 0.1,
        }),
        Transform::from(RandomBoxCrop {
            width,
            height,
            side_px: range,
            max_zoom: 2.0,
        }),
        Transform::from(Pad {
            left: 1,
            top: 2,
            right: 3,
            bottom: 4,
        }),
        Transform::from(Letterbox { width, height }),
        Transform::from(Resize { width, height }),
    ];
    geometric.into_iter().chain(photometric()).collect()
}
