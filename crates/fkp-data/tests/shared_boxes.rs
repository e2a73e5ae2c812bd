//! Tests of the real data set of face boxes: counts, first values, splits.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use fkp_core::{BoundingBox, Dataset, LabeledBox, Schema};
use fkp_data::{Format, OpenOptions, OpenedDataset, open};
use fkp_test_support::shared_set;

fn opened(path: &std::path::Path) -> OpenedDataset {
    let set = open(path, &OpenOptions::default()).unwrap();
    assert_eq!(set.format, Format::BoxesCsv);
    assert_eq!(set.dataset.schema(), &Schema::boxes());
    set
}

/// The number of faces, and of boxes to ignore.
fn counts(set: &dyn Dataset) -> [usize; 2] {
    let mut counts = [0; 2];
    for index in 0..set.len() {
        let sample = set.get(index).unwrap();
        assert!(sample.keypoints.is_empty() && sample.is_face);
        for label in &sample.boxes {
            // Measured from the outer edge: no box ends farther outside than labels are rounded.
            let inside = label.bounds.within(sample.image.size());
            let cut = label.bounds.width * label.bounds.height - inside.width * inside.height;
            assert!(cut < 0.5 * label.bounds.height, "{}", sample.id);
            counts[usize::from(label.ignore)] += 1;
        }
    }
    counts
}

#[test]
fn wider() {
    let Some(folder) = shared_set("wider") else {
        return;
    };
    let both = opened(&folder);
    assert_eq!(both.notes.len(), 2, "{:?}", both.notes);
    // No photograph is in both parts.
    let parts = both.train_val().unwrap();
    assert_eq!((parts.train.len(), parts.val.len()), (900, 120));
    assert_eq!(counts(&parts.train), [4653, 852]);
    assert_eq!(counts(&parts.val), [1148, 348]);
    let first = parts.train.get(0).unwrap();
    assert_eq!(first.id, "images/0_Parade_Parade_0_1040.jpg");
    // 196.8 100.0 29.9 43.8 in the file.
    let bounds = BoundingBox::from_image_edges(196.8, 100.0, 29.9, 43.8);
    assert_eq!(first.boxes, [LabeledBox::face(bounds)]);
    assert_eq!(first.group, None);
    for (part, expected) in [("train", &parts.train), ("val", &parts.val)] {
        let alone = opened(&folder.join(part));
        assert_eq!(alone.predefined_split, None);
        assert_eq!(alone.dataset.len(), expected.len());
        assert_eq!(alone.dataset.get(7).unwrap(), expected.get(7).unwrap());
    }
}
