//! Schemas: what the keypoints of a task are.

use crate::BoundingBox;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Two groups of points whose mean positions are a known distance apart, such as the outer eye
/// corners. Errors divided by that distance can be compared across picture sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalisingPair {
    /// The field's name: `inter_ocular` (outer eye corners), `inter_pupil` (eye centres), ….
    pub name: String,
    /// Points whose mean is one end.
    pub from: Vec<usize>,
    /// Points whose mean is the other end.
    pub to: Vec<usize>,
}

/// A schema contradicts itself.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// There are no points.
    #[error("schema `{schema}` has no keypoints")]
    NoKeypoints {
        /// Name of the schema.
        schema: String,
    },
    /// Two points have one name.
    #[error("schema `{schema}` names keypoint `{keypoint}` twice")]
    DuplicateName {
        /// Name of the schema.
        schema: String,
        /// The name in question.
        keypoint: String,
    },
    /// A field names a point that is not there.
    #[error("schema `{schema}`: `{field}` names `{keypoint}`, which is not among its keypoints")]
    UnknownName {
        /// Name of the schema.
        schema: String,
        /// The field that names the point.
        field: &'static str,
        /// The name in question.
        keypoint: String,
    },
    /// A point is in two flip pairs, or is its own partner.
    #[error("schema `{schema}`: `flip_pairs` uses `{keypoint}` more than once")]
    FlippedTwice {
        /// Name of the schema.
        schema: String,
        /// The name in question.
        keypoint: String,
    },
    /// An end of a normalising pair has no points.
    #[error("schema `{schema}`: normalising pair `{pair}` has an end without points")]
    EmptyNormalisingEnd {
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
    /// The framing has another number of points, or numbers that are not finite.
    #[error("schema `{schema}`: `framing` needs {expected} finite [x, y] pairs")]
    BadFraming {
        /// Name of the schema.
        schema: String,
        /// How many points the schema has.
        expected: usize,
    },
}

crate::debug_as_sentence!(SchemaError);

/// How a schema is written in a file: by names. Converted to and from [`Schema`].
///
/// ```toml
/// name = "hand4"
/// keypoints = ["wrist", "palm", "thumb_left", "thumb_right"]
/// flip_pairs = [["thumb_left", "thumb_right"]]
/// skeleton = [["wrist", "palm"]]
/// [[normalising_pair]]
/// name = "palm"
/// from = ["wrist"]
/// to = ["palm"]
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaSpec {
    /// Name of the schema.
    pub name: String,
    /// Names of the points, in order.
    pub keypoints: Vec<String>,
    /// Pairs that a mirror image exchanges.
    #[serde(default)]
    pub flip_pairs: Vec<(String, String)>,
    /// Lines to draw.
    #[serde(default)]
    pub skeleton: Vec<(String, String)>,
    /// Where each point lies on average in a well framed crop, in fractions of its side
    /// (0 and 1 are the outer edges). Empty where crops are not framed by keypoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub framing: Vec<[f64; 2]>,
    /// Where the face from forehead to chin lies in such a crop, in the same fractions. Absent
    /// where the keypoints are not of a face.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face_box: Option<BoundingBox>,
    /// Distances to normalise errors by, the preferred one first.
    #[serde(default)]
    pub normalising_pair: Vec<NormalisingPairSpec>,
}

/// How a [`NormalisingPair`] is written in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormalisingPairSpec {
    /// The field's name of the distance.
    pub name: String,
    /// Names of the points whose mean is one end.
    pub from: Vec<String>,
    /// Names of the points whose mean is the other end.
    pub to: Vec<String>,
}

/// Names of the keypoints, which of them a mirror image exchanges, which lines to draw, and by
/// what distance errors are normalised. Left and right are the subject's.
///
/// ```
/// let schema = fkp_core::Schema::kaggle15();
/// assert_eq!(schema.len(), 15);
/// assert_eq!(schema.keypoints()[10], "nose_tip");
/// assert_eq!(schema.flip_pairs()[0], (0, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SchemaSpec", into = "SchemaSpec")]
pub struct Schema {
    name: String,
    keypoints: Vec<String>,
    flip_pairs: Vec<(usize, usize)>,
    skeleton: Vec<(usize, usize)>,
    framing: Vec<[f64; 2]>,
    face_box: Option<BoundingBox>,
    normalising_pairs: Vec<NormalisingPair>,
}

impl Schema {
    /// The 15 points of Kaggle's *Facial Keypoints Detection*, in the order of its columns.
    pub fn kaggle15() -> Self {
        build(crate::schema::builtin::kaggle15())
    }

