//! The predefined split of a data set whose parts are in files of their own.

use crate::split::{PredefinedSplit, SplitIndices};

/// A file of a data set.
pub(super) struct NamedFile {
    pub(super) name: String,
    /// Number of its samples.
    pub(super) samples: usize,
}

/// The files whose names start with `train` and with `val`, if both have samples. `names` are the
/// patterns of these names.
pub(super) fn split_by_file(
    files: impl IntoIterator<Item = NamedFile>,
    names: &'static [&'static str; 2],
    notes: &mut Vec<String>,
) -> Option<PredefinedSplit> {
    let mut parts = [Vec::new(), Vec::new()];
    let (mut start, mut others) = (0, 0);
    for file in files {
        let indices = start..start + file.samples;
        start = indices.end;
        let mut starts = ["train", "val"].iter();
        match starts.position(|part| file.name.starts_with(part)) {
            Some(part) => parts[part].extend(indices),
            None => others += file.samples,
        }
    }
    let [train, val] = parts;
    if train.is_empty() || val.is_empty() {
        return None;
    }
    if others > 0 {
        notes.push(format!(
            "{others} samples are in files of neither `train` nor `val`"
        ));
    }
    Some(PredefinedSplit {
        indices: SplitIndices { train, val },
        files: names,
    })
}
