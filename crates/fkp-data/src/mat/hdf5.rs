//! MATLAB files of version 7.3, which are HDF5 with the dimensions of each array reversed.

use super::variables::{MAX_NUMBERS, MatArray, MatFile, Values, Variable};
use crate::DataError;
use crate::error::AnnotationError;
use crate::files::MAX_BYTES;
use hdf5_pure::{DType, Dataset, Error, File, Object};
use std::collections::BTreeMap;
use std::path::Path;

pub(super) fn read(path: &Path, bytes: Vec<u8>, wanted: &[&str]) -> Result<MatFile, DataError> {
    let unreadable = |source: Error| DataError::Unreadable {
        path: path.to_owned(),
        format: "MATLAB 7.3 (HDF5)",
        source: Box::new(source),
    };
    let file = File::from_bytes(bytes).map_err(unreadable)?;
    let names = file.root().datasets().map_err(unreadable)?;
    let mut variables = BTreeMap::new();
    for name in wanted {
        if !names.iter().any(|known| known == name) {
            continue;
        }
        let reader = Reader {
            path,
            name,
            unreadable: &unreadable,
        };
        let dataset = file.dataset(name).map_err(unreadable)?;
        variables.insert((*name).to_owned(), reader.variable(&dataset)?);
    }
    Ok(MatFile {
        path: path.to_owned(),
        variables,
        names,
    })
}

struct Reader<'r> {
    path: &'r Path,
    name: &'r str,
    unreadable: &'r dyn Fn(Error) -> DataError,
}

impl Reader<'_> {
    fn variable(&self, dataset: &Dataset) -> Result<Variable, DataError> {
        let unreadable = self.unreadable;
        if dataset.dtype().map_err(unreadable)? != DType::ObjectReference {
            let array = self.array(dataset)?;
            return Ok(array.map_or(Variable::Other("another class"), Variable::Array));
        }
        self.dims(dataset, MAX_NUMBERS)?;
        let mut cells = Vec::new();
        let mut bytes = 0;
        for object in dataset.dereference().map_err(unreadable)? {
            let array = match object {
                Object::Dataset(dataset) => self.array(&dataset)?,
                _ => None,
            };
            let Some(array) = array else {
                let other = "a cell array with elements that are not arrays";
                return Ok(Variable::Other(other));
            };
            // References may all name one array.
            bytes += match &array.values {
                Values::Bytes(values) => values.len() as u64,
                Values::Numbers(values) => 8 * values.len() as u64,
            };
            self.limited("bytes of all cells", bytes, 2 * MAX_BYTES)?;
            cells.push(array);
        }
        Ok(Variable::Cells(cells))
    }

    /// The array of a data set; `None` if it is not numeric.
    fn array(&self, dataset: &Dataset) -> Result<Option<MatArray>, DataError> {
        let unreadable = self.unreadable;
        let (dims, values) = match dataset.dtype().map_err(unreadable)? {
            DType::U8 => {
                let dims = self.dims(dataset, MAX_BYTES)?;
                (dims, Values::Bytes(dataset.read_u8().map_err(unreadable)?))
            }
            DType::F32
            | DType::F64
            | DType::I8
            | DType::I16
            | DType::I32
            | DType::I64
            | DType::U16
            | DType::U32
            | DType::U64 => {
                let dims = self.dims(dataset, MAX_NUMBERS)?;
                let numbers = dataset.read_f64().map_err(unreadable)?;
                (dims, Values::Numbers(numbers))
            }
            _ => return Ok(None),
        };
        let found = match &values {
            Values::Bytes(values) => values.len(),
            Values::Numbers(values) => values.len(),
        };
        if dims.iter().product::<usize>() != found {
            let error = AnnotationError::Syntax {
                expected: "as many numbers as its size says",
                found: format!("{found} for {dims:?}"),
            };
            return Err(self.error(error));
        }
        Ok(Some(MatArray { dims, values }))
    }

    /// The dimensions as in MATLAB, whose product is at most `limit`.
    fn dims(&self, dataset: &Dataset, limit: u64) -> Result<Vec<usize>, DataError> {
        let shape = dataset.shape().map_err(self.unreadable)?;
        let len = shape
            .iter()
            .try_fold(1u64, |len, side| len.checked_mul(*side));
        self.limited("elements of an array", len.unwrap_or(u64::MAX), limit)?;
        Ok(shape.iter().rev().map(|side| *side as usize).collect())
    }

    fn limited(&self, what: &'static str, found: u64, limit: u64) -> Result<(), DataError> {
        match found > limit {
            true => Err(self.error(AnnotationError::LimitExceeded { what, found, limit })),
            false => Ok(()),
        }
    }

    fn error(&self, error: AnnotationError) -> DataError {
        DataError::invalid_binary(self.path, 0, format!("variable `{}`", self.name), error)
    }
}
