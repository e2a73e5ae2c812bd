//! Keypoints in a NumPy `.npy` file: an array `[k, 2]` or `[k, 3]` of floating-point numbers.

use crate::DataError;
use crate::coco_values::visibility;
use crate::error::{AnnotationError, shortened};
use crate::table::checked_coordinate;
use fkp_core::{Keypoint, Visibility};
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";

/// The keypoints of a file of the versions 1 to 3, little endian, `float32` or `float64`. The third
/// column is the visibility as in COCO; without it a pair of NaN is a keypoint without a label.
/// Errors count the rows of the array from 1.
pub(crate) fn keypoints(path: &Path, bytes: &[u8]) -> Result<Vec<Keypoint>, DataError> {
    let (text, start) = header(path, bytes)?;
    let invalid = |field: &str, expected, found: String| {
        let error = AnnotationError::Syntax { expected, found };
        DataError::invalid_binary(path, MAGIC.len() as u64, field, error)
    };
    let header = Header::parse(text).ok_or_else(|| {
        let found = format!("`{}`", shortened(text));
        invalid("the header", "`descr`, `fortran_order` and `shape`", found)
    })?;
    let width = match header.descr {
        "<f4" => 4,
        "<f8" => 8,
        other => {
            let expected = "`<f4` or `<f8` (save it with `.astype('float32')`)";
            let found = format!("`{}`", shortened(other.as_bytes()));
            return Err(invalid("`descr`", expected, found));
        }
    };
    let (rows, columns) = match *header.shape.as_slice() {
        [rows, columns @ (2 | 3)] => (rows, columns),
        _ => {
            let found = format!("{:?}", header.shape);
            return Err(invalid(
                "`shape`",
                "two dimensions, (k, 2) or (k, 3)",
                found,
            ));
        }
    };
    let data = &bytes[start..];
    let expected = rows.checked_mul(columns * width);
    if expected != Some(data.len()) {
        let error = AnnotationError::Syntax {
            expected: "as many numbers as the shape says",
            found: format!("{} bytes for {:?}", data.len(), header.shape),
        };
        return Err(DataError::invalid_binary(
            path,
            start as u64,
            "the data",
            error,
        ));
    }
    let number = |row: usize, column: usize| {
        let index = match header.is_column_major {
            true => column * rows + row,
            false => row * columns + column,
        };
        float(&data[index * width..(index + 1) * width])
    };
    let keypoint = |row: usize| {
        let (x, y) = (number(row, 0), number(row, 1));
        let at = |column: &'static str| {
            move |error| DataError::invalid(path, row as u64 + 1, column, error)
        };
        let visibility = match columns {
            3 => visibility(row, number(row, 2)).map_err(at("column 3"))?,
            _ if x.is_nan() && y.is_nan() => Visibility::Unlabeled,
            _ => Visibility::Visible,
        };
        if visibility == Visibility::Unlabeled {
            return Ok(Keypoint::unlabeled());
        }
        let checked = |value: f64| checked_coordinate(value, || value.to_string());
        Ok(Keypoint {
            x: checked(x).map_err(at("column 1"))? as f32,
            y: checked(y).map_err(at("column 2"))? as f32,
            visibility,
        })
    };
    (0..rows).map(keypoint).collect()
}

/// The text of the header, and where the data starts.
fn header<'b>(path: &Path, bytes: &'b [u8]) -> Result<(&'b [u8], usize), DataError> {
    let length = match bytes.strip_prefix(MAGIC) {
        Some([1, _, a, b, ..]) => Some((10usize, usize::from(u16::from_le_bytes([*a, *b])))),
        Some([2 | 3, _, a, b, c, d, ..]) => {
            let length = u32::from_le_bytes([*a, *b, *c, *d]);
            Some((12, length as usize))
        }
        _ => None,
    };
    let text = length.and_then(|(start, length)| {
        let end = start.checked_add(length)?;
        Some((bytes.get(start..end)?, end))
    });
    text.ok_or_else(|| {
        let error = AnnotationError::Syntax {
            expected: "a NumPy header of version 1, 2 or 3",
            found: format!("`{}`", shortened(&bytes[..bytes.len().min(8)])),
        };
        DataError::invalid_binary(path, 0, "the header", error)
    })
}

fn float(bytes: &[u8]) -> f64 {
    match *bytes {
        [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => f64::NAN,
    }
}

/// A header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (68, 2), }`.
struct Header<'h> {
    descr: &'h str,
    is_column_major: bool,
    shape: Vec<usize>,
}

impl<'h> Header<'h> {
    fn parse(text: &'h [u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim();
        let mut rest = text.strip_prefix('{')?.strip_suffix('}')?.trim();
        let (mut descr, mut is_column_major, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, after) = quoted(rest)?;
            let value = after.trim_start().strip_prefix(':')?.trim_start();
            rest = match key {
                "descr" => {
                    let (value, rest) = quoted(value)?;
                    descr = Some(value);
                    rest
                }
                "fortran_order" => {
                    let (value, rest) = value.split_at_checked(value.find([',', ' ', '}'])?)?;
                    is_column_major = Some(match value {
                        "True" => true,
                        "False" => false,
                        _ => return None,
                    });
                    rest
                }
                "shape" => {
                    let (sides, rest) = value.strip_prefix('(')?.split_once(')')?;
                    let sides = sides.split(',').map(str::trim);
                    let sides = sides.filter(|side| !side.is_empty());
                    shape = Some(sides.map(|side| side.parse().ok()).collect::<Option<_>>()?);
                    rest
                }
                _ => return None,
            };
            rest = rest.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        Some(Self {
            descr: descr?,
            is_column_major: is_column_major?,
            shape: shape?,
        })
    }
}

