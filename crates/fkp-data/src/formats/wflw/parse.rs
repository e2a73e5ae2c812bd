//! The lines of a list of WFLW: keypoints, rectangle, attributes and image of a face each.

use crate::DataError;
use crate::box_images::parse_flag;
use crate::error::{AnnotationError, shortened};
use crate::files::{has_extension, without_bom};
use crate::table::coordinate;
use fkp_core::{BoundingBox, FaceBox, Keypoint, Keypoints};
use std::path::Path;

/// The number of keypoints of a face.
pub(super) const KEYPOINTS: usize = 98;

const COORDINATES: usize = 2 * KEYPOINTS;

/// The numbers of the rectangle, after the coordinates.
const RECTANGLE: [&str; 4] = ["x_min", "y_min", "x_max", "y_max"];

/// The flags after the rectangle, which are 1 for a hard case.
const ATTRIBUTES: [&str; 6] = [
    "pose",
    "expression",
    "illumination",
    "make-up",
    "occlusion",
    "blur",
];

/// The words of a line without and with rectangle and attributes.
const WORDS: [usize; 2] = [
    COORDINATES + 1,
    COORDINATES + RECTANGLE.len() + ATTRIBUTES.len() + 1,
];

/// One line of a list.
pub(super) struct Face {
    pub(super) row: u64,
    pub(super) image: String,
    pub(super) keypoints: Keypoints,
    pub(super) face_box: Option<FaceBox>,
    pub(super) attributes: Vec<String>,
}

/// Whether a text begins with the coordinates of 98 points and ends its line with an image.
pub(super) fn is_list(text: &[u8]) -> bool {
    let Some((words, _)) = lines(text).next() else {
        return false;
    };
    let is_image = words.last().is_some_and(|name| is_image_name(name));
    let is_number = |word: &&[u8]| coordinate(word).is_ok();
    WORDS.contains(&words.len()) && is_image && words.iter().take(COORDINATES).all(is_number)
}

/// The faces of a list, in the order of the lines.
pub(super) fn faces(path: &Path, text: &[u8]) -> impl Iterator<Item = Result<Face, DataError>> {
    lines(text).map(move |(words, row)| face(path, &words, row))
}

fn face(path: &Path, words: &[&[u8]], row: u64) -> Result<Face, DataError> {
    let invalid = |column: &str, error| DataError::invalid(path, row, column, error);
    if !WORDS.contains(&words.len()) {
        let [short, long] = WORDS;
        let error = AnnotationError::WordCount {
            expected: format!(
                "{short} (98 points and an image file), or {long} with a rectangle and six \
                 attributes"
            ),
            found: words.len(),
        };
        return Err(invalid("the line", error));
    }
    let (coordinates, rest) = words.split_at(COORDINATES);
    let mut keypoints = Vec::with_capacity(KEYPOINTS);
    for (index, pair) in coordinates.chunks_exact(2).enumerate() {
        let read = |axis: usize| {
            let value = coordinate(pair[axis]);
            value.map_err(|error| invalid(&format!("{}{index}", ["x", "y"][axis]), error))
        };
        keypoints.push(Keypoint::new(read(0)? as f32, read(1)? as f32));
    }
    let Some((name, extra)) = rest.split_last() else {
        unreachable!("the number of words was checked");
    };
    let image = std::str::from_utf8(name).map_err(|_| {
        let text = shortened(name);
        invalid("the image file", AnnotationError::NotUtf8 { text })
    })?;
    let (rectangle, flags) = extra.split_at(extra.len().min(RECTANGLE.len()));
    let mut sides = Vec::with_capacity(RECTANGLE.len());
    for (text, column) in rectangle.iter().zip(RECTANGLE) {
        sides.push(coordinate(text).map_err(|error| invalid(column, error))?);
    }
    let mut attributes = Vec::new();
    for (text, name) in flags.iter().zip(ATTRIBUTES) {
        if parse_flag(text).map_err(|error| invalid(name, error))? {
            attributes.push(name.to_owned());
        }
    }
    Ok(Face {
        row,
        image: image.to_owned(),
        keypoints: Keypoints::new(keypoints),
        face_box: face_box(&sides),
        attributes,
    })
}

/// The rectangle, which is that of a face detector; its corners are in the pixels of the keypoints.
/// `None` if there is none, or if it has no area.
fn face_box(sides: &[f64]) -> Option<FaceBox> {
    let &[x, y, right, bottom] = sides else {
        return None;
    };
    let bounds = BoundingBox {
        x,
        y,
        width: right - x,
        height: bottom - y,
    };
    bounds.is_usable().then(|| FaceBox::face(bounds))
}

/// The words of the lines that are not blank, with their numbers from 1.
fn lines(text: &[u8]) -> impl Iterator<Item = (Vec<&[u8]>, u64)> {
    let lines = without_bom(text).split(|byte| *byte == b'\n').zip(1..);
    lines
        .map(|(line, row)| {
            let words = line.split(|byte| byte.is_ascii_whitespace());
            (words.filter(|word| !word.is_empty()).collect(), row)
        })
        .filter(|(words, _): &(Vec<&[u8]>, u64)| !words.is_empty())
}

fn is_image_name(name: &[u8]) -> bool {
    let mut extensions = ["jpg", "jpeg", "png", "bmp"].into_iter();
    std::str::from_utf8(name).is_ok_and(|name| extensions.any(|end| has_extension(name, end)))
}
