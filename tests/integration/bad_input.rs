//! What a person can get wrong on a command line, and what they are refused. The parsers' own
//! hostile input is tested beside each parser.

use crate::common::{own_keypoints, small_config, train};
use fkp_core::{Schema, SchemaSpec};
use fkp_data::BoxSource;
use fkp_examples::{DataConfig, Part, RunConfig, open_for_evaluation, open_for_training};
use fkp_model::{Landmarker, ModelCard};
use std::path::Path;

fn refused(data: &DataConfig) -> String {
    let opened = open_for_training(data, &small_config().input);
    format!("{:#}", opened.err().expect("bad input was accepted"))
}

fn data(path: &Path) -> DataConfig {
    DataConfig {
        path: Some(path.to_owned()),
        ..DataConfig::default()
    }
}

#[test]
fn a_folder_without_a_known_format_lists_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let text = refused(&data(folder.path()));
    for word in [".pts", "csv", "json", "notes.txt"] {
        assert!(
            text.to_lowercase().contains(word),
            "`{word}` is not in: {text}"
        );
    }
    let text = refused(&data(&folder.path().join("nowhere")));
    assert!(text.contains("nowhere"), "{text}");
    let mut wrong = data(folder.path());
    wrong.format = Some("yolo".to_owned());
    assert!(refused(&wrong).contains("yolo"));
}

#[test]
fn a_schema_that_cannot_be_had_from_the_data_names_both() {
    let folder = tempfile::tempdir().unwrap();
    write_numbered_set(folder.path());
    let text = refused(&data(folder.path()));
    assert!(text.contains("kaggle15"), "{text}");
    let mut own = data(folder.path());
    own.schema = "source".to_owned();
    assert!(open_for_training(&own, &small_config().input).is_ok());
    let mut absent = data(folder.path());
    absent.schema = "kaggle16".to_owned();
    assert!(refused(&absent).contains("kaggle16"));
}

#[test]
fn a_model_of_another_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_numbered_set(folder.path());
    let card = |schema: Schema| ModelCard::new(Default::default(), schema, small_config().input);
    let refuse = |card: &ModelCard| {
        let opened = open_for_evaluation(
            card,
            &own_keypoints(card),
            Some(folder.path()),
            None,
            Part::All,
            BoxSource::Labels,
            None,
        );
        format!("{:#}", opened.err().expect("another schema was accepted"))
    };
    let text = refuse(&card(Schema::kaggle15()));
    assert!(text.contains("kaggle15"), "{text}");
    let spec: SchemaSpec = Schema::kaggle15().into();
    let renamed = SchemaSpec {
        name: "mine".to_owned(),
        ..spec
    };
    let text = refuse(&card(renamed.try_into().unwrap()));
    assert!(
        text.contains("mine") || text.contains("left_eye_center"),
        "{text}"
    );
}

#[test]
fn a_truncated_model_file_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = small_config();
    config.train.epochs = 1;
    train(&config, folder.path());
    let path = folder.path().join("best.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = Landmarker::load(&path).err().unwrap().to_string();
    assert!(
        error.contains("best.safetensors") && error.contains("cut short"),
        "{error}"
    );
}

#[test]
fn a_configuration_file_is_refused_by_name_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let refuse = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let read = RunConfig::read(&path).and_then(|config| config.validate());
        format!("{:#}", read.unwrap_err())
    };
    let text = refuse("[train]\nepoch = 3");
    assert!(
        text.contains("mine.toml") && text.contains("line 2") && text.contains("epoch"),
        "{text}"
    );
    assert!(refuse("[train]\nlearning_rate = nan").contains("train.learning_rate"));
    assert!(refuse("[train]\nbatch_size = 0").contains("train.batch_size"));
    assert!(refuse("[train]\nbatch_size = -1").contains("batch_size"));
    let absent = RunConfig::read(&folder.path().join("none.toml")).unwrap_err();
    assert!(format!("{absent:#}").contains("none.toml"));
}

/// Two gray images with three numbered keypoints each.
fn write_numbered_set(folder: &Path) {
    let images = folder.join("images");
    std::fs::create_dir(&images).unwrap();
    let mut table = "image,0_x,0_y,1_x,1_y,2_x,2_y\n".to_owned();
    for index in 0..6u8 {
        let name = format!("{index}.png");
        let image = image::GrayImage::from_fn(20, 20, |x, y| image::Luma([(x * y) as u8 ^ index]));
        image.save(images.join(&name)).unwrap();
        table += &format!("{name},1,2,3,4,5,{index}\n");
    }
    std::fs::write(folder.join("keypoints.csv"), table).unwrap();
}
