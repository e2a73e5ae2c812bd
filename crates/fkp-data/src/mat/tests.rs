//! Tests of reading MATLAB files, and of their errors.

use super::writer::{bytes, cells, compressed, doubles, element, file, matrix};
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

/// Written by `scipy.io.savemat` 1.17 with `do_compression=True`: the variables `pt2d` (2×3
/// `double`), `ints` (1×3 `double`), `single` (1×1), `i16` (2×1), `text`, `cells` (2×1: `uint8`
/// arrays of 2×3 and of 2×2×3), `st` (a struct) and `cplx` (1×1 complex).
const SCIPY: &str = concat!(
    "TUFUTEFCIDUuMCBNQVQtZmlsZSBQbGF0Zm9ybTogcG9zaXgsIENyZWF0ZWQgb246IFN1biBOb3YgMjkgMjM6",
    "MTE6MzAgMjAyNgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
    "SU0PAAAAPgAAAHic42NgYEgAYjYg5oDSIMAK5TMBMTMQMzKwMBSUGKVwAtkGDDDwwR5CCziAqQYTCM0gAqU5",
    "oLSkAwD5IQW1DwAAADEAAAB4nONjYGDwAGI2IOaA0iDACuUzAjEzmGZhyMwrKeYEsiUYYOCDPZThAKE4HAB6",
    "9AQXDwAAACsAAAB4nONjYGCwAGI2IOYAYnYGCGCF8hmRMEhNcWZeek4qSB0LkHfAHgA74AP+DwAAACsAAAB4",
    "nONjYGAwAGI2IOYAYi4GCGCF8pmAmBGMmRkyDc2AJAvD3/8sDAAjYgNCDwAAACwAAAB4nONjYGCwAGI2IOYA",
    "YhYGCGCF8hmhbEagTElqRYkAlJ+RmpOTD6QBReYEXw8AAABYAAAAeJzjY2BgOADEbEDMAcSMDBDACuUzQcUY",
    "oWLJqTk5xUCaD4gtkPRxYtHHjGQeE1QtAzMjCxMrRL8HDv08UPUwMxjQzAHJM7AxczKys3AxcbByg7gAWkQE",
    "ZA8AAAA4AAAAeJzjY2BgqABiNiDmAGImBghghfIZ4ZiJobgEJM4CVgPiJwJpPiC2QNLPh1M/BPAgiYMAANK8",
    "AoYPAAAALAAAAHic42NgYPAAYjYg5gDRIAIIWKF8RjhmYUguyKnghIpDwAd7VD6DAwB4dwPP",
);

fn parse(bytes: &[u8], wanted: &[&str]) -> Result<MatFile, DataError> {
    v5::read(Path::new("a.mat"), bytes, wanted)
}

fn scipy() -> Vec<u8> {
    STANDARD.decode(SCIPY).unwrap()
}

fn array(dims: &[usize], values: &[f64]) -> MatArray {
    MatArray {
        dims: dims.to_vec(),
        values: Values::Numbers(values.to_vec()),
    }
}

