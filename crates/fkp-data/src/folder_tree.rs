//! The files in a folder and in the folders below it.

use crate::DataError;
use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// How many levels of folders below the given one are searched.
pub(crate) const MAX_LEVELS: usize = 16;

/// The files below a folder.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FilesBelow {
    /// Names such as `afw/134212_1.pts`, with `/` on every system. They are sorted folder by folder,
    /// because the order of the file system is arbitrary.
    pub(crate) names: Vec<String>,
    /// A folder that was not searched, because it is more than [`MAX_LEVELS`] levels down.
    pub(crate) too_deep: Option<String>,
}

impl FilesBelow {
    /// The files whose names `keep` accepts.
    pub(crate) fn find(dir: &Path, keep: impl Fn(&str) -> bool) -> Result<Self, DataError> {
        let mut names = Vec::new();
        let too_deep = walk(dir, |name| {
            if keep(name) {
                names.push(name.to_owned());
            }
            ControlFlow::Continue(())
        })?;
        names.sort_by(|a, b| a.split('/').cmp(b.split('/')));
        Ok(Self { names, too_deep })
    }

    /// Whether there is a file whose name `is_wanted` accepts; the search ends at the first.
    pub(crate) fn any(dir: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<bool, DataError> {
        let mut found = false;
        walk(dir, |name| {
            found = is_wanted(name);
            match found {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        Ok(found)
    }

    /// What to say about a folder that was not searched.
    pub(crate) fn note(&self) -> Option<String> {
        self.too_deep.as_ref().map(|folder| {
            format!(
                "`{folder}` and other folders more than {MAX_LEVELS} levels down were not searched"
            )
        })
    }
}

/// A folder to search.
struct Folder {
    /// Its path below the first folder, empty or with `/` at the end.
    prefix: String,
    /// Without links.
    path: PathBuf,
    level: usize,
}

/// Visits the files below a folder, each folder once whatever links lead to it: those without a link
/// in their path first, so that a link to a folder of the same data set adds no second name of its
/// files. Returns a folder that is too deep.
fn walk(
    dir: &Path,
    mut visit: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<Option<String>, DataError> {
    let root = std::fs::canonicalize(dir).map_err(DataError::io(dir))?;
    let mut searched = BTreeSet::new();
    let mut folders = vec![Folder {
        prefix: String::new(),
        path: root.clone(),
        level: 0,
    }];
    let mut links: VecDeque<Folder> = VecDeque::new();
    let mut too_deep = None;
    while let Some(folder) = folders.pop().or_else(|| links.pop_front()) {
        if !searched.insert(folder.path.clone()) {
            continue;
        }
        if folder.level > MAX_LEVELS {
            too_deep.get_or_insert(folder.prefix.trim_end_matches('/').to_owned());
            continue;
        }
        let io = DataError::io(&folder.path);
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&folder.path).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            entries.push((name, entry.path(), entry.file_type().map_err(io)?));
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, path, kind) in entries {
            let is_link = kind.is_symlink();
            let is_folder = kind.is_dir() || is_link && path.is_dir();
            if !is_folder {
                if visit(&format!("{}{name}", folder.prefix)).is_break() {
                    return Ok(None);
                }
                continue;
            }
            let mut below = Folder {
                prefix: format!("{}{name}/", folder.prefix),
                path,
                level: folder.level + 1,
            };
            if !is_link {
                folders.push(below);
                continue;
            }
            below.path = std::fs::canonicalize(&below.path).map_err(io)?;
            // A link to a folder that contains this data set is a loop.
            if !root.starts_with(&below.path) {
                links.push_back(below);
            }
        }
    }
    Ok(too_deep)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        dir
    }

    fn names(dir: &Path) -> Vec<String> {
        FilesBelow::find(dir, |_| true).unwrap().names
    }

    #[test]
    fn files_are_sorted_folder_by_folder() {
        let dir = folder(&["b", "a.x/2", "a/1", "a/c/0", "a-1"]);
        assert_eq!(names(dir.path()), ["a/1", "a/c/0", "a-1", "a.x/2", "b"]);
        assert!(FilesBelow::any(dir.path(), |name| name == "a/c/0").unwrap());
        assert!(!FilesBelow::any(dir.path(), |name| name == "c").unwrap());
        assert!(FilesBelow::find(&dir.path().join("b"), |_| true).is_err());
    }

    #[test]
    fn folders_too_deep_are_named_and_not_searched() {
        let deepest = "d/".repeat(MAX_LEVELS);
        let dir = folder(&[&format!("{deepest}in"), &format!("{deepest}d/out")]);
        let found = FilesBelow::find(dir.path(), |_| true).unwrap();
        assert_eq!(found.names, [format!("{deepest}in")]);
        assert_eq!(found.too_deep.as_ref(), Some(&format!("{deepest}d")));
        assert!(found.note().unwrap().contains("16 levels"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_once_and_loops_end() {
        use std::os::unix::fs::symlink;
        let other = folder(&["deep/far"]);
        let dir = folder(&["a/1", "b/2"]);
        let path = dir.path();
        for (target, link) in [
            (path, "a/loop"),
            (Path::new("/"), "a/root"),
            (&*path.join("b"), "a/same"),
            (other.path(), "linked"),
            (other.path(), "twice"),
            (&*path.join("gone"), "broken"),
            (&*path.join("a/1"), "file"),
        ] {
            symlink(target, path.join(link)).unwrap();
        }
        for i in 0..20 {
            symlink(path, path.join(format!("b/loop{i}"))).unwrap();
            symlink(other.path(), other.path().join(format!("deep/loop{i}"))).unwrap();
        }
        let expected = ["a/1", "b/2", "broken", "file", "linked/deep/far"];
        assert_eq!(names(path), expected);
    }
}
