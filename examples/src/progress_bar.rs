//! A progress bar for reading and writing data sets.

use fkp_data::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error, which is not there if that is not a terminal.
pub fn progress_bar(action: &'static str) -> Progress {
    let template = "{msg} [{bar:40}] {pos}/{len} {prefix}, {eta} left";
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::new(0).with_message(action);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    Progress::new(move |report| {
        bar.set_prefix(report.unit);
        bar.set_length(report.total);
        bar.set_position(report.done);
        if report.done == report.total {
            bar.finish_and_clear();
        }
    })
}
