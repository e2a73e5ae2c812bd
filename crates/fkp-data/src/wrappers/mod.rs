//! Data sets that wrap others: mapped onto a schema, united, cropped, fitted, cached.

mod cached;
mod cropped;
mod fitted;
mod mapped;
mod union;

pub use cached::Cached;
pub use cropped::{BoxSource, Cropped};
pub use fitted::Fitted;
pub use mapped::Mapped;
pub use union::{Union, UnionPart, UnionSource};
