//! The label files of a YOLO pose data set: their numbers, and what the numbers mean.

use super::data_yaml::KeypointShape;
use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::files::{read_file, without_bom};
use crate::table::coordinate;
use fkp_core::{BoundingBox, FaceBox, Keypoint, Keypoints, Visibility};
use std::path::{Path, PathBuf};

/// The numbers before the keypoints: class, and center, width and height of the box.
pub(super) const BEFORE: usize = 5;

/// The largest number of numbers of a line.
const MAX_NUMBERS: usize = BEFORE + 3 * crate::formats::named_faces::MAX_KEYPOINTS;

/// The labels of an image.
pub(super) struct LabelFile {
    pub(super) path: PathBuf,
    pub(super) lines: Vec<Line>,
}

/// A line, which is a face.
pub(super) struct Line {
    pub(super) row: u64,
    pub(super) numbers: Vec<f64>,
}

/// A face in pixels.
pub(super) struct Face {
    pub(super) class: usize,
    /// In the order of the file.
    pub(super) keypoints: Keypoints,
    pub(super) face_box: Option<FaceBox>,
}

impl LabelFile {
    /// Reads a file. One without a line is an image without a face.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let text = match read_file(path) {
            Err(DataError::Empty { .. }) => Vec::new(),
            other => other?,
        };
        let mut lines = Vec::new();
        for (line, row) in without_bom(&text).split(|byte| *byte == b'\n').zip(1..) {
            let words = line.split(|byte| byte.is_ascii_whitespace());
            let mut numbers = Vec::new();
            for word in words.filter(|word| !word.is_empty()) {
                let column = || format!("number {}", numbers.len() + 1);
                let invalid = |error| DataError::invalid(path, row, column(), error);
                if numbers.len() == MAX_NUMBERS {
                    return Err(invalid(AnnotationError::TooMany {
                        what: "numbers",
                        limit: MAX_NUMBERS,
                    }));
                }
                let number = coordinate(word).map_err(invalid)?;
                numbers.push(number);
            }
            if !numbers.is_empty() {
                numbers.shrink_to_fit();
                lines.push(Line { row, numbers });
            }
        }
        Ok(Self {
            path: path.to_owned(),
            lines,
        })
    }
}

impl Line {
    /// The face of a line in an image of (width, height) pixels.
    ///
    /// Ultralytics measures from the outer edge of the image: its mirror image of x is `width − x`.
    /// The center of the first pixel is at 0.5 there, and at 0 here.
    pub(super) fn face(
        &self,
        path: &Path,
        shape: KeypointShape,
        reason: &str,
        (width, height): (usize, usize),
    ) -> Result<Face, DataError> {
        let invalid = |column: &str, error| DataError::invalid(path, self.row, column, error);
        let KeypointShape { count, dims } = shape;
        let expected = BEFORE + count * dims;
        let Some(((&[class, x, y, w, h], keypoints), true)) = self
            .numbers
            .split_first_chunk::<BEFORE>()
            .map(|parts| (parts, self.numbers.len() == expected))
        else {
            let error = AnnotationError::WordCount {
                expected: format!("{expected} numbers{reason}"),
                found: self.numbers.len(),
            };
            return Err(invalid("the line", error));
        };
        if class < 0.0 || class.fract() != 0.0 {
            return Err(invalid(
                "the class",
                AnnotationError::Syntax {
                    expected: "an integer from 0",
                    found: format!("`{}`", shortened(class.to_string().as_bytes())),
                },
            ));
        }
        let (width, height) = (width as f64, height as f64);
        let mut found = Vec::with_capacity(count);
        for (index, numbers) in keypoints.chunks_exact(dims).enumerate() {
            let visibility = match *numbers {
                [_, _, 0.0] => Visibility::Unlabeled,
                [_, _, 1.0] => Visibility::Occluded,
                [_, _, 2.0] => Visibility::Visible,
                [_, _, given] => {
                    let keypoint = index;
                    let error = AnnotationError::InvalidVisibility { keypoint, given };
                    return Err(invalid("the visibility", error));
                }
                [0.0, 0.0] => Visibility::Unlabeled,
                // So is a keypoint without a label in Ultralytics.
                [x, y] if x < 0.0 || y < 0.0 => Visibility::Unlabeled,
                _ => Visibility::Visible,
            };
            found.push(match visibility {
                Visibility::Unlabeled => Keypoint::unlabeled(),
                _ => Keypoint {
                    x: (numbers[0] * width - 0.5) as f32,
                    y: (numbers[1] * height - 0.5) as f32,
                    visibility,
                },
            });
        }
        let (left, top) = ((x - w / 2.0) * width, (y - h / 2.0) * height);
        let bounds = BoundingBox::from_image_edges(left, top, w * width, h * height);
        Ok(Face {
            class: class as usize,
            keypoints: Keypoints::new(found),
            face_box: bounds.is_usable().then(|| FaceBox::face(bounds)),
        })
    }
}

