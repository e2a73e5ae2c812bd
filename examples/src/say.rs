//! Output that survives a closed pipe.

/// Prints a line to standard output. Unlike `println!` it does not panic when the pipe is closed,
/// as in `train | head`, so that the run continues.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}
