//! Tests that the schema file in `docs/training.md` is valid and matches the data it describes.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use fkp_core::{Schema, Visibility};
use fkp_data::{OpenOptions, SchemaSource, open, schema_from};
use std::path::Path;

/// The TOML block of the section.
fn documented() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/training.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, section) = text.split_once("## Your own keypoints").unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

fn documented_schema(dir: &Path) -> Schema {
    let path = dir.join("dog.toml");
    std::fs::write(&path, documented()).unwrap();
    schema_from(path.to_str().unwrap()).unwrap()
}

#[test]
fn the_documented_schema_is_read_with_all_its_keys() {
    let dir = tempfile::tempdir().unwrap();
    let schema = documented_schema(dir.path());
    assert_eq!((schema.name(), schema.len()), ("dog", 7));
    assert_eq!(schema.flip_pairs(), [(1, 2), (3, 4)]);
    assert_eq!(schema.skeleton().len(), 4);
    assert_eq!(schema.mean_shape().len(), 7);
    let distances: Vec<_> = schema
        .normalizing_pairs()
        .iter()
        .map(|pair| &pair.name)
        .collect();
    assert_eq!(distances, ["inter_ocular", "face_height"]);
    // The key `unpaired` is needed, and the page shows every key.
    let text = documented();
    let without: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("unpaired"))
        .collect();
    std::fs::write(dir.path().join("bad.toml"), without.join("\n")).unwrap();
    let error = schema_from(dir.path().join("bad.toml").to_str().unwrap()).unwrap_err();
    assert!(format!("{error:?}").contains("left_ear_tag"), "{error:?}");
    let keys: toml::Table = toml::from_str(&toml::to_string(&schema).unwrap()).unwrap();
    let shown: toml::Table = toml::from_str(&text).unwrap();
    assert_eq!(
        keys.keys().collect::<Vec<_>>(),
        shown.keys().collect::<Vec<_>>()
    );
}

#[test]
fn numbered_and_named_columns_get_the_given_schema() {
    let dir = tempfile::tempdir().unwrap();
    let schema = documented_schema(dir.path());
    let image = image::GrayImage::from_pixel(20, 20, image::Luma([9]));
    image.save(dir.path().join("rex_1.png")).unwrap();
    let names = schema.keypoints();
    let named = names.iter().rev().map(|name| format!("{name}_x,{name}_y"));
    let tables = [
        (0..7).map(|i| format!("x{i},y{i}")).collect::<Vec<_>>(),
        (0..7).map(|i| format!("{i}_x,{i}_y")).collect(),
        (0..7).map(|i| format!("{},{}", 2 * i, 2 * i + 1)).collect(),
        named.collect(),
    ];
    for (columns, first_x) in tables.iter().zip([0.0, 0.0, 0.0, 12.0]) {
        let cells: Vec<_> = (0..14).map(|i| i.to_string()).collect();
        let text = format!(
            "image,{}\nrex_1.png,{}\n",
            columns.join(","),
            cells.join(",")
        );
        let table = dir.path().join("dogs.csv");
        std::fs::write(&table, text).unwrap();
        let options = OpenOptions {
            schema: Some(schema.clone()),
            ..OpenOptions::default()
        };
        let set = open(&table, &options).unwrap();
        assert_eq!(set.schema_source, SchemaSource::Given);
        assert_eq!(set.dataset.schema(), &schema);
        let nose = set.dataset.get(0).unwrap().keypoints[0];
        assert_eq!(
            (nose.x, nose.visibility),
            (first_x, Visibility::Visible),
            "{columns:?}"
        );
    }
}
