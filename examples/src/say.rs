//! Output that survives a closed pipe.

/// Prints a line to standard output. Unlike `println!` it does not panic where nobody reads on,
/// as in `train | head`: a run is worth more than its messages.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}
