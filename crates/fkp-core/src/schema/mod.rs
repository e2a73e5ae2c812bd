//! Schemas: names, flip pairs, skeleton and mean shape of a task's keypoints.

mod builtin;
mod check;
mod error;
mod map;
mod renamed;
mod sides;
mod spec;

pub use error::{SchemaError, SchemaProblem};
pub use map::{SchemaMap, SchemaMapError};
pub use sides::flip_pairs_from_names;
pub use spec::{NormalizingPair, SchemaSpec};

use crate::BoundingBox;
use serde::{Deserialize, Deserializer, Serialize, de};
use sides::mirrored_name;

/// The keypoints of a task: their names, the pairs that a mirror image exchanges, the skeleton to
/// draw, and the distances that errors are normalized by. Left and right are the subject's.
///
/// ```
/// let schema = fkp_core::Schema::kaggle15();
/// assert_eq!(schema.len(), 15);
/// assert_eq!(schema.keypoints()[10], "nose_tip");
/// assert_eq!(schema.flip_pairs()[0], (0, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(into = "SchemaSpec")]
pub struct Schema {
    name: String,
    keypoints: Vec<String>,
    /// `None`: unknown.
    flip_pairs: Option<Vec<(usize, usize)>>,
    /// Keypoints that are not in a flip pair although their names contain left or right.
    unpaired: Vec<usize>,
    skeleton: Vec<(usize, usize)>,
    mean_shape: Vec<[f64; 2]>,
    face_box: Option<BoundingBox>,
    normalizing_pairs: Vec<NormalizingPair>,
}

impl Schema {
    /// `count` keypoints named `0`, `1`, …, with unknown flip pairs and without a skeleton; errors
    /// are normalized by the box only.
    ///
    /// ```
    /// use fkp_core::Schema;
    /// let hand = Schema::numbered("hand", 3)?;
    /// assert!(!hand.has_known_flip_pairs());
    /// let hand = hand.with_flip_pairs(&[(0, 2)])?;
    /// assert!(hand.has_known_flip_pairs());
    /// # Ok::<(), fkp_core::SchemaError>(())
    /// ```
    ///
    /// # Errors
    /// If `count` is zero.
    pub fn numbered(name: &str, count: usize) -> Result<Self, SchemaError> {
        SchemaSpec {
            name: name.to_owned(),
            keypoints: (0..count).map(|i| i.to_string()).collect(),
            ..SchemaSpec::default()
        }
        .try_into()
    }

    /// Name of the schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of keypoints: 0 in [`Schema::boxes`], else at least 1.
    pub fn len(&self) -> usize {
        self.keypoints.len()
    }

    /// Whether there are no keypoints, as in [`Schema::boxes`].
    pub fn is_empty(&self) -> bool {
        self.keypoints.is_empty()
    }

    /// Names of the keypoints, in order.
    pub fn keypoints(&self) -> &[String] {
        &self.keypoints
    }

    /// Index pairs that a mirror image exchanges. Empty both if there are none and if they are
    /// unknown: see [`Self::has_known_flip_pairs`].
    pub fn flip_pairs(&self) -> &[(usize, usize)] {
        self.flip_pairs.as_deref().unwrap_or_default()
    }

    /// Whether it is known which keypoints a mirror image exchanges, if any. Where it is unknown, a
    /// flipped image would have wrong labels.
    pub fn has_known_flip_pairs(&self) -> bool {
        self.flip_pairs.is_some()
    }

    /// The same keypoints with these flip pairs. An empty list means that no keypoint has a mirror
    /// partner, whatever its name is.
    ///
    /// # Errors
    /// If an index is too large or is used twice, or if a list that is not empty omits a keypoint
    /// whose name contains left or right.
    pub fn with_flip_pairs(self, pairs: &[(usize, usize)]) -> Result<Self, SchemaError> {
        let len = self.len();
        let mut indices = pairs.iter().flat_map(|&(a, b)| [a, b]);
        if let Some(index) = indices.find(|index| *index >= len) {
            let problem = SchemaProblem::PairOutOfRange { index, len };
            let schema = self.name;
            return Err(SchemaError { schema, problem });
        }
        let mut spec = SchemaSpec::from(self);
        let name = |index: usize| spec.keypoints[index].clone();
        let names: Vec<_> = pairs.iter().map(|&(a, b)| (name(a), name(b))).collect();
        if pairs.is_empty() {
            let sided = spec.keypoints.iter();
            spec.unpaired = sided
                .filter(|n| mirrored_name(n).is_some())
                .cloned()
                .collect();
        } else {
            let paired = |name: &String| names.iter().any(|(a, b)| [a, b].contains(&name));
            spec.unpaired.retain(|name| !paired(name));
        }
        spec.flip_pairs = Some(names);
        spec.try_into()
    }

