//! Tests of reading Kaggle's table, and of its errors.

use super::blocks::Blocks;
use super::*;
use fkp_core::{Dataset, Visibility};
use proptest::prelude::*;
use std::io::Write;

/// A schema of two keypoints keeps the tables short.
fn schema() -> Schema {
    Schema::try_from(fkp_core::SchemaSpec {
        name: "two".to_owned(),
        keypoints: vec!["nose".to_owned(), "chin".to_owned()],
        ..fkp_core::SchemaSpec::default()
    })
    .unwrap()
}

fn options() -> ReadOptions {
    ReadOptions {
        schema: Some(schema()),
        ..ReadOptions::default()
    }
}

const HEADER: &str = "nose_x,nose_y,chin_x,chin_y,Image\n";

fn parse(text: impl AsRef<[u8]>) -> Result<KaggleTable, DataError> {
    parse_in_blocks(text.as_ref(), 1 << 20)
}

/// Reads blocks of this many bytes.
fn parse_in_blocks(text: &[u8], size: usize) -> Result<KaggleTable, DataError> {
    let path = Path::new("training.csv");
    let mut blocks = Blocks::new(path, text, DataError::io(path));
    blocks.size = size;
    KaggleTable::parse_blocks(path, blocks, &options())
}

fn rows(rows: &str) -> Result<KaggleTable, DataError> {
    parse(format!("{HEADER}{rows}"))
}

#[track_caller]
fn assert_message(result: Result<KaggleTable, DataError>, parts: &[&str]) {
    let message = result.unwrap_err().to_string();
    for part in ["training.csv"].iter().chain(parts) {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}

#[test]
fn keypoints_and_images_are_read_by_column_name() {
    let text = "Image,chin_y,chin_x,nose_y,nose_x\r\n1 2 3 4,0.5,0.25,1,0\r\n5 6  7 255,,,1,0.75";
    let set = parse(text).unwrap();
    assert_eq!((set.len(), set.side, set.is_labeled), (2, 2, true));
    let first = set.get(0).unwrap();
    assert_eq!(first.id, "training.csv:2");
    assert_eq!(first.image.as_bytes(), &[1, 2, 3, 4]);
    assert_eq!((first.keypoints[0].x, first.keypoints[0].y), (0.0, 1.0));
    assert_eq!((first.keypoints[1].x, first.keypoints[1].y), (0.25, 0.5));
    let second = set.get(1).unwrap();
    assert_eq!(second.image.as_bytes(), &[5, 6, 7, 255]);
    assert_eq!(second.keypoints[0].x, 0.75);
    assert_eq!(second.keypoints[1].visibility, Visibility::Unlabeled);
    assert!(set.get(2).is_err());
}

#[test]
fn the_test_file_has_images_and_no_labels() {
    let set = parse("\u{feff}ImageId,Image\n1,0 0 0 9\n2,0 0 0 8\n").unwrap();
    assert!(!set.is_labeled);
    let second = set.get(1).unwrap();
    assert_eq!(
        (second.id.as_str(), second.image.pixel(1, 1)),
        ("2", &[8][..])
    );
    assert_eq!(second.keypoints.labeled().count(), 0);
}

#[test]
fn wrong_columns_are_named() {
    assert_message(
        parse("nose_x,nose_y,chin_x,Image\n1,1,1,0\n"),
        &["row 1", "`chin_y`", "missing", "`chin_x`"],
    );
    assert_message(
        parse("nose_x,nose_y,chin_x,chin_y\n1,1,1,1\n"),
        &["`Image`", "missing"],
    );
    assert_message(parse("ImageId\n1\n"), &["`Image`", "missing"]);
    assert_message(
        parse("nose_x,nose_y,chin_x,chin_y,Image,nose_x\n"),
        &["row 1", "`nose_x`", "twice", "1 and 6"],
    );
    assert_message(
        parse("nose_x,nose_y,chin_x,chin_y,ear_x,Image\n"),
        &["row 1", "`ear_x`", "unknown column"],
    );
    assert_message(parse(""), &["empty"]);
    assert_message(parse(HEADER), &["no samples"]);
}

#[test]
fn wrong_pixels_are_named() {
    for (image, parts) in [
        ("1 2 256 4", ["`256`", "pixel 2"]),
        ("1 12a 3 4", ["`12a`", "pixel 1"]),
        ("1 2 -3 4", ["`-3`", "pixel 2"]),
        ("1.5 2 3 4", ["`1.5`", "pixel 0"]),
        ("1 2 3 4000000000000000000000000", ["`4000000", "pixel 3"]),
        ("1 2 3", ["3 pixels", "instead of 4"]),
        ("1 2 3 4 5", ["5 pixels", "instead of 4"]),
        ("", ["cell", "empty"]),
    ] {
        let text = format!("1,1,1,1,0 0 0 0\n1,1,1,1,{image}\n");
        assert_message(rows(&text), &["row 3", "`Image`", parts[0], parts[1]]);
    }
    assert_message(rows("1,1,1,1,0 0 0\n"), &["row 2", "`Image`", "square"]);
}

#[test]
fn wrong_coordinates_are_named() {
    for (cells, parts) in [
        ("nan,1,1,1", ["`nose_x`", "`nan`"]),
        ("1,inf,1,1", ["`nose_y`", "`inf`"]),
        ("1,1,1e39,1", ["`chin_x`", "`1e39`"]),
        ("1,1,1,left", ["`chin_y`", "`left`"]),
        ("1,,1,1", ["`nose_y`", "other coordinate"]),
    ] {
        assert_message(
            rows(&format!("{cells},7\n")),
            &["row 2", parts[0], parts[1]],
        );
    }
    assert_message(rows("1,1,1,1,7\n1,1,7\n"), &["row 3", "3 cells"]);
    assert_message(
        parse(b"nose_x,nose_y,chin_x,\xff,Image\n"),
        &["row 1", "UTF-8"],
    );
}

fn zip_with(files: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = zip::ZipWriter::new(&mut bytes);
    for (name, text) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    bytes.into_inner()
}

fn open_zip(bytes: &[u8]) -> Result<KaggleTable, DataError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("training.zip");
    std::fs::write(&path, bytes).unwrap();
    KaggleTable::read(&path, &options())
}

