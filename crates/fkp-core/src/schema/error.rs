//! What can be wrong with a schema.

/// A schema contradicts itself.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema `{schema}`: {problem}")]
#[non_exhaustive]
pub struct SchemaError {
    /// Name of the schema.
    pub schema: String,
    /// What is wrong with it.
    pub problem: SchemaProblem,
}

crate::debug_as_sentence!(SchemaError);

/// What is wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaProblem {
    /// There are no keypoints.
    #[error("there are no keypoints")]
    NoKeypoints,
    /// Two keypoints have one name.
    #[error("`keypoints` has `{keypoint}` twice")]
    DuplicateName {
        /// The name in question.
        keypoint: String,
    },
    /// A field names a keypoint that the schema does not have.
    #[error("`{field}` names `{keypoint}`, which is not among its keypoints")]
    UnknownName {
        /// The field that names the keypoint.
        field: &'static str,
        /// The name in question.
        keypoint: String,
    },
    /// A keypoint is in two flip pairs, or is its own partner.
    #[error("`flip_pairs` uses `{keypoint}` more than once")]
    FlippedTwice {
        /// The name in question.
        keypoint: String,
    },
    /// A name contains left or right, and the keypoint of the other side does not exist. A flip
    /// would leave its label on the wrong side.
    #[error(
        "`{keypoint}` has no partner `{partner}`{}; rename one, or write \
         unpaired = {all:?} into a schema file if this is intended",
        misspelling(.closest)
    )]
    NoPartner {
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
        "`flip_pairs` lacks {}; add it, or list the names in `unpaired` if this \
         is intended",
        listed(.missing)
    )]
    NotPaired {
        /// All missing pairs.
        missing: Vec<(String, String)>,
    },
    /// A keypoint is both in a flip pair and in `unpaired`.
    #[error("`{keypoint}` is both in `flip_pairs` and in `unpaired`")]
    PairedAndUnpaired {
        /// The name in question.
        keypoint: String,
    },
    /// An index of a flip pair is not below the number of keypoints.
    #[error("a flip pair has index {index}, but there are {len} keypoints")]
    PairOutOfRange {
        /// The index in question.
        index: usize,
        /// Number of keypoints.
        len: usize,
    },
    /// An end of a normalizing pair has no keypoints.
    #[error("normalizing pair `{pair}` has an end without keypoints")]
    EmptyNormalizingEnd {
        /// Name of the pair.
        pair: String,
    },
    /// The face box has no area or is not finite.
    #[error("`face_box` has no area or is not finite")]
    BadFaceBox,
    /// The mean shape has another number of keypoints, or values that are not finite.
    #[error("`mean_shape` needs {expected} finite [x, y] pairs")]
    BadMeanShape {
        /// Number of keypoints of the schema.
        expected: usize,
    },
}

fn misspelling(closest: &Option<String>) -> String {
    let closest = closest.as_ref();
    closest.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

/// The pairs as a schema file writes them.
fn listed(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(a, b)| format!("[{a:?}, {b:?}]"));
    pairs.collect::<Vec<_>>().join(", ")
}
