//! The parser of MATLAB files of the versions 5 to 7, by *MAT-File Format* (The MathWorks, 2023).

use super::variables::{MAX_NUMBERS, MatArray, MatFile, Values, Variable};
use crate::DataError;
use crate::error::{AnnotationError, shortened};
use flate2::read::ZlibDecoder;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

const HEADER: usize = 128;

/// The largest size of all variables of a file together after decompression, in bytes.
const MAX_CONTENT: u64 = 1 << 31;

/// Types of elements that contain others.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// The class of an array that has arrays as elements.
const CELL: u8 = 1;

pub(super) fn read(path: &Path, bytes: &[u8], wanted: &[&str]) -> Result<MatFile, DataError> {
    let order = match bytes.get(HEADER - 4..HEADER) {
        Some([_, 1, b'I', b'M']) => ByteOrder::Little,
        Some([1, _, b'M', b'I']) => ByteOrder::Big,
        _ => {
            let error = AnnotationError::Syntax {
                expected: "the header of a MATLAB file of version 5, 7 or 7.3",
                found: format!("`{}`", shortened(&bytes[..bytes.len().min(20)])),
            };
            return Err(DataError::invalid_binary(path, 0, "the header", error));
        }
    };
    let mut file = MatFile {
        path: path.to_owned(),
        variables: BTreeMap::new(),
        names: Vec::new(),
    };
    let mut elements = Elements {
        path,
        order,
        start: HEADER as u64,
        rest: &bytes[HEADER..],
        in_compressed: None,
    };
    let mut content = 0;
    while !elements.rest.is_empty() {
        let at = elements.position();
        let element = elements.next("a variable")?;
        let unpacked;
        let mut variable = match element.kind {
            COMPRESSED => {
                unpacked = decompress(path, at, element.data, MAX_CONTENT - content)?;
                content += unpacked.len() as u64;
                let mut inner = Elements {
                    path,
                    order,
                    start: at,
                    rest: &unpacked,
                    in_compressed: Some(at),
                };
                inner.next("a variable")?
            }
            _ => element,
        };
        if variable.kind != MATRIX {
            let found = format!("type {}", variable.kind);
            return Err(elements.error(at, "the element", "an array", found));
        }
        let matrix = Matrix::read(&mut variable.inner, true)?;
        if wanted.contains(&matrix.name.as_str()) {
            let name = matrix.name.clone();
            let variable = matrix.into_variable()?;
            if file.variables.insert(name.clone(), variable).is_some() {
                let error = AnnotationError::Duplicate {
                    name,
                    first: "an earlier variable".to_owned(),
                };
                return Err(DataError::invalid_binary(path, at, "the variable", error));
            }
            file.names.push(name);
        } else if !matrix.name.is_empty() {
            file.names.push(matrix.name);
        }
    }
    Ok(file)
}

/// The content of a compressed element.
fn decompress(path: &Path, at: u64, data: &[u8], limit: u64) -> Result<Vec<u8>, DataError> {
    let mut unpacked = Vec::new();
    let read = ZlibDecoder::new(data)
        .take(limit + 1)
        .read_to_end(&mut unpacked);
    let error = match read {
        Ok(_) if unpacked.len() as u64 <= limit => return Ok(unpacked),
        Ok(_) => AnnotationError::LimitExceeded {
            what: "decompressed bytes, at least,",
            found: MAX_CONTENT + 1,
            limit: MAX_CONTENT,
        },
        Err(error) => AnnotationError::Syntax {
            expected: "compressed data (zlib)",
            found: error.to_string(),
        },
    };
    Err(DataError::invalid_binary(
        path,
        at,
        "the compressed variable",
        error,
    ))
}

#[derive(Debug, Clone, Copy)]
enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    fn array<const N: usize>(self, mut bytes: [u8; N]) -> [u8; N] {
        if matches!(self, Self::Big) {
            bytes.reverse();
        }
        bytes
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        u32::from_le_bytes(self.array(bytes))
    }
}

/// Elements one after the other: a type, a size and data each.
#[derive(Clone)]
struct Elements<'b> {
    path: &'b Path,
    order: ByteOrder,
    /// Where the remaining bytes start, in the file or in the decompressed variable.
    start: u64,
    rest: &'b [u8],
    /// Where the compressed variable starts, inside of one: its errors name this byte.
    in_compressed: Option<u64>,
}

