//! Tests of reading Parquet files, and of their errors.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Written by `pyarrow` 26 as Hugging Face writes images: three rows of `image` (a struct of `bytes`
/// and `path`), `keypoints` (a list of lists of `float`), `visibility` (a list of `int64`), `bbox` (a
/// list of `double`) and `person` (a text).
const PYARROW: &str = concat!(
    "UEFSMRUAFdgDFcICLBUGFQAVBhUGHAAAAOwB8FUCAAAABgJFAAAAiVBORw0KGgoAAAANSUhEUgAAABQAAAAK",
    "CAAAAACRPiE6AAAADElEQVR4nGNgGG4AAADSAAFQmYCvAAAAAElFTkSuQmCCSwAAAIlQToJJAAASDUlYZGTA",
    "BExYxIaMIAAJ1wAVrunQUAAAAAARTwRKAJaYAAAREU8MYsAE2AVOTAqoABaeqXlKAAAAAElFTkSuQmCCFQAV",
    "QhVELBUGFQAVBhUGHAAAACE4AgAAAAYCBQAAADAucG5nAQk0MS5wbmcFAAAAMi5wbmcVABVyFWosFRYVABUG",
    "FQYcAAAAOXwFAAAABZiYGAAEAAAAFAUCAgAAwD8AAABAAABAQAAAgAEEDRA0wH8AAMB/AACAPwAAAEAVABV4",
    "FU4sFQwVABUGFQYcAAAAPBQCAAAAAyoBBgQMAwEGAQEAAQEFCAAAABEQPggAHAAAAAAAAAAAFQAVngEVUCwV",
    "EhUAFQYVBhwAAABPOAMAAAAF7gAEAAAAEAMCAAkBBPA/CQgEAEAJCAAiDQgAIA0IZgEAFQAVJhUqLBUGFQAV",
    "BhUGHAAAABNIAgAAAAMDAwAAAEFubgIAAABCbxUEGfwQNQAYBnNjaGVtYRUKADUCGAVpbWFnZRUEABUMJQIY",
    "BWJ5dGVzABUMJQIYBHBhdGglAEwcAAAANQIYCWtleXBvaW50cxUCFQZMPAAAADUEGARsaXN0FQIANQIYB2Vs",
    "ZW1lbnQVAhUGTDwAAAA1BBgEbGlzdBUCABUIJQIYB2VsZW1lbnQANQIYCnZpc2liaWxpdHkVAhUGTDwAAAA1",
    "BBgEbGlzdBUCABUEJQIYB2VsZW1lbnQANQIYBGJib3gVAhUGTDwAAAA1BBgEbGlzdBUCABUKJQIYB2VsZW1l",
    "bnQAFQwlAhgGcGVyc29uJQBMHAAAABYGGRwZbCYAHBUMGSUGABkoBWltYWdlBWJ5dGVzFQIWBhaCBBbsAiYI",
    "SRwVABUAFQIAPBa0AxkGGTYAAAYAAAAmABwVDBklBgAZKAVpbWFnZQRwYXRoFQIWBhZoFmom9AJJHBUAFQAV",
    "AgA8Fh4ZBhk2AAAGAAAAJgAcFQgZJQYAGVgJa2V5cG9pbnRzBGxpc3QHZWxlbWVudARsaXN0B2VsZW1lbnQV",
    "AhYWFpgBFpABJt4DSRwVABUAFQIAPCk2BgYKGWYAAAIAABQAAAAmABwVBBklBgAZOAp2aXNpYmlsaXR5BGxp",
    "c3QHZWxlbWVudBUCFgwWngEWdCbuBEkcFQAVABUCADwpJgYGGUYAAAAMAAAAJgAcFQoZJQYAGTgEYmJveARs",
    "aXN0B2VsZW1lbnQVAhYSFsYBFngm4gVJHBUAFQAVAgA8KSYGDBlGAgAAEAAAACYAHBUMGSUGABkYBnBlcnNv",
    "bhUCFgYWTBZQJtoGSRwVABUAFQIAPBYKGQYZJgIEAAAAFrIJFgYmCBaiBwAoIHBhcnF1ZXQtY3BwLWFycm93",
    "IHZlcnNpb24gMjYuMC4xGWwcAAAcAAAcAAAcAAAcAAAcAAAAvQIAAFBBUjE=",
);

