//! What can be wrong with a schema.

/// A schema contradicts itself.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// There are no keypoints.
    #[error("schema `{schema}` has no keypoints")]
    NoKeypoints {
        /// Name of the schema.
        schema: String,
    },
    /// Two keypoints have one name.
    #[error("schema `{schema}` names keypoint `{keypoint}` twice")]
    DuplicateName {
        /// Name of the schema.
        schema: String,
        /// The name in question.
        keypoint: String,
    },
    /// A field names a keypoint that the schema does not have.
    #[error("schema `{schema}`: `{field}` names `{keypoint}`, which is not among its keypoints")]
    UnknownName {
        /// Name of the schema.
        schema: String,
        /// The field that names the keypoint.
        field: &'static str,
        /// The name in question.
        keypoint: String,
    },
    /// A keypoint is in two flip pairs, or is its own partner.
    #[error("schema `{schema}`: `flip_pairs` uses `{keypoint}` more than once")]
    FlippedTwice {
        /// Name of the schema.
        schema: String,
        /// The name in question.
        keypoint: String,
    },
    /// A name contains left or right, and the keypoint of the other side does not exist. A flip
    /// would leave its label on the wrong side.
    #[error(
        "schema `{schema}`: `{keypoint}` has no partner `{partner}`{}; rename one, or write \
         unpaired = {all:?} into a schema file if this is intended",
        misspelling(.closest)
    )]
    NoPartner {
        /// Name of the schema.
        schema: String,
        /// The name that contains left or right.
        keypoint: String,
        /// The name that its partner would have.
        partner: String,
        /// A keypoint without a partner whose name is similar to that.
        closest: Option<String>,
        /// All keypoints whose partner does not exist.
        all: Vec<String>,
    },
    /// Two names differ in left and right only, but are not a flip pair.
    #[error(
        "schema `{schema}`: `flip_pairs` lacks {}; add it, or list the names in `unpaired` if this \
         is intended",
        listed(.missing)
    )]
    NotPaired {
        /// Name of the schema.
        schema: String,
        /// All missing pairs.
        missing: Vec<(String, String)>,
    },
    /// A keypoint is both in a flip pair and in `unpaired`.
    #[error("schema `{schema}`: `{keypoint}` is both in `flip_pairs` and in `unpaired`")]
    PairedAndUnpaired {
        /// Name of the schema.
        schema: String,
        /// The name in question.
        keypoint: String,
    },
    /// An index of a flip pair is not below the number of keypoints.
    #[error("schema `{schema}`: a flip pair has index {index}, but there are {len} keypoints")]
    PairOutOfRange {
        /// Name of the schema.
        schema: String,
        /// The index in question.
        index: usize,
        /// Number of keypoints.
        len: usize,
    },
    /// An end of a normalizing pair has no keypoints.
    #[error("schema `{schema}`: normalizing pair `{pair}` has an end without keypoints")]
    EmptyNormalizingEnd {
        /// Name of the schema.
        schema: String,
        /// Name of the pair.
        pair: String,
    },
    /// The face box has no area or is not finite.
    #[error("schema `{schema}`: `face_box` has no area or is not finite")]
    BadFaceBox {
        /// Name of the schema.
        schema: String,
    },
    /// The mean shape has another number of keypoints, or values that are not finite.
    #[error("schema `{schema}`: `mean_shape` needs {expected} finite [x, y] pairs")]
    BadMeanShape {
        /// Name of the schema.
        schema: String,
        /// Number of keypoints of the schema.
        expected: usize,
    },
}

crate::debug_as_sentence!(SchemaError);

fn misspelling(closest: &Option<String>) -> String {
    let closest = closest.as_ref();
    closest.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

/// The pairs as a schema file writes them.
fn listed(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(a, b)| format!("[{a:?}, {b:?}]"));
    pairs.collect::<Vec<_>>().join(", ")
}