/// The number of keypoints by the lines alone. `given` is that of a given schema.
///
/// # Errors
/// If the lines can be read in no way, or in two.
pub(super) fn guess_shape(
    files: &[LabelFile],
    given: Option<usize>,
) -> Result<Option<KeypointShape>, DataError> {
    let lines = || {
        files
            .iter()
            .flat_map(|file| file.lines.iter().map(move |line| (file, line)))
    };
    let Some((first_file, first)) = lines().next() else {
        return Ok(None);
    };
    let length = first.numbers.len();
    let invalid = |file: &LabelFile, row, expected| {
        let found = length;
        let error = AnnotationError::WordCount { expected, found };
        DataError::invalid(&file.path, row, "the line", error)
    };
    let needs_yaml = "a `data.yaml` with `kpt_shape` says how they are to be read";
    if let Some((file, line)) = lines().find(|(_, line)| line.numbers.len() != length) {
        let error = AnnotationError::WordCount {
            expected: format!(
                "{length} as in `{}`, row {}; {needs_yaml}",
                first_file.path.display(),
                first.row
            ),
            found: line.numbers.len(),
        };
        return Err(DataError::invalid(&file.path, line.row, "the line", error));
    }
    let rest = length.saturating_sub(BEFORE);
    let flags = |line: &Line| {
        let numbers = line.numbers.iter().skip(BEFORE);
        let flags = numbers.skip(2).step_by(3);
        let (mut are_flags, mut any_set) = (true, false);
        for flag in flags {
            are_flags &= matches!(flag, 0.0 | 1.0 | 2.0);
            any_set |= *flag != 0.0;
        }
        (are_flags, any_set)
    };
    let are_flags = lines().all(|(_, line)| flags(line).0);
    let any_set = lines().any(|(_, line)| flags(line).1);
    let shapes = [2, 3].into_iter().filter(|dims| {
        let fits = rest > 0 && rest.is_multiple_of(*dims) && (*dims == 2 || are_flags);
        fits && given.is_none_or(|count| count * dims == rest)
    });
    let shapes: Vec<_> = shapes
        .map(|dims| KeypointShape {
            count: rest / dims,
            dims,
        })
        .collect();
    match shapes.as_slice() {
        [only] => Ok(Some(*only)),
        // Visibilities, where x and y alternate: coordinates are not only 0, 1 and 2.
        [_, with_visibility] if any_set => Ok(Some(*with_visibility)),
        [two, three] => Err(invalid(
            first_file,
            first.row,
            format!(
                "a number that is either that of {} keypoints (x, y) or of {} (x, y, visibility); \
                 {needs_yaml}",
                two.count, three.count
            ),
        )),
        _ => Err(invalid(
            first_file,
            first.row,
            format!("{BEFORE}, and 2 or 3 for each keypoint; {needs_yaml}"),
        )),
    }
}
