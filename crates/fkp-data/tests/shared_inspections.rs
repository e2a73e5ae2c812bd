//! Inspections of the real data sets: what is known about them is found.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use fkp_data::inspect::{CopyKind, Frame};
use fkp_data::{
    InspectOptions, Inspection, MissingImages, OpenOptions, OpenedDataset, inspect, open,
};
use fkp_test_support::shared_set;
use std::path::Path;

fn opened(path: &Path) -> OpenedDataset {
    let options = OpenOptions {
        missing_images: MissingImages::LabelsOnly,
        ..OpenOptions::default()
    };
    open(path, &options).unwrap()
}

fn inspected(sets: &[&OpenedDataset]) -> Inspection {
    inspect(sets, &InspectOptions::default()).unwrap()
}

/// 4755 rows have four labels and 2140 all fifteen, with the nose tip and the lower lip elsewhere.
#[test]
fn the_two_labeling_rules_of_kaggle_are_found() {
    let Some(table) = shared_set("kaggle/labels_only_7049.csv") else {
        return;
    };
    let found = inspected(&[&opened(&table)]);
    let set = &found.sets[0];
    assert_eq!((set.samples, set.patterns.len()), (7049, 50));
    let [rule] = &set.rules[..] else {
        panic!("{:?}", set.rules);
    };
    let samples = rule.groups.each_ref().map(|group| group.samples);
    assert_eq!((samples, rule.frame), ([4755, 2140], Frame::Pixels));
    let nose = &rule.keypoints[0];
    assert_eq!((&*nose.keypoint, nose.axis), ("nose_tip", "y"));
    let [four, fifteen] = nose.means.map(f64::round);
    assert_eq!((four, fifteen), (65.0, 57.0));
    assert!(nose.effect > 1.5, "{}", nose.effect);
    let text = found.to_string();
    let sentence = "the 4755 samples with 4 labels and the 2140 samples with 15 labels follow \
                    different labeling rules";
    assert!(text.contains(sentence), "{text}");
}

/// Labels of one side are missing where the head is turned, which is no rule.
#[test]
fn other_sets_have_one_labeling_rule_and_their_sides_are_right() {
    for name in ["ytf68", "ibug68", "aflw21", "net5", "cephalo19"] {
        let Some(folder) = shared_set(name) else {
            continue;
        };
        let found = inspected(&[&opened(&folder)]);
        let set = &found.sets[0];
        assert_eq!(set.rules, [], "{name}");
        assert_eq!(set.unreadable, [], "{name}");
        let kinds = set.suspects.iter().map(|suspect| &suspect.problem);
        let exchanged = kinds.filter(|problem| problem.to_string().contains("exchanged"));
        assert_eq!(exchanged.count(), 0, "{name}");
        // A handful, most of them heads that are turned far in `aflw21`.
        let far = set.suspects.iter().filter(|suspect| {
            let problem = suspect.problem.to_string();
            problem.contains("far from") || problem.contains("another shape")
        });
        let far = far.count();
        assert!(50 * far < set.samples, "{name}: {far} of {}", set.samples);
    }
}

/// Frames of one video, and photographs that were published twice.
#[test]
fn copies_within_and_between_sets_are_found() {
    let (Some(ytf), Some(ibug), Some(kaggle)) = (
        shared_set("ytf68"),
        shared_set("ibug68"),
        shared_set("kaggle/training.zip"),
    ) else {
        return;
    };
    let sets = [opened(&ytf), opened(&ibug), opened(&kaggle)];
    let found = inspected(&[&sets[0], &sets[1], &sets[2]]);
    let exact = found
        .copies
        .iter()
        .filter(|group| group.kind == CopyKind::Exact);
    assert!(exact.count() >= 3);
    // About 134 faces of LFPW are in both, in another crop and without color.
    let both = found.copies.iter().filter(|group| {
        let is_in = |set: usize| group.samples.iter().any(|sample| sample.set == set);
        is_in(1) && is_in(2)
    });
    let both = both.count();
    assert!(both > 80, "{both}");
    let videos = found.copies.iter().filter(|group| !group.across_persons);
    assert!(videos.count() > 200);
}
