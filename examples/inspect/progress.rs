//! The progress of an inspection on a terminal.

use fkp_data::Progress;
use std::io::{IsTerminal, Write};

/// A line on standard error that counts up, if it is a terminal.
pub(crate) fn on_terminal() -> Progress {
    if !std::io::stderr().is_terminal() {
        return Progress::default();
    }
    Progress::new(|report| {
        let is_last = report.done >= report.total;
        // A line for each image would take longer than the image.
        if report.done % 50 != 0 && !is_last {
            return;
        }
        let end = if is_last { "\n" } else { "" };
        let mut stderr = std::io::stderr().lock();
        let (done, total, unit) = (report.done, report.total, report.unit);
        let _ = write!(stderr, "\rread {done} of {total} {unit}{end}");
        let _ = stderr.flush();
    })
}
