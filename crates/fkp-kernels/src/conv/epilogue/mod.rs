//! The operations fused to the end of a convolution: bias, activation, 2×2 max-pooling. `planes`
//! has them for channels-first planes, `vectors` for vectors of channels.

mod planes;
mod vectors;

pub(super) use planes::{add_bias_and_activate, pool_channel, unpool_channel};
pub(super) use vectors::{activate, active, saved_argmax};
pub(crate) use vectors::{max_and_argmax, route};
