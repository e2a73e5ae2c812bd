//! Writing of ONNX files, for ONNX Runtime and other frameworks.
//!
//! The file contains the network in evaluation, with each batch normalization folded into its
//! convolution, and in its metadata everything else that is needed to use it. Opset 17, IR version 8.
//!
//! - The input is `image`, `[batch, channels, size, size]`: crops of faces, normalized. The batch can
//!   have any size.
//! - The output has the name of its meaning, the `kind` of [`OutputSpec`](crate::OutputSpec), whose
//!   documentation says how to decode it: `coordinates`, `coordinates_with_scale`, `heatmap` or
//!   `soft_argmax`.
//! - `metadata_props`:
//!
//! | key | value |
//! |---|---|
//! | `input_size` | side of the input in pixels |
//! | `input_channels` | 1: gray, 3: RGB |
//! | `input_mean`, `input_std` | a channel value v in 0..=255 becomes (v / 255 − mean) / std |
//! | `schema` | name of the keypoint schema |
//! | `keypoints` | names of the keypoints in the order of the output, a JSON array |
//! | `output` | the [`OutputSpec`](crate::OutputSpec) as JSON: kind and parameters |
//! | `sigma_factor` | what the decoded standard deviations are multiplied by, if there are some |
//! | `score_threshold` | the face score that 99 % of faces have at least, if there is a score |
//! | `crop` | the [`CropRule`](crate::CropRule) as JSON: which square of an image is the input |
//! | `fkp` | the [`ModelCard`](crate::ModelCard) as JSON, of a model file |
//!
//! ```
//! use candle_core::{DType, Device};
//! use candle_nn::{Module, VarBuilder};
//! use fkp_model::layers::{Activation, Conv2d, Conv2dConfig, Linear, global_avg_pool2d};
//! use fkp_model::{Graph, InputSpec, Schema, Task, onnx};
//!
//! // A network of your own, here with zeros as weights.
//! let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
//! let conv = Conv2d::new(1, 8, 3, Conv2dConfig::new().relu(), vb.clone())?;
//! let linear = Linear::new(8, 30, Activation::Identity, vb)?;
//! let graph = Graph::trace([1, 32, 32], |x| {
//!     linear.forward(&global_avg_pool2d(&conv.forward(x)?)?)
//! })?;
//! let task = Task::new(Schema::kaggle15(), InputSpec::gray(32));
//! let path = std::env::temp_dir().join("fkp-doctest.onnx");
//! onnx::write_graph(&graph, &task, &path)?;
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod model;
mod nodes;
mod proto;
mod write;

pub use write::{write, write_graph};

#[cfg(test)]
mod tests;
