//! Layers with fast CPU kernels.
//!
//! Each takes its variables from a `candle_nn::VarBuilder` under PyTorch's names and implements
//! candle's `Module`, or `ModuleT` if training differs from evaluation. On the CPU they run the
//! kernels of `fkp-kernels`, on other devices candle's own operations.
//!
//! A small network: two convolutions with batch normalization, a residual connection, dropout and a
//! linear layer to coordinates.
//!
//! ```
//! use candle_core::{DType, Device, Result, Tensor};
//! use candle_nn::{Module, ModuleT, VarBuilder};
//! use fkp_model::layers::{
//!     Activation, BatchNorm2d, Conv2d, Conv2dConfig, Dropout, Linear, add, flatten, max_pool2d, relu,
//! };
//!
//! struct Residual {
//!     convs: [Conv2d; 2],
//!     norms: [BatchNorm2d; 2],
//!     dropout: Dropout,
//!     output: Linear,
//! }
//!
//! impl Residual {
//!     /// For gray images of 16×16 pixels.
//!     fn new(keypoints: usize, vb: VarBuilder<'_>) -> Result<Self> {
//!         let same = Conv2dConfig::new().padding(1);
//!         let conv = |channels, name| Conv2d::no_bias(channels, 8, 3, same, vb.pp(name));
//!         let norm = |activation, name| BatchNorm2d::new(8, activation, vb.pp(name));
//!         let output = Linear::new(512, 2 * keypoints, Activation::Identity, vb.pp("output"))?;
//!         Ok(Self {
//!             convs: [conv(1, "conv1")?, conv(8, "conv2")?],
//!             norms: [norm(Activation::Relu, "norm1")?, norm(Activation::Identity, "norm2")?],
//!             dropout: Dropout::new(0.2, vb.pp("dropout"))?,
//!             output,
//!         })
//!     }
//! }
//!
//! impl ModuleT for Residual {
//!     fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
//!         let x = self.norms[0].forward_t(&self.convs[0].forward(x)?, train)?;
//!         let x = max_pool2d(&x, 2, 2)?;
//!         let residual = self.norms[1].forward_t(&self.convs[1].forward(&x)?, train)?;
//!         let x = flatten(&relu(&add(&x, &residual)?)?)?;
//!         self.output.forward(&self.dropout.forward_t(&x, train)?)
//!     }
//! }
//!
//! let network = Residual::new(15, VarBuilder::zeros(DType::F32, &Device::Cpu))?;
//! let images = Tensor::zeros((4, 1, 16, 16), DType::F32, &Device::Cpu)?;
//! assert_eq!(network.forward_t(&images, false)?.dims(), [4, 30]);
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
//! What happens between the layers is written with the functions of this module, such as [`add`] and
//! [`flatten`], so that [`Graph::trace`](crate::Graph::trace) finds every operation of the network.
//! Candle's own operations work too, but such a network cannot be traced.
//!
//! With `fkp_train::Params` as the backend of the `VarBuilder`, the initial weights and dropout are
//! seeded, and a run that is stopped and resumed gives bit-identical weights.

mod batch_norm;
mod conv2d;
mod conv_norm;
mod conv_transpose2d;
mod dropout;
mod functions;
mod init;
mod inverted_residual;
mod linear;
mod prelu;
mod squeeze_excite;

pub use batch_norm::BatchNorm2d;
pub use conv_norm::ConvNorm;
pub use conv_transpose2d::ConvTranspose2d;
pub use conv2d::Conv2d;
pub use dropout::Dropout;
pub use functions::{
    activate, add, avg_pool2d, flatten, gelu, global_avg_pool2d, max_pool2d, relu, scale_channels,
    silu, soft_argmax2d, upsample_bilinear2d, upsample_nearest2d,
};
pub use inverted_residual::{InvertedResidual, InvertedResidualConfig};
pub use linear::Linear;
pub use prelu::PRelu;
pub use squeeze_excite::{Gate, SqueezeExcite, SqueezeExciteConfig};

/// The configuration of the layers.
pub use fkp_kernels::{Activation, Conv2dConfig, ConvTranspose2dConfig, Residual};
