//! Data sets that wrap another data set: mapped onto a schema, cropped, fitted, cached.

mod cached;
mod cropped;
mod fitted;
mod mapped;

pub use cached::Cached;
pub use cropped::{BoxSource, Cropped};
pub use fitted::Fitted;
pub use mapped::Mapped;