#[test]
fn the_table_may_be_in_an_archive() {
    let text = format!("{HEADER}1,1,1,1,7\n");
    let set = open_zip(&zip_with(&[("__MACOSX/._a.csv", "x"), ("a.csv", &text)])).unwrap();
    assert_eq!(set.get(0).unwrap().id, "a.csv:2");
    let both = zip_with(&[("test.csv", "x"), ("training.csv", &text)]);
    assert_eq!(open_zip(&both).unwrap().len(), 1);
    let error = open_zip(&zip_with(&[("a.csv", "x"), ("b.csv", "x")])).unwrap_err();
    assert!(error.to_string().contains("a.csv, b.csv"), "{error}");
    let bad = format!("{HEADER}1,1,1,1,256\n");
    let message = open_zip(&zip_with(&[("training.csv", &bad)]))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("training.zip") && message.contains("training.csv"),
        "{message}"
    );
}

#[test]
fn an_archive_truncated_anywhere_is_an_error() {
    let text = format!("{HEADER}{}", "1,2,3,4,7\n".repeat(50));
    let whole = zip_with(&[("training.csv", &text)]);
    for end in 0..whole.len() {
        let error = open_zip(&whole[..end]).unwrap_err();
        assert!(error.to_string().contains("training.zip"), "{error}");
        assert!(std::error::Error::source(&error).is_some(), "{error:?}");
    }
    // A corrupt byte in the middle gives an invalid stream or a wrong checksum.
    let mut corrupt = whole.clone();
    corrupt[60] ^= 0x55;
    assert!(matches!(open_zip(&corrupt), Err(DataError::Archive { .. })));
}

/// A table of at least this many bytes, whose last row is this one.
fn long_table(bytes: usize, last: &str) -> String {
    // Random enough not to be compressed to a single block of the archive.
    let mut random = 1u32;
    let mut text = HEADER.to_owned();
    while text.len() < bytes {
        text += "1,2,3,4,";
        for _ in 0..2500 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text += &format!("{} ", random >> 24);
        }
        text += "\n";
    }
    text + last
}

#[test]
fn a_corrupt_archive_is_that_whatever_its_rows_are() {
    let text = long_table(3 << 20, "");
    let whole = zip_with(&[("training.csv", &text)]);
    let set = open_zip(&whole).unwrap();
    assert_eq!(set.len(), text.lines().count() - 1);
    let data = 30 + "training.csv".len();
    let directory = whole.len() - 22 - 46 - "training.csv".len();
    for (at, bits) in [
        (data + 99, 0x55),
        (directory / 2, 0x01),
        (directory - 9, 0x10),
    ] {
        let mut corrupt = whole.clone();
        corrupt[at] ^= bits;
        let error = open_zip(&corrupt).unwrap_err();
        assert!(matches!(error, DataError::Archive { .. }), "{at}: {error}");
    }
    // An invalid first row, and a wrong checksum at the end.
    let invalid = text.replacen("1,2,3,4,", "1,2,3,x,", 1);
    let whole = zip_with(&[("training.csv", &invalid)]);
    let message = open_zip(&whole).unwrap_err().to_string();
    assert!(message.contains("row 2, column `chin_y`: `x`"), "{message}");
    let mut corrupt = whole.clone();
    let checksum = whole.len() - 22 - 46 - "training.csv".len() + 16;
    corrupt[checksum] ^= 1;
    let error = open_zip(&corrupt).unwrap_err();
    assert!(matches!(error, DataError::Archive { .. }), "{error}");
}

