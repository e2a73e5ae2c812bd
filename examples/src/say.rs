//! Output that survives a closed pipe.

use std::sync::atomic::{AtomicBool, Ordering};

static IS_SILENT: AtomicBool = AtomicBool::new(false);

/// [`say!`](crate::say) prints nothing from now on.
pub(crate) fn silence() {
    IS_SILENT.store(true, Ordering::Relaxed);
}

/// Prints a line for [`say!`](crate::say).
#[doc(hidden)]
pub fn print_line(text: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    if !IS_SILENT.load(Ordering::Relaxed) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

/// Prints a line to standard output, in a run of several processes on the first of them only. Unlike
/// `println!` it does not panic when the pipe is closed, as in `train | head`, so that the run
/// continues.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::print_line(format_args!($($text)*))
    };
}
