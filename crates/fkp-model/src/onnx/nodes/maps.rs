//! Operations that change the size of maps, and those with a number for each channel.

use super::writer::{Nodes, Place};
use crate::ModelError;
use crate::onnx::proto::AttributeProto;
use candle_core::Tensor;
use fkp_kernels::ConvTranspose2dConfig;

impl Nodes {
    pub(super) fn push_conv_transpose(
        &mut self,
        place: &Place,
        weight: &Tensor,
        bias: Option<&Tensor>,
        config: ConvTranspose2dConfig,
    ) -> Result<(), ModelError> {
        let (_, _, kh, kw) = weight.dims4()?;
        let attributes = vec![
            AttributeProto::ints("kernel_shape", &[kh, kw]),
            AttributeProto::ints("output_padding", &[config.output_padding; 2]),
            AttributeProto::ints("pads", &[config.padding; 4]),
            AttributeProto::ints("strides", &[config.stride; 2]),
        ];
        self.push_layer("ConvTranspose", place, weight, bias, attributes)
    }

    /// Output pixel i is input pixel ⌊i / scale⌋.
    pub(super) fn push_nearest(&mut self, place: &Place, scale: usize) {
        let attributes = vec![
            AttributeProto::string("mode", "nearest"),
            AttributeProto::string("coordinate_transformation_mode", "asymmetric"),
            AttributeProto::string("nearest_mode", "floor"),
        ];
        self.push_resize(place, scale, attributes);
    }

    /// Output pixel i is at (i + ½) / scale − ½ of the input, clamped to it.
    pub(super) fn push_bilinear(&mut self, place: &Place, scale: usize) {
        let attributes = vec![
            AttributeProto::string("mode", "linear"),
            AttributeProto::string("coordinate_transformation_mode", "half_pixel"),
        ];
        self.push_resize(place, scale, attributes);
    }

    fn push_resize(&mut self, place: &Place, scale: usize, attributes: Vec<AttributeProto>) {
        let scale = scale as f32;
        let scales = self.floats(place, "scales", vec![4], &[1.0, 1.0, scale, scale]);
        let mut inputs = place.inputs.clone();
        // The region of interest is that of another mode.
        inputs.extend([String::new(), scales]);
        self.push("Resize", &place.name, inputs, &place.output, attributes);
    }

    pub(super) fn push_scale_channels(&mut self, place: &Place) {
        let [x, factors] = [0, 1].map(|i| place.inputs[i].clone());
        let axes = self.sizes(place, "axes", &[2, 3]);
        let factors = self.step("Unsqueeze", "factors", place, &[factors, axes]);
        let inputs = vec![x, factors];
        self.push("Mul", &place.name, inputs, &place.output, Vec::new());
    }

    /// `shape` is that of the value.
    pub(super) fn push_prelu(
        &mut self,
        place: &Place,
        slope: &Tensor,
        shape: &[usize],
    ) -> Result<(), ModelError> {
        // ONNX aligns the last dimensions.
        let mut slope_shape = vec![1; shape.len()];
        slope_shape[0] = slope.dim(0)?;
        let slope = self.weights(place, "slope", &slope.reshape(slope_shape)?)?;
        let inputs = [place.inputs.as_slice(), &[slope]].concat();
        self.push("PRelu", &place.name, inputs, &place.output, Vec::new());
        Ok(())
    }

    /// The softmax of each map times the positions of its pixels; `shape` is that of the maps.
    pub(super) fn push_soft_argmax(&mut self, place: &Place, beta: f64, shape: &[usize]) {
        let (h, w) = (shape[1], shape[2]);
        // 0 is the size that the dimension has.
        let sizes = self.sizes(place, "shape", &[0, 0, (h * w) as i64]);
        let maps = place.inputs[0].clone();
        let rows = self.step("Reshape", "rows", place, &[maps, sizes]);
        let beta = self.constant(place, "beta", beta as f32);
        let scores = self.step("Mul", "scores", place, &[rows, beta]);
        let last = vec![AttributeProto::int("axis", 2)];
        let weights = self.step_with("Softmax", "weights", place, &[scores], last);
        let positions: Vec<f32> = (0..h)
            .flat_map(|y| (0..w).flat_map(move |x| [x as f32, y as f32]))
            .collect();
        let dims = vec![(h * w) as i64, 2];
        let positions = self.floats(place, "positions", dims, &positions);
        let inputs = vec![weights, positions];
        self.push("MatMul", &place.name, inputs, &place.output, Vec::new());
    }
}
