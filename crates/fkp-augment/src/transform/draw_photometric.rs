//! Draws the numbers of photometric steps and of erased rectangles.

use super::scene::seed;
use super::{Scene, Transform};
use crate::Step;
use fkp_core::Rng;
use rand::RngExt;

pub(super) fn draw(transform: &Transform, scene: &mut Scene<'_>, rng: &mut dyn Rng) {
    let step = match transform {
        Transform::Brightness { add } => Step::Brightness { add: add.draw(rng) },
        Transform::Contrast { factor } => Step::Contrast {
            factor: factor.draw(rng),
        },
        Transform::Gamma { gamma } => Step::Gamma {
            gamma: gamma.draw(rng),
        },
        Transform::Invert {} => Step::Invert {},
        Transform::HueSaturation {
            hue_deg,
            saturation,
        } => Step::HueSaturation {
            hue_deg: hue_deg.draw(rng),
            saturation: saturation.draw(rng),
        },
        Transform::Grey {} => Step::Grey {},
        Transform::GaussianNoise { sigma } => Step::GaussianNoise {
            sigma: sigma.draw(rng),
            seed: seed(rng),
        },
        Transform::PoissonNoise { photons } => Step::PoissonNoise {
            photons: photons.draw(rng),
            seed: seed(rng),
        },
        Transform::SaltAndPepper { fraction } => Step::SaltAndPepper {
            fraction: fraction.draw(rng),
            seed: seed(rng),
        },
        Transform::GaussianBlur { sigma_px } => Step::GaussianBlur {
            sigma_px: sigma_px.draw(rng),
        },
        Transform::MedianBlur { radius_px } => Step::MedianBlur {
            radius_px: *radius_px,
        },
        Transform::MotionBlur { length_px } => Step::MotionBlur {
            length_px: length_px.draw(rng),
            angle_deg: rng.random_range(0.0..=180.0),
        },
        Transform::Sharpen { amount } => Step::Sharpen {
            amount: amount.draw(rng),
        },
        Transform::Clahe { clip, tiles } => Step::Clahe {
            clip: clip.draw(rng),
            tiles: *tiles,
        },
        Transform::Equalise {} => Step::Equalise {},
        Transform::Jpeg { quality } => Step::Jpeg {
            quality: quality.draw(rng).round() as usize,
        },
        Transform::Downscale { factor } => Step::Downscale {
            factor: factor.draw(rng),
        },
        Transform::CoarseDropout {
            count,
            width,
            height,
            fill,
        } => {
            let size = scene.drawn.size;
            for _ in 0..*count {
                // The order of draws is part of what a seed means.
                let (w, h) = (width.draw(rng), height.draw(rng));
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
            strength: strength.draw(rng),
            through: (rng.random_range(0.2..=0.8), rng.random_range(0.2..=0.8)),
            angle_deg: rng.random_range(0.0..=360.0),
            softness: rng.random_range(0.02..=0.3),
        },
        Transform::LightGradient { strength } => Step::LightGradient {
            strength: strength.draw(rng),
            angle_deg: rng.random_range(0.0..=360.0),
        },
        Transform::Standardise { mean, std } => Step::Standardise {
            mean: *mean,
            std: *std,
        },
        _ => unreachable!("geometry and composition are drawn elsewhere"),
    };
    scene.push(step);
}
