//! What tests of readers expect of an error.

use crate::DataError;

/// Asserts that reading failed with a message that has these parts.
#[track_caller]
pub(crate) fn assert_message<T: std::fmt::Debug>(result: Result<T, DataError>, parts: &[&str]) {
    let message = result.unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}
