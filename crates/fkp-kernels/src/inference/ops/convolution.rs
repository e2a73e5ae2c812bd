//! Convolutions, whose kernels add the residual.

use crate::conv::{Bottleneck, InferenceConv};
use crate::conv_transpose::InferenceConvTranspose;
use crate::inference::image::ImageOp;
use crate::layout::Grid;
use crate::matmul::{Addition, Operand};

/// A convolution, whose second input is the residual.
#[derive(Debug)]
pub(in crate::inference) struct ConvOp {
    pub(in crate::inference) conv: InferenceConv,
    pub(in crate::inference) residual: ResidualGrid,
}

/// Three convolutions, whose second input is the residual.
#[derive(Debug)]
pub(in crate::inference) struct BottleneckOp {
    pub(in crate::inference) convs: Bottleneck,
    pub(in crate::inference) residual: ResidualGrid,
}

/// Where the residual's pixels are.
#[derive(Debug)]
pub(in crate::inference) enum ResidualGrid {
    None,
    BeforeActivation(Grid),
    AfterActivation(Grid),
}

#[derive(Debug)]
pub(in crate::inference) struct ConvTransposeOp(pub(in crate::inference) InferenceConvTranspose);

impl ImageOp for ConvOp {
    fn run(&self, [x, values]: [&[f32]; 2], output: &mut [f32]) {
        self.conv.run(x, self.residual.addition(values), output);
    }
}

impl ImageOp for BottleneckOp {
    fn run(&self, [x, values]: [&[f32]; 2], output: &mut [f32]) {
        self.convs.run(x, self.residual.addition(values), output);
    }
}

impl ResidualGrid {
    fn addition<'a>(&self, values: &'a [f32]) -> Addition<'a> {
        match *self {
            Self::None => Addition::None,
            Self::BeforeActivation(grid) => Addition::BeforeActivation(Operand { values, grid }),
            Self::AfterActivation(grid) => Addition::AfterActivation(Operand { values, grid }),
        }
    }
}

impl ImageOp for ConvTransposeOp {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        self.0.run(x, output);
    }
}
