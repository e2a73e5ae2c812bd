//! What a folder cannot hold of a data set.

use super::format::FolderFormat;
use super::label::Label;
use crate::OpenedDataset;
use crate::annotated_set::person;
use fkp_core::{BoxConvention, Dataset, Keypoint, Visibility};

/// A sentence for each kind of label that is lost, with the number of samples.
pub(super) fn losses(
    opened: &OpenedDataset,
    labels: &[Label],
    format: FolderFormat,
) -> Vec<String> {
    let is_coco = format == FolderFormat::Coco;
    let of_boxes = opened.complete.schema().is_empty();
    let any = |label: &Label, is_lost: fn(&Keypoint) -> bool| label.keypoints.iter().any(is_lost);
    let occluded = |keypoint: &Keypoint| keypoint.visibility == Visibility::Occluded;
    let has_face = |label: &Label| {
        let face_box = label.face_box.as_ref();
        face_box.is_some_and(|face_box| face_box.convention == BoxConvention::Face)
    };
    let count = |is_lost: &dyn Fn(&Label) -> bool| labels.iter().filter(|l| is_lost(l)).count();
    let unlabeled = |label: &Label| label.keypoints.labeled().next().is_none();
    let lost = [
        (
            count(&|label| !is_coco && any(label, occluded)),
            "have occluded keypoints, which a table does not distinguish from visible ones",
        ),
        (
            count(&|label| label.face_box.is_some() && !(is_coco && has_face(label))),
            "have a face box that the format does not hold",
        ),
        (
            count(&|label| !of_boxes && !label.boxes.is_empty()),
            "have boxes beside their keypoints, which the format does not hold",
        ),
        (
            count(&|label| is_coco && unlabeled(label)),
            "have no labeled keypoint: their images are listed without an annotation",
        ),
        (
            count(&|label| label.group.is_some() && label.group != person(&label.file)),
            "belong to a person whom their file name does not give",
        ),
        (
            count(&|label| !label.attributes.is_empty()),
            "have attributes",
        ),
        (
            count(&|label| !label.is_face),
            "are marked as images that are not faces",
        ),
    ];
    let lost = lost.into_iter().filter(|(count, _)| *count > 0);
    let mut sentences: Vec<_> = lost
        .map(|(count, what)| format!("{count} samples {what}"))
        .collect();
    if is_coco && opened.predefined_split.is_some() {
        sentences.push("the predefined split is not in a COCO file".to_owned());
    }
    sentences
}
