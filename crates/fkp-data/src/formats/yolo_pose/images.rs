//! The images of a YOLO pose data set, each with its label file.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::files::{has_extension, read_file, sorted_names, without_bom};
use crate::folder_tree::FilesBelow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// An image with a label file.
pub(super) struct ImageFile {
    /// Which of the images with labels.
    pub(super) index: usize,
    pub(super) image: PathBuf,
    pub(super) labels: PathBuf,
}

/// The images of all parts.
#[derive(Default)]
pub(super) struct ImageFiles {
    pub(super) labeled: Vec<ImageFile>,
    /// The number of images up to the end of each part.
    pub(super) ends: Vec<usize>,
    pub(super) notes: Vec<String>,
    without_labels: usize,
}

impl ImageFiles {
    /// The images of the parts, each of which is some folders or lists.
    ///
    /// # Errors
    /// If a label file, or a line of a list, has no image.
    pub(super) fn find(parts: &[Vec<PathBuf>]) -> Result<Self, DataError> {
        let mut files = Self::default();
        for place in parts.iter().map(Vec::as_slice) {
            for place in place {
                match place.is_dir() {
                    true => files.add_folder(place)?,
                    false => files.add_list(place)?,
                }
            }
            files.ends.push(files.labeled.len());
        }
        if files.without_labels > 0 {
            files.notes.push(format!(
                "{} images without a label file were ignored",
                files.without_labels
            ));
        }
        Ok(files)
    }

    fn add_folder(&mut self, folder: &Path) -> Result<(), DataError> {
        let found = FilesBelow::find(folder, is_image_name)?;
        self.notes.extend(found.note());
        let mut used: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
        for name in &found.names {
            let image = folder.join(name);
            let labels = label_path(&image).with_extension("txt");
            if let (Some(dir), Some(name)) = (labels.parent(), labels.file_name()) {
                let names = used.entry(dir.to_owned()).or_default();
                names.insert(name.to_string_lossy().into_owned());
            }
            self.add(image, labels);
        }
        // A folder of labels without an image at all.
        let labels = label_path(folder);
        if labels.is_dir() {
            used.entry(labels).or_default();
        }
        for (dir, used) in used.iter().filter(|(dir, _)| dir.is_dir()) {
            let mut names = sorted_names(dir)?.into_iter();
            let unused = names.find(|name| is_label_name(name) && !used.contains(name));
            if let Some(name) = unused {
                let searched = format!(
                    "`{}` in `{}` with extension jpg, jpeg, png or bmp",
                    name.trim_end_matches(".txt"),
                    folder.display()
                );
                let error = AnnotationError::MissingImage { searched };
                return Err(DataError::invalid(
                    &dir.join(name),
                    1,
                    "the file name",
                    error,
                ));
            }
        }
        Ok(())
    }

    /// Adds the images of a list, whose lines are paths below the folder of the list.
    fn add_list(&mut self, list: &Path) -> Result<(), DataError> {
        let text = read_file(list)?;
        let dir = list.parent().unwrap_or(Path::new(""));
        for (line, row) in without_bom(&text).split(|byte| *byte == b'\n').zip(1..) {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let invalid = |error| DataError::invalid(list, row, "the image file", error);
            let name = std::str::from_utf8(line).map_err(|_| {
                let text = shortened(line);
                invalid(AnnotationError::NotUtf8 { text })
            })?;
            let image = dir.join(name.strip_prefix("./").unwrap_or(name));
            if !image.is_file() {
                let searched = format!("`{}`", image.display());
                return Err(invalid(AnnotationError::MissingImage { searched }));
            }
            let labels = label_path(&image).with_extension("txt");
            self.add(image, labels);
        }
        Ok(())
    }

    fn add(&mut self, image: PathBuf, labels: PathBuf) {
        if !labels.is_file() {
            self.without_labels += 1;
            return;
        }
        self.labeled.push(ImageFile {
            index: self.labeled.len(),
            image,
            labels,
        });
    }
}

/// The path with its last folder `images` replaced by `labels`, as Ultralytics does; the same path if
/// there is none.
pub(super) fn label_path(path: &Path) -> PathBuf {
    let parts: Vec<Component<'_>> = path.components().collect();
    let is_images = |part: &Component<'_>| part.as_os_str() == "images";
    let Some(last) = parts.iter().rposition(is_images) else {
        return path.to_owned();
    };
    let replaced = parts.iter().enumerate().map(|(i, part)| match i == last {
        true => "labels".as_ref(),
        false => part.as_os_str(),
    });
    replaced.collect()
}

/// Whether a file has labels. `classes.txt` is a list of names that labelImg writes beside them.
pub(super) fn is_label_name(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    has_extension(file, "txt") && file != "classes.txt"
}

fn is_image_name(name: &str) -> bool {
    let mut extensions = ["jpg", "jpeg", "png", "bmp"].into_iter();
    extensions.any(|extension| has_extension(name, extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_folder_of_images_is_replaced() {
        for (path, expected) in [
            ("images/train/a.jpg", "labels/train/a.jpg"),
            ("images/x/images/a", "images/x/labels/a"),
            ("my_images/a.jpg", "my_images/a.jpg"),
            ("/data/images", "/data/labels"),
        ] {
            assert_eq!(label_path(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