struct Element<'b> {
    kind: u32,
    data: &'b [u8],
    /// The elements in the data.
    inner: Elements<'b>,
}

impl<'b> Elements<'b> {
    fn position(&self) -> u64 {
        self.in_compressed.unwrap_or(self.start)
    }

    /// The next element; `what` it is, for messages.
    fn next(&mut self, what: &str) -> Result<Element<'b>, DataError> {
        let truncated = |found: usize, at: u64| {
            let found = format!("{found} bytes");
            self.error(at, what, "an element that ends within the file", found)
        };
        let at = self.position();
        let Some((&tag, after)) = self.rest.split_first_chunk::<8>() else {
            return Err(truncated(self.rest.len(), at));
        };
        let [a, b, c, d, e, f, g, h] = tag;
        let first = self.order.u32([a, b, c, d]);
        // A small element has its size in the upper half of the type, and its data in the tag.
        let (kind, size, from, used) = match first >> 16 {
            0 => {
                let size = self.order.u32([e, f, g, h]) as usize;
                // Compressed elements are not padded.
                let padded = match first {
                    COMPRESSED => Some(size),
                    _ => size.checked_next_multiple_of(8),
                };
                let padded = padded.ok_or_else(|| truncated(size, at))?;
                (first, size, after, padded.saturating_add(8))
            }
            size => (first & 0xffff, size as usize, &self.rest[4..8], 8),
        };
        let data = from.get(..size).ok_or_else(|| truncated(size, at))?;
        // The padding of the last element may be missing.
        let next = self.rest.get(used..).unwrap_or_default();
        let data_start = self.start + (self.rest.len() - from.len()) as u64;
        self.start += (self.rest.len() - next.len()) as u64;
        self.rest = next;
        Ok(Element {
            kind,
            data,
            inner: Elements {
                start: data_start,
                rest: data,
                ..self.clone()
            },
        })
    }

    fn error(&self, at: u64, field: &str, expected: &'static str, found: String) -> DataError {
        let error = AnnotationError::Syntax { expected, found };
        DataError::invalid_binary(self.path, at, field, error)
    }
}

/// The head of an array, and the elements with its content.
struct Matrix<'e, 'b> {
    class: u8,
    is_complex: bool,
    dims: Vec<usize>,
    /// The product of the dimensions.
    len: u64,
    name: String,
    content: &'e mut Elements<'b>,
}

impl<'e, 'b> Matrix<'e, 'b> {
    fn read(content: &'e mut Elements<'b>, is_variable: bool) -> Result<Self, DataError> {
        let at = content.position();
        let flags = content.next("the flags of an array")?;
        let Some((&flags, _)) = flags.data.split_first_chunk::<4>() else {
            let found = format!("{} bytes", flags.data.len());
            return Err(content.error(at, "the flags of an array", "8 bytes", found));
        };
        let flags = content.order.u32(flags);
        let dims = content.next("the dimensions of an array")?;
        let (sides, rest) = dims.data.as_chunks::<4>();
        let order = content.order;
        let sides: Vec<u32> = sides.iter().map(|side| order.u32(*side)).collect();
        // The file may have 32 dimensions at most; more than a few are no data set.
        if !rest.is_empty() || !(2..=8).contains(&sides.len()) || sides.iter().any(|s| s >> 31 == 1)
        {
            let found = format!("{} bytes", dims.data.len());
            let expected = "two to eight dimensions of four bytes";
            return Err(content.error(at, "the dimensions of an array", expected, found));
        }
        let len = sides
            .iter()
            .try_fold(1u64, |len, side| len.checked_mul(u64::from(*side)));
        let len = len.ok_or_else(|| {
            let found = format!("{sides:?}");
            content.error(
                at,
                "the dimensions of an array",
                "an array that fits into memory",
                found,
            )
        })?;
        let name = content.next("the name of an array")?;
        let name = match is_variable {
            true => String::from_utf8_lossy(name.data).into_owned(),
            false => String::new(),
        };
        Ok(Self {
            class: flags as u8,
            is_complex: flags & 0x0800 != 0,
            dims: sides.iter().map(|side| *side as usize).collect(),
            len,
            name,
            content,
        })
    }