    /// The 68 points of the iBUG 300-W annotation.
    pub fn ibug68() -> Self {
        build(crate::schema::builtin::ibug68())
    }

    /// The 21 points of AFLW.
    pub fn aflw21() -> Self {
        build(crate::schema::builtin::aflw21())
    }

    /// A built-in schema by name.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "kaggle15" => Some(Self::kaggle15()),
            "ibug68" => Some(Self::ibug68()),
            "aflw21" => Some(Self::aflw21()),
            _ => None,
        }
    }

    /// Names of the built-in schemas.
    pub const BUILTIN: [&'static str; 3] = ["kaggle15", "ibug68", "aflw21"];

    /// Points of which nothing but the number is known, named `0`, `1`, …: no flip pairs, no
    /// skeleton, errors normalised by the box alone.
    ///
    /// # Errors
    /// If `count` is zero.
    pub fn numbered(name: &str, count: usize) -> Result<Self, SchemaError> {
        SchemaSpec {
            name: name.to_owned(),
            keypoints: (0..count).map(|i| i.to_string()).collect(),
            flip_pairs: Vec::new(),
            skeleton: Vec::new(),
            framing: Vec::new(),
            face_box: None,
            normalising_pair: Vec::new(),
        }
        .try_into()
    }

    /// Name of the schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of points, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a schema is never empty")]
    pub fn len(&self) -> usize {
        self.keypoints.len()
    }

    /// Names of the points, in order.
    pub fn keypoints(&self) -> &[String] {
        &self.keypoints
    }

    /// Index pairs that a mirror image exchanges.
    pub fn flip_pairs(&self) -> &[(usize, usize)] {
        &self.flip_pairs
    }

    /// Index pairs between which a line is drawn.
    pub fn skeleton(&self) -> &[(usize, usize)] {
        &self.skeleton
    }

    /// Where each point lies on average in a well framed crop, in fractions of its side; empty
    /// where crops are not framed by keypoints.
    pub fn framing(&self) -> &[[f64; 2]] {
        &self.framing
    }

    /// Where the face from forehead to chin lies in such a crop, in the same fractions.
    pub fn face_box(&self) -> Option<&BoundingBox> {
        self.face_box.as_ref()
    }

    /// Distances to normalise errors by, the preferred one first.
    pub fn normalising_pairs(&self) -> &[NormalisingPair] {
        &self.normalising_pairs
    }

    /// Index of the point of this name.
    pub fn index_of(&self, keypoint: &str) -> Option<usize> {
        self.keypoints.iter().position(|name| name == keypoint)
    }
}

impl TryFrom<SchemaSpec> for Schema {
    type Error = SchemaError;

    fn try_from(spec: SchemaSpec) -> Result<Self, SchemaError> {
        let schema = || spec.name.clone();
        if spec.keypoints.is_empty() {
            return Err(SchemaError::NoKeypoints { schema: schema() });
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = spec.keypoints.iter().find(|name| !seen.insert(*name)) {
            return Err(SchemaError::DuplicateName {
                schema: schema(),
                keypoint: twice.clone(),
            });
        }
        let index = |field: &'static str, keypoint: &String| {
            let found = spec.keypoints.iter().position(|name| name == keypoint);
            found.ok_or_else(|| SchemaError::UnknownName {
                schema: schema(),
                field,
                keypoint: keypoint.clone(),
            })
        };
        let pairs = |field, names: &[(String, String)]| {
            let pair = |(a, b): &(String, String)| Ok((index(field, a)?, index(field, b)?));
            names
                .iter()
                .map(pair)
                .collect::<Result<Vec<_>, SchemaError>>()
        };
        let flip_pairs = pairs("flip_pairs", &spec.flip_pairs)?;
        let mut used = BTreeSet::new();
        for point in flip_pairs.iter().flat_map(|&(a, b)| [a, b]) {
            if !used.insert(point) {
                return Err(SchemaError::FlippedTwice {
                    schema: schema(),
                    keypoint: spec.keypoints[point].clone(),
                });
            }
        }
        let framing_fits = spec.framing.len() == spec.keypoints.len()
            && spec.framing.iter().flatten().all(|v| v.is_finite());
        if spec.face_box.is_some_and(|face| !face.is_usable()) {
            return Err(SchemaError::BadFaceBox { schema: schema() });
        }
        if !spec.framing.is_empty() && !framing_fits {
            return Err(SchemaError::BadFraming {
                schema: schema(),
                expected: spec.keypoints.len(),
            });
        }
        let end = |names: &[String]| {
            let indices = names.iter().map(|name| index("normalising_pair", name));
            indices.collect::<Result<Vec<_>, _>>()
        };
        let mut normalising_pairs = Vec::new();
        for pair in &spec.normalising_pair {
            let (from, to) = (end(&pair.from)?, end(&pair.to)?);
            if from.is_empty() || to.is_empty() {
                return Err(SchemaError::EmptyNormalisingEnd {
                    schema: schema(),
                    pair: pair.name.clone(),
                });
            }
            normalising_pairs.push(NormalisingPair {
                name: pair.name.clone(),
                from,
                to,
            });
        }
        Ok(Self {
            skeleton: pairs("skeleton", &spec.skeleton)?,
            flip_pairs,
            normalising_pairs,
            name: spec.name,
            keypoints: spec.keypoints,
            framing: spec.framing,
            face_box: spec.face_box,
        })
    }
}

