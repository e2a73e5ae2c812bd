//! One of every transform, with parameters that make its effect visible.

use fkp_augment::{
    Brightness, CenterCrop, Clahe, CoarseDropout, Contrast, Downscale, Elastic, Equalize,
    FaceBoxCrop, Fill, FlipHorizontal, FlipVertical, Gamma, GaussianBlur, GaussianNoise, Gray,
    GridDistortion, HueSaturation, Invert, Jpeg, KeypointSafeCrop, Letterbox, LightGradient,
    MedianBlur, MotionBlur, Pad, Perspective, PoissonNoise, RandomAffine, RandomBoxCrop,
    RandomCrop, RandomResizedCrop, Range, Resize, Rotate90, SaltAndPepper, Shadow, Sharpen,
    Standardize, Transform,
};

/// The transforms of a contact sheet.
#[derive(Debug, Clone)]
pub struct Gallery {
    /// Transforms that move image and keypoints.
    pub geometric: Vec<Transform>,
    /// Transforms that change pixel values and leave keypoints as they are.
    pub photometric: Vec<Transform>,
}

/// Every geometric and photometric transform for an image of `side` pixels, in the order of the
/// crate's table.
pub fn gallery(side: usize) -> Gallery {
    Gallery {
        geometric: geometric(side),
        photometric: photometric(),
    }
}

fn geometric(side: usize) -> Vec<Transform> {
    let (large, half) = (side * 3 / 4, side / 2);
    vec![
        Transform::from(FlipHorizontal {}),
        Transform::from(FlipVertical {}),
        Transform::from(Rotate90 {
            turns: vec![1, 2, 3],
        }),
        Transform::from(RandomAffine {
            rotation_deg: Range::within(25.0),
            scale: Range::new(0.75, 1.2),
            shift_x: Range::within(0.1),
            shift_y: Range::within(0.1),
            shear_x_deg: Range::within(15.0),
            ..RandomAffine::default()
        }),
        Transform::from(Perspective { magnitude: 0.2 }),
        Transform::from(Elastic {
            cells: 4,
            magnitude: Range::exactly(0.2),
        }),
        Transform::from(GridDistortion {
            cells: 4,
            magnitude: Range::exactly(0.6),
        }),
        Transform::from(CenterCrop {
            width: large,
            height: large,
        }),
        Transform::from(RandomCrop {
            width: large,
            height: large,
        }),
        Transform::from(RandomResizedCrop {
            width: side,
            height: side,
            area: Range::new(0.3, 0.9),
            aspect: Range::new(0.75, 1.33),
        }),
        Transform::from(KeypointSafeCrop {
            width: side,
            height: side,
            margin: 0.1,
        }),
        Transform::from(FaceBoxCrop {
            side,
            scale: Range::new(1.1, 1.6),
            shift: 0.15,
        }),
        Transform::from(RandomBoxCrop {
            width: side,
            height: side,
            side_px: Range::new(side as f64 / 8.0, side as f64 / 2.0),
            max_zoom: 2.0,
        }),
        Transform::from(Pad {
            left: side / 4,
            top: side / 8,
            right: 0,
            bottom: side / 8,
        }),
        Transform::from(Letterbox {
            width: side,
            height: large,
        }),
        Transform::from(Resize {
            width: half,
            height: side,
        }),
    ]
}

fn photometric() -> Vec<Transform> {
    vec![
        Transform::from(Brightness {
            add: Range::within(0.3),
        }),
        Transform::from(Contrast {
            factor: Range::new(0.4, 1.8),
        }),
        Transform::from(Gamma {
            gamma: Range::new(0.4, 2.5),
        }),
        Transform::from(Invert {}),
        Transform::from(HueSaturation {
            hue_deg: Range::within(180.0),
            saturation: Range::new(0.3, 2.0),
        }),
        Transform::from(Gray {}),
        Transform::from(Equalize {}),
        Transform::from(Clahe {
            clip: Range::new(2.0, 6.0),
            tiles: 4,
        }),
        Transform::from(Standardize {
            mean: 0.5,
            std: 0.15,
        }),
        Transform::from(GaussianNoise {
            sigma: Range::new(0.03, 0.15),
        }),
        Transform::from(PoissonNoise {
            photons: Range::new(8.0, 100.0),
        }),
        Transform::from(SaltAndPepper {
            fraction: Range::new(0.02, 0.1),
        }),
        Transform::from(GaussianBlur {
            sigma_px: Range::new(0.8, 3.0),
        }),
        Transform::from(MedianBlur { radius_px: 3 }),
        Transform::from(MotionBlur {
            length_px: Range::new(4.0, 12.0),
        }),
        Transform::from(Sharpen {
            amount: Range::new(1.0, 3.0),
        }),
        Transform::from(Jpeg {
            quality: Range::new(4.0, 30.0),
        }),
        Transform::from(Downscale {
            factor: Range::new(0.15, 0.5),
        }),
        Transform::from(CoarseDropout {
            count: 3,
            width: Range::new(0.15, 0.35),
            height: Range::new(0.15, 0.35),
            fill: Fill::Noise,
        }),
        Transform::from(Shadow {
            strength: Range::new(0.4, 0.8),
        }),
        Transform::from(LightGradient {
            strength: Range::new(0.4, 0.8),
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every transform that is not a composition, each with its row in the README.
    #[test]
    fn every_transform_is_valid_and_occurs_once() {
        let Gallery {
            geometric,
            photometric,
        } = gallery(96);
        let mut kinds = Vec::new();
        for transform in geometric.iter().chain(&photometric) {
            transform.validate().unwrap();
            kinds.push(transform.kind());
        }
        let readme = include_str!("../../crates/fkp-augment/README.md");
        let count = kinds.len();
        for kind in &kinds {
            assert!(readme.contains(&format!("`{kind}`")), "{kind}");
        }
        kinds.sort();
        kinds.dedup();
        assert_eq!((kinds.len(), count), (37, 37));
    }
}
