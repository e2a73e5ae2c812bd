//! The Adaptive Wing loss of heatmaps.

use super::definition::{Definition, LossInput};
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// The loss of each pixel of a heatmap (Wang et al. 2019, equation 4) with the paper's weighted
/// loss map. For a difference d and a target y: ω · ln(1 + |d/ε|^(α − y)) below θ and A·|d| − C
/// from there on, with A and C for which value and slope meet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdaptiveWing {
    /// α, which must be greater than 2: more than 1 above the largest target.
    pub alpha: f64,
    /// ω.
    pub omega: f64,
    /// ε.
    pub epsilon: f64,
    /// θ.
    pub theta: f64,
    /// Added to the weight, 1, of the pixels around a keypoint: those with a target of at least
    /// 0.2, and their neighbors.
    pub foreground: f64,
}

/// Targets from here on are foreground.
const FOREGROUND_FROM: f32 = 0.2;

impl Default for AdaptiveWing {
    /// The constants of the paper.
    fn default() -> Self {
        Self {
            alpha: 2.1,
            omega: 14.0,
            epsilon: 1.0,
            theta: 0.5,
            foreground: 10.0,
        }
    }
}

impl Definition for AdaptiveWing {
    fn inputs(&self) -> &'static [LossInput] {
        &[LossInput::Heatmap]
    }

    fn parameters(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("alpha - 2", self.alpha - 2.0),
            ("omega", self.omega),
            ("epsilon", self.epsilon),
            ("theta", self.theta),
            ("foreground", self.foreground),
        ]
    }

    fn of_heatmap(&self, differences: &Tensor, target: &Tensor) -> Result<Tensor> {
        let Self {
            alpha,
            omega,
            epsilon,
            theta,
            ..
        } = *self;
        let size = differences.abs()?;
        let near = size.minimum(theta)?;
        let beyond = (&size - &near)?;
        let exponent = target.affine(-1.0, alpha)?;
        // The power is computed by its logarithm, whose gradient must stay finite at 0.
        let power = near.affine(1.0 / epsilon, 0.0)?.maximum(1e-8)?.log()?;
        let power = (power * &exponent)?.exp()?;
        // (θ/ε)^(α − y): a constant, and so is all that follows from it.
        let edge = exponent.affine((theta / epsilon).ln(), 0.0)?.exp()?;
        let slope = (&exponent * &edge)?.affine(omega / theta, 0.0)?;
        let slope = (slope / edge.affine(1.0, 1.0)?)?;
        let curved = power.affine(1.0, 1.0)?.log()?.affine(omega, 0.0)?;
        curved + (beyond * slope)?
    }

    fn pixel_weights(&self, map: &[f32], width: usize) -> Option<Vec<f32>> {
        let weight = |near| match near {
            true => 1.0 + self.foreground as f32,
            false => 1.0,
        };
        Some(near_foreground(map, width).map(weight).collect())
    }
}

/// Whether each pixel or one of its eight neighbors is foreground.
fn near_foreground(map: &[f32], width: usize) -> impl Iterator<Item = bool> {
    let height = map.len() / width;
    (0..map.len()).map(move |i| {
        let (x, y) = (i % width, i / width);
        let mut rows = y.saturating_sub(1)..(y + 2).min(height);
        let columns = x.saturating_sub(1)..(x + 2).min(width);
        rows.any(|row| {
            let row = &map[row * width..][..width];
            row[columns.clone()].iter().any(|v| *v >= FOREGROUND_FROM)
        })
    })
}
