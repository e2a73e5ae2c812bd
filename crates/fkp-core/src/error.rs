//! How errors are printed: as a sentence followed by its causes.

use std::error::Error;
use std::fmt;

/// Writes the message of an error, then each cause on a line of its own.
///
/// This is the `Debug` output of the workspace's errors, because a program prints it when `main`
/// returns an error. See [`debug_as_sentence!`](crate::debug_as_sentence).
///
/// # Errors
/// If the formatter fails.
pub fn fmt_with_causes(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(f, "\n  caused by: {error}")?;
        cause = error.source();
    }
    Ok(())
}

/// Implements `Debug` for error types by [`fmt_with_causes`].
///
/// ```
/// #[derive(thiserror::Error)]
/// #[error("{path}: cannot read the image")]
/// struct ReadError {
///     path: &'static str,
///     source: std::fmt::Error,
/// }
/// fkp_core::debug_as_sentence!(ReadError);
///
/// let error = ReadError { path: "face.png", source: std::fmt::Error };
/// let text = format!("{error:?}");
/// assert!(text.starts_with("face.png: cannot read the image\n  caused by: an error occurred"));
/// ```
#[macro_export]
macro_rules! debug_as_sentence {
    ($($error:ty),+ $(,)?) => {$(
        impl ::std::fmt::Debug for $error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::fmt_with_causes(self, f)
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use crate::{Dataset, InMemory, Schema};

    /// What `main() -> Result<(), Box<dyn Error>>` prints after `Error: `.
    #[test]
    fn debug_is_a_sentence_with_its_causes() {
        let empty = InMemory::new(Schema::kaggle15(), Vec::new()).unwrap();
        let error: Box<dyn std::error::Error> = Box::new(empty.get(3).unwrap_err());
        let text = format!("{error:?}");
        let expected = "sample 3 cannot be read\n  caused by: the data set has 0 samples";
        assert_eq!(text, expected);
    }
}
