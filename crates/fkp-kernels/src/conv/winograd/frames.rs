//! The convolution of one image whose buffers are frames already.

use super::backward::{Backward, OutputGradient, Sums};
use super::forward::{Forward, OutputBuffers};
use super::plan::Plan;
use super::transform::POINTS;
use super::weights::{Rows, from_points, to_points};
use crate::Activation;
use crate::conv::config::Pooling;
use crate::conv::frame_buffers::GradientBuffers;
use crate::conv::geometry::Geometry;
use crate::layout::Frame;
use crate::matmul::Write;
use crate::scratch::with_scratch;
use crate::simd::dispatch;

/// The convolution alone, without bias, activation and pooling.
#[derive(Debug)]
pub(crate) struct FrameWinograd {
    pub(super) c_in: usize,
    pub(super) c_out: usize,
    pub(super) plan: Plan,
    pub(super) no_bias: Vec<f32>,
}

impl FrameWinograd {
    pub(crate) fn new(g: &Geometry) -> Self {
        let plan = Plan::new(&Geometry {
            activation: Activation::Identity,
            pooling: Pooling::None,
            ..*g
        });
        Self {
            c_in: g.c_in,
            c_out: g.c_out,
            no_bias: vec![0.0; plan.c_out],
            plan,
        }
    }

    pub(crate) fn input(&self) -> Frame {
        self.plan.input
    }

    pub(crate) fn output(&self) -> Frame {
        self.plan.output
    }

    pub(crate) fn input_gradient(&self) -> Frame {
        self.plan.input
    }

    pub(crate) fn forward_weights(&self, w: &[f32]) -> Vec<f32> {
        self.weights(w, Rows::In)
    }

    pub(crate) fn gradient_weights(&self, w: &[f32]) -> Vec<f32> {
        self.weights(w, Rows::Out)
    }

    fn weights(&self, w: &[f32], rows: Rows) -> Vec<f32> {
        let mut points = vec![0.0; self.plan.weights_len()];
        to_points(w, self.c_out, self.c_in, rows, &mut points);
        points
    }

    pub(crate) fn forward(&self, input: &[f32], weights: &[f32], output: &mut [f32]) {
        let plan = &self.plan;
        with_scratch(plan.points_len(), |points| {
            let (v, m) = points.split_at_mut(POINTS * plan.v_stride());
            dispatch(Forward {
                plan,
                input,
                u: weights,
                bias: &self.no_bias,
                v,
                m,
                output: OutputBuffers {
                    values: output,
                    argmax: None,
                },
            });
        });
    }

    pub(crate) fn partial_len(&self) -> usize {
        self.c_out * self.c_in * 9
    }

    /// Sums over images are those of the points, which are four times as many: one transform for
    /// all of them.
    pub(crate) fn sum_gradients(&self, partial: &mut [f32], add: impl FnOnce(&mut [f32])) {
        with_scratch(self.plan.weights_len(), |du| {
            du.fill(0.0);
            add(du);
            from_points(du, self.c_out, self.c_in, partial);
        });
    }

    pub(crate) fn weight_gradient(&self, sum: &[f32], dw: &mut [f32]) {
        dw.copy_from_slice(sum);
    }

    pub(crate) fn gradients(&self, buffers: GradientBuffers<'_>) {
        let plan = &self.plan;
        let GradientBuffers {
            input,
            dy,
            weights,
            dw,
            dx,
        } = buffers;
        dx.fill(0.0);
        with_scratch(plan.points_len(), |points| {
            let (v, m) = points.split_at_mut(POINTS * plan.v_stride());
            dispatch(Backward {
                plan,
                input,
                output: OutputGradient { dy, argmax: &[] },
                u: weights,
                v,
                m,
                sums: Sums { du: dw, db: None },
                write: Write::Accumulate,
                dx,
            });
        });
    }
}
