//! The text of WIDER FACE's labels: for each image its file, the number of faces and their boxes.

use crate::DataError;
use crate::box_images::{BoxImages, NUMBERS, parse_bounds, parse_flag};
use crate::error::{AnnotationError, shortened};
use crate::files::{has_extension, without_bom};
use fkp_core::LabeledBox;
use std::path::{Path, PathBuf};

/// The numbers of a line in order. The last six are attributes.
const LINE: &str = "x y width height blur expression illumination invalid occlusion pose";

/// The number of words of [`LINE`], and which of them is the flag of an invalid face.
const WORDS: usize = 10;
const INVALID: usize = 7;

/// The content of a label file.
pub(super) struct Labels {
    pub(super) images: BoxImages,
    /// Boxes without an area and repeated ones. The published files have some.
    pub(super) dropped: usize,
}

/// Whether a text begins with the name of an image and a number.
pub(super) fn begins_with_an_image(text: &[u8]) -> bool {
    let mut lines = lines(text);
    let name = lines
        .next()
        .and_then(|(line, _)| std::str::from_utf8(line).ok());
    let is_image = name.is_some_and(is_image_name);
    is_image
        && lines
            .next()
            .is_some_and(|(line, _)| number_of_faces(line).is_some())
}

/// Reads a label file; `find` returns the path of an image.
///
/// # Errors
/// If a line breaks the rules of the format, or an image is missing or occurs twice.
pub(super) fn parse(
    path: &Path,
    text: &[u8],
    find: impl Fn(&str) -> Result<PathBuf, AnnotationError>,
) -> Result<Labels, DataError> {
    let mut lines = lines(text).peekable();
    let mut images = BoxImages::default();
    let mut dropped = 0;
    while let Some((line, row)) = lines.next() {
        let invalid = |error| DataError::invalid(path, row, "the image file", error);
        let name = std::str::from_utf8(line).map_err(|_| {
            let text = shortened(line);
            invalid(AnnotationError::NotUtf8 { text })
        })?;
        if !is_image_name(name) {
            return Err(invalid(AnnotationError::Syntax {
                expected: "the file of an image; has the image before more boxes than its number \
                           of faces?",
                found: quoted(line),
            }));
        }
        if let Some(image) = images.position(name) {
            return Err(invalid(images.duplicate(image)));
        }
        let image = images.add(name, find(name).map_err(invalid)?, row);
        // The row of an error at the end of the file.
        let mut last_row = row;
        let count = lines.next();
        let number = count.and_then(|(line, row)| Some((number_of_faces(line)?, row)));
        let Some((number, row)) = number else {
            let error = AnnotationError::Syntax {
                expected: "the number of faces",
                found: count.map_or("the end of the file".to_owned(), |(line, _)| quoted(line)),
            };
            let row = count.map_or(last_row, |(_, row)| row);
            return Err(DataError::invalid(path, row, "the number of faces", error));
        };
        last_row = row;
        if number == 0 {
            // A line of zeros follows.
            let is_zeros = |line: &[u8]| words(line).count() > 1 && words(line).all(|w| w == b"0");
            lines.next_if(|(line, _)| is_zeros(line));
        }
        for _ in 0..number {
            let Some((line, row)) = lines.next() else {
                let error = AnnotationError::Syntax {
                    expected: "as many boxes as the number of faces",
                    found: "the end of the file".to_owned(),
                };
                return Err(DataError::invalid(path, last_row, "the line", error));
            };
            last_row = row;
            let label = labeled_box(path, line, row)?;
            let is_usable = label.bounds.is_usable();
            if !is_usable || images.push(image, label, row).is_err() {
                dropped += 1;
            }
        }
    }
    Ok(Labels { images, dropped })
}

/// The lines that are not blank, trimmed, with their numbers from 1.
fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    let lines = without_bom(text).split(|byte| *byte == b'\n').zip(1..);
    let lines = lines.map(|(line, row)| (line.trim_ascii(), row));
    lines.filter(|(line, _)| !line.is_empty())
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let words = line.split(|byte| byte.is_ascii_whitespace());
    words.filter(|word| !word.is_empty())
}

fn is_image_name(name: &str) -> bool {
    let mut extensions = ["jpg", "jpeg", "png", "bmp"].into_iter();
    extensions.any(|extension| has_extension(name, extension))
}

fn number_of_faces(line: &[u8]) -> Option<usize> {
    std::str::from_utf8(line).ok()?.parse().ok()
}

fn labeled_box(path: &Path, line: &[u8], row: u64) -> Result<LabeledBox, DataError> {
    let found: Vec<&[u8]> = words(line).collect();
    let &[x, y, width, height, ref attributes @ ..] = found.as_slice() else {
        return Err(not_a_box(path, line, row));
    };
    if found.len() != NUMBERS.len() && found.len() != WORDS {
        return Err(not_a_box(path, line, row));
    }
    let bounds = parse_bounds([x, y, width, height])
        .map_err(|(number, error)| DataError::invalid(path, row, NUMBERS[number], error))?;
    let ignore = match attributes.get(INVALID - NUMBERS.len()) {
        Some(flag) => {
            parse_flag(flag).map_err(|error| DataError::invalid(path, row, "`invalid`", error))?
        }
        None => false,
    };
    Ok(LabeledBox { bounds, ignore })
}

fn not_a_box(path: &Path, line: &[u8], row: u64) -> DataError {
    let error = AnnotationError::Syntax {
        expected: LINE,
        found: quoted(line),
    };
    DataError::invalid(path, row, "the line", error)
}

fn quoted(line: &[u8]) -> String {
    format!("`{}`", shortened(line))
}
