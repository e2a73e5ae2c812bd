//! Activations.

use super::writer::{Nodes, Place};
use crate::ModelError;
use crate::onnx::proto::AttributeProto;
use fkp_kernels::Activation;

impl Nodes {
    pub(super) fn push_activation(
        &mut self,
        activation: Activation,
        place: &Place,
    ) -> Result<(), ModelError> {
        let x = &place.inputs;
        match activation {
            Activation::Identity => self.push_simple("Identity", place, Vec::new()),
            Activation::Relu => self.push_simple("Relu", place, Vec::new()),
            Activation::Relu6 => {
                let limits = [
                    self.constant(place, "min", 0.0),
                    self.constant(place, "max", 6.0),
                ];
                let inputs = [x.as_slice(), &limits].concat();
                self.push("Clip", &place.name, inputs, &place.output, Vec::new());
            }
            Activation::LeakyRelu { slope } => {
                self.push_simple(
                    "LeakyRelu",
                    place,
                    vec![AttributeProto::float("alpha", slope)],
                );
            }
            Activation::Silu => {
                let sigmoid = self.step("Sigmoid", "sigmoid", place, x);
                let inputs = [x.as_slice(), &[sigmoid]].concat();
                self.push("Mul", &place.name, inputs, &place.output, Vec::new());
            }
            Activation::Sigmoid => self.push_simple("Sigmoid", place, Vec::new()),
            Activation::HardSigmoid => {
                let attributes = vec![
                    AttributeProto::float("alpha", 1.0 / 6.0),
                    AttributeProto::float("beta", 0.5),
                ];
                self.push_simple("HardSigmoid", place, attributes);
            }
            Activation::HardSwish => self.push_simple("HardSwish", place, Vec::new()),
            Activation::Gelu => {
                // x · (0.5 · erf(x / √2) + 0.5)
                let (half, scale) = (0.5, std::f32::consts::FRAC_1_SQRT_2);
                let [half, scale] = [
                    self.constant(place, "half", half),
                    self.constant(place, "scale", scale),
                ];
                let scaled = self.step("Mul", "scaled", place, &[x.as_slice(), &[scale]].concat());
                let erf = self.step("Erf", "erf", place, &[scaled]);
                let product = self.step("Mul", "product", place, &[erf, half.clone()]);
                let factor = self.step("Add", "factor", place, &[product, half]);
                let inputs = [x.as_slice(), &[factor]].concat();
                self.push("Mul", &place.name, inputs, &place.output, Vec::new());
            }
            other => {
                return Err(ModelError::Onnx {
                    operation: place.name.clone(),
                    problem: format!("there is no operator for the activation {other:?}"),
                });
            }
        }
        Ok(())
    }
}
