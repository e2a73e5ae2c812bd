//! A network that is compiled for prediction.

use super::compile::compile;
use crate::{Graph, ModelError};
use candle_core::{Device, Result, Tensor};
use fkp_kernels::inference::Plan;
use std::fmt;

/// A network in evaluation, compiled for prediction on the CPU: its weights are packed once, each
/// operation writes to where the next one reads, and after the first runs nothing is allocated. It is
/// several times as fast as the network itself for a few images, and its weights are copies.
///
/// It can be used by several threads at a time.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder};
/// use fkp_model::InferencePlan;
/// use fkp_model::layers::{Activation, Conv2d, Conv2dConfig, Linear, flatten};
///
/// // A network of your own, here with zeros as weights.
/// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
/// let conv = Conv2d::new(1, 8, 3, Conv2dConfig::new().relu().max_pool2(), vb.clone())?;
/// let linear = Linear::new(8 * 3 * 3, 30, Activation::Identity, vb)?;
/// let plan = InferencePlan::trace([1, 8, 8], |x| linear.forward(&flatten(&conv.forward(x)?)?))?;
/// let images = Tensor::zeros((4, 1, 8, 8), DType::F32, &Device::Cpu)?;
/// assert_eq!(plan.forward(&images)?.dims(), [4, 30]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct InferencePlan {
    plan: Plan,
    input: [usize; 3],
    output: Vec<usize>,
}

impl InferencePlan {
    /// Compiles a network for images of `[channels, height, width]`. `forward` runs once, as by
    /// [`Graph::trace`].
    ///
    /// # Errors
    /// As [`Graph::trace`].
    pub fn trace(
        input: [usize; 3],
        forward: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> std::result::Result<Self, ModelError> {
        Self::from_graph(&Graph::trace(input, forward)?)
    }

    /// Compiles a network that was traced.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn from_graph(graph: &Graph) -> std::result::Result<Self, ModelError> {
        Ok(Self {
            plan: compile(graph, graph.input)?,
            input: graph.input,
            output: graph.shape(graph.output).to_vec(),
        })
    }

    /// Compiles a fully convolutional network for images of another size than it was traced with, whose
    /// height and width are multiples of those.
    ///
    /// # Errors
    /// If the output is not a map, an operation depends on the size of the image, or a tensor operation
    /// fails.
    pub(crate) fn of_size(graph: &Graph, [height, width]: [usize; 2]) -> Result<Self> {
        let [channels, traced_height, traced_width] = graph.input;
        let &[maps, h, w] = graph.shape(graph.output) else {
            candle_core::bail!("the output of the network is not a map");
        };
        let input = [channels, height, width];
        let output = [maps, h * height / traced_height, w * width / traced_width];
        let plan = compile(graph, input)?;
        if plan.out_len() != output.iter().product::<usize>() {
            candle_core::bail!("the output of the network does not have the size {output:?}");
        }
        Ok(Self {
            plan,
            input,
            output: output.to_vec(),
        })
    }

    /// Shape of the output, without the batch.
    pub fn output_shape(&self) -> &[usize] {
        &self.output
    }

    /// The output of the network for `x`, `[n, channels, height, width]`, on the CPU.
    ///
    /// # Errors
    /// If `x` has another shape or element type.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (n, channels, h, w) = x.dims4()?;
        if [channels, h, w] != self.input {
            candle_core::bail!(
                "the network was compiled for images of {:?}, got {:?}",
                self.input,
                x.dims()
            );
        }
        let output = self.run(&x.flatten_all()?.to_vec1()?, n)?;
        let shape = [&[n], self.output.as_slice()].concat();
        Tensor::from_vec(output, shape, &Device::Cpu)
    }

    /// The same for values in memory, `[n, channels, height, width]`.
    ///
    /// # Errors
    /// If the batch is empty or `x` does not have the values of `n` images.
    pub fn run(&self, x: &[f32], n: usize) -> Result<Vec<f32>> {
        let mut out = vec![0.0; n * self.plan.out_len()];
        self.run_into(x, n, &mut out)?;
        Ok(out)
    }

    /// The same into a slice, without any allocation once the plan has its buffers.
    ///
    /// # Errors
    /// As [`Self::run`], or if `out` does not have the values of `n` outputs.
    pub fn run_into(&self, x: &[f32], n: usize, out: &mut [f32]) -> Result<()> {
        self.plan.run(x, n, out)
    }
}

impl fmt::Debug for InferencePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InferencePlan")
            .field("input", &self.input)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}
