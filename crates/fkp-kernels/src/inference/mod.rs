//! Inference by a plan: a network whose weights are packed once and whose buffers are assigned when it
//! is built.
//!
//! [`PlanBuilder`] takes the operations of a network and builds a [`Plan`], which computes them for
//! images of one shape. Between input and output everything is channels last; each operation
//! writes to where the next one reads, with the zeros around the image that it needs.
//!
//! ```
//! use fkp_kernels::inference::{ConvLayer, LinearLayer, PlanBuilder, Residual};
//! use fkp_kernels::{Activation, Channels, Conv2dConfig};
//!
//! let mut builder = PlanBuilder::new([1, 2, 2])?;
//! let x = builder.input();
//! let y = builder.conv2d(x, ConvLayer {
//!     weight: &[2.0],
//!     shape: [1, 1, 1, 1],
//!     bias: Some(&[-4.0]),
//!     channels: Channels::All,
//!     config: Conv2dConfig::new().relu(),
//!     residual: Residual::None,
//! })?;
//! let y = builder.flatten(y)?;
//! let y = builder.linear(y, LinearLayer {
//!     weight: &[1.0, 2.0, 3.0, 4.0],
//!     bias: None,
//!     activation: Activation::Identity,
//! })?;
//! let plan = builder.build(y)?;
//! let mut out = [0.0; 1];
//! plan.run(&[1.0, 2.0, 3.0, 4.0], 1, &mut out)?;
//! assert_eq!(out, [3.0 * 2.0 + 4.0 * 4.0]);
//! # Ok::<(), candle_core::Error>(())
//! ```

mod arena;
mod assembly;
mod batch;
mod bottlenecks;
mod builder;
mod image;
mod layouts;
mod node;
mod ops;
mod pixel_vectors;
mod plan;

pub use builder::{ConvLayer, ConvTransposeLayer, LinearLayer, PlanBuilder};
pub use node::{Residual, Value};
pub use plan::Plan;