    fn into_variable(self) -> Result<Variable, DataError> {
        match self.class {
            CELL => Ok(match self.into_cells()? {
                Some(cells) => Variable::Cells(cells),
                None => Variable::Other("a cell array with elements that are not arrays"),
            }),
            2 => Ok(Variable::Other("a struct")),
            4 => Ok(Variable::Other("a text")),
            5 => Ok(Variable::Other("a sparse array")),
            6..=15 if !self.is_complex => Ok(Variable::Array(self.into_array()?)),
            6..=15 => Ok(Variable::Other("a complex array")),
            _ => Ok(Variable::Other("an object")),
        }
    }

    /// The arrays of a cell array; `None` if one is not numeric.
    fn into_cells(self) -> Result<Option<Vec<MatArray>>, DataError> {
        // Each has a tag of eight bytes at least.
        if self.len > self.content.rest.len() as u64 / 8 {
            let found = format!("{} cells in {} bytes", self.len, self.content.rest.len());
            let at = self.content.position();
            let field = format!("variable `{}`", shortened(self.name.as_bytes()));
            return Err(self
                .content
                .error(at, &field, "as many cells as its size says", found));
        }
        let mut cells = Vec::with_capacity(self.len as usize);
        for _ in 0..self.len {
            let mut cell = self.content.next("a cell")?;
            if cell.kind != MATRIX {
                return Ok(None);
            }
            // An empty cell has no content.
            if cell.data.is_empty() {
                cells.push(MatArray {
                    dims: vec![0, 0],
                    values: Values::Numbers(Vec::new()),
                });
                continue;
            }
            let matrix = Matrix::read(&mut cell.inner, false)?;
            match matrix.class {
                6..=15 if !matrix.is_complex => cells.push(matrix.into_array()?),
                _ => return Ok(None),
            }
        }
        Ok(Some(cells))
    }

    fn into_array(self) -> Result<MatArray, DataError> {
        let at = self.content.position();
        let field = format!("variable `{}`", shortened(self.name.as_bytes()));
        let element = self.content.next(&field)?;
        let error = |expected, found| self.content.error(at, &field, expected, found);
        let width = match element.kind {
            1 | 2 => 1,
            3 | 4 => 2,
            5..=7 => 4,
            9 | 12 | 13 => 8,
            kind => return Err(error("a numeric type", format!("type {kind}"))),
        };
        if self.len.checked_mul(width) != Some(element.data.len() as u64) {
            let found = format!("{} bytes for {:?}", element.data.len(), self.dims);
            return Err(error("as many numbers as its size says", found));
        }
        // Numbers of the class `uint8` are stored as such.
        if (self.class, element.kind) == (9, 2) {
            return Ok(MatArray {
                dims: self.dims,
                values: Values::Bytes(element.data.to_vec()),
            });
        }
        if self.len > MAX_NUMBERS {
            let error = AnnotationError::LimitExceeded {
                what: "numbers of an array",
                found: self.len,
                limit: MAX_NUMBERS,
            };
            return Err(DataError::invalid_binary(
                self.content.path,
                at,
                field,
                error,
            ));
        }
        let values = Values::Numbers(numbers(element.kind, element.data, self.content.order));
        Ok(MatArray {
            dims: self.dims,
            values,
        })
    }
}

/// The numbers in the data of an element of a numeric type.
fn numbers(kind: u32, data: &[u8], order: ByteOrder) -> Vec<f64> {
    fn all<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        data.as_chunks::<N>()
            .0
            .iter()
            .map(|bytes| number(*bytes))
            .collect()
    }
    match kind {
        1 => all(data, |bytes| f64::from(i8::from_le_bytes(bytes))),
        2 => all(data, |[byte]| f64::from(byte)),
        3 => all(data, |bytes| {
            f64::from(i16::from_le_bytes(order.array(bytes)))
        }),
        4 => all(data, |bytes| {
            f64::from(u16::from_le_bytes(order.array(bytes)))
        }),
        5 => all(data, |bytes| {
            f64::from(i32::from_le_bytes(order.array(bytes)))
        }),
        6 => all(data, |bytes| {
            f64::from(u32::from_le_bytes(order.array(bytes)))
        }),
        7 => all(data, |bytes| {
            f64::from(f32::from_le_bytes(order.array(bytes)))
        }),
        9 => all(data, |bytes| f64::from_le_bytes(order.array(bytes))),
        12 => all(data, |bytes| i64::from_le_bytes(order.array(bytes)) as f64),
        _ => all(data, |bytes| u64::from_le_bytes(order.array(bytes)) as f64),
    }
}
