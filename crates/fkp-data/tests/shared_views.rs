//! Tests of filters, folds, stratified splits and unions on the real data sets.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use fkp_core::{Dataset, Schema, SchemaMap};
use fkp_data::{
    Duplicates, Mapped, OpenOptions, OpenedDataset, SampleFilter, SplitRule, Union, UnionPart,
    filter, k_folds, open, stratified_split,
};
use fkp_test_support::shared_set;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

fn opened(path: &Path) -> OpenedDataset {
    open(path, &OpenOptions::default()).unwrap()
}

#[test]
fn folds_of_ytf68_have_the_same_size_and_no_person_in_common() {
    let Some(folder) = shared_set("ytf68") else {
        return;
    };
    let set = opened(&folder);
    let folds = k_folds(&set.complete, 5, 0).unwrap();
    // By the file name, independently of the reader.
    let person = |index: &usize| {
        let id = set.complete.get(*index).unwrap().id;
        let name = id.strip_prefix("test_").unwrap_or(&id).to_owned();
        name.rsplit_once('_').unwrap().0.to_owned()
    };
    let people: Vec<BTreeSet<String>> = folds
        .iter()
        .map(|fold| fold.val.iter().map(person).collect())
        .collect();
    assert_eq!(people.iter().map(BTreeSet::len).sum::<usize>(), 277);
    let all: BTreeSet<_> = people.iter().flatten().collect();
    assert_eq!(all.len(), 277);
    for fold in &folds {
        assert!(fold.val.len().abs_diff(3390 / 5) <= 5, "{}", fold.val.len());
    }
}

#[test]
fn the_numbers_of_labels_of_aflw21_have_the_same_share_in_both_parts() {
    let Some(folder) = shared_set("aflw21") else {
        return;
    };
    let set = opened(&folder).complete;
    let rule = SplitRule::default();
    let labels = |index: usize| set.get(index).unwrap().keypoints.labeled().count();
    let split = stratified_split(&set, &rule, |_, sample| sample.keypoints.labeled().count());
    let val: BTreeSet<usize> = split.unwrap().val.into_iter().collect();
    let mut counts: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
    for index in 0..set.len() {
        let [all, of_val] = counts.entry(labels(index)).or_default();
        *all += 1;
        *of_val += usize::from(val.contains(&index));
    }
    assert!(counts.len() > 3, "{counts:?}");
    for [all, of_val] in counts.values() {
        let expected = rule.val_fraction * *all as f64;
        // The largest group is an image and a copy of it.
        assert!((*of_val as f64 - expected).abs() <= 2.0, "{counts:?}");
    }
}

#[test]
fn two_sets_are_united_and_their_copies_removed() {
    let (Some(kaggle), Some(aflw21)) = (shared_set("kaggle"), shared_set("aflw21")) else {
        return;
    };
    let target = Schema::kaggle15();
    let parts = [("kaggle", &kaggle), ("again", &kaggle), ("aflw21", &aflw21)];
    let parts = parts.map(|(name, folder)| {
        let set = opened(folder).complete;
        let map = SchemaMap::between(set.schema(), &target).unwrap();
        UnionPart::new(name, Arc::new(Mapped::new(set, map)))
    });
    let union = Union::new(parts.into()).unwrap();
    let wanted = SampleFilter {
        required: vec!["nose_tip".to_owned()],
        duplicates: Duplicates::KeepFirst,
        ..SampleFilter::default()
    };
    let filtered = filter(&union, &wanted).unwrap();
    let mut kept = [0; 3];
    for &index in &filtered.kept {
        kept[union.source_of(index)] += 1;
    }
    let [first, again, other] = kept;
    assert_eq!(again, 0);
    assert!((2000..=2138).contains(&first), "{}", filtered.removed);
    assert!(other > 0 && filtered.removed.missing_keypoint > 0);
}
