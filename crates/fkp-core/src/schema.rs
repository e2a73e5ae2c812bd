//! Schemas: what the keypoints of a task are.

mod builtin;
mod error;
mod sides;
mod spec;

pub use error::SchemaError;
pub use sides::flip_pairs_from_names;
pub use spec::{NormalizingPairSpec, SchemaSpec};

use crate::BoundingBox;
use serde::{Deserialize, Serialize};
use sides::mirrored_name;

/// Two groups of keypoints whose mean positions are a known distance apart, such as the outer eye
/// corners. Errors divided by that distance can be compared across image sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalizingPair {
    /// The field's name: `inter_ocular` (outer eye corners), `inter_pupil` (eye centers), ….
    pub name: String,
    /// Keypoints whose mean is one end.
    pub from: Vec<usize>,
    /// Keypoints whose mean is the other end.
    pub to: Vec<usize>,
}

/// Names of the keypoints, which of them a mirror image exchanges, which lines to draw, and by
/// what distance errors are normalized. Left and right are the subject's.
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
    /// `None`: not known.
    flip_pairs: Option<Vec<(usize, usize)>>,
    /// Keypoints that are in no flip pair although their names say left or right.
    unpaired: Vec<usize>,
    skeleton: Vec<(usize, usize)>,
    mean_shape: Vec<[f64; 2]>,
    face_box: Option<BoundingBox>,
    normalizing_pairs: Vec<NormalizingPair>,
}

impl Schema {
    /// The 15 keypoints of Kaggle's *Facial Keypoints Detection*, in the order of its columns.
    pub fn kaggle15() -> Self {
        build(crate::schema::builtin::kaggle15())
    }

    /// The 68 keypoints of the iBUG 300-W annotation.
    pub fn ibug68() -> Self {
        build(crate::schema::builtin::ibug68())
    }

    /// The 21 keypoints of AFLW.
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

