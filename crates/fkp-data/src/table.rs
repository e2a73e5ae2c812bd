//! CSV tables whose errors name the row and column.

use crate::DataError;
use crate::error::{AnnotationError, listed, shortened};
use crate::files::without_bom;
use crate::progress::{ByteSteps, Progress};
use crate::records::Records;
use fkp_core::{Keypoint, Keypoints};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest absolute coordinate in pixels. Labels a little outside an image are common; this far
/// outside they are errors.
pub(crate) const MAX_COORDINATE_PX: f64 = 1e6;

/// A table in memory, read row by row.
pub(crate) struct Table<'a> {
    header: Arc<Header>,
    records: Records<'a>,
    steps: Option<ByteSteps>,
}

/// The first row of a table.
struct Header {
    path: PathBuf,
    names: Vec<String>,
    row: u64,
}

/// The columns of a keypoint's x and y.
pub(crate) type KeypointColumns = [usize; 2];

/// The current row of a [`Table`].
pub(crate) struct Row<'t>(&'t Table<'t>);

impl<'a> Table<'a> {
    /// Reads the header. A byte order mark, Windows line ends and blank lines are allowed.
    pub(crate) fn new(path: &Path, text: &'a [u8]) -> Result<Self, DataError> {
        let mut records = Records::new(without_bom(text), 1);
        if !records.advance().map_err(DataError::io(path))? {
            return Err(DataError::Empty {
                path: path.to_owned(),
            });
        }
        let row = records.line();
        let invalid = |column, error| DataError::invalid(path, row, column, error);
        let mut known = BTreeMap::new();
        let mut names = Vec::new();
        for (column, name) in records.cells().enumerate() {
            let name = std::str::from_utf8(name).map_err(|_| {
                let text = shortened(name);
                let column = format!("column {}", column + 1);
                invalid(column, AnnotationError::NotUtf8 { text })
            })?;
            let name = name.trim();
            if let Some(first) = known.insert(name, column) {
                let error = AnnotationError::DuplicateColumn {
                    first: first + 1,
                    second: column + 1,
                };
                return Err(invalid(quoted(name), error));
            }
            names.push(name.to_owned());
        }
        let path = path.to_owned();
        let header = Arc::new(Header { path, names, row });
        Ok(Self {
            header,
            records,
            steps: None,
        })
    }

    /// Reports how much of a long text is read.
    pub(crate) fn reporting(mut self, progress: &Progress) -> Self {
        self.steps = Some(ByteSteps::new(progress, self.records.text_len()));
        self
    }

    /// Rows of the same table in another text, whose first byte is on this line.
    pub(crate) fn continued<'t>(&self, text: &'t [u8], line: u64) -> Table<'t> {
        Table {
            header: self.header.clone(),
            records: Records::new(text, line),
            steps: None,
        }
    }

    /// The line on which the text after the last row starts.
    pub(crate) fn line_at_end(&self) -> u64 {
        self.records.line_at_end()
    }

    /// The names of the columns.
    pub(crate) fn header(&self) -> &[String] {
        &self.header.names
    }

    /// The next row, which must have as many cells as the header.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row<'_>>, DataError> {
        let io = DataError::io(&self.header.path);
        if !self.records.advance().map_err(io)? {
            self.steps.iter_mut().for_each(ByteSteps::finish);
            return Ok(None);
        }
        if let Some(steps) = &mut self.steps {
            steps.advance(self.records.start());
        }
        let (found, expected) = (self.records.len(), self.header().len());
        if found != expected {
            let error = AnnotationError::CellCount { expected, found };
            let last = found.min(expected).saturating_sub(1);
            return Err(self.cell_error(self.records.line(), last, error));
        }
        Ok(Some(Row(self)))
    }

    /// The position of a column.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.header().iter().position(|column| column == name)
    }

    /// The position of a required column.
    pub(crate) fn column(&self, name: &str) -> Result<usize, DataError> {
        let found = self.position(name);
        found.ok_or_else(|| self.missing_column(name))
    }

    /// The error for a required column that is not in the header.
    pub(crate) fn missing_column(&self, name: &str) -> DataError {
        let found = listed(self.header().iter().map(|column| format!("`{column}`")));
        self.header_error(name, AnnotationError::MissingColumn { found })
    }

    /// An error in the header.
    pub(crate) fn header_error(&self, column: &str, error: AnnotationError) -> DataError {
        DataError::invalid(&self.header.path, self.header.row, quoted(column), error)
    }

    /// An error in a cell of a row.
    pub(crate) fn cell_error(&self, row: u64, column: usize, error: AnnotationError) -> DataError {
        let name = self.header().get(column).map_or("", String::as_str);
        DataError::invalid(&self.header.path, row, quoted(name), error)
    }
}

