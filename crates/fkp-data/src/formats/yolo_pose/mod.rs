//! The reader of YOLO pose data sets: [`Format::YoloPose`](crate::Format::YoloPose).

mod data_yaml;
mod images;
mod labels;
mod source;
mod yaml;

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::files::{has_extension, read_head, sorted_names};
use crate::folder_tree::FilesBelow;
use data_yaml::{DataYaml, is_data_yaml};
use images::ImageFiles;
use labels::BEFORE;
use source::Source;
use std::path::{Path, PathBuf};

/// Folders of the images of one part or two, where there is no `data.yaml`.
const FOLDERS: [&[&str]; 4] = [
    &["images/train", "images/val"],
    &["train/images", "valid/images"],
    &["train/images", "val/images"],
    &["images"],
];

/// The reader of [`Format::YoloPose`](crate::Format::YoloPose).
pub(super) struct YoloPoseReader;

impl FormatReader for YoloPoseReader {
    fn name(&self) -> &'static str {
        "yolo-pose"
    }

    fn expects(&self) -> &'static str {
        "data.yaml with kpt_shape, or a folder with it or with images/ and labels/"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let found = yaml_of(path)?.is_some() || (path.is_dir() && has_label_lines(path)?);
        Ok(found.then(|| path.to_owned()))
    }

    /// # Errors
    /// If a file cannot be read or breaks a rule of the format anywhere, or an image is missing.
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let file = match path.is_file() {
            // A requested format is not detected: an error says what is wrong with the file.
            true => Some(path.to_owned()),
            false => yaml_of(path)?,
        };
        let (yaml, parts, root) = match &file {
            Some(file) => {
                let mut yaml = DataYaml::read(file)?;
                let parts = std::mem::take(&mut yaml.parts);
                let root = file.parent().unwrap_or(Path::new("")).to_owned();
                (Some(yaml), parts, root)
            }
            None => (None, folders(path), path.to_owned()),
        };
        if parts.is_empty() {
            return Err(self.not_this_format(path));
        }
        let files = ImageFiles::find(&parts)?;
        let source = Source {
            path: file.unwrap_or_else(|| path.to_owned()),
            root,
            yaml,
        };
        Ok(source.read(&files, options)?.into())
    }
}

/// `data.yaml`, if it is one of a pose data set, or else the only such file in the folder.
fn yaml_of(path: &Path) -> Result<Option<PathBuf>, DataError> {
    let is_yaml = |file: &Path| -> Result<bool, DataError> {
        let extensions = ["yaml", "yml"].into_iter();
        let is_named = extensions.into_iter().any(|end| has_extension(file, end));
        Ok(is_named && file.is_file() && is_data_yaml(&read_head(file)?))
    };
    if path.is_file() {
        return Ok(is_yaml(path)?.then(|| path.to_owned()));
    }
    let mut found = Vec::new();
    for name in sorted_names(path)? {
        let file = path.join(&name);
        if is_yaml(&file)? {
            if name == "data.yaml" {
                return Ok(Some(file));
            }
            found.push(file);
        }
    }
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// The folders of images of each part, in a folder without `data.yaml`.
fn folders(path: &Path) -> Vec<Vec<PathBuf>> {
    let layouts = FOLDERS.map(|parts| {
        let parts = parts.iter().map(|part| path.join(part));
        parts.collect::<Vec<PathBuf>>()
    });
    let is_there = |folder: &PathBuf| folder.is_dir() && images::label_path(folder).is_dir();
    let mut layouts = layouts.into_iter();
    let found = layouts.find(|parts| parts.iter().all(is_there));
    found.into_iter().flatten().map(|part| vec![part]).collect()
}

/// Whether a folder of labels has a text file that begins with a class, a box and more numbers.
fn has_label_lines(path: &Path) -> Result<bool, DataError> {
    let parts = folders(path);
    let Some(folder) = parts.first().and_then(|part| part.first()) else {
        return Ok(false);
    };
    let folder = images::label_path(folder);
    let found = FilesBelow::find(&folder, images::is_label_name)?;
    for name in found.names {
        let text = read_head(&folder.join(name))?;
        let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        if let Some(line) = lines.find(|line| !line.is_empty()) {
            let words = line.split(|byte| byte.is_ascii_whitespace());
            let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
            let is_number = |word: &&[u8]| crate::table::coordinate(word).is_ok();
            return Ok(words.len() > BEFORE + 1 && words.iter().all(is_number));
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
