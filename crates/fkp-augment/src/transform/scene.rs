//! What a draw knows: the frame so far, and where the keypoints and the face are in it.

use crate::{Replay, Step};
use fkp_core::{BoundingBox, Keypoints, Rng, Sample};

/// What lies on the image that is drawn for; some crops look at it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The keypoints, in pixels of the source.
    pub keypoints: Option<&'a Keypoints>,
    /// The face's box, in pixels of the source.
    pub face_box: Option<&'a BoundingBox>,
}

impl<'a> From<&'a Sample> for Subject<'a> {
    fn from(sample: &'a Sample) -> Self {
        Self {
            keypoints: Some(&sample.keypoints),
            face_box: sample.face_box.as_ref().map(|face| &face.bounds),
        }
    }
}

/// A record in the making.
pub(crate) struct Scene<'a> {
    pub(crate) replay: &'a mut Replay,
    pub(crate) subject: Subject<'a>,
}

impl Scene<'_> {
    /// (width, height) of the frame so far.
    pub(crate) fn size(&self) -> (f64, f64) {
        (self.replay.size.0 as f64, self.replay.size.1 as f64)
    }

    pub(crate) fn center(&self) -> (f64, f64) {
        let (width, height) = self.size();
        ((width - 1.0) / 2.0, (height - 1.0) / 2.0)
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.replay.push(step);
    }

    /// The labeled keypoints' box in the frame so far.
    pub(crate) fn keypoints_box(&self) -> Option<BoundingBox> {
        let keypoints = self.subject.keypoints?.labeled();
        BoundingBox::around(keypoints.map(|(_, p)| self.replay.point(p.x.into(), p.y.into())))
    }

    /// The face's box in the frame so far, where it has an area.
    pub(crate) fn face_box(&self) -> Option<BoundingBox> {
        let given = self.subject.face_box.filter(|given| given.is_usable())?;
        Some(self.replay.bounding_box(given))
    }
}

/// A seed for a step that needs many numbers. 63 bits, because TOML's integers are signed.
pub(super) fn seed(rng: &mut dyn Rng) -> u64 {
    rng.next_u64() >> 1
}
