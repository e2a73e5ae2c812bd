//! Where the research sets for development and CI lie.
//!
//! A test on real data begins with [`shared_set`], which announces the skip where the set is
//! absent: a test that returns early without a word passes as if it had checked something.

use std::io::Write;
use std::path::PathBuf;

/// The folder with the shared data sets: what the environment variable `FKP_DATA` names, else
/// `shared/data` beside the checkout that this crate was built in. `None` where there is none,
/// about which it is silent: tests call [`shared_set`] instead.
fn shared_data_dir() -> Option<PathBuf> {
    let named = std::env::var_os("FKP_DATA").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let dir = named.unwrap_or_else(beside);
    dir.is_dir()
        .then(|| dir.canonicalize().unwrap_or_else(|_| dir.clone()))
}

/// A set in the shared folder, or a file of one: what a test on real data of any crate should call.
///
/// Where it is absent, a line `SKIPPED: …` goes to standard error past the test harness, so that
/// it is seen in the output of a passing `cargo test`. `eprintln!` would be captured and lost.
///
/// ```
/// let Some(folder) = fkp_data::testing::shared_set("ytf68") else { return };
/// assert!(folder.is_dir());
/// ```
pub fn shared_set(name: &str) -> Option<PathBuf> {
    let path = shared_data_dir().map(|dir| dir.join(name));
    let found = path.filter(|path| path.exists());
    if found.is_none() {
        // The test harness hides what `eprintln!` prints in a test that passes.
        let line = "in the shared data folder; FKP_DATA can name another";
        let _ = writeln!(std::io::stderr(), "SKIPPED: no `{name}` {line}");
    }
    found
}
