//! What the sampling of a transform knows about the image.

use fkp_core::BoundingBox;

/// The image as the transforms sampled so far leave it: its size, and where the labels are.
#[derive(Clone, Copy)]
pub struct SampleContext<'a> {
    pub(crate) size: (usize, usize),
    pub(crate) boxes: &'a dyn LabelBoxes,
}

/// The boxes of the labels in the current frame, computed on demand.
pub(crate) trait LabelBoxes {
    fn keypoints_box(&self) -> Option<BoundingBox>;
    fn face_box(&self) -> Option<BoundingBox>;
}

impl SampleContext<'_> {
    /// (width, height) in pixels.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// The center in pixels, `((width − 1) / 2, (height − 1) / 2)`.
    pub fn center(&self) -> (f64, f64) {
        let (width, height) = self.size;
        ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0)
    }

    /// The outer edges of the image, in pixels.
    pub fn bounds(&self) -> BoundingBox {
        BoundingBox {
            x: -0.5,
            y: -0.5,
            width: self.size.0 as f64,
            height: self.size.1 as f64,
        }
    }

    /// The box of the labeled keypoints in pixels, if there are any.
    pub fn keypoints_box(&self) -> Option<BoundingBox> {
        self.boxes.keypoints_box()
    }

    /// The face box in pixels, if there is one and it has an area.
    pub fn face_box(&self) -> Option<BoundingBox> {
        self.boxes.face_box()
    }
}
