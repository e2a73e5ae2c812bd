//! Tests of the real data sets: counts, first values, splits, mean shapes.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use fkp_core::{CropRule, Dataset, InputSpec, Sample, Schema, SchemaMap};
use fkp_data::{
    Cached, Cropped, Format, Mapped, OpenOptions, OpenedDataset, SchemaSource, SplitRule, hold_out,
    open,
};
use fkp_test_support::shared_set;
use std::collections::BTreeSet;
use std::sync::Arc;

fn opened(path: &std::path::Path) -> OpenedDataset {
    open(path, &OpenOptions::default()).unwrap()
}

/// Some samples as 96×96 gray crops with the keypoints of Kaggle.
fn crops(set: &OpenedDataset, every: usize) -> Vec<Sample> {
    let target = Schema::kaggle15();
    let map = SchemaMap::between(set.dataset.schema(), &target).unwrap();
    let mapped = Mapped::new(set.dataset.clone(), map);
    let rule = CropRule::for_schema(&target);
    let cropped = Cached::new(Cropped::new(mapped, rule, InputSpec::gray(96)));
    let indices = (0..cropped.len()).step_by(every);
    indices.map(|i| cropped.get(i).unwrap()).collect()
}

/// The mean position of a keypoint, as a fraction of the side.
fn mean(samples: &[Sample], keypoint: usize) -> (f64, f64) {
    let keypoints: Vec<_> = samples
        .iter()
        .map(|sample| sample.keypoints[keypoint])
        .filter(|keypoint| keypoint.is_labeled())
        .collect();
    let count = keypoints.len() as f64;
    let x: f64 = keypoints.iter().map(|p| f64::from(p.x) + 0.5).sum();
    let y: f64 = keypoints.iter().map(|p| f64::from(p.y) + 0.5).sum();
    (x / 96.0 / count, y / 96.0 / count)
}

/// Checks that eyes and nose are where the mean shape of Kaggle has them.
fn assert_mean_shape(samples: &[Sample]) {
    let (left, right) = (mean(samples, 0), mean(samples, 1));
    for (found, expected) in [
        (left, (0.6905, 0.3902)),
        (right, (0.3095, 0.3902)),
        (mean(samples, 10), (0.5, 0.6016)),
    ] {
        assert!(
            (found.0 - expected.0).abs() < 0.04,
            "{found:?} {expected:?}"
        );
        assert!(
            (found.1 - expected.1).abs() < 0.04,
            "{found:?} {expected:?}"
        );
    }
}

#[test]
fn kaggle() {
    let Some(folder) = shared_set("kaggle") else {
        return;
    };
    let set = opened(&folder);
    assert_eq!((set.format, set.dataset.len()), (Format::Kaggle, 2138));
    assert_eq!(set.dataset.schema(), &Schema::kaggle15());
    let first = set.dataset.get(0).unwrap();
    assert_eq!(first.id, "training.csv:2");
    assert_eq!((first.image.size(), first.image.channels()), ((96, 96), 1));
    assert_eq!(&first.image.as_bytes()[..4], &[236, 236, 237, 237]);
    assert_eq!(first.keypoints[0].x, 66.033_56);
    assert_eq!(first.keypoints[14].y, 84.485_77);
    assert!(set.dataset.get(2138).is_err());
    let both = set.train_val().unwrap();
    assert_eq!(both.train.len() + both.val.len(), 2138);
    assert!((300..560).contains(&both.val.len()), "{}", both.val.len());
    assert_mean_shape(&crops(&set, 10));
}

#[test]
fn labels_without_images_are_an_error_that_names_the_column() {
    let Some(folder) = shared_set("kaggle") else {
        return;
    };
    let error = open(folder.join("labels_only_7049.csv"), &OpenOptions::default()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("column `Image`"), "{message}");
}

