//! Finds the real data sets that tests and examples use: research sets that are not committed.
//!
//! A test on real data begins with [`shared_set`], which reports that the test is skipped if the
//! data set is missing: a test that returns early in silence looks as if it had checked something.

use std::io::Write;
use std::path::PathBuf;

/// The folder of the data sets: the environment variable `FKP_DATA`, or else `shared/data` beside
/// the checkout.
fn shared_data_dir() -> Option<PathBuf> {
    let named = std::env::var_os("FKP_DATA").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let dir = named.unwrap_or_else(beside);
    dir.is_dir()
        .then(|| dir.canonicalize().unwrap_or_else(|_| dir.clone()))
}

/// A data set in the shared folder, or a file of one.
///
/// If it is missing, a line `SKIPPED: …` is written to standard error, also in the output of a
/// passing `cargo test`.
///
/// ```
/// let Some(folder) = fkp_test_support::shared_set("ytf68") else { return };
/// assert!(folder.is_dir());
/// ```
pub fn shared_set(name: &str) -> Option<PathBuf> {
    let path = shared_data_dir().map(|dir| dir.join(name));
    let found = path.filter(|path| path.exists());
    if found.is_none() {
        // The test harness captures `eprintln!` in a test that passes.
        let line = "in the shared data folder; FKP_DATA can name another";
        let _ = writeln!(std::io::stderr(), "SKIPPED: no `{name}` {line}");
    }
    found
}
