//! One of every transform, in strengths that show what it does.

use anyhow::{Context, Result};
use fkp_augment::{AffineRange, Fill, Range, Transform};

/// What a transform works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Works {
    /// It moves image and keypoints.
    OnGeometry,
    /// It changes values and leaves keypoints in their place.
    OnPixels,
}

/// Every geometric and photometric transform for an image of `side` pixels, in the order of the
/// crate's table.
pub fn gallery(side: usize) -> Vec<(Works, Transform)> {
    let geometric = geometric(side).into_iter();
    let photometric = photometric().into_iter();
    geometric
        .map(|transform| (Works::OnGeometry, transform))
        .chain(photometric.map(|transform| (Works::OnPixels, transform)))
        .collect()
}

/// The name that a recipe's file gives to the transform.
pub fn kind(transform: &Transform) -> Result<String> {
    let fields = serde_json::to_value(transform)?;
    let kind = fields["kind"].as_str().context("a transform has a kind")?;
    Ok(kind.to_owned())
}

fn geometric(side: usize) -> Vec<Transform> {
    let (most, half) = (side * 3 / 4, side / 2);
    vec![
        Transform::FlipHorizontal {},
        Transform::FlipVertical {},
        Transform::Rotate90 {
            turns: vec![1, 2, 3],
        },
        Transform::Affine(AffineRange {
            rotation_deg: Range::within(25.0),
            scale: Range::new(0.75, 1.2),
            shift_x: Range::within(0.1),
            shift_y: Range::within(0.1),
            shear_x_deg: Range::within(15.0),
            ..AffineRange::default()
        }),
        Transform::Perspective { magnitude: 0.2 },
        Transform::Elastic {
            cells: 4,
            magnitude: Range::exactly(0.2),
        },
        Transform::GridDistortion {
            cells: 4,
            magnitude: Range::exactly(0.6),
        },
        Transform::CenterCrop {
            width: most,
            height: most,
        },
        Transform::RandomCrop {
            width: most,
            height: most,
        },
        Transform::RandomResizedCrop {
            width: side,
            height: side,
            area: Range::new(0.3, 0.9),
            aspect: Range::new(0.75, 1.33),
        },
        Transform::KeypointSafeCrop {
            width: side,
            height: side,
            margin: 0.1,
        },
        Transform::FaceBoxCrop {
            side,
            scale: Range::new(1.1, 1.6),
            shift: 0.15,
        },
        Transform::Pad {
            left: side / 4,
            top: side / 8,
            right: 0,
            bottom: side / 8,
        },
        Transform::Letterbox {
            width: side,
            height: most,
        },
        Transform::Resize {
            width: half,
            height: side,
        },
    ]
}

fn photometric() -> Vec<Transform> {
    vec![
        Transform::Brightness {
            add: Range::within(0.3),
        },
        Transform::Contrast {
            factor: Range::new(0.4, 1.8),
        },
        Transform::Gamma {
            gamma: Range::new(0.4, 2.5),
        },
        Transform::Invert {},
        Transform::HueSaturation {
            hue_deg: Range::within(180.0),
            saturation: Range::new(0.3, 2.0),
        },
        Transform::Gray {},
        Transform::Equalize {},
        Transform::Clahe {
            clip: Range::new(2.0, 6.0),
            tiles: 4,
        },
        Transform::Standardize {
            mean: 0.5,
            std: 0.15,
        },
        Transform::GaussianNoise {
            sigma: Range::new(0.03, 0.15),
        },
        Transform::PoissonNoise {
            photons: Range::new(8.0, 100.0),
        },
        Transform::SaltAndPepper {
            fraction: Range::new(0.02, 0.1),
        },
        Transform::GaussianBlur {
            sigma_px: Range::new(0.8, 3.0),
        },
        Transform::MedianBlur { radius_px: 3 },
        Transform::MotionBlur {
            length_px: Range::new(4.0, 12.0),
        },
        Transform::Sharpen {
            amount: Range::new(1.0, 3.0),
        },
        Transform::Jpeg {
            quality: Range::new(4.0, 30.0),
        },
        Transform::Downscale {
            factor: Range::new(0.15, 0.5),
        },
        Transform::CoarseDropout {
            count: 3,
            width: Range::new(0.15, 0.35),
            height: Range::new(0.15, 0.35),
            fill: Fill::Noise,
        },
        Transform::Shadow {
            strength: Range::new(0.4, 0.8),
        },
        Transform::LightGradient {
            strength: Range::new(0.4, 0.8),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The enum cannot be listed, but its documentation and this list have the same length.
    #[test]
    fn every_transform_is_valid_and_there_once() {
        let mut kinds = Vec::new();
        for (_, transform) in gallery(96) {
            transform.validate().unwrap();
            kinds.push(kind(&transform).unwrap());
        }
        let readme = include_str!("../../crates/fkp-augment/README.md");
        let count = kinds.len();
        for kind in &kinds {
            assert!(readme.contains(&format!("`{kind}`")), "{kind}");
        }
        kinds.sort();
        kinds.dedup();
        assert_eq!((kinds.len(), count), (36, 36));
    }
}
