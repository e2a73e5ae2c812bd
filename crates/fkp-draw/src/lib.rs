//! Draws keypoints on images: overlays and contact sheets; and charts of data sets.
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod boxes;
mod charts;
mod error;
mod keypoints;
mod sheet;
mod text;

pub use boxes::draw_box;
pub use charts::{Bar, bar_chart, shape_chart};
pub use error::DrawError;
pub use keypoints::{Colors, draw_keypoints, enlarge};
pub use sheet::{Cell, contact_sheet};
