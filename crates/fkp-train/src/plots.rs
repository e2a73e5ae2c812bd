//! Images of a training: curves, sheets of faces with their keypoints, and what they are drawn with.
//! With the feature `plots`.

pub(crate) mod chart;
mod draw;
mod learning_rates;
mod sheet;

pub use chart::save_image;
pub use draw::{Marks, draw_keypoints, enlarged};
pub use learning_rates::plot_learning_rates;
pub use sheet::{Cell, contact_sheet};