#[test]
fn ytf68() {
    let Some(folder) = shared_set("ytf68") else {
        return;
    };
    let set = opened(&folder);
    assert_eq!((set.format, set.dataset.len()), (Format::ImageCsv, 3390));
    assert_eq!(set.dataset.schema(), &Schema::ibug68());
    assert_eq!(set.schema_source, SchemaSource::Shape);
    let both = set.train_val().unwrap();
    assert_eq!((both.train.len(), both.val.len()), (2781, 609));
    let first = both.train.get(0).unwrap();
    assert_eq!(first.id, "Abdel_Aziz_Al-Hakim_00.jpg");
    assert_eq!(first.group.as_deref(), Some("Abdel_Aziz_Al-Hakim"));
    assert_eq!((first.keypoints[0].x, first.keypoints[0].y), (65.0, 109.0));
    assert_eq!(
        (first.image.size(), first.image.channels()),
        ((312, 270), 3)
    );
    assert_mean_shape(&crops(&set, 40));
}

#[test]
fn no_person_of_ytf68_is_in_both_parts() {
    let Some(folder) = shared_set("ytf68") else {
        return;
    };
    let set = opened(&folder);
    let own = &set.predefined_split.as_ref().unwrap().indices;
    let people = |indices: &[usize]| -> BTreeSet<String> {
        let group = |i: &usize| set.complete.get(*i).unwrap().group.unwrap();
        indices.iter().map(group).collect()
    };
    let (train, val) = (people(&own.train), people(&own.val));
    assert!(train.is_disjoint(&val));
    assert_eq!(train.len() + val.len(), 277);
}

#[test]
fn no_person_of_ytf68_is_in_two_of_three_parts() {
    let Some(folder) = shared_set("ytf68") else {
        return;
    };
    let set = opened(&folder);
    let both = set.train_val().unwrap();
    let parts = hold_out(&both.train, &SplitRule::default()).unwrap();
    // By the file name, independently of the reader.
    let person = |set: &dyn Dataset, index: usize| {
        let id = set.get(index).unwrap().id;
        let name = id.strip_prefix("test_").unwrap_or(&id).to_owned();
        name.rsplit_once('_').unwrap().0.to_owned()
    };
    let people = |set: &dyn Dataset, indices: &[usize]| -> BTreeSet<String> {
        indices.iter().map(|index| person(set, *index)).collect()
    };
    let val: Vec<usize> = (0..both.val.len()).collect();
    let fit = people(&both.train, &parts.train);
    let choose = people(&both.train, &parts.val);
    let report = people(&both.val, &val);
    assert!(fit.is_disjoint(&choose) && fit.is_disjoint(&report) && choose.is_disjoint(&report));
    assert_eq!(fit.len() + choose.len() + report.len(), 277);
    // A fifth of 227 persons on average, six standard deviations either way.
    assert!((10..82).contains(&choose.len()), "{}", choose.len());
    let indices =
        |part: &[usize]| -> Vec<usize> { part.iter().map(|i| both.indices.train[*i]).collect() };
    let (fit, choose) = (indices(&parts.train), indices(&parts.val));
    let summary = set.summary(&[
        ("fit", &fit),
        ("choose", &choose),
        ("val", &both.indices.val),
    ]);
    let persons: Vec<_> = summary
        .parts
        .iter()
        .map(|part| part.persons.unwrap())
        .collect();
    assert_eq!(persons.iter().sum::<usize>(), 277);
}

/// Five named keypoints: the other keypoints of Kaggle are unlabeled.
#[test]
fn net5() {
    let Some(folder) = shared_set("net5") else {
        return;
    };
    let set = opened(&folder);
    assert_eq!((set.format, set.dataset.len()), (Format::ImageCsv, 4994));
    assert_eq!(set.schema_source, SchemaSource::Names);
    assert_eq!(set.dataset.schema().len(), 5);
    assert_eq!(set.dataset.schema().flip_pairs(), [(1, 0), (4, 3)]);
    let first = set.dataset.get(0).unwrap();
    assert_eq!(first.id, "0_0_0.jpg");
    assert_eq!((first.keypoints[0].x, first.keypoints[0].y), (62.23, 61.45));
    let map = SchemaMap::between(set.dataset.schema(), &Schema::kaggle15()).unwrap();
    let mapped = map.apply(&first.keypoints);
    let labeled: Vec<_> = mapped.labeled().map(|(i, _)| i).collect();
    assert_eq!(labeled, [0, 1, 10, 11, 12]);
    assert_eq!(mapped[1], first.keypoints[0]);
    assert_eq!(map.unmapped().count(), 10);
    assert_mean_shape(&crops(&set, 40));
}

