//! The reader of the XML of dlib's imglab: [`Format::DlibXml`](crate::Format::DlibXml).

use super::named_faces::{Conventions, NamedFace, NamedFaces};
use super::reader::{FormatReader, ReadDataset, ReadOptions};
use super::xml::{XmlText, contains, markup, quoted, xml_files};
use crate::DataError;
use crate::annotated_set::{AnnotatedSet, find_image};
use crate::box_images::{BoxImages, NUMBERS, invalid_size, parse_bounds, refuse_keypoints};
use crate::error::AnnotationError;
use crate::files::read_file;
use crate::table::coordinate;
use fkp_core::{BoundingBox, FaceBox, Keypoint, LabeledBox};
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The attributes of a box that are the numbers of [`NUMBERS`].
const SIDES: [&str; 4] = ["left", "top", "width", "height"];

/// The two files of a split.
const PARTS: [&str; 2] = ["…train.xml", "…test.xml"];

/// The reader of [`Format::DlibXml`](crate::Format::DlibXml).
pub(super) struct DlibXmlReader;

impl FormatReader for DlibXmlReader {
    fn name(&self) -> &'static str {
        "dlib-xml"
    }

    fn expects(&self) -> &'static str {
        "an .xml file of imglab with `dataset` and `images`, or a folder with exactly one, or with \
         one that ends with train.xml and one that ends with test.xml or val.xml"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        Ok((!files_of(path)?.0.is_empty()).then(|| path.to_owned()))
    }

    /// # Errors
    /// If a file cannot be parsed or breaks a rule of the format anywhere, or an image is missing or
    /// occurs twice.
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let (files, others) = match path.is_file() {
            // A requested format is not detected: an error says what is wrong with the file.
            true => (vec![path.to_owned()], Vec::new()),
            false => files_of(path)?,
        };
        if files.is_empty() {
            return Err(self.not_this_format(path));
        }
        let texts = files.iter().map(|file| read_file(file));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let texts = files.iter().zip(&texts);
        let texts = texts.map(|(file, text)| XmlText::new(file, text));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let documents = texts.iter().map(XmlText::parse);
        let documents = documents.collect::<Result<Vec<_>, _>>()?;
        let sources: Vec<Source<'_>> = files
            .iter()
            .zip(&texts)
            .zip(&documents)
            .map(|((path, xml), document)| Source {
                path,
                xml,
                document,
            })
            .collect();
        let has_parts = |source: &Source<'_>| {
            let mut nodes = source.document.descendants();
            nodes.any(|node| node.has_tag_name("part"))
        };
        let mut set = match sources.iter().any(has_parts) {
            true => read_keypoints(&sources, options)?,
            false => read_boxes(&sources, path, options)?,
        };
        let unread = others
            .iter()
            .map(|file| format!("`{}` was not read", file.display()));
        set.notes.extend(unread);
        Ok(set.into())
    }
}

/// The files to read, and those of the format that are not: the only one of a folder, or the two
/// parts of a split.
fn files_of(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DataError> {
    let is_known = |root: &[u8], rest: &[u8]| root == b"dataset" && contains(rest, b"<images");
    let files = xml_files(path, is_known)?;
    if files.len() == 1 {
        return Ok((files, Vec::new()));
    }
    let ends_with = |file: &PathBuf, ends: &[&str]| {
        let name = file.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| ends.iter().any(|end| name.ends_with(end)))
    };
    let (train, rest): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|file| ends_with(file, &["train.xml"]));
    let (val, others): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|file| ends_with(file, &["test.xml", "val.xml"]));
    Ok(match (train.as_slice(), val.as_slice()) {
        ([train], [val]) => (vec![train.clone(), val.clone()], others),
        _ => (Vec::new(), Vec::new()),
    })
}

/// A parsed file.
struct Source<'a> {
    path: &'a Path,
    xml: &'a XmlText<'a>,
    document: &'a Document<'a>,
}

impl<'a> Source<'a> {
    /// The images in the order of the file.
    fn images(&self) -> Result<impl Iterator<Item = Node<'a, 'a>> + use<'a>, DataError> {
        let root = self.document.root_element();
        if !root.has_tag_name("dataset") {
            let error = markup("the root element is not `dataset`");
            return Err(self.xml.error(root, "the text", error));
        }
        let lists = root.children().filter(|node| node.has_tag_name("images"));
        let images = lists.flat_map(|list| list.children());
        Ok(images.filter(|node| node.has_tag_name("image")))
    }

    /// The name and the file of an image. Windows writes the name with backslashes.
    fn file_of(&self, image: Node<'a, 'a>) -> Result<(&'a str, PathBuf), DataError> {
        let name = self.xml.attribute(image, "file")?;
        let dir = self.path.parent().unwrap_or(Path::new(""));
        let found = find_image(dir, name).or_else(|error| match name.contains('\\') {
            true => find_image(dir, &name.replace('\\', "/")).map_err(|_| error),
            false => Err(error),
        });
        let file = found.map_err(|error| self.xml.error(image, quoted("file"), error))?;
        Ok((name, file))
    }

    fn bounds(&self, node: Node<'_, '_>) -> Result<BoundingBox, DataError> {
        let mut texts: [&[u8]; 4] = [b""; 4];
        for (text, side) in texts.iter_mut().zip(SIDES) {
            *text = self.xml.attribute(node, side)?.trim().as_bytes();
        }
        let bounds = parse_bounds(texts);
        bounds.map_err(|(i, error)| self.xml.error(node, quoted(SIDES[i]), error))
    }
}

