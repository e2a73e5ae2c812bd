//! Writes MATLAB files of version 5 for tests.

use std::io::Write;

/// A file of these variables.
pub(crate) fn file(variables: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"MATLAB 5.0 MAT-file, written by a test".to_vec();
    bytes.resize(124, b' ');
    bytes.extend([0, 1, b'I', b'M']);
    bytes.extend(variables.concat());
    bytes
}

/// An array of class `double`, column by column.
pub(crate) fn doubles(name: &str, dims: &[u32], values: &[f64]) -> Vec<u8> {
    let values = values.iter().flat_map(|value| value.to_le_bytes());
    matrix(6, name, dims, &element(9, &values.collect::<Vec<_>>()))
}

/// An array of class `uint8`, column by column.
pub(crate) fn bytes(name: &str, dims: &[u32], values: &[u8]) -> Vec<u8> {
    matrix(9, name, dims, &element(2, values))
}

/// A cell array of arrays without names.
pub(crate) fn cells(name: &str, dims: &[u32], cells: &[Vec<u8>]) -> Vec<u8> {
    matrix(1, name, dims, &cells.concat())
}

/// An array of any class with this content.
pub(crate) fn matrix(class: u8, name: &str, dims: &[u32], content: &[u8]) -> Vec<u8> {
    let sides = dims.iter().flat_map(|side| side.to_le_bytes());
    let head = [
        element(6, &[class, 0, 0, 0, 0, 0, 0, 0]),
        element(5, &sides.collect::<Vec<_>>()),
        element(1, name.as_bytes()),
    ];
    element(14, &[&head.concat(), content].concat())
}

/// A compressed element.
pub(crate) fn compressed(element: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(element).unwrap();
    let packed = encoder.finish().unwrap();
    let tag = [15u32.to_le_bytes(), (packed.len() as u32).to_le_bytes()];
    [&tag.concat(), &packed[..]].concat()
}

/// An element with its padding; of up to four bytes in the small form.
pub(crate) fn element(kind: u32, data: &[u8]) -> Vec<u8> {
    if kind != 14 && (1..=4).contains(&data.len()) {
        let mut bytes = (kind | (data.len() as u32) << 16).to_le_bytes().to_vec();
        bytes.extend(data);
        bytes.resize(8, 0);
        return bytes;
    }
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}