impl From<Schema> for SchemaSpec {
    fn from(schema: Schema) -> Self {
        let name = |index: &usize| schema.keypoints[*index].clone();
        let pairs = |pairs: &[(usize, usize)]| {
            let pairs = pairs.iter();
            pairs.map(|(a, b)| (name(a), name(b))).collect()
        };
        let normalising_pair = schema
            .normalising_pairs
            .iter()
            .map(|pair| NormalisingPairSpec {
                name: pair.name.clone(),
                from: pair.from.iter().map(name).collect(),
                to: pair.to.iter().map(name).collect(),
            });
        Self {
            flip_pairs: pairs(&schema.flip_pairs),
            skeleton: pairs(&schema.skeleton),
            normalising_pair: normalising_pair.collect(),
            framing: schema.framing.clone(),
            face_box: schema.face_box,
            name: schema.name.clone(),
            keypoints: schema.keypoints.clone(),
        }
    }
}

mod builtin;

fn build(spec: SchemaSpec) -> Schema {
    match spec.try_into() {
        Ok(schema) => schema,
        Err(error) => unreachable!("a built-in schema is sound: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_schemas_are_sound_and_round_trip() {
        for name in Schema::BUILTIN {
            let schema = Schema::by_name(name).unwrap();
            assert_eq!(schema.name(), name);
            let text = toml::to_string(&schema).unwrap();
            assert_eq!(toml::from_str::<Schema>(&text).unwrap(), schema);
        }
        assert_eq!(Schema::ibug68().len(), 68);
        assert_eq!(Schema::aflw21().len(), 21);
    }

    #[test]
    fn left_and_right_partners_are_named_alike() {
        for name in ["kaggle15", "aflw21"] {
            let schema = Schema::by_name(name).unwrap();
            for &(a, b) in schema.flip_pairs() {
                let (a, b) = (&schema.keypoints()[a], &schema.keypoints()[b]);
                assert_eq!(a.replace("left", "right"), b.replace("left", "right"));
            }
            let paired = 2 * schema.flip_pairs().len();
            let sided = schema
                .keypoints()
                .iter()
                .filter(|n| n.contains("left") || n.contains("right"));
            assert_eq!(paired, sided.count());
        }
    }

    #[test]
    fn framings_are_symmetric_and_inside_the_crop() {
        for name in Schema::BUILTIN {
            let schema = Schema::by_name(name).unwrap();
            for at in schema.framing() {
                assert!(
                    at.iter().all(|v| (0.05..0.95).contains(v)),
                    "{name}: {at:?}"
                );
            }
            for &(left, right) in schema.flip_pairs() {
                if let [Some(l), Some(r)] = [left, right].map(|i| schema.framing().get(i)) {
                    assert!(
                        (l[0] + r[0] - 1.0).abs() < 2e-3 && l[1] == r[1],
                        "{name}: {l:?} {r:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        let parse = |text: &str| toml::from_str::<Schema>(text).unwrap_err().to_string();
        let base = "name = 's'\nkeypoints = ['a', 'b', 'c']\n";
        let with = |extra: &str| parse(&format!("{base}{extra}"));
        assert!(with("flip_pairs = [['a', 'd']]").contains("`flip_pairs` names `d`"));
        assert!(with("flip_pairs = [['a', 'b'], ['b', 'c']]").contains("uses `b` more than once"));
        assert!(with("flip_pairs = [['a', 'a']]").contains("uses `a` more than once"));
        assert!(with("framing = [[0.5, 0.5]]").contains("3 finite"));
        assert!(with("colour = 'red'").contains("colour"));
        assert!(parse("name = 's'\nkeypoints = ['a', 'a']").contains("`a` twice"));
        assert!(parse("name = 's'\nkeypoints = []").contains("no keypoints"));
    }
}