fn pyarrow() -> Vec<u8> {
    STANDARD.decode(PYARROW).unwrap()
}

#[test]
fn files_are_found_in_a_folder_and_in_data() {
    let dir = tempfile::tempdir().unwrap();
    let names = || {
        let found = files(dir.path()).unwrap();
        let names = found
            .iter()
            .map(|path| path.strip_prefix(dir.path()).unwrap());
        names
            .map(|name| name.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/b.parquet"), pyarrow()).unwrap();
    std::fs::write(dir.path().join("data/a.PARQUET"), pyarrow()).unwrap();
    assert_eq!(names(), ["data/a.PARQUET", "data/b.parquet"]);
    std::fs::write(dir.path().join("c.parquet"), pyarrow()).unwrap();
    assert_eq!(names(), ["c.parquet"]);
    assert_eq!(files(&dir.path().join("c.parquet")).unwrap().len(), 1);
    std::fs::write(dir.path().join("d.txt"), "").unwrap();
    assert!(files(&dir.path().join("d.txt")).unwrap().is_empty());
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_the_feature_the_error_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    std::fs::write(&path, pyarrow()).unwrap();
    let error = ParquetReader
        .read(&path, &ReadOptions::default())
        .err()
        .unwrap();
    let message = error.to_string();
    assert!(
        message.contains("a.parquet") && message.contains("`parquet`"),
        "{message}"
    );
}

#[cfg(feature = "parquet")]
mod with_library {
    use super::*;
    use crate::FarLabels;
    use crate::annotated_set::AnnotatedSet;
    use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;
    use ::parquet::schema::types::Type;
    use fkp_core::{Dataset, Keypoint, Schema, Visibility};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn open_with(bytes: &[u8], options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        std::fs::write(&path, bytes).unwrap();
        rows::read(&path, &[rows::ParquetFile::open(path.clone())?], options)
    }

    fn open(bytes: &[u8]) -> Result<AnnotatedSet, DataError> {
        open_with(bytes, &ReadOptions::default())
    }

    /// Bytes of a PNG of 20×10 pixels.
    fn png() -> ByteArray {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let image = image::GrayImage::from_pixel(20, 10, image::Luma([9]));
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner().into()
    }

    /// The values of a column, their definition and repetition levels.
    enum Column {
        Bytes(Vec<ByteArray>, Vec<i16>),
        Numbers(Vec<f64>, Vec<i16>, Vec<i16>),
        Integers(Vec<i64>),
    }

    fn bytes(values: &[&[u8]]) -> Column {
        let values = values.iter().map(|value| value.to_vec().into());
        Column::Bytes(values.collect(), Vec::new())
    }

    fn images(count: usize) -> Column {
        Column::Bytes(vec![png(); count], Vec::new())
    }

    /// A list of numbers in each row.
    fn lists(rows: &[&[f64]]) -> Column {
        let numbers = rows.iter().flat_map(|row| row.iter().copied());
        let repeats = rows
            .iter()
            .flat_map(|row| (0..row.len()).map(|i| i16::from(i > 0)));
        let levels: Vec<_> = repeats.collect();
        Column::Numbers(numbers.collect(), vec![1; levels.len()], levels)
    }

    fn write(schema: &str, columns: &[Column]) -> Vec<u8> {
        let schema = parse_message_type(&format!("message m {{ {schema} }}")).unwrap();
        let properties = Arc::new(WriterProperties::builder().build());
        let mut writer =
            SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for column in columns {
            let mut next = group.next_column().unwrap().unwrap();
            let some = |levels: &Vec<i16>| (!levels.is_empty()).then(|| levels.clone());
            match column {
                Column::Bytes(values, levels) => {
                    let typed = next.typed::<ByteArrayType>();
                    typed
                        .write_batch(values, some(levels).as_deref(), None)
                        .unwrap();
                }
                Column::Numbers(values, levels, repeats) => {
                    let (levels, repeats) = (some(levels), some(repeats));
                    let typed = next.typed::<DoubleType>();
                    let (levels, repeats) = (levels.as_deref(), repeats.as_deref());
                    typed.write_batch(values, levels, repeats).unwrap();
                }
                Column::Integers(values) => {
                    next.typed::<Int64Type>()
                        .write_batch(values, None, None)
                        .unwrap();
                }
            }
            next.close().unwrap();
        }
        group.close().unwrap();
        writer.into_inner().unwrap()
    }

    const IMAGE: &str = "required binary image;";
    const LIST: &str = "required group keypoints (LIST) { repeated group list { required double \
                        element; } }";

    #[track_caller]
    fn assert_message(result: Result<AnnotatedSet, DataError>, parts: &[&str]) {
        let error = result.unwrap_err();
        let message = format!("{error:?}");
        for part in ["a.parquet"].iter().chain(parts) {
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
    }

    #[test]
    fn a_file_of_pyarrow_is_read() {
        let set = open(&pyarrow()).unwrap();
        assert_eq!(set.schema().name(), "keypoints2");
        let sample = set.get(0).unwrap();
        assert_eq!(
            (sample.id.as_str(), sample.image.size()),
            ("0.png", (20, 10))
        );
        assert_eq!(sample.keypoints[0], Keypoint::new(1.5, 2.0));
        assert_eq!(sample.keypoints[1].visibility, Visibility::Occluded);
        assert_eq!(sample.group.as_deref(), Some("Ann"));
        let bounds = sample.face_box.unwrap().bounds;
        assert_eq!(bounds.to_image_edges(), [1.0, 2.0, 9.0, 8.0]);
        // NaN, null and a box without an area.
        assert!(!set.images[1].keypoints[1].is_labeled());
        assert!(!set.images[2].keypoints[1].is_labeled());
        assert_eq!(
            (set.images[1].face_box, set.images[2].face_box),
            (None, None)
        );
        assert_eq!(set.images[2].group, None);
    }

    #[test]
    fn flat_lists_are_pairs_or_triples() {
        let open_list = |rows: &[&[f64]]| {
            open(&write(
                &format!("{IMAGE}{LIST}"),
                &[images(rows.len()), lists(rows)],
            ))
        };
        let set = open_list(&[&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]).unwrap();
        assert_eq!((set.schema().len(), set.images[0].keypoints[2].y), (3, 6.0));
        assert_eq!(set.images[0].id, "a.parquet row 1");
        let set = open_list(&[
            &[1.0, 2.0, 2.0, 4.0, 5.0, 1.0],
            &[1.0, 2.0, 2.0, 0.0, 0.0, 0.0],
        ]);
        let set = set.unwrap();
        assert_eq!((set.schema().len(), set.images[0].keypoints[1].x), (2, 4.0));
        assert!(!set.images[1].keypoints[1].is_labeled());
        assert_message(
            open_list(&[&[1.0, 2.0, 3.0]]),
            &["row 1", "`keypoints[0]`", "found 3"],
        );
        let rows = [&[1.0, 2.0][..], &[1.0, 2.0, 3.0, 4.0]];
        assert_message(
            open_list(&rows),
            &["row 2", "`keypoints`", "2 keypoints, not 1"],
        );
        let row = [1.0, 2.0, f64::NAN, 4.0];
        assert_message(
            open_list(&[&row]),
            &["row 1", "`keypoints[1]`", "other coordinate"],
        );
        assert_message(
            open_list(&[&[f64::INFINITY, 2.0]]),
            &["`keypoints[0]`", "finite"],
        );
        assert_message(open_list(&[&[1e9, 2.0]]), &["`keypoints[0]`", "limit"]);
        assert_message(
            open_list(&[&[1.0, 200.0]]),
            &["row 1", "`keypoints[0]`", "`200`", "20×10"],
        );
    }

    #[test]
    fn columns_of_coordinates_name_the_keypoints() {
        let schema = format!(
            "{IMAGE} optional double left_eye_x; optional double left_eye_y; \
             required double right_eye_x; required double right_eye_y; required double other_x; \
             required int64 group;"
        );
        let numbers = |values: &[f64]| Column::Numbers(values.to_vec(), Vec::new(), Vec::new());
        let optional = |values: &[f64], levels: &[i16]| {
            Column::Numbers(values.to_vec(), levels.to_vec(), Vec::new())
        };
        let file = |y: Column| {
            let columns = [
                images(2),
                optional(&[12.0], &[1, 0]),
                y,
                numbers(&[5.0, 6.0]),
                numbers(&[5.5, f64::NAN]),
                numbers(&[1.0, 1.0]),
                Column::Integers(vec![7, 8]),
            ];
            write(&schema, &columns)
        };
        let parts = ["row 2", "`right_eye`", "other coordinate"];
        assert_message(open(&file(optional(&[3.0], &[1, 0]))), &parts);
        let parts = ["row 1", "`left_eye`", "other coordinate"];
        assert_message(open(&file(optional(&[], &[0, 0]))), &parts);
        let schema = schema.replace("required double right_eye_y;", "");
        let columns = [
            images(2),
            optional(&[12.0], &[1, 0]),
            optional(&[3.0], &[1, 0]),
            numbers(&[5.0, 6.0]),
            numbers(&[1.0, 1.0]),
            Column::Integers(vec![7, 8]),
        ];
        let schema = schema.replace("right_eye_x", "nothing");
        let set = open(&write(&schema.replace("left_eye", "nose"), &columns)).unwrap();
        assert_eq!(set.schema().keypoints(), ["nose"]);
        assert_eq!(set.images[0].keypoints[0], Keypoint::new(12.0, 3.0));
        assert!(!set.images[1].keypoints[0].is_labeled());
        assert_eq!(set.images[0].group.as_deref(), Some("7"));
    }

    #[test]
    fn an_image_may_be_a_file_beside_the_table() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("p.png"), png().data()).unwrap();
        let schema = format!(
            "required group image {{ optional binary bytes; optional binary path (STRING); }} {LIST}"
        );
        let table = |name: &[u8]| {
            let null = Column::Bytes(Vec::new(), vec![0]);
            let path = Column::Bytes(vec![name.to_vec().into()], vec![1]);
            write(&schema, &[null, path, lists(&[&[1.0, 2.0]])])
        };
        let path = dir.path().join("a.parquet");
        let open = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let file = rows::ParquetFile::open(path.clone())?;
            rows::read(&path, &[file], &ReadOptions::default())
        };
        let set = open(&table(b"p.png")).unwrap();
        assert_eq!(set.get(0).unwrap().image.size(), (20, 10));
        assert_message(
            open(&table(b"q.png")),
            &["row 1", "`image`", "does not exist", "q.png"],
        );
        let nulls = [
            Column::Bytes(Vec::new(), vec![0]),
            Column::Bytes(Vec::new(), vec![0]),
            lists(&[&[1.0, 2.0]]),
        ];
        assert_message(
            open(&write(&schema, &nulls)),
            &["row 1", "`image`", "empty"],
        );
    }

    #[test]
    fn names_of_files_are_a_predefined_split() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["train-0.parquet", "validation-0.parquet", "test-0.parquet"] {
            std::fs::write(dir.path().join(name), pyarrow()).unwrap();
        }
        let read = ParquetReader
            .read(dir.path(), &ReadOptions::default())
            .unwrap();
        let split = read.predefined_split.unwrap();
        // Sorted by name: test, train, validation.
        let parts = (vec![3, 4, 5], vec![6, 7, 8]);
        assert_eq!((split.indices.train, split.indices.val), parts);
        assert!(read.notes[0].starts_with("3 samples"), "{:?}", read.notes);
        let other = write(
            &format!("{IMAGE}{LIST}"),
            &[images(1), lists(&[&[1.0, 2.0]])],
        );
        std::fs::write(dir.path().join("z.parquet"), other).unwrap();
        let error = ParquetReader
            .read(dir.path(), &ReadOptions::default())
            .err()
            .unwrap();
        let message = error.to_string();
        assert!(
            message.contains("z.parquet") && message.contains("first file"),
            "{message}"
        );
    }

    #[test]
    fn errors_name_row_and_column() {
        let one = lists(&[&[1.0, 2.0]]);
        let file = |schema: &str, columns: &[Column]| open(&write(schema, columns));
        assert_message(
            file("required int64 a;", &[Column::Integers(vec![1])]),
            &["column `image`", "missing", "`a`"],
        );
        assert_message(
            file(IMAGE, &[images(1)]),
            &["column `keypoints`", "missing", "`image`"],
        );
        let two = "required binary a; required binary b;";
        assert_message(file(two, &[images(1), images(1)]), &["column `image`"]);
        let none: [Column; 2] = [images(0), lists(&[])];
        assert_message(file(&format!("{IMAGE}{LIST}"), &none), &["no samples"]);
        let visibility = LIST.replace("keypoints", "visibility");
        let schema = format!("{IMAGE}{LIST}{visibility}");
        let flags = |flags: &[f64]| {
            let columns = [images(1), lists(&[&[1.0, 2.0]]), lists(&[flags])];
            open(&write(&schema, &columns))
        };
        assert_eq!(
            flags(&[1.0]).unwrap().images[0].keypoints[0].visibility,
            Visibility::Occluded
        );
        assert_message(flags(&[3.0]), &["row 1", "`keypoints[0]`", "visibility 3"]);
        assert_message(
            flags(&[1.0, 1.0]),
            &["row 1", "`visibility`", "2 keypoints, not 1"],
        );
        let options = ReadOptions {
            schema: Some(Schema::kaggle15()),
            ..ReadOptions::default()
        };
        let bytes = write(&format!("{IMAGE}{LIST}"), &[images(1), one]);
        assert_message(open_with(&bytes, &options), &["`kaggle15` has 15"]);
        let options = ReadOptions {
            far_labels: FarLabels::Unlabel,
            ..ReadOptions::default()
        };
        let bytes = write(
            &format!("{IMAGE}{LIST}"),
            &[images(1), lists(&[&[1.0, 900.0]])],
        );
        let set = open_with(&bytes, &options).unwrap();
        assert!(set.notes[0].contains("`900`"), "{:?}", set.notes);
        // An image that cannot be decoded is an error of its sample.
        let columns = [bytes_of_no_image(), lists(&[&[1.0, 2.0]])];
        let set = open(&write(&format!("{IMAGE}{LIST}"), &columns)).unwrap();
        set.get(0).unwrap_err();
    }

    fn bytes_of_no_image() -> Column {
        bytes(&[b"no image"])
    }

    #[test]
    fn truncated_files_and_large_schemas_are_errors() {
        let valid = pyarrow();
        for len in 0..valid.len() {
            open(&valid[..len]).unwrap_err();
        }
        let deep = |levels: usize| -> Vec<u8> {
            let thread = std::thread::Builder::new().stack_size(1 << 28);
            let write = move || {
                let required = ::parquet::basic::Repetition::REQUIRED;
                let leaf = Type::primitive_type_builder("a", ::parquet::basic::Type::INT32);
                let mut group = leaf.with_repetition(required).build().unwrap();
                for _ in 0..levels {
                    let fields = vec![Arc::new(group)];
                    group = Type::group_type_builder("g")
                        .with_repetition(required)
                        .with_fields(fields)
                        .build()
                        .unwrap();
                }
                let properties = Arc::new(WriterProperties::builder().build());
                let writer = SerializedFileWriter::new(Vec::new(), Arc::new(group), properties);
                writer.unwrap().into_inner().unwrap()
            };
            thread.spawn(write).unwrap().join().unwrap()
        };
        assert_message(open(&deep(4000)), &["column `image`", "missing"]);
        assert_message(
            open(&deep(5000)),
            &["the schema", "5001 columns and groups"],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn changed_files_never_panic(
            changes in prop::collection::vec((0usize..4096, any::<u8>()), 1..4),
        ) {
            let mut bytes = pyarrow();
            for (position, byte) in changes {
                let position = position % bytes.len();
                bytes[position] = byte;
            }
            let _ = open(&bytes);
        }
    }
}
