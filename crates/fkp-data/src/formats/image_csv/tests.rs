//! Tests of reading image folders with a table, and of its errors.

use super::*;
use fkp_core::Dataset;
use proptest::prelude::*;
use tempfile::TempDir;

/// A folder with these tables and three small images in `images/`.
fn folder(tables: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("images")).unwrap();
    for (value, name) in ["Ann_0.png", "Ann_1.png", "Bo_0.png", "Cy_0.png"]
        .iter()
        .enumerate()
    {
        let image = image::GrayImage::from_pixel(8, 6, image::Luma([value as u8]));
        image.save(dir.path().join("images").join(name)).unwrap();
    }
    for (name, text) in tables {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn open(path: impl AsRef<Path>) -> Result<AnnotatedSet, DataError> {
    super::read(path.as_ref(), &ReadOptions::default())
}

fn open_as(path: impl AsRef<Path>, schema: &Schema) -> Result<AnnotatedSet, DataError> {
    let options = ReadOptions {
        schema: Some(schema.clone()),
        ..ReadOptions::default()
    };
    super::read(path.as_ref(), &options)
}

fn read(text: &str) -> Result<AnnotatedSet, DataError> {
    open(folder(&[("keypoints.csv", text)]).path())
}

#[track_caller]
fn assert_message(text: &str, parts: &[&str]) {
    let message = read(text).unwrap_err().to_string();
    for part in ["keypoints.csv"].iter().chain(parts) {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}

#[test]
fn named_columns_make_a_schema_and_empty_cells_are_unlabeled() {
    let dir = folder(&[(
        "keypoints.csv",
        "\u{feff}image,left_y,left_x,right_x,right_y\r\nAnn_0.png,2,1,3,4\r\nBo_0.png,,,12,4",
    )]);
    let set = open(dir.path()).unwrap();
    assert_eq!(set.schema().keypoints(), ["left", "right"]);
    assert_eq!(set.schema().flip_pairs(), [(0, 1)]);
    let first = set.get(0).unwrap();
    assert_eq!(first.id, "Ann_0.png");
    assert_eq!((first.keypoints[0].x, first.keypoints[0].y), (1.0, 2.0));
    let second = set.get(1).unwrap();
    assert_eq!(second.image.pixel(0, 0), &[2]);
    assert!(!second.keypoints[0].is_labeled());
    // At x = 12 of an image 8 wide.
    assert_eq!(
        second.keypoints[1].visibility,
        fkp_core::Visibility::OutOfFrame
    );
}

#[test]
fn plain_numbers_alternate_x_and_y_and_names_give_the_schema() {
    let big = |dir: &TempDir| {
        let image = image::GrayImage::from_pixel(150, 150, image::Luma([1]));
        image.save(dir.path().join("big.png")).unwrap();
    };
    let table = |keypoints: usize| {
        let numbers: Vec<_> = (0..2 * keypoints).map(|i| i.to_string()).collect();
        format!(",{0}\nbig.png,{0}\n", numbers.join(","))
    };
    for (keypoints, name) in [(68, "keypoints68"), (21, "keypoints21"), (5, "keypoints5")] {
        let dir = folder(&[("keypoints.csv", &table(keypoints))]);
        big(&dir);
        let set = open(dir.path().join("keypoints.csv")).unwrap();
        assert_eq!((set.schema().name(), set.schema().len()), (name, keypoints));
        let last = set.get(0).unwrap().keypoints[keypoints - 1];
        assert_eq!(last.x as usize, 2 * keypoints - 2);
    }
    let kaggle = Schema::kaggle15();
    let columns: Vec<_> = kaggle
        .keypoints()
        .iter()
        .rev()
        .flat_map(|n| [format!("{n}_x"), format!("{n}_y")])
        .collect();
    let cells: Vec<_> = (0..30).map(|i| i.to_string()).collect();
    let text = format!("file,{}\nbig.png,{}\n", columns.join(","), cells.join(","));
    let dir = folder(&[("keypoints.csv", &text)]);
    big(&dir);
    let set = open(dir.path()).unwrap();
    assert_eq!(set.schema(), &kaggle);
    assert_eq!(set.get(0).unwrap().keypoints[14].x, 0.0);
}

#[test]
fn a_given_schema_must_match_the_columns() {
    let dir = folder(&[("keypoints.csv", "f,x0,y0,x1,y1\nAnn_0.png,1,2,3,4\n")]);
    let two = Schema::numbered("two", 2).unwrap();
    assert_eq!(open_as(dir.path(), &two).unwrap().schema(), &two);
    let error = open_as(dir.path(), &Schema::kaggle15()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("2 keypoints, schema `kaggle15` has 15"),
        "{error}"
    );
    let dir = folder(&[("keypoints.csv", "f,a_x,a_y,b_x,b_y\nAnn_0.png,1,2,3,4\n")]);
    let error = open_as(dir.path(), &two).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("column `0_x`: the column is missing"),
        "{error}"
    );
}

#[test]
fn two_tables_are_the_split_and_share_no_image() {
    let table = |names: &[&str]| {
        let rows = names.iter().map(|name| format!("{name},1,2\n"));
        format!("f,a_x,a_y\n{}", rows.collect::<String>())
    };
    let train = table(&["Ann_0.png", "Ann_1.png"]);
    let dir = folder(&[
        ("train.csv", &train),
        ("val.csv", &table(&["Bo_0.png", "Cy_0.png"])),
    ]);
    let set = open(dir.path()).unwrap();
    let own = set.predefined_split.clone().unwrap().indices;
    assert_eq!((&own.train[..], &own.val[..]), (&[0, 1][..], &[2, 3][..]));
    let group = |i: usize| set.images[i].group.as_deref();
    assert_eq!((group(1), group(3)), (Some("Ann"), Some("Cy")));
    assert_eq!(set.get(3).unwrap().group.as_deref(), Some("Cy"));
    let dir = folder(&[
        ("train.csv", &train),
        ("val.csv", &table(&["Bo_0.png", "Ann_1.png"])),
    ]);
    let message = open(dir.path()).unwrap_err().to_string();
    for part in ["val.csv`, row 3", "`Ann_1.png`", "train.csv`, row 3"] {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
    let other = "f,b_x,b_y\nBo_0.png,1,2\n";
    let dir = folder(&[("train.csv", &train), ("val.csv", other)]);
    let message = open(dir.path()).unwrap_err().to_string();
    assert!(
        message.contains("val.csv`, row 1, column `a_x`"),
        "{message}"
    );
}

#[test]
fn errors_name_row_and_column() {
    assert_message("", &["empty"]);
    assert_message("f,a_x,a_y\n", &["no samples"]);
    assert_message("f\nAnn_0.png\n", &["row 1", "missing"]);
    assert_message("f,a_x,b_y\nAnn_0.png,1,2\n", &["row 1", "`a_y`", "missing"]);
    assert_message("f,a_x,a_y,a_x\n", &["row 1", "`a_x`", "twice"]);
    assert_message("f,0,1,2\nAnn_0.png,1,2,3\n", &["row 1", "`3`", "missing"]);
    assert_message("f,a_x,a_y,age\n", &["row 1", "`age`", "unknown column"]);
    assert_message(
        "f,a_x,a_y\nAnn_0.png,1,2\nAnn_1.png,NaN,2\n",
        &["row 3", "`a_x`", "`NaN`"],
    );
    assert_message("f,a_x,a_y\nAnn_0.png,1,12a\n", &["row 2", "`a_y`", "`12a`"]);
    assert_message(
        "f,a_x,a_y\nAnn_0.png,1,\n",
        &["row 2", "`a_y`", "other coordinate"],
    );
    assert_message("f,a_x,a_y\nAnn_0.png,1\n", &["row 2", "2 cells"]);
    assert_message(
        "f,a_x,a_y\n\nDee.png,1,2\n",
        &["row 3", "`f`", "does not exist", "Dee.png"],
    );
    assert_message("f,a_x,a_y\n,1,2\n", &["row 2", "`f`", "empty"]);
}

#[test]
fn an_image_that_cannot_be_decoded_is_an_error_of_its_sample_only() {
    let dir = folder(&[("keypoints.csv", "f,a_x,a_y\nbad.png,1,2\nBo_0.png,1,2\n")]);
    std::fs::write(dir.path().join("bad.png"), "not an image").unwrap();
    let set = open(dir.path()).unwrap();
    let error = set.get(0).unwrap_err();
    assert_eq!(error.index, 0);
    assert!(error.source.to_string().contains("bad.png"));
    assert!(set.get(1).is_ok());
    assert!(set.get(2).is_err());
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(f,a_x,a_y\n|,0,1\n)?[abxy_0-9.,\"\r\n]{0,60}") {
        let table = Table::new(Path::new("t.csv"), text.as_bytes());
        if let Ok(mut table) = table
            && let Ok((_, keypoints)) = columns_by_schema(Path::new("t.csv"), &table, None)
        {
            while let Ok(Some(row)) = table.next_row() {
                let _ = row.keypoints(&keypoints);
            }
        }
    }
}
