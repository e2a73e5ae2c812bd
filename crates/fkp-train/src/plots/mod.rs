//! Charts as images, with the feature `plots`.

pub(crate) mod chart;
mod error_curve;
mod learning_rates;

pub use chart::save_image;
pub use error_curve::plot_error_curve;
pub use learning_rates::plot_learning_rates;