/// Frames of five videos.
#[test]
fn ckplus() {
    let Some(folder) = shared_set("ckplus") else {
        return;
    };
    let set = opened(&folder);
    assert_eq!((set.format, set.dataset.len()), (Format::ImageCsv, 91));
    assert_eq!(set.dataset.schema(), &Schema::ibug68());
    assert_eq!(set.schema_source, SchemaSource::Shape);
    let first = set.dataset.get(0).unwrap();
    assert_eq!(first.id, "S058_006_00000001.jpg");
    assert_eq!(
        (first.image.size(), first.image.channels()),
        ((320, 245), 1)
    );
    assert_eq!(
        (first.keypoints[0].x, first.keypoints[0].y),
        (102.042, 102.035)
    );
    let all: Vec<usize> = (0..91).collect();
    assert_eq!(set.summary(&[("all", &all)]).parts[0].persons, Some(5));
    assert_mean_shape(&crops(&set, 5));
}

#[test]
fn ibug68() {
    let Some(folder) = shared_set("ibug68") else {
        return;
    };
    let set = opened(&folder);
    assert_eq!((set.format, set.dataset.len()), (Format::Pts, 1946));
    assert_eq!(set.dataset.schema(), &Schema::ibug68());
    assert!(set.notes.is_empty(), "{:?}", set.notes);
    let both = set.train_val().unwrap();
    assert_eq!((both.train.len(), both.val.len()), (1786, 160));
    let first = both.train.get(0).unwrap();
    assert_eq!(first.id, "afw/1051618982_1");
    // 79.623 102.745 in the file, which counts from 1.
    assert_eq!(
        (first.keypoints[0].x, first.keypoints[0].y),
        (78.623, 101.745)
    );
    assert_mean_shape(&crops(&set, 25));
}

#[test]
fn aflw21() {
    let Some(folder) = shared_set("aflw21") else {
        return;
    };
    let set = opened(&folder);
    assert_eq!((set.format, set.dataset.len()), (Format::Coco, 4000));
    assert_eq!(set.dataset.schema(), &Schema::aflw21());
    let first = set.dataset.get(0).unwrap();
    assert_eq!(first.image.size(), (120, 120));
    assert_eq!(
        (first.keypoints[0].x, first.keypoints[0].y),
        (25.049, 23.068)
    );
    assert!(!first.keypoints[16].is_labeled());
    assert_eq!(first.keypoints.labeled().count(), 20);
    assert_mean_shape(&crops(&set, 20));
}

#[test]
fn cephalo19() {
    let Some(folder) = shared_set("cephalo19") else {
        return;
    };
    let set = opened(&folder);
    assert_eq!((set.format, set.dataset.len()), (Format::ImageCsv, 400));
    assert_eq!(
        (set.dataset.schema().name(), set.dataset.schema().len()),
        ("keypoints19", 19)
    );
    assert_eq!(set.schema_source, SchemaSource::Numbers);
    assert!(!set.dataset.schema().has_known_flip_pairs());
    assert!(set.notes[0].contains("--schema"), "{:?}", set.notes);
    let first = set.dataset.get(0).unwrap();
    assert_eq!(
        (first.image.size(), first.image.channels()),
        ((484, 600), 1)
    );
    assert_eq!(
        (first.keypoints[0].x, first.keypoints[0].y),
        (207.625, 248.125)
    );
    assert_eq!(first.group, None);
    let set: Arc<dyn Dataset> = set.dataset;
    let whole = Cropped::new(
        set,
        CropRule::Whole,
        InputSpec {
            channels: 3,
            ..InputSpec::gray(64)
        },
    );
    assert_eq!(whole.get(1).unwrap().image.channels(), 3);
}