#[track_caller]
fn assert_message<T: std::fmt::Debug>(result: Result<T, DataError>, parts: &[&str]) {
    let message = result.unwrap_err().to_string();
    for part in ["a.mat"].iter().chain(parts) {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}

#[test]
fn a_file_of_scipy_is_read() {
    let wanted = [
        "pt2d", "ints", "single", "i16", "cells", "absent", "text", "st", "cplx",
    ];
    let mut file = parse(&scipy(), &wanted).unwrap();
    let pt2d = file.array("pt2d").unwrap();
    assert_eq!(pt2d, &array(&[2, 3], &[1.0, 4.0, 20.5, 5.0, 3.0, 6.25]));
    assert_eq!((pt2d.number(0, 1), pt2d.number(1, 2)), (20.5, 6.25));
    assert_eq!(
        file.array("ints").unwrap(),
        &array(&[1, 3], &[1.0, 2.0, 3.0])
    );
    assert_eq!(file.array("single").unwrap(), &array(&[1, 1], &[1.5]));
    assert_eq!(file.array("i16").unwrap(), &array(&[2, 1], &[-3.0, 4.0]));
    let cells = file.cells("cells").unwrap();
    assert_eq!(cells[0].dims, [2, 3]);
    assert_eq!(cells[0].values, Values::Bytes(vec![0, 3, 1, 4, 2, 5]));
    assert_eq!(cells[1].dims, [2, 2, 3]);
    assert!(file.has("text") && !file.has("absent"));
    assert_message(
        file.array("absent").map(|_| ()),
        &["`absent`", "missing", "pt2d, ints"],
    );
    assert_message(
        file.array("text").map(|_| ()),
        &["`text`", "numeric array", "a text"],
    );
    assert_message(file.array("st").map(|_| ()), &["`st`", "a struct"]);
    assert_message(file.array("cplx").map(|_| ()), &["`cplx`", "complex"]);
    assert_message(file.cells("ints"), &["`ints`", "a cell array", "an array"]);
}

#[test]
fn plain_and_big_endian_files_are_read() {
    let plain = file(&[
        doubles("a", &[1, 2], &[1.0, 2.0]),
        compressed(&bytes("b", &[1, 1], &[7])),
    ]);
    let read = parse(&plain, &["a", "b"]).unwrap();
    assert_eq!(read.array("a").unwrap(), &array(&[1, 2], &[1.0, 2.0]));
    assert_eq!(read.array("b").unwrap().number(0, 0), 7.0);
    // The last padding is missing.
    let bare = parse(
        &file(&[bytes("b", &[1, 5], &[7; 5])[..61].to_vec()]),
        &["b"],
    );
    assert_message(bare.map(|_| ()), &["byte 128", "ends within the file"]);
    let mut big = file(&[])[..124].to_vec();
    big.extend([1, 0, b'M', b'I']);
    let word = |value: u32| value.to_be_bytes().to_vec();
    let element = |kind: u32, data: Vec<u8>| [word(kind), word(data.len() as u32), data].concat();
    let content = [
        element(6, [word(6), word(0)].concat()),
        element(5, [word(1), word(1)].concat()),
        [word(1 << 16 | 1), b"x\0\0\0".to_vec()].concat(),
        element(9, 2.5f64.to_be_bytes().to_vec()),
    ];
    big.extend(element(14, content.concat()));
    assert_eq!(
        parse(&big, &["x"]).unwrap().array("x").unwrap(),
        &array(&[1, 1], &[2.5])
    );
}

#[test]
fn only_wanted_variables_are_kept_and_cells_are_arrays() {
    let empty = element(14, &[]);
    let nested = cells("", &[1, 1], &[bytes("", &[1, 1], &[1])]);
    let mut read = parse(
        &file(&[
            doubles("other", &[1, 1], &[1.0]),
            cells("c", &[1, 2], &[bytes("", &[1, 1], &[1]), empty]),
            cells("deep", &[1, 1], &[nested]),
        ]),
        &["c", "deep"],
    )
    .unwrap();
    assert!(read.has("other"));
    assert_eq!(read.cells("c").unwrap().len(), 2);
    assert_message(read.cells("deep"), &["`deep`", "not arrays"]);
    assert!(read.array("other").is_err());
}

#[test]
fn errors_name_the_byte() {
    let valid = doubles("a", &[1, 2], &[1.0, 2.0]);
    let claim = |dims: &[u32], values: usize| file(&[doubles("a", dims, &vec![0.0; values])]);
    for (bytes, parts) in [
        (Vec::new(), &["byte 0", "the header", "MATLAB file"][..]),
        (b"text".to_vec(), &["byte 0"]),
        (file(&[])[..127].to_vec(), &["byte 0"]),
        (
            file(&[vec![1, 2, 3]]),
            &["byte 128", "a variable", "3 bytes"],
        ),
        (
            file(&[valid[..valid.len() - 1].to_vec()]),
            &["byte 128", "ends within"],
        ),
        (
            file(&[element(9, &[0; 8])]),
            &["byte 128", "an array", "type 9"],
        ),
        (file(&[element(14, &[])]), &["the flags of an array"]),
        (claim(&[1, 3], 2), &["`a`", "16 bytes for [1, 3]"]),
        (
            claim(&[u32::MAX >> 1, u32::MAX >> 1], 2),
            &["`a`", "16 bytes"],
        ),
        (
            claim(&[u32::MAX >> 1; 3], 2),
            &["dimensions", "fits into memory"],
        ),
        (claim(&[u32::MAX, 1], 2), &["dimensions"]),
        (claim(&[2], 2), &["dimensions"]),
        (claim(&[1; 9], 1), &["dimensions"]),
        (
            file(&[cells("a", &[1 << 30, 1], &[])]),
            &["`a`", "1073741824 cells in 0 bytes"],
        ),
        (
            file(&[matrix(6, "a", &[1, 1], &element(99, &[0; 8]))]),
            &["numeric type", "type 99"],
        ),
        (file(&[matrix(6, "a", &[1, 1], &[])]), &["`a`", "0 bytes"]),
        (file(&[valid.clone(), valid.clone()]), &["`a` occurs twice"]),
        (file(&[element(15, b"no zlib!")]), &["byte 128", "zlib"]),
        (
            file(&[compressed(&valid[..40])]),
            &["byte 128", "ends within"],
        ),
    ] {
        assert_message(parse(&bytes, &["a"]).map(|_| ()), parts);
    }
    let mut huge = doubles("a", &[1, 2], &[1.0, 2.0]);
    huge[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_message(parse(&file(&[huge]), &["a"]).map(|_| ()), &["byte 128"]);
}

#[test]
fn a_decompression_bomb_is_refused() {
    // A megabyte of zeros in about a kilobyte, inside an element that claims to be as large.
    let small = parse(&file(&[compressed(&element(14, &vec![0; 1 << 20]))]), &[]);
    assert_message(small.map(|_| ()), &["byte 128", "the flags"]);
    let doubles = matrix(6, "a", &[1 << 14, 1 << 14], &element(2, &vec![0; 1 << 28]));
    let parts = ["`a`", "268435456 numbers", "limit"];
    assert_message(
        parse(&file(&[compressed(&doubles)]), &["a"]).map(|_| ()),
        &parts,
    );
}

#[cfg(not(feature = "hdf5"))]
#[test]
fn a_file_of_version_7_3_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mat");
    for start in [0, 512] {
        let bytes = [&vec![b' '; start][..], b"\x89HDF\r\n\x1a\n"].concat();
        std::fs::write(&path, bytes).unwrap();
        let read = MatFile::read(&path, &["a"]).map(|_| ());
        assert_message(
            read,
            &["7.3", "HDF5", "feature `hdf5`", "scipy.io.savemat", "-v7"],
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn changed_files_never_panic(
        changes in prop::collection::vec((0usize..4096, any::<u8>()), 1..4), end in 0usize..4096,
    ) {
        let wanted = ["pt2d", "cells", "a", "c"];
        let plain = file(&[
            doubles("a", &[2, 2], &[1.0; 4]),
            cells("c", &[1, 2], &[bytes("", &[2, 1], &[1, 2]), element(14, &[])]),
        ]);
        for mut bytes in [scipy(), plain] {
            for (position, byte) in &changes {
                let position = position % bytes.len();
                bytes[position] = *byte;
            }
            let _ = parse(&bytes, &wanted);
            let _ = parse(&bytes[..end % bytes.len()], &wanted);
        }
    }
}
