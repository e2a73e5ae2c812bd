//! Data sets that wrap others: mapped onto a schema, united, cropped, fitted, cached, beside each
//! other, the regions of photographs.

mod cached;
mod cropped;
mod face_regions;
mod fitted;
mod mapped;
mod mosaic;
mod union;

pub use cached::Cached;
pub use cropped::{BoxSource, Cropped};
pub use face_regions::FaceRegions;
pub use fitted::Fitted;
pub use mapped::Mapped;
pub use mosaic::Mosaic;
pub use union::{Union, UnionPart, UnionSource};
