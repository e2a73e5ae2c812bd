//! Data sets that wrap another data set: mapped onto a schema, cropped, cached.

mod cached;
mod cropped;
mod mapped;

pub use cached::Cached;
pub use cropped::{BoxSource, Cropped};
pub use mapped::Mapped;
