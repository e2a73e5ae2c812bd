//! The variables of a MATLAB file.

use crate::DataError;
use crate::error::{AnnotationError, listed};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The largest number of elements of an array that is converted to `f64`.
pub(super) const MAX_NUMBERS: u64 = 1 << 27;

/// A numeric array, column by column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MatArray {
    /// Rows, columns and further dimensions.
    pub(crate) dims: Vec<usize>,
    pub(crate) values: Values,
}

/// The elements of an array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    /// An array of class `uint8`.
    Bytes(Vec<u8>),
    /// An array of another numeric class.
    Numbers(Vec<f64>),
}

/// A variable of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Variable {
    Array(MatArray),
    /// The arrays of a cell array, column by column.
    Cells(Vec<MatArray>),
    /// Of another class, whose name it is.
    Other(&'static str),
}

/// The variables of a file that were asked for.
#[derive(Debug)]
pub(crate) struct MatFile {
    pub(super) path: PathBuf,
    pub(super) variables: BTreeMap<String, Variable>,
    /// The names of all variables.
    pub(super) names: Vec<String>,
}

impl MatFile {
    /// Whether the file has a variable of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// A numeric array that must be there.
    pub(crate) fn array(&self, name: &str) -> Result<&MatArray, DataError> {
        match self.variable(name)? {
            Variable::Array(array) => Ok(array),
            Variable::Cells(_) => Err(self.other_class(name, "a numeric array", "a cell array")),
            Variable::Other(class) => Err(self.other_class(name, "a numeric array", class)),
        }
    }

    /// The arrays of a cell array that must be there.
    pub(crate) fn cells(&mut self, name: &str) -> Result<Vec<MatArray>, DataError> {
        match self.variable(name)? {
            Variable::Cells(_) => {}
            Variable::Array(_) => {
                return Err(self.other_class(name, "a cell array of arrays", "an array"));
            }
            Variable::Other(class) => {
                return Err(self.other_class(name, "a cell array of arrays", class));
            }
        }
        match self.variables.remove(name) {
            Some(Variable::Cells(cells)) => Ok(cells),
            _ => Ok(Vec::new()),
        }
    }

    /// An error in a variable.
    pub(crate) fn error(&self, name: &str, error: AnnotationError) -> DataError {
        DataError::invalid_binary(&self.path, 0, format!("variable `{name}`"), error)
    }

    fn variable(&self, name: &str) -> Result<&Variable, DataError> {
        let missing = || {
            let found = listed(&self.names);
            self.error(name, AnnotationError::MissingVariable { found })
        };
        self.variables.get(name).ok_or_else(missing)
    }

    fn other_class(&self, name: &str, expected: &'static str, found: &str) -> DataError {
        let found = found.to_owned();
        self.error(name, AnnotationError::Syntax { expected, found })
    }
}

impl MatArray {
    /// Checks the number of rows and columns, of which `None` may be any.
    pub(crate) fn has_shape(&self, rows: Option<usize>, columns: Option<usize>) -> bool {
        let [found_rows, found_columns] = *self.dims.as_slice() else {
            return false;
        };
        rows.is_none_or(|rows| rows == found_rows)
            && columns.is_none_or(|columns| columns == found_columns)
    }

    /// The element at a row and a column, counted from 0.
    ///
    /// # Panics
    /// If it is out of range.
    pub(crate) fn number(&self, row: usize, column: usize) -> f64 {
        let index = column * self.dims[0] + row;
        match &self.values {
            Values::Bytes(bytes) => f64::from(bytes[index]),
            Values::Numbers(numbers) => numbers[index],
        }
    }
}
