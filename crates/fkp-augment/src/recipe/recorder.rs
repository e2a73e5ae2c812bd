//! Sampling: the labels that crops depend on, and the record that their steps are added to.

use crate::transforms::{LabelBoxes, SampleContext};
use crate::{Replay, Step};
use fkp_core::{BoundingBox, Keypoints, LabeledBox, Sample};

/// The labels of the image that parameters are sampled for; some crops depend on them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Labels<'a> {
    /// The keypoints, in pixels of the original image.
    pub keypoints: Option<&'a Keypoints>,
    /// The face box, in pixels of the original image.
    pub face_box: Option<&'a BoundingBox>,
    /// All faces, in pixels of the original image.
    pub boxes: &'a [LabeledBox],
}

impl<'a> From<&'a Sample> for Labels<'a> {
    fn from(sample: &'a Sample) -> Self {
        Self {
            keypoints: Some(&sample.keypoints),
            face_box: sample.face_box.as_ref().map(|face| &face.bounds),
            boxes: &sample.boxes,
        }
    }
}

/// Collects the steps that transforms sample.
pub struct Recorder<'a> {
    replay: &'a mut Replay,
    labels: Labels<'a>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(replay: &'a mut Replay, labels: Labels<'a>) -> Self {
        Self { replay, labels }
    }

    /// The image as the steps so far leave it.
    pub fn context(&self) -> SampleContext<'_> {
        let size = self.replay.size();
        SampleContext { size, boxes: self }
    }

    /// The boxes that are not to be ignored.
    fn chosen(&self) -> impl Iterator<Item = &'a BoundingBox> {
        let boxes = self.labels.boxes.iter();
        boxes.filter(|face| !face.ignore).map(|face| &face.bounds)
    }

    /// Adds a step to the record.
    pub fn push(&mut self, step: impl Into<Step>) {
        self.replay.push(step);
    }
}

impl LabelBoxes for Recorder<'_> {
    fn keypoints_box(&self) -> Option<BoundingBox> {
        let keypoints = self.labels.keypoints?.labeled();
        BoundingBox::around(keypoints.map(|(_, p)| self.replay.point(p.x.into(), p.y.into())))
    }

    fn face_box(&self) -> Option<BoundingBox> {
        let given = self.labels.face_box.filter(|given| given.is_usable())?;
        Some(self.replay.bounding_box(given))
    }

    fn faces(&self) -> usize {
        self.chosen().count()
    }

    fn face(&self, index: usize) -> Option<BoundingBox> {
        let given = self.chosen().nth(index)?;
        Some(self.replay.face_bounds(given)).filter(BoundingBox::is_usable)
    }
}
