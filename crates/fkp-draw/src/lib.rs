//! Draws keypoints on images: overlays and contact sheets.
//!
#![doc = include_str!("../README.md")]

mod boxes;
mod error;
mod keypoints;
mod sheet;
mod text;

pub use boxes::draw_box;
pub use error::DrawError;
pub use keypoints::{Colors, draw_keypoints, enlarge};
pub use sheet::{Cell, contact_sheet};
