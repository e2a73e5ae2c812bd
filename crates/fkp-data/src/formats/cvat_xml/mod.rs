//! The reader of CVAT for images 1.1: [`Format::CvatXml`](crate::Format::CvatXml).

mod shapes;

use super::named_faces::{Conventions, NamedFaces};
use super::reader::{FormatReader, ReadDataset, ReadOptions};
use super::xml::{XmlText, contains, markup, quoted, xml_files};
use crate::DataError;
use crate::annotated_set::{AnnotatedSet, find_in};
use crate::files::read_file;
use roxmltree::Node;
use shapes::{Kind, Shapes};
use std::path::{Path, PathBuf};

/// The reader of [`Format::CvatXml`](crate::Format::CvatXml).
pub(super) struct CvatXmlReader;

impl FormatReader for CvatXmlReader {
    fn name(&self) -> &'static str {
        "cvat-xml"
    }

    fn expects(&self) -> &'static str {
        "an .xml file of CVAT for images 1.1 with `annotations`, or a folder with exactly one"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        Ok(file_of(path)?.map(|_| path.to_owned()))
    }

    /// # Errors
    /// If the file cannot be parsed or breaks a rule of the format anywhere, or an image is missing.
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let file = match path.is_file() {
            // A requested format is not detected: an error says what is wrong with the file.
            true => Some(path.to_owned()),
            false => file_of(path)?,
        };
        let Some(file) = file else {
            return Err(self.not_this_format(path));
        };
        let text = read_file(&file)?;
        Ok(read(&file, &XmlText::new(&file, &text)?, options)?.into())
    }
}

/// The file, or the only file of the format in a folder.
fn file_of(path: &Path) -> Result<Option<PathBuf>, DataError> {
    let is_known = |root: &[u8], rest: &[u8]| {
        let children: [&[u8]; 4] = [b"<image", b"<track", b"<meta", b"<version"];
        root == b"annotations" && children.iter().any(|child| contains(rest, child))
    };
    let mut files = xml_files(path, is_known)?;
    Ok(if files.len() == 1 { files.pop() } else { None })
}

fn read(path: &Path, xml: &XmlText<'_>, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let document = xml.parse()?;
    let root = document.root_element();
    if !root.has_tag_name("annotations") {
        let error = markup("the root element is not `annotations`");
        return Err(xml.error(root, "the text", error));
    }
    if let Some(track) = root.children().find(|node| node.has_tag_name("track")) {
        let error = markup(
            "the file is in the format CVAT for video; export it from CVAT as CVAT for images 1.1",
        );
        return Err(xml.error(track, quoted("track"), error));
    }
    let images = || root.children().filter(|node| node.has_tag_name("image"));
    let kind = Kind::of(xml, images())?;
    let dir = path.parent().unwrap_or(Path::new(""));
    let mut shapes = Shapes::new(xml, kind, root);
    let mut faces = NamedFaces::default();
    for image in images() {
        let name = xml.attribute(image, "name")?;
        let find = || {
            let found = find_in(&image_folders(dir, image), name);
            found.map_err(|error| xml.error(image, quoted("name"), error))
        };
        shapes.read(image, name, find, &mut faces)?;
    }
    faces.end_file(path)?;
    let schema = shapes.check_labels()?;
    let conventions = Conventions {
        schema: schema.as_deref().unwrap_or("cvat"),
        is_sorted: false,
        offset: shapes::EDGE,
        column: |point, axis| format!("{axis} of `{point}`"),
    };
    let mut set = faces.into_set(options, &conventions, &["", ""])?;
    set.notes.extend(shapes.notes());
    Ok(set)
}

/// Where an image may be. The images of a project are in folders by subset.
fn image_folders(dir: &Path, image: Node<'_, '_>) -> Vec<PathBuf> {
    let images = dir.join("images");
    let subset = image.attribute("subset").map(|subset| images.join(subset));
    subset.into_iter().chain([images, dir.to_owned()]).collect()
}

#[cfg(test)]
mod tests;
