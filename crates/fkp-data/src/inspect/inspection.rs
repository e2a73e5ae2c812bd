//! The result of an inspection.

use super::contents::{BoxCounts, Groups, KeypointCounts, Pattern, Sizes, SplitCounts, Unreadable};
use super::copies::CopyGroup;
use super::identity::Identity;
use super::position::{FacePositions, ShapeStatistics};
use super::rules::RuleDifference;
use super::suspects::Suspect;
use serde::Serialize;

/// The result of [`crate::inspect()`]; [`std::fmt::Display`] is a report in sections.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Each data set.
    pub sets: Vec<SetInspection>,
    /// Copies of images within and between the data sets: those in both parts of a split first,
    /// then those of several data sets, then those of several persons.
    pub copies: Vec<CopyGroup>,
}

/// What was found in one data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SetInspection {
    /// The file or folder.
    pub path: String,
    /// Name of the format.
    pub format: String,
    /// Name of the schema.
    pub schema: String,
    /// Number of samples.
    pub samples: usize,
    /// Number of images; fewer than samples if an image has several faces.
    pub images: usize,
    /// What opening the data set reported.
    pub notes: Vec<String>,
    /// Image sizes; `None` without a readable image.
    pub sizes: Option<Sizes>,
    /// Samples whose image cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Labels of each keypoint.
    pub keypoints: Vec<KeypointCounts>,
    /// The distinct sets of labeled keypoints, the most frequent first.
    pub patterns: Vec<Pattern>,
    /// Persons or other groups; `None` if they are unknown.
    pub groups: Option<Groups>,
    /// The predefined split, if there is one.
    pub split: Option<SplitCounts>,
    /// Boxes, in a data set for face detection.
    pub boxes: Option<BoxCounts>,
    /// Where the faces are in their images.
    pub positions: Option<FacePositions>,
    /// The mean shape; `None` without a sample of three labels.
    pub shape: Option<ShapeStatistics>,
    /// Groups of samples with different labeling rules.
    pub rules: Vec<RuleDifference>,
    /// Labels that are probably wrong.
    pub suspects: Vec<Suspect>,
    /// For [`Inspection::corrections`]: the content hash of each sample, and whether its id occurs
    /// twice.
    #[serde(skip)]
    pub(super) identities: Vec<Identity>,
}
