//! Tests of reading tables of face boxes, and of their errors.

use super::*;
use crate::FarLabels;
use crate::{Format, OpenOptions, OpenedDataset, Split};
use fkp_core::{BoundingBox, Dataset, Schema};
use proptest::prelude::*;
use tempfile::TempDir;

const HEADER: &str = "image,x,y,width,height,ignore\n";

/// Writes images of 8×6 pixels, each with its own gray value.
fn write_images(dir: &Path, names: &[&str]) {
    std::fs::create_dir_all(dir.join("images")).unwrap();
    for name in names {
        let value = image::Luma([name.as_bytes()[0]]);
        let image = image::GrayImage::from_pixel(8, 6, value);
        image.save(dir.join("images").join(name)).unwrap();
    }
}

/// A folder with this table of the images `a.png`, `b.png` and `c.png`.
fn folder(text: impl AsRef<[u8]>) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_images(dir.path(), &["a.png", "b.png", "c.png"]);
    std::fs::write(dir.path().join("boxes.csv"), text).unwrap();
    dir
}

fn open(path: &Path) -> Result<OpenedDataset, DataError> {
    crate::open(path, &OpenOptions::default())
}

#[track_caller]
fn assert_message(text: impl AsRef<[u8]>, parts: &[&str]) {
    let error = open(folder(text).path()).unwrap_err();
    let message = error.to_string();
    for part in ["boxes.csv"].iter().chain(parts) {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}

#[test]
fn boxes_of_an_image_are_collected_and_empty_cells_are_an_image_without_a_face() {
    let dir = folder(
        "\u{feff}file,ignore,height,width,y,x\r\nimages/b.png,0,2,3,1,0\r\n\
         c.png,,,,,\r\nimages/b.png,1,1.5,1.5,-1,6.5\r\n",
    );
    for path in [dir.path(), &dir.path().join("boxes.csv")] {
        let set = open(path).unwrap();
        assert_eq!((set.format, set.dataset.len()), (Format::BoxesCsv, 2));
        assert_eq!(set.dataset.schema(), &Schema::boxes());
        let first = set.dataset.get(0).unwrap();
        let expected = [
            LabeledBox::face(BoundingBox::from_image_edges(0.0, 1.0, 3.0, 2.0)),
            LabeledBox {
                bounds: BoundingBox::from_image_edges(6.5, -1.0, 1.5, 1.5),
                ignore: true,
            },
        ];
        assert_eq!(first.boxes, expected);
        assert_eq!(
            (first.boxes[0].bounds.x, first.image.size()),
            (-0.5, (8, 6))
        );
        assert_eq!((first.id.as_str(), first.group), ("images/b.png", None));
        let second = set.dataset.get(1).unwrap();
        assert!(second.boxes.is_empty() && second.is_face && second.keypoints.is_empty());
        assert!(
            set.notes[0].contains("1 faces, and 1 boxes"),
            "{:?}",
            set.notes
        );
        assert!(set.notes[1].contains("1 images of"), "{:?}", set.notes);
        assert!(set.notes[1].contains("such as a.png"), "{:?}", set.notes);
        let text = set.summary(&[("all", &[0, 1])]).to_string();
        assert!(text.contains("schema: boxes, 0 keypoints, that of the format"));
    }
}

#[test]
fn two_folders_or_two_tables_are_the_split() {
    let dir = tempfile::tempdir().unwrap();
    for (part, names) in [("train", &["a.png", "b.png"][..]), ("val", &["c.png"])] {
        let rows = names.iter().map(|name| format!("{name},0,0,2,2,0\n"));
        let text = format!("{HEADER}{}", rows.collect::<String>());
        write_images(&dir.path().join(part), names);
        std::fs::write(dir.path().join(part).join("boxes.csv"), text).unwrap();
    }
    let parts = |path: &Path| {
        let both = open(path).unwrap().train_val().unwrap();
        (both.train.len(), both.val.len())
    };
    assert_eq!(parts(dir.path()), (2, 1));
    let train = open(&dir.path().join("train")).unwrap();
    assert_eq!((train.dataset.len(), train.predefined_split), (2, None));
    let options = OpenOptions {
        split: Split::Val,
        ..OpenOptions::default()
    };
    let val = crate::open(dir.path(), &options).unwrap().dataset;
    assert_eq!(val.get(0).unwrap().id, "c.png");

    let tables = folder(HEADER);
    std::fs::remove_file(tables.path().join("boxes.csv")).unwrap();
    let row = |name: &str| format!("{HEADER}{name},0,0,2,2,0\n");
    std::fs::write(tables.path().join("train.csv"), row("a.png")).unwrap();
    std::fs::write(tables.path().join("val.csv"), row("b.png")).unwrap();
    assert_eq!(parts(tables.path()), (1, 1));

    // A copy of a training image.
    let copy = dir.path().join("val/images/c.png");
    std::fs::copy(dir.path().join("train/images/a.png"), copy).unwrap();
    let message = open(dir.path())
        .unwrap()
        .train_val()
        .err()
        .unwrap()
        .to_string();
    let expected = "`a.png` of train/ and `c.png` of val/ are the same image";
    assert!(message.contains(expected), "{message}");
    // One part alone is not a split.
    std::fs::remove_file(dir.path().join("val/boxes.csv")).unwrap();
    assert!(open(dir.path()).is_err());
}

#[test]
fn tables_of_keypoints_are_not_tables_of_boxes() {
    let keypoints = folder("image,x0,y0,width_x,width_y\na.png,1,1,2,2\n");
    assert_eq!(open(keypoints.path()).unwrap().format, Format::ImageCsv);
    // Two tables are ambiguous, as they are without boxes.
    std::fs::write(keypoints.path().join("more.csv"), HEADER).unwrap();
    assert!(matches!(
        open(keypoints.path()).unwrap_err(),
        DataError::UnknownFormat { .. }
    ));
    let dir = folder("image,x,y,width,height\na.png,0,0,2,2\n");
    let given = |format, schema| OpenOptions {
        format,
        schema,
        ..OpenOptions::default()
    };
    let error = crate::open(dir.path(), &given(None, Some(Schema::kaggle15()))).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("0 keypoints, schema `kaggle15` has 15"),
        "{message}"
    );
    assert!(crate::open(dir.path(), &given(None, Some(Schema::boxes()))).is_ok());
    let error = crate::open(dir.path(), &given(Some(Format::ImageCsv), None)).unwrap_err();
    assert!(error.to_string().contains("column `x`: unknown column"));
    let options = given(Some(Format::BoxesCsv), None);
    let error = crate::open(folder("image,a_x,a_y\na.png,0,0\n").path(), &options).unwrap_err();
    assert!(error.to_string().contains("column `a_x`: unknown column"));
}

