//! How a schema is written in a file, and the check of what was written.

use super::sides::{closest, mirrored_name};
use super::{NormalizingPair, Schema, SchemaError};
use crate::BoundingBox;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a schema is written in a file: by names. Converted to and from [`Schema`].
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaSpec {
    /// Name of the schema.
    pub name: String,
    /// Names of the keypoints, in order.
    pub keypoints: Vec<String>,
    /// Pairs that a mirror image exchanges. Absent: not known, so that images of it cannot be
    /// flipped. An empty list that is written out says that there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flip_pairs: Option<Vec<(String, String)>>,
    /// Keypoints whose name says left or right and that have no partner all the same. Any other
    /// such keypoint outside `flip_pairs` is refused: it is usually a misspelled name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpaired: Vec<String>,
    /// Lines to draw.
    #[serde(default)]
    pub skeleton: Vec<(String, String)>,
    /// Where each keypoint lies on average in a well framed crop, in fractions of its side
    /// (0 and 1 are the outer edges). Empty where crops are not framed by keypoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean_shape: Vec<[f64; 2]>,
    /// Where the face from forehead to chin lies in such a crop, in the same fractions. Absent
    /// where the keypoints are not of a face.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face_box: Option<BoundingBox>,
    /// Distances to normalize errors by, the preferred one first.
    #[serde(default)]
    pub normalizing_pair: Vec<NormalizingPairSpec>,
}

/// How a [`NormalizingPair`] is written in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormalizingPairSpec {
    /// The field's name of the distance.
    pub name: String,
    /// Names of the keypoints whose mean is one end.
    pub from: Vec<String>,
    /// Names of the keypoints whose mean is the other end.
    pub to: Vec<String>,
}

impl TryFrom<SchemaSpec> for Schema {
    type Error = SchemaError;

