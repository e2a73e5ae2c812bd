//! How a schema is written in a file.

use crate::BoundingBox;
use serde::{Deserialize, Serialize};

/// The name of the one schema without keypoints.
pub(super) const BOXES: &str = "boxes";

/// How a schema is written in a file: by names. Converted to and from [`Schema`](crate::Schema).
///
/// ```toml
/// name = "hand4"
/// keypoints = ["wrist", "palm", "thumb_left", "thumb_right"]
/// flip_pairs = [["thumb_left", "thumb_right"]]
/// skeleton = [["wrist", "palm"]]
/// [[normalizing_pair]]
/// name = "palm"
/// from = ["wrist"]
/// to = ["palm"]
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaSpec {
    /// Name of the schema.
    pub name: String,
    /// Names of the keypoints, in order.
    pub keypoints: Vec<String>,
    /// Pairs that a mirror image exchanges. Absent: unknown, so that images cannot be flipped. An
    /// empty list means that there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flip_pairs: Option<Vec<(String, String)>>,
    /// Keypoints without a partner although their name contains left or right. Any other such
    /// keypoint outside `flip_pairs` is refused, because its name is usually misspelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpaired: Vec<String>,
    /// Pairs between which a line is drawn.
    #[serde(default)]
    pub skeleton: Vec<(String, String)>,
    /// Where each keypoint lies on average in a crop, in fractions of its side (0 and 1 are the
    /// outer edges). Crops are aligned to it; empty where the whole image is the crop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean_shape: Vec<[f64; 2]>,
    /// Where the face from forehead to chin lies in such a crop, in the same fractions. Absent if
    /// the keypoints are not those of a face.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face_box: Option<BoundingBox>,
    /// Distances to normalize errors by, the preferred one first.
    #[serde(default)]
    pub normalizing_pair: Vec<NormalizingPair<String>>,
}

/// Two groups of keypoints whose mean positions are a known distance apart, such as the outer eye
/// corners. Errors divided by that distance can be compared across image sizes.
///
/// The keypoints are indices in a [`Schema`](crate::Schema) and names in a [`SchemaSpec`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormalizingPair<K = usize> {
    /// Name of the distance: `inter_ocular` (outer eye corners), `inter_pupil` (eye centers), ….
    pub name: String,
    /// Keypoints whose mean is one end.
    pub from: Vec<K>,
    /// Keypoints whose mean is the other end.
    pub to: Vec<K>,
}