/// The boxes of an image.
fn boxes<'a>(image: Node<'a, 'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    image.children().filter(|node| node.has_tag_name("box"))
}

/// Each box with parts is a sample.
fn read_keypoints(
    sources: &[Source<'_>],
    options: &ReadOptions,
) -> Result<AnnotatedSet, DataError> {
    let mut faces = NamedFaces::default();
    let (mut ignored, mut without_parts) = (0, 0);
    for source in sources {
        let xml = source.xml;
        let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
        for image in source.images()? {
            let (name, file) = source.file_of(image)?;
            if let Some(first) = rows.insert(name, xml.row(image)) {
                return Err(xml.error(image, quoted("file"), duplicate(name, first)));
            }
            let mut number = 0;
            for node in boxes(image) {
                let bounds = source.bounds(node)?;
                if xml.flag(node, "ignore")? {
                    ignored += 1;
                    continue;
                }
                let id = match number {
                    0 => name.to_owned(),
                    _ => format!("{name} face {}", number + 1),
                };
                let face_box = bounds.is_usable().then(|| FaceBox::face(bounds));
                let mut face = NamedFace::new(id, file.clone(), face_box);
                for part in node.children().filter(|node| node.has_tag_name("part")) {
                    let name = xml.attribute(part, "name")?;
                    let x = xml.parsed(part, "x", coordinate)?;
                    let y = xml.parsed(part, "y", coordinate)?;
                    let keypoint = Keypoint::new(x as f32, y as f32);
                    let added = faces.add(&mut face, name, keypoint, xml.row(part));
                    added.map_err(|error| xml.error(part, quoted("name"), error))?;
                }
                match face.is_labeled() {
                    true => {
                        number += 1;
                        faces.push(face);
                    }
                    false => {
                        without_parts += 1;
                        faces.skip();
                    }
                }
            }
        }
        faces.end_file(source.path)?;
    }
    let conventions = Conventions {
        schema: "dlib",
        is_sorted: true,
        offset: 0.0,
        column: |part, axis| format!("`{axis}` of part `{part}`"),
    };
    let mut set = faces.into_set(options, &conventions, &PARTS)?;
    for (count, what) in [
        (ignored, "that are to be ignored"),
        (without_parts, "without parts"),
    ] {
        if count > 0 {
            set.notes
                .push(format!("{count} boxes {what} were not read"));
        }
    }
    Ok(set)
}

/// A data set for face detection.
fn read_boxes(
    sources: &[Source<'_>],
    path: &Path,
    options: &ReadOptions,
) -> Result<AnnotatedSet, DataError> {
    refuse_keypoints(path, options.schema.as_ref())?;
    let mut parts = Vec::new();
    for source in sources {
        let xml = source.xml;
        let mut images = BoxImages::default();
        for image in source.images()? {
            let (name, file) = source.file_of(image)?;
            if let Some(first) = images.position(name) {
                return Err(xml.error(image, quoted("file"), images.duplicate(first)));
            }
            let index = images.add(name, file, xml.row(image));
            for node in boxes(image) {
                let bounds = source.bounds(node)?;
                for (side, size) in [("width", bounds.width), ("height", bounds.height)] {
                    if size == 0.0 {
                        return Err(xml.error(node, quoted(side), invalid_size(b"0")));
                    }
                }
                let ignore = xml.flag(node, "ignore")?;
                let label = LabeledBox { bounds, ignore };
                let pushed = images.push(index, label, xml.row(node));
                pushed.map_err(|error| xml.error(node, "the box", error))?;
            }
        }
        let side = |number: &str| {
            let index = NUMBERS.iter().position(|name| *name == number);
            quoted(index.map_or(number, |index| SIDES[index]))
        };
        parts.push(images.into_set(source.path, options.far_labels, side)?);
    }
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next()) {
        (Some(train), Some(val)) => Ok(AnnotatedSet::of_parts(train, val, &PARTS)),
        (Some(all), None) => Ok(all),
        (None, _) => Err(DlibXmlReader.not_this_format(path)),
    }
}

fn duplicate(name: &str, first: u64) -> AnnotationError {
    AnnotationError::Duplicate {
        name: name.to_owned(),
        first: format!("row {first}"),
    }
}

#[cfg(test)]
mod tests;
