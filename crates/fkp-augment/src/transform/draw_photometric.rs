//! Draws the numbers of photometric steps and of erased rectangles.

use super::scene::seed;
use super::{Scene, Transform};
use crate::Step;
use fkp_core::Rng;
use rand::RngExt;

pub(super) fn sample(transform: &Transform, scene: &mut Scene<'_>, rng: &mut dyn Rng) {
    let step = match transform {
        Transform::Brightness { add } => Step::Brightness {
            add: add.sample(rng),
        },
        Transform::Contrast { factor } => Step::Contrast {
            factor: factor.sample(rng),
        },
        Transform::Gamma { gamma } => Step::Gamma {
            gamma: gamma.sample(rng),
        },
        Transform::Invert {} => Step::Invert {},
        Transform::HueSaturation {
            hue_deg,
            saturation,
        } => Step::HueSaturation {
            hue_deg: hue_deg.sample(rng),
            saturation: saturation.sample(rng),
        },
        Transform::Gray {} => Step::Gray {},
        Transform::GaussianNoise { sigma } => Step::GaussianNoise {
            sigma: sigma.sample(rng),
            seed: seed(rng),
        },
        Transform::PoissonNoise { photons } => Step::PoissonNoise {
            photons: photons.sample(rng),
            seed: seed(rng),
        },
        Transform::SaltAndPepper { fraction } => Step::SaltAndPepper {
            fraction: fraction.sample(rng),
            seed: seed(rng),
        },
        Transform::GaussianBlur { sigma_px } => Step::GaussianBlur {
            sigma_px: sigma_px.sample(rng),
        },
        Transform::MedianBlur { radius_px } => Step::MedianBlur {
            radius_px: *radius_px,
        },
        Transform::MotionBlur { length_px } => Step::MotionBlur {
            length_px: length_px.sample(rng),
            angle_deg: rng.random_range(0.0..=180.0),
        },
        Transform::Sharpen { amount } => Step::Sharpen {
            amount: amount.sample(rng),
        },
        Transform::Clahe { clip, tiles } => Step::Clahe {
            clip: clip.sample(rng),
            tiles: *tiles,
        },
        Transform::Equalize {} => Step::Equalize {},
        Transform::Jpeg { quality } => Step::Jpeg {
            quality: quality.sample(rng).round() as usize,
        },
        Transform::Downscale { factor } => Step::Downscale {
            factor: factor.sample(rng),
        },
        Transform::CoarseDropout {
            count,
            width,
            height,
            fill,
        } => {
            let size = scene.replay.size;
            for _ in 0..*count {
                // The order of draws is part of what a seed means.
                let (w, h) = (width.sample(rng), height.sample(rng));
                let mut side = |fraction: f64, side: usize| {
                    let len = ((fraction * side as f64).round() as usize).clamp(1, side);
                    (rng.random_range(0..=side - len), len)
                };
                let (x, width) = side(w, size.0);
                let (y, height) = side(h, size.1);
                scene.push(Step::Erase {
                    x,
                    y,
                    width,
                    height,
                    fill: *fill,
                    seed: seed(rng),
                });
            }
            return;
        }
        Transform::Shadow { strength } => Step::Shadow {
            strength: strength.sample(rng),
            through: (rng.random_range(0.2..=0.8), rng.random_range(0.2..=0.8)),
            angle_deg: rng.random_range(0.0..=360.0),
            softness: rng.random_range(0.02..=0.3),
        },
        Transform::LightGradient { strength } => Step::LightGradient {
            strength: strength.sample(rng),
            angle_deg: rng.random_range(0.0..=360.0),
        },
        Transform::Standardize { mean, std } => Step::Standardize {
            mean: *mean,
            std: *std,
        },
        _ => unreachable!("geometry and composition are replay elsewhere"),
    };
    scene.push(step);
}
