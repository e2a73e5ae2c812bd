//! Charts as images, with the feature `plots`.

pub(crate) mod chart;
mod learning_rates;

pub use chart::save_image;
pub use learning_rates::plot_learning_rates;
