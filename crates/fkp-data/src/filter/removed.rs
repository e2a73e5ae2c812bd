//! How many samples a filter removed, and why.

use std::fmt;

/// Why a filter removes a sample: the first criterion, in this order, that the sample does not
/// meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    MissingKeypoint,
    FewLabels,
    ImageSize,
    FaceSize,
    Attributes,
    Duplicate,
}

/// How many samples a filter removed, and why. Each sample is counted once, for the first criterion
/// that it does not meet, in the order of the fields. Its text is a note for a user:
///
/// ```text
/// 3 of 100 samples removed: 2 with too few labeled keypoints, 1 as duplicates
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RemovedSamples {
    /// Number of samples before.
    pub samples: usize,
    /// Without a label for a required keypoint.
    pub missing_keypoint: usize,
    /// With too few labeled keypoints.
    pub few_labels: usize,
    /// With an image that is too small or too large.
    pub image_size: usize,
    /// With a face that is too small or too large, or of unknown size.
    pub face_size: usize,
    /// With or without an attribute.
    pub attributes: usize,
    /// Duplicates of samples that were kept.
    pub duplicates: usize,
}

impl RemovedSamples {
    /// Number of samples that were removed.
    pub fn total(&self) -> usize {
        self.by_reason().iter().map(|(count, _)| count).sum()
    }

    pub(super) fn count(&mut self, reason: Reason) {
        let count = match reason {
            Reason::MissingKeypoint => &mut self.missing_keypoint,
            Reason::FewLabels => &mut self.few_labels,
            Reason::ImageSize => &mut self.image_size,
            Reason::FaceSize => &mut self.face_size,
            Reason::Attributes => &mut self.attributes,
            Reason::Duplicate => &mut self.duplicates,
        };
        *count += 1;
    }

    /// Each number with a text that follows it.
    fn by_reason(&self) -> [(usize, &'static str); 6] {
        [
            (self.missing_keypoint, "without a required keypoint"),
            (self.few_labels, "with too few labeled keypoints"),
            (self.image_size, "by the size of the image"),
            (self.face_size, "by the size of the face"),
            (self.attributes, "by attributes"),
            (self.duplicates, "as duplicates"),
        ]
    }
}

impl fmt::Display for RemovedSamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (total, samples) = (self.total(), self.samples);
        write!(f, "{total} of {samples} samples removed")?;
        let reasons = self.by_reason().into_iter().filter(|(count, _)| *count > 0);
        for (number, (count, reason)) in reasons.enumerate() {
            f.write_str(if number == 0 { ": " } else { ", " })?;
            write!(f, "{count} {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_lists_the_reasons() {
        let mut removed = RemovedSamples {
            samples: 9,
            ..RemovedSamples::default()
        };
        assert_eq!(removed.to_string(), "0 of 9 samples removed");
        for reason in [Reason::Duplicate, Reason::FaceSize, Reason::Duplicate] {
            removed.count(reason);
        }
        assert_eq!(
            removed.to_string(),
            "3 of 9 samples removed: 1 by the size of the face, 2 as duplicates"
        );
    }
}