    /// Keypoints of which nothing but the number is known, named `0`, `1`, …: the flip pairs are
    /// unknown, there is no skeleton, errors are normalized by the box alone.
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
            flip_pairs: None,
            unpaired: Vec::new(),
            skeleton: Vec::new(),
            mean_shape: Vec::new(),
            face_box: None,
            normalizing_pair: Vec::new(),
        }
        .try_into()
    }

    /// Name of the schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of keypoints, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a schema is never empty")]
    pub fn len(&self) -> usize {
        self.keypoints.len()
    }

    /// Names of the keypoints, in order.
    pub fn keypoints(&self) -> &[String] {
        &self.keypoints
    }

    /// Index pairs that a mirror image exchanges. Empty both where there are none and where they
    /// are unknown: see [`Self::has_known_flip_pairs`].
    pub fn flip_pairs(&self) -> &[(usize, usize)] {
        self.flip_pairs.as_deref().unwrap_or_default()
    }

    /// Whether it is known which keypoints a mirror image exchanges, if any. Where it is not, a
    /// flipped image would have wrong labels.
    pub fn has_known_flip_pairs(&self) -> bool {
        self.flip_pairs.is_some()
    }

    /// The same keypoints with these flip pairs. An empty list means that no keypoint has a mirror
    /// partner, whatever the names say.
    ///
    /// # Errors
    /// If an index is too large or is used twice, or if a list that is not empty leaves out a
    /// keypoint whose name says left or right.
    pub fn with_flip_pairs(self, pairs: &[(usize, usize)]) -> Result<Self, SchemaError> {
        let len = self.len();
        let mut indices = pairs.iter().flat_map(|&(a, b)| [a, b]);
        if let Some(index) = indices.find(|index| *index >= len) {
            return Err(SchemaError::PairOutOfRange {
                schema: self.name,
                index,
                len,
            });
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

    /// Where each keypoint lies on average in a well framed crop, in fractions of its side; empty
    /// where crops are not framed by keypoints.
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
            for at in schema.mean_shape() {
                assert!(
                    at.iter().all(|v| (0.05..0.95).contains(v)),
                    "{name}: {at:?}"
                );
            }
            for &(left, right) in schema.flip_pairs() {
                if let [Some(l), Some(r)] = [left, right].map(|i| schema.mean_shape().get(i)) {
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
        assert!(with("mean_shape = [[0.5, 0.5]]").contains("3 finite"));
        assert!(with("color = 'red'").contains("color"));
        assert!(parse("name = 's'\nkeypoints = ['a', 'a']").contains("`a` twice"));
        assert!(parse("name = 's'\nkeypoints = []").contains("no keypoints"));
    }

    #[test]
    fn unknown_none_and_some_flip_pairs_are_three_things() {
        let parse = |extra: &str| {
            let text = format!("name = 's'\nkeypoints = ['a', 'b']\n{extra}");
            toml::from_str::<Schema>(&text).unwrap()
        };
        let states = [
            parse(""),
            parse("flip_pairs = []"),
            parse("flip_pairs = [['a', 'b']]"),
        ];
        let known = states.each_ref().map(Schema::has_known_flip_pairs);
        assert_eq!(known, [false, true, true]);
        let pairs = states.each_ref().map(|schema| schema.flip_pairs().len());
        assert_eq!(pairs, [0, 0, 1]);
        for (i, schema) in states.iter().enumerate() {
            let text = toml::to_string(schema).unwrap();
            let json = serde_json::to_string(schema).unwrap();
            assert_eq!(toml::from_str::<Schema>(&text).unwrap(), *schema);
            assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), *schema);
            for other in &states[i + 1..] {
                assert_ne!(schema, other);
            }
        }
        let [unknown, none, some] = states;
        assert_eq!(unknown.clone().with_flip_pairs(&[]).unwrap(), none);
        assert_eq!(unknown.clone().with_flip_pairs(&[(0, 1)]).unwrap(), some);
        let error = unknown.with_flip_pairs(&[(0, 2)]).unwrap_err();
        assert!(
            error.to_string().contains("index 2, but there are 2"),
            "{error}"
        );
        assert!(!Schema::numbered("n", 3).unwrap().has_known_flip_pairs());
        for name in Schema::BUILTIN {
            assert!(Schema::by_name(name).unwrap().has_known_flip_pairs());
        }
    }

    #[test]
    fn a_side_without_its_partner_is_refused() {
        let base = "name = 'face'\n\
            keypoints = ['nose', 'mouth_lfet_corner', 'mouth_right_corner', 'left_eye', 'right_eye']\n";
        let parse = |extra: &str| toml::from_str::<Schema>(&format!("{base}{extra}"));
        let refused = |extra: &str| parse(extra).unwrap_err().to_string();
        let eyes = "flip_pairs = [['left_eye', 'right_eye']]\n";
        let message = refused(eyes);
        for part in [
            "schema `face`",
            "`mouth_right_corner` has no partner `mouth_left_corner`",
            "did you mean `mouth_lfet_corner`?",
            "unpaired = [\"mouth_right_corner\"]",
        ] {
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
        let meant = parse(&format!("{eyes}unpaired = ['mouth_right_corner']")).unwrap();
        let text = toml::to_string(&meant).unwrap();
        assert!(text.contains("unpaired"), "{text}");
        assert_eq!(toml::from_str::<Schema>(&text).unwrap(), meant);
        let one_hand = "name = 'hand'\nkeypoints = ['left_thumb', 'left_palm']";
        let message = toml::from_str::<Schema>(one_hand).unwrap_err().to_string();
        let all = "unpaired = [\"left_thumb\", \"left_palm\"]";
        assert!(message.contains(all), "{message}");
        assert!(toml::from_str::<Schema>(&format!("{one_hand}\n{all}")).is_ok());
        // Unknown pairs, or none, do not go with names that tell sides.
        for extra in ["", "flip_pairs = []"] {
            let message = refused(&format!("unpaired = ['mouth_right_corner']\n{extra}"));
            let pair = "[\"left_eye\", \"right_eye\"]";
            assert!(message.contains(pair), "{message}");
        }
        let both = "unpaired = ['mouth_right_corner', 'left_eye']";
        assert!(refused(&format!("{eyes}{both}")).contains("both in `flip_pairs` and"));
        assert!(refused(&format!("{eyes}unpaired = ['chin']")).contains("`unpaired` names `chin`"));
        // A partner under any name will do.
        let named = "[['left_eye', 'right_eye'], ['mouth_lfet_corner', 'mouth_right_corner']]";
        let paired = parse(&format!("flip_pairs = {named}")).unwrap();
        assert_eq!(paired.flip_pairs(), [(3, 4), (1, 2)]);
        // In code, no pair at all is said by an empty list; a list that forgets one is refused.
        let none = paired.clone().with_flip_pairs(&[]).unwrap();
        assert!(none.has_known_flip_pairs() && none.flip_pairs().is_empty());
        assert_eq!(none.with_flip_pairs(&[(3, 4), (1, 2)]).unwrap(), paired);
        let forgotten = paired.with_flip_pairs(&[(1, 2)]).unwrap_err();
        assert!(
            matches!(forgotten, SchemaError::NotPaired { .. }),
            "{forgotten}"
        );
    }
}