/// A text in quotes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file as `numpy.save` writes it: the header is padded so that the data starts at a multiple
    /// of 64.
    fn npy(version: u8, descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let dict = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        let prefix = if version == 1 { 10 } else { 12 };
        let padding = 63 - (prefix + dict.len()) % 64;
        let header = format!("{dict}{}\n", " ".repeat(padding));
        let mut bytes = [MAGIC, &[version, 0]].concat();
        match version {
            1 => bytes.extend((header.len() as u16).to_le_bytes()),
            _ => bytes.extend((header.len() as u32).to_le_bytes()),
        }
        bytes.extend(header.bytes());
        assert_eq!(bytes.len() % 64, 0);
        bytes.extend(data);
        bytes
    }

    fn f32s(values: &[f32]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }

    fn f64s(values: &[f64]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Keypoint>, DataError> {
        keypoints(Path::new("a.npy"), bytes)
    }

    #[test]
    fn arrays_of_each_type_order_and_version_are_read() {
        let expected = [Keypoint::new(1.0, 2.5), Keypoint::new(-3.0, 4.0)];
        let data = f32s(&[1.0, 2.5, -3.0, 4.0]);
        for version in 1..=3 {
            let bytes = npy(version, "<f4", "False", "(2, 2)", &data);
            assert_eq!(read(&bytes).unwrap(), expected);
        }
        let bytes = npy(1, "<f8", "True", "(2, 2)", &f64s(&[1.0, -3.0, 2.5, 4.0]));
        assert_eq!(read(&bytes).unwrap(), expected);
        let flags = f64s(&[1.0, 2.5, 2.0, 7.0, 8.0, 1.0, f64::NAN, 9.0, 0.0]);
        let found = read(&npy(1, "<f8", "False", "(3, 3)", &flags)).unwrap();
        let visibility: Vec<_> = found.iter().map(|keypoint| keypoint.visibility).collect();
        let all = [
            Visibility::Visible,
            Visibility::Occluded,
            Visibility::Unlabeled,
        ];
        assert_eq!(visibility, all);
        let bytes = npy(1, "<f4", "False", "(1, 2)", &f32s(&[f32::NAN; 2]));
        assert!(!read(&bytes).unwrap()[0].is_labeled());
        assert_eq!(read(&npy(1, "<f4", "False", "(0, 2)", &[])).unwrap(), []);
    }

    #[test]
    fn errors_name_byte_or_row() {
        let four = f32s(&[1.0, 2.0, 3.0, 4.0]);
        let valid = npy(1, "<f4", "False", "(2, 2)", &four);
        for (bytes, parts) in [
            (Vec::new(), &["byte 0", "the header", "NumPy header"][..]),
            (b"\x93NUMPX\x01\x00v\x00".to_vec(), &["byte 0"]),
            (
                b"\x93NUMPY\x04\x00v\x00".to_vec(),
                &["byte 0", "version 1, 2 or 3"],
            ),
            (valid[..60].to_vec(), &["byte 0"]),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec(), &["byte 0"]),
            (
                b"\x93NUMPY\x01\x00\x02\x00{}".to_vec(),
                &["byte 6", "`shape`", "`{}`"],
            ),
            (
                valid[..valid.len() - 1].to_vec(),
                &["byte 128", "15 bytes for [2, 2]"],
            ),
            ([&valid[..], &[0]].concat(), &["17 bytes"]),
            (
                npy(1, ">f4", "False", "(2, 2)", &four),
                &["`>f4`", "astype"],
            ),
            (npy(1, "<i4", "False", "(2, 2)", &four), &["`<i4`"]),
            (npy(1, "<f4", "False", "(4,)", &four), &["`shape`", "[4]"]),
            (npy(1, "<f4", "False", "(1, 2, 2)", &four), &["[1, 2, 2]"]),
            (npy(1, "<f4", "False", "(2, 2.0)", &four), &["the header"]),
            (npy(1, "<f4", "Maybe", "(2, 2)", &four), &["the header"]),
            (
                npy(1, "<f4", "False", "(9223372036854775807, 2)", &four),
                &["16 bytes"],
            ),
            (
                npy(
                    1,
                    "<f4",
                    "False",
                    "(2, 2)",
                    &f32s(&[1.0, 2.0, f32::NAN, 1.0]),
                ),
                &["row 2", "column 1", "finite"],
            ),
            (
                npy(1, "<f4", "False", "(2, 2)", &f32s(&[1.0, 1e30, 1.0, 1.0])),
                &["row 1", "column 2"],
            ),
            (
                npy(1, "<f4", "False", "(1, 3)", &f32s(&[1.0, 1.0, 0.5])),
                &["row 1", "column 3", "visibility 0.5"],
            ),
        ] {
            let message = read(&bytes).unwrap_err().to_string();
            for part in [&["a.npy"], parts].concat() {
                assert!(message.contains(part), "{part:?} in {message:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn changed_files_never_panic(
            position in 0usize..200, byte in any::<u8>(), end in 0usize..200,
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut valid = npy(1, "<f4", "False", "(4, 3)", &f32s(&[1.0; 12]));
            let position = position % valid.len();
            valid[position] = byte;
            let _ = read(&valid);
            let _ = read(&valid[..end % valid.len()]);
            let _ = read(&[b"\x93NUMPY\x01\x00", &bytes[..]].concat());
        }
    }
}