impl Row<'_> {
    /// The bytes of a cell.
    pub(crate) fn cell(&self, column: usize) -> &[u8] {
        self.0.records.cell(column).unwrap_or_default()
    }

    /// The text of a cell, trimmed.
    pub(crate) fn text(&self, column: usize) -> Result<&str, DataError> {
        let cell = self.cell(column);
        let text = std::str::from_utf8(cell).map_err(|_| {
            let text = shortened(cell);
            self.error(column, AnnotationError::NotUtf8 { text })
        })?;
        Ok(text.trim())
    }

    /// The line that the row starts on, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.0.records.line()
    }

    /// An error in a cell.
    pub(crate) fn error(&self, column: usize, error: AnnotationError) -> DataError {
        self.0.cell_error(self.number(), column, error)
    }

    /// The keypoints in these columns; an empty cell is a keypoint without a label.
    pub(crate) fn keypoints(&self, columns: &[KeypointColumns]) -> Result<Keypoints, DataError> {
        columns
            .iter()
            .map(|&columns| self.keypoint(columns))
            .collect()
    }

    fn keypoint(&self, [x, y]: KeypointColumns) -> Result<Keypoint, DataError> {
        match (self.coordinate(x)?, self.coordinate(y)?) {
            (Some(x), Some(y)) => Ok(Keypoint::new(x, y)),
            (None, None) => Ok(Keypoint::unlabeled()),
            (None, Some(_)) => Err(self.error(x, AnnotationError::MissingCoordinate)),
            (Some(_), None) => Err(self.error(y, AnnotationError::MissingCoordinate)),
        }
    }

    fn coordinate(&self, column: usize) -> Result<Option<f32>, DataError> {
        match self.cell(column).trim_ascii() {
            b"" => Ok(None),
            cell => match coordinate(cell) {
                Ok(value) => Ok(Some(value as f32)),
                Err(error) => Err(self.error(column, error)),
            },
        }
    }
}

/// Parses a coordinate in pixels.
pub(crate) fn coordinate(text: &[u8]) -> Result<f64, AnnotationError> {
    let number = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
    let text = || shortened(text);
    match number {
        None => Err(AnnotationError::NotANumber { text: text() }),
        Some(value) => checked_coordinate(value, text),
    }
}

/// Refuses a coordinate that is not finite or larger than any image.
pub(crate) fn checked_coordinate(
    value: f64,
    text: impl FnOnce() -> String,
) -> Result<f64, AnnotationError> {
    if !value.is_finite() {
        return Err(AnnotationError::NotFinite { text: text() });
    }
    if value.abs() > MAX_COORDINATE_PX {
        return Err(AnnotationError::OutOfRange {
            text: text(),
            limit: MAX_COORDINATE_PX,
        });
    }
    Ok(value)
}

fn quoted(column: &str) -> String {
    format!("column `{}`", shortened(column.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, String)> {
        let path = Path::new("t.csv");
        let mut table = Table::new(path, text.as_bytes()).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = table.next_row().unwrap() {
            rows.push((row.number(), row.text(0).unwrap().to_owned()));
        }
        rows
    }

    #[test]
    fn rows_are_counted_as_an_editor_does() {
        let expected = |rows: [(u64, &str); 2]| rows.map(|(n, t)| (n, t.to_owned())).to_vec();
        assert_eq!(rows("a,b\n1,2\n3,4\n"), expected([(2, "1"), (3, "3")]));
        assert_eq!(rows("a,b\n1,2\n3,4"), expected([(2, "1"), (3, "3")]));
        assert_eq!(
            rows("\u{feff}a,b\r\n1,2\r\n3,4\r\n"),
            expected([(2, "1"), (3, "3")])
        );
        assert_eq!(
            rows("\n\na,b\n\n1,2\r\n\r\n3,4"),
            expected([(5, "1"), (7, "3")])
        );
        assert_eq!(
            rows("a,b\n\"1\n\",2\n3,4\n"),
            expected([(2, "1"), (4, "3")])
        );
        assert_eq!(rows("a,b\r1,2\r3,4"), expected([(2, "1"), (3, "3")]));
    }

    #[test]
    fn errors_name_row_and_column() {
        let path = Path::new("t.csv");
        let error = |text: &[u8]| {
            let result = Table::new(path, text).and_then(|mut t| {
                while let Some(row) = t.next_row()? {
                    row.keypoints(&[[0, 1]])?;
                }
                Ok(())
            });
            result.unwrap_err().to_string()
        };
        for (text, parts) in [
            (&b""[..], &["t.csv", "empty"][..]),
            (b"\n\r\n", &["t.csv", "empty"]),
            (b"a,b,a\n", &["row 1", "column `a`", "positions 1 and 3"]),
            (b"a,\xff\xfe\n", &["row 1", "column 2", "UTF-8"]),
            (b"a,b\n1,2\n3\n", &["row 3", "column `a`", "1 cells"]),
            (b"a,b\n1,2,3\n", &["row 2", "column `b`", "3 cells"]),
            (b"a,b\n1,NaN\n", &["row 2", "column `b`", "`NaN`", "finite"]),
            (b"a,b\n-inf,1\n", &["row 2", "column `a`", "`-inf`"]),
            (b"a,b\n1e999,1\n", &["`1e999`", "finite"]),
            (b"a,b\n1,1e30\n", &["column `b`", "1000000"]),
            (
                b"a,b\r\n1,2\r\n1,seven\r\n",
                &["row 3", "column `b`", "`seven`"],
            ),
            (b"a,b\n1,\xff\n", &["column `b`", "not a number"]),
            (b"a,b\n1,\n", &["column `b`", "other coordinate"]),
            (b"a,b\n,1\n", &["column `a`", "other coordinate"]),
        ] {
            let message = error(text);
            for part in parts {
                assert!(message.contains(part), "{part:?} in {message:?}");
            }
        }
    }
}
