//! Maximum and average pooling over square windows.

mod avg;
mod max;
mod two;
mod windows;

pub use avg::avg_pool2d;
pub use max::max_pool2d;