#[test]
fn errors_name_row_and_column() {
    let row = |row: &str| format!("{HEADER}a.png,0,0,2,2,0\n{row}\n");
    assert_message("", &["empty"]);
    assert_message(HEADER, &["no samples"]);
    for (text, parts) in [
        ("image,x,y,width\n", ["row 1", "column `height`", "missing"]),
        ("image,x,width,height\n", ["row 1", "column `y`", "missing"]),
        ("x,y,width,height\n", ["row 1", "column `image`", "missing"]),
        (
            "image,x,y,width,height,age\n",
            ["row 1", "`age`", "unknown"],
        ),
        ("image,x,y,width,height,x\n", ["row 1", "`x`", "twice"]),
    ] {
        assert_message(text, &parts);
    }
    for (cells, parts) in [
        ("b.png,zero,0,2,2,0", ["column `x`", "`zero`", "number"]),
        ("b.png,0,NaN,2,2,0", ["column `y`", "`NaN`", "finite"]),
        ("b.png,0,0,inf,2,0", ["column `width`", "`inf`", "finite"]),
        ("b.png,0,0,2,-3,0", ["column `height`", "`-3`", "positive"]),
        ("b.png,0,0,0,2,0", ["column `width`", "`0`", "positive"]),
        ("b.png,0,1e30,2,2,0", ["column `y`", "`1e30`", "1000000"]),
        ("b.png,0,0,2,2,yes", ["column `ignore`", "`yes`", "0 nor 1"]),
        ("b.png,0,0,,2,0", ["column `width`", "cell", "empty"]),
        ("b.png,,0,2,2,0", ["column `x`", "cell", "empty"]),
        ("b.png,0,0,2,2", ["column `height`", "5 cells", "6"]),
        (",0,0,2,2,0", ["column `image`", "cell", "empty"]),
        ("d.png,0,0,2,2,0", ["column `image`", "exist", "d.png"]),
        ("a.png,0,0,2,2,1", ["column `x`", "twice", "row 2"]),
        ("a.png,,,,,", ["column `image`", "`a.png`", "row 2"]),
        ("b.png,8,0,2,2,0", ["column `x`", "no part", "8×6"]),
        ("b.png,0,-4,2,4,0", ["column `y`", "no part", "8×6"]),
        ("b.png,9999,0,2,2,0", ["column `x`", "`9999`", "8×6"]),
        ("b.png,0,0,2,99.5,0", ["column `height`", "`99.5`", "8×6"]),
    ] {
        assert_message(row(cells), &[&["row 3"], &parts[..]].concat());
    }
    let text = format!("{HEADER}a.png,,,,,\na.png,0,0,2,2,0\n");
    assert_message(text, &["row 3", "column `image`", "row 2"]);
    assert_message(
        b"image,x,y,width,height\n\xff,0,0,2,2\n",
        &["row 2", "UTF-8"],
    );
}

#[test]
fn boxes_outside_are_ignored_on_request_and_those_partly_outside_are_kept() {
    let dir = folder(format!("{HEADER}a.png,20,0,2,2,0\na.png,-2,-2,12,10,0\n"));
    let options = OpenOptions {
        far_labels: FarLabels::Unlabel,
        ..OpenOptions::default()
    };
    let set = crate::open(dir.path(), &options).unwrap();
    let boxes = set.dataset.get(0).unwrap().boxes;
    assert_eq!((boxes[0].ignore, boxes[1].ignore), (true, false));
    let note = &set.notes[0];
    assert!(note.contains("boxes.csv`, row 2, column `x`"), "{note}");
    assert!(note.ends_with("treated as ignored"), "{note}");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(f,x,y,width,height\n)?[axy_0-9.,\"\r\n-]{0,60}") {
        let path = Path::new("t.csv");
        if let Ok(mut table) = Table::new(path, text.as_bytes())
            && let Ok(columns) = Columns::find(&table)
        {
            while let Ok(Some(row)) = table.next_row() {
                let _ = columns.labeled_box(&row);
            }
        }
    }
}