    fn try_from(spec: SchemaSpec) -> Result<Self, SchemaError> {
        check_names(&spec)?;
        check_mean_shape(&spec)?;
        let flip_pairs = match &spec.flip_pairs {
            Some(pairs) => Some(flip_pairs(&spec, pairs)?),
            None => None,
        };
        let unpaired = indices(&spec, "unpaired", &spec.unpaired)?;
        check_sides(&spec, flip_pairs.as_deref().unwrap_or_default(), &unpaired)?;
        let skeleton = index_pairs(&spec, "skeleton", &spec.skeleton)?;
        let normalizing_pairs = spec.normalizing_pair.iter();
        let normalizing_pairs = normalizing_pairs.map(|pair| normalizing_pair(&spec, pair));
        Ok(Self {
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
}

impl From<Schema> for SchemaSpec {
    fn from(schema: Schema) -> Self {
        let name = |index: &usize| schema.keypoints[*index].clone();
        let names = |indices: &[usize]| indices.iter().map(name).collect();
        let pairs = |pairs: &[(usize, usize)]| {
            let pairs = pairs.iter();
            pairs.map(|(a, b)| (name(a), name(b))).collect()
        };
        let normalizing_pair = schema
            .normalizing_pairs
            .iter()
            .map(|pair| NormalizingPairSpec {
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

fn check_names(spec: &SchemaSpec) -> Result<(), SchemaError> {
    let schema = || spec.name.clone();
    if spec.keypoints.is_empty() {
        return Err(SchemaError::NoKeypoints { schema: schema() });
    }
    let mut seen = BTreeSet::new();
    match spec.keypoints.iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(twice) => Err(SchemaError::DuplicateName {
            schema: schema(),
            keypoint: twice.clone(),
        }),
    }
}

fn check_mean_shape(spec: &SchemaSpec) -> Result<(), SchemaError> {
    if spec.face_box.is_some_and(|face| !face.is_usable()) {
        return Err(SchemaError::BadFaceBox {
            schema: spec.name.clone(),
        });
    }
    let fits = spec.mean_shape.len() == spec.keypoints.len()
        && spec.mean_shape.iter().flatten().all(|v| v.is_finite());
    if spec.mean_shape.is_empty() || fits {
        return Ok(());
    }
    Err(SchemaError::BadMeanShape {
        schema: spec.name.clone(),
        expected: spec.keypoints.len(),
    })
}

/// Every keypoint whose name says left or right is in a pair or is said to be in none.
fn check_sides(
    spec: &SchemaSpec,
    flip_pairs: &[(usize, usize)],
    unpaired: &[usize],
) -> Result<(), SchemaError> {
    let schema = || spec.name.clone();
    let paired: BTreeSet<usize> = flip_pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    if let Some(&both) = unpaired.iter().find(|index| paired.contains(index)) {
        return Err(SchemaError::PairedAndUnpaired {
            schema: schema(),
            keypoint: spec.keypoints[both].clone(),
        });
    }
    let is_open = |index: &usize| !paired.contains(index) && !unpaired.contains(index);
    let open = || (0..spec.keypoints.len()).filter(is_open);
    let mut missing = Vec::new();
    let mut lonely = Vec::new();
    for name in open().map(|index| &spec.keypoints[index]) {
        let Some(partner) = mirrored_name(name) else {
            continue;
        };
        if !spec.keypoints.contains(&partner) {
            lonely.push((name, partner));
        } else if !missing.contains(&(partner.clone(), name.clone())) {
            missing.push((name.clone(), partner));
        }
    }
    if let Some((keypoint, partner)) = lonely.first() {
        let others = open().map(|index| &spec.keypoints[index]);
        let closest = closest(partner, others.filter(|name| name != keypoint));
        return Err(SchemaError::NoPartner {
            schema: schema(),
            keypoint: (*keypoint).clone(),
            partner: partner.clone(),
            closest: closest.cloned(),
            all: lonely.iter().map(|(name, _)| (*name).clone()).collect(),
        });
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(SchemaError::NotPaired {
        schema: schema(),
        missing,
    })
}

fn flip_pairs(
    spec: &SchemaSpec,
    names: &[(String, String)],
) -> Result<Vec<(usize, usize)>, SchemaError> {
    let pairs = index_pairs(spec, "flip_pairs", names)?;
    let mut used = BTreeSet::new();
    let mut keypoints = pairs.iter().flat_map(|&(a, b)| [a, b]);
    match keypoints.find(|keypoint| !used.insert(*keypoint)) {
        None => Ok(pairs),
        Some(keypoint) => Err(SchemaError::FlippedTwice {
            schema: spec.name.clone(),
            keypoint: spec.keypoints[keypoint].clone(),
        }),
    }
}

fn normalizing_pair(
    spec: &SchemaSpec,
    pair: &NormalizingPairSpec,
) -> Result<NormalizingPair, SchemaError> {
    let from = indices(spec, "normalizing_pair", &pair.from)?;
    let to = indices(spec, "normalizing_pair", &pair.to)?;
    if from.is_empty() || to.is_empty() {
        return Err(SchemaError::EmptyNormalizingEnd {
            schema: spec.name.clone(),
            pair: pair.name.clone(),
        });
    }
    Ok(NormalizingPair {
        name: pair.name.clone(),
        from,
        to,
    })
}

fn index_pairs(
    spec: &SchemaSpec,
    field: &'static str,
    names: &[(String, String)],
) -> Result<Vec<(usize, usize)>, SchemaError> {
    let pair = |(a, b): &(String, String)| Ok((index(spec, field, a)?, index(spec, field, b)?));
    names.iter().map(pair).collect()
}

fn indices(
    spec: &SchemaSpec,
    field: &'static str,
    names: &[String],
) -> Result<Vec<usize>, SchemaError> {
    names.iter().map(|name| index(spec, field, name)).collect()
}

fn index(spec: &SchemaSpec, field: &'static str, keypoint: &str) -> Result<usize, SchemaError> {
    let found = spec.keypoints.iter().position(|name| name == keypoint);
    found.ok_or_else(|| SchemaError::UnknownName {
        schema: spec.name.clone(),
        field,
        keypoint: keypoint.to_owned(),
    })
}