#[test]
fn a_text_of_any_size_is_refused_at_the_limit() {
    let path = Path::new("training.csv");
    let endless = b"1,2,3,4,7\n".repeat(100);
    // An error in the first row does not hide the size.
    for row in ["", "1,2,3,4,x\n"] {
        for size in [1, 64, 1 << 20] {
            let text = [HEADER.as_bytes(), row.as_bytes(), &endless].concat();
            let mut blocks = Blocks::new(path, text.as_slice(), DataError::io(path));
            (blocks.size, blocks.limit) = (size, 1000);
            let error = KaggleTable::parse_blocks(path, blocks, &options()).unwrap_err();
            let refused = matches!(error, DataError::FileTooLarge { limit: 1000, .. });
            assert!(refused, "{error}");
        }
    }
}

#[test]
fn a_table_of_many_blocks_is_read_and_reported() {
    let text = long_table(3 << 20, "5,6,7,8,9 10\n");
    let rows = text.lines().count();
    assert_message(parse(&text), &[&format!("row {rows}"), "2 pixels"]);
    let dir = tempfile::tempdir().unwrap();
    let text = long_table(3 << 20, "");
    for (name, bytes) in [
        ("t.csv", text.clone().into_bytes()),
        ("t.zip", zip_with(&[("t.csv", &text)])),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let reports = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let copy = reports.clone();
        let progress = crate::Progress::new(move |report| copy.lock().unwrap().push(report));
        let options = ReadOptions {
            progress,
            ..options()
        };
        let set = KaggleTable::read(&path, &options).unwrap();
        assert_eq!(set.len(), rows - 2);
        for (index, row) in text.lines().enumerate().skip(1).step_by(7) {
            let sample = set.get(index - 1).unwrap();
            assert_eq!(sample.id, format!("t.csv:{}", index + 1));
            let pixels = row.split(',').next_back().unwrap().split_whitespace();
            let pixels: Vec<u8> = pixels.map(|pixel| pixel.parse().unwrap()).collect();
            assert_eq!(sample.image.as_bytes(), pixels);
        }
        let reports = reports.lock().unwrap();
        assert!(reports.len() >= 3 && reports.is_sorted_by_key(|report| report.done));
        let size = text.len() as u64;
        assert!(
            reports
                .iter()
                .all(|report| report.total == size && report.unit == "bytes")
        );
        assert_eq!(reports[reports.len() - 1].done, size);
    }
}

/// All that a table holds, or its error.
fn content(result: Result<KaggleTable, DataError>) -> Result<Vec<String>, String> {
    let set = result.map_err(|error| error.to_string())?;
    let samples = (0..set.len()).map(|i| {
        let sample = set.get(i).unwrap();
        let bytes = sample.image.as_bytes();
        format!("{} {:?} {bytes:?}", sample.id, sample.keypoints)
    });
    Ok(samples.chain(set.notes.clone()).collect())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let mut text = HEADER.as_bytes().to_vec();
        text.extend(&bytes);
        let _ = parse(&text);
        let _ = open_zip(&bytes);
    }

    #[test]
    fn characters_of_a_table_never_panic(text in "[0-9a.,\"\r\n -]{0,80}") {
        let _ = rows(&text);
    }

    #[test]
    fn blocks_of_any_size_give_the_same_samples_and_errors(
        rows in prop::collection::vec("(1,2,3,4|,,0.5,1|\"1\",\"2\n\",3,9\"|1,2,3|9,,1,1),(\"7\"|8|\"7\n\"|7 8|256)|1,2,3,4,[79]", 0..9),
        ends in prop::collection::vec("\n|\r\n|\r|\n\n\r|\r\n\r\n", 9),
        header in "\n?\r?nose_x,nose_y,chin_x,chin_y,\"?Image\"?",
        size in 1usize..80,
    ) {
        let rows = rows.iter().zip(&ends).map(|(row, end)| format!("{row}{end}"));
        let text = format!("{header}\n{}", rows.collect::<String>());
        let whole = parse_in_blocks(text.as_bytes(), 1 << 20);
        let blocks = parse_in_blocks(text.as_bytes(), size);
        prop_assert_eq!(content(blocks), content(whole));
    }
}