    /// Index pairs between which a line is drawn.
    pub fn skeleton(&self) -> &[(usize, usize)] {
        &self.skeleton
    }

    /// Where each keypoint lies on average in a crop, in fractions of its side. Crops are aligned
    /// to it; empty where the whole image is the crop.
    pub fn mean_shape(&self) -> &[[f64; 2]] {
        &self.mean_shape
    }

    /// Where the face from forehead to chin lies in such a crop, in the same fractions.
    pub fn face_box(&self) -> Option<&BoundingBox> {
        self.face_box.as_ref()
    }

    /// Distances to normalize errors by, the preferred one first.
    pub fn normalizing_pairs(&self) -> &[NormalizingPair] {
        &self.normalizing_pairs
    }

    /// Index of the keypoint of this name.
    pub fn index_of(&self, keypoint: &str) -> Option<usize> {
        self.keypoints.iter().position(|name| name == keypoint)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spec = SchemaSpec::deserialize(deserializer).map_err(renamed::with_new_name)?;
        Self::try_from(spec).map_err(de::Error::custom)
    }
}

impl TryFrom<SchemaSpec> for Schema {
    type Error = SchemaError;

    fn try_from(spec: SchemaSpec) -> Result<Self, SchemaError> {
        let schema = spec.name.clone();
        checked(spec).map_err(|problem| SchemaError { schema, problem })
    }
}

fn checked(spec: SchemaSpec) -> Result<Schema, SchemaProblem> {
    check::names(&spec)?;
    check::mean_shape(&spec)?;
    let pairs = spec.flip_pairs.as_ref();
    let flip_pairs = pairs.map(|pairs| check::flip_pairs(&spec, pairs));
    let flip_pairs = flip_pairs.transpose()?;
    let unpaired = check::indices(&spec, "unpaired", &spec.unpaired)?;
    check::sides(&spec, flip_pairs.as_deref().unwrap_or_default(), &unpaired)?;
    let skeleton = check::index_pairs(&spec, "skeleton", &spec.skeleton)?;
    let normalizing_pairs = spec.normalizing_pair.iter();
    let normalizing_pairs = normalizing_pairs.map(|pair| check::normalizing_pair(&spec, pair));
    Ok(Schema {
        normalizing_pairs: normalizing_pairs.collect::<Result<_, _>>()?,
        flip_pairs,
        unpaired,
        skeleton,
        name: spec.name,
        keypoints: spec.keypoints,
        mean_shape: spec.mean_shape,
        face_box: spec.face_box,
    })
}

impl From<Schema> for SchemaSpec {
    fn from(schema: Schema) -> Self {
        let name = |index: &usize| schema.keypoints[*index].clone();
        let names = |indices: &[usize]| indices.iter().map(name).collect();
        let pairs = |pairs: &[(usize, usize)]| {
            let pairs = pairs.iter();
            pairs.map(|(a, b)| (name(a), name(b))).collect()
        };
        let normalizing_pair = schema.normalizing_pairs.iter().map(|pair| NormalizingPair {
            name: pair.name.clone(),
            from: names(&pair.from),
            to: names(&pair.to),
        });
        Self {
            flip_pairs: schema.flip_pairs.as_deref().map(pairs),
            unpaired: names(&schema.unpaired),
            skeleton: pairs(&schema.skeleton),
            normalizing_pair: normalizing_pair.collect(),
            mean_shape: schema.mean_shape.clone(),
            face_box: schema.face_box,
            name: schema.name.clone(),
            keypoints: schema.keypoints.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
