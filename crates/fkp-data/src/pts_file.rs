//! The parser of one `.pts` file.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::files::without_bom;
use crate::table::coordinate;
use fkp_core::Keypoint;
use std::path::{Path, PathBuf};

/// The keypoints of one file, counted from 0.
pub(crate) struct PtsFile {
    pub(crate) path: PathBuf,
    pub(crate) keypoints: Vec<Keypoint>,
    /// The line of each keypoint.
    pub(crate) rows: Vec<u64>,
    /// The line of the closing brace.
    pub(crate) last_row: u64,
}

impl PtsFile {
    pub(crate) fn parse(path: &Path, text: &[u8]) -> Result<Self, DataError> {
        let text = without_bom(text);
        let lines = text.split(|byte| *byte == b'\n').zip(1u64..);
        let mut lines = lines.map(|(line, row)| (line.trim_ascii(), row));
        let mut filled = lines.by_ref().filter(|(line, _)| !line.is_empty());
        let last = text.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        let invalid = |row, column: &str, error| DataError::invalid(path, row, column, error);
        let syntax = |expected, line: Option<(&[u8], u64)>| {
            let found = line.map_or("the end".to_owned(), |(l, _)| format!("`{}`", shortened(l)));
            let row = line.map_or(last, |(_, row)| row);
            invalid(row, "the line", AnnotationError::Syntax { expected, found })
        };
        let line = filled.next();
        if line
            .and_then(|(line, _)| value(line, b"version:"))
            .is_none()
        {
            return Err(syntax("`version: 1`", line));
        }
        let line = filled.next();
        let number = line.and_then(|(line, row)| Some((value(line, b"n_points:")?, row)));
        let (number, declared_row) = number.ok_or_else(|| syntax("`n_points: 68`", line))?;
        let declared = std::str::from_utf8(number)
            .ok()
            .and_then(|n| n.parse().ok());
        let declared: usize = declared.ok_or_else(|| {
            let text = shortened(number);
            invalid(
                declared_row,
                "`n_points`",
                AnnotationError::NotANumber { text },
            )
        })?;
        match filled.next() {
            Some((b"{", _)) => {}
            line => return Err(syntax("`{`", line)),
        }
        let mut keypoints = Vec::new();
        let mut rows = Vec::new();
        let last_row = loop {
            match filled.next() {
                Some((b"}", row)) => break row,
                Some((line, row)) => {
                    keypoints.push(keypoint(path, line, row)?);
                    rows.push(row);
                }
                None => return Err(syntax("`}`", None)),
            }
        };
        if keypoints.len() != declared {
            let error = AnnotationError::KeypointCount {
                expected: declared,
                found: keypoints.len(),
                reason: format!(", as `n_points` in row {declared_row} says"),
            };
            return Err(invalid(last_row, "the list of keypoints", error));
        }
        Ok(Self {
            path: path.to_owned(),
            keypoints,
            rows,
            last_row,
        })
    }
}

fn value<'l>(line: &'l [u8], key: &[u8]) -> Option<&'l [u8]> {
    line.strip_prefix(key).map(<[u8]>::trim_ascii)
}

/// `x y`, counted from 1.
fn keypoint(path: &Path, line: &[u8], row: u64) -> Result<Keypoint, DataError> {
    let mut words = line
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    let (Some(x), Some(y), None) = (words.next(), words.next(), words.next()) else {
        let error = AnnotationError::Syntax {
            expected: "two numbers, x and y, or `}`",
            found: format!("`{}`", shortened(line)),
        };
        return Err(DataError::invalid(path, row, "the line", error));
    };
    let read = |word, column| {
        coordinate(word).map_err(|error| DataError::invalid(path, row, column, error))
    };
    let (x, y) = (read(x, "x")?, read(y, "y")?);
    Ok(Keypoint::new((x - 1.0) as f32, (y - 1.0) as f32))
}
