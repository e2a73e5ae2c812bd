//! Maps from the keypoints of one schema to those of another.

use super::builtin::WFLW98_OF_IBUG68;
use crate::{Keypoint, Keypoints, Schema, Visibility};

/// A schema map does not match its schemas.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaMapError {
    /// The number of entries is not the number of keypoints of the target schema.
    #[error("a map onto `{target}` needs {expected} entries, got {actual}")]
    WrongLength {
        /// Name of the target schema.
        target: String,
        /// Keypoints of the target schema.
        expected: usize,
        /// Entries given.
        actual: usize,
    },
    /// An entry has the index of a source keypoint that does not exist.
    #[error("target keypoint `{keypoint}` takes source keypoint {index}, but `{from}` has {len}")]
    OutOfRange {
        /// Name of the target keypoint.
        keypoint: String,
        /// Name of the source schema.
        from: String,
        /// The index in question.
        index: usize,
        /// Keypoints of the source schema.
        len: usize,
    },
    /// A map between the two schemas is not built in, and they have no keypoint name in common.
    #[error(
        "no keypoint of schema `{from}` has the name of a keypoint of `{target}` (numbers are not \
         names): to train on the data's own keypoints, use `--schema source`; to name them, write \
         a schema file and use `--schema FILE.toml`"
    )]
    NothingInCommon {
        /// Name of the source schema.
        from: String,
        /// Name of the target schema.
        target: String,
    },
}

crate::debug_as_sentence!(SchemaMapError);

/// Maps keypoints of a source schema to a target schema: each target keypoint is the mean of some
/// source keypoints, or unlabeled.
///
/// A target keypoint is unlabeled if one of its sources is, and occluded if one of them is: the
/// center of an eye cannot be computed from half of its contour.
///
/// ```
/// use fkp_core::{Keypoints, SchemaMap};
/// let map = SchemaMap::ibug68_to_kaggle15();
/// let face68 = Keypoints::from_xy(&(0..68).map(|i| [i as f32, 1.0]).collect::<Vec<_>>());
/// let face15 = map.apply(&face68);
/// assert_eq!((face15[0].x, face15[10].x), (44.5, 30.0)); // mean of 42..=47; the nose tip
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaMap {
    target: Schema,
    source_len: usize,
    sources: Vec<Vec<usize>>,
}

impl SchemaMap {
    /// `sources[i]` lists the source keypoints whose mean is target keypoint `i`; empty: unlabeled.
    pub fn new(
        source: &Schema,
        target: Schema,
        sources: Vec<Vec<usize>>,
    ) -> Result<Self, SchemaMapError> {
        if sources.len() != target.len() {
            return Err(SchemaMapError::WrongLength {
                target: target.name().to_owned(),
                expected: target.len(),
                actual: sources.len(),
            });
        }
        for (keypoint, indices) in sources.iter().enumerate() {
            if let Some(&index) = indices.iter().find(|index| **index >= source.len()) {
                return Err(SchemaMapError::OutOfRange {
                    keypoint: target.keypoints()[keypoint].clone(),
                    from: source.name().to_owned(),
                    index,
                    len: source.len(),
                });
            }
        }
        Ok(Self {
            target,
            source_len: source.len(),
            sources,
        })
    }

    /// From the 68 keypoints of iBUG to the 15 of Kaggle.
    pub fn ibug68_to_kaggle15() -> Self {
        let mut sources: Vec<Vec<usize>> = vec![(42..=47).collect(), (36..=41).collect()];
        sources.extend([42, 45, 39, 36, 22, 26, 21, 17, 30, 54, 48, 51, 57].map(|i| vec![i]));
        Self {
            target: Schema::kaggle15(),
            source_len: 68,
            sources,
        }
    }

    /// From the 21 keypoints of AFLW to the 15 of Kaggle, without the two lip centers.
    pub fn aflw21_to_kaggle15() -> Self {
        let single = [10, 7, 9, 11, 8, 6, 3, 5, 2, 0, 14, 19, 17];
        let mut sources: Vec<Vec<usize>> = single.map(|i| vec![i]).into();
        sources.extend([Vec::new(), Vec::new()]);
        Self {
            target: Schema::kaggle15(),
            source_len: 21,
            sources,
        }
    }

    /// From the 98 keypoints of WFLW to the 68 of iBUG, each of which is one of them: every second
    /// keypoint of the jaw, the upper edge of the brows, the nose, the corners of the eyes and two
    /// keypoints of each eyelid, and the lips. This is the table in general use; the two sets were
    /// annotated by different rules, so that the places differ a little, most along the jaw.
    pub fn wflw98_to_ibug68() -> Self {
        Self {
            target: Schema::ibug68(),
            source_len: 98,
            sources: WFLW98_OF_IBUG68.map(|i| vec![i]).into(),
        }
    }

    /// From the 98 keypoints of WFLW to the 15 of Kaggle. The inner end of a brow is the middle of its
    /// upper and its lower corner, the center of an eye the pupil.
    pub fn wflw98_to_kaggle15() -> Self {
        let eyes = [97, 96, 68, 72, 64, 60].map(|i| vec![i]);
        let brows = [vec![42, 50], vec![46], vec![37, 38], vec![33]];
        let rest = [54, 82, 76, 79, 85].map(|i| vec![i]);
        Self {
            target: Schema::kaggle15(),
            source_len: 98,
            sources: eyes.into_iter().chain(brows).chain(rest).collect(),
        }
    }

    /// From the 29 keypoints of COFW to the 15 of Kaggle.
    pub fn cofw29_to_kaggle15() -> Self {
        let single = [17, 16, 11, 9, 10, 8, 3, 1, 2, 0, 20, 23, 22, 24, 27];
        Self {
            target: Schema::kaggle15(),
            source_len: 29,
            sources: single.map(|i| vec![i]).into(),
        }
    }

    /// The identity if the schemas are equal, the built-in map if there is one (`ibug68`, `aflw21`,
    /// `wflw98` and `cofw29` to `kaggle15`, and `wflw98` to `ibug68`), otherwise a map by name; the
    /// other keypoints of the target are unlabeled, see [`Self::unmapped`].
    ///
    /// Names that are numbers are not compared: keypoint `3` of one schema is unrelated to keypoint
    /// `3` of another.
    ///
    /// ```
    /// use fkp_core::{Schema, SchemaMap};
    /// let spec = r#"{"name": "two", "keypoints": ["nose_tip", "chin"]}"#;
    /// let source: Schema = serde_json::from_str(spec)?;
    /// let map = SchemaMap::between(&source, &Schema::kaggle15())?;
    /// assert_eq!(map.unmapped().count(), 14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If every keypoint of the target would be unlabeled.
    pub fn between(source: &Schema, target: &Schema) -> Result<Self, SchemaMapError> {
        // A user's schema may have the name of a built-in one, with other keypoints.
        let builtin: [(Schema, fn() -> Self); 5] = [
            (Schema::ibug68(), Self::ibug68_to_kaggle15),
            (Schema::aflw21(), Self::aflw21_to_kaggle15),
            (Schema::wflw98(), Self::wflw98_to_kaggle15),
            (Schema::wflw98(), Self::wflw98_to_ibug68),
            (Schema::cofw29(), Self::cofw29_to_kaggle15),
        ];
        let maps = builtin.into_iter().filter(|(known, _)| known == source);
        if let Some(map) = maps.map(|(_, map)| map()).find(|map| map.target == *target) {
            return Ok(map);
        }
        let is_name = |name: &str| !name.bytes().all(|byte| byte.is_ascii_digit());
        let same_name = |name: &String| {
            let index = source.index_of(name);
            let index = index.filter(|_| source == target || is_name(name));
            index.into_iter().collect::<Vec<_>>()
        };
        let sources: Vec<_> = target.keypoints().iter().map(same_name).collect();
        if sources.iter().all(Vec::is_empty) {
            return Err(SchemaMapError::NothingInCommon {
                from: source.name().to_owned(),
                target: target.name().to_owned(),
            });
        }
        Self::new(source, target.clone(), sources)
    }

    /// The names of the target's keypoints without a source, which are always unlabeled.
    pub fn unmapped(&self) -> impl Iterator<Item = &str> {
        let keypoints = self.target.keypoints().iter().zip(&self.sources);
        keypoints
            .filter(|(_, sources)| sources.is_empty())
            .map(|(name, _)| name.as_str())
    }

    /// Number of keypoints of the source schema.
    pub fn source_len(&self) -> usize {
        self.source_len
    }

    /// The target schema.
    pub fn target(&self) -> &Schema {
        &self.target
    }

    /// Maps keypoints of the source schema to the target schema.
    ///
    /// # Panics
    /// If `source` has another number of keypoints than the source schema.
    pub fn apply(&self, source: &Keypoints) -> Keypoints {
        assert_eq!(
            source.len(),
            self.source_len,
            "the number of keypoints is not that of the source schema"
        );
        let mean = |indices: &Vec<usize>| {
            let keypoints = || indices.iter().map(|&i| &source[i]);
            if indices.is_empty() || keypoints().any(|keypoint| !keypoint.is_labeled()) {
                return Keypoint::unlabeled();
            }
            let not_visible = [Visibility::OutOfFrame, Visibility::Occluded];
            let worst = not_visible
                .into_iter()
                .find(|v| keypoints().any(|p| p.visibility == *v));
            let count = indices.len() as f64;
            Keypoint {
                x: (keypoints().map(|p| f64::from(p.x)).sum::<f64>() / count) as f32,
                y: (keypoints().map(|p| f64::from(p.y)).sum::<f64>() / count) as f32,
                visibility: worst.unwrap_or(Visibility::Visible),
            }
        };
        self.sources.iter().map(mean).collect()
    }

    /// A number for each source keypoint, such as a coordinate or a standard deviation, averaged
    /// over the sources of each target keypoint; `None` where the target has none.
    ///
    /// # Panics
    /// If there are not as many numbers as source keypoints.
    pub fn means(&self, source: &[f64]) -> Vec<Option<f64>> {
        assert_eq!(
            source.len(),
            self.source_len,
            "the number of values is not that of the source schema"
        );
        let mean = |indices: &Vec<usize>| {
            let sum: f64 = indices.iter().map(|&i| source[i]).sum();
            (!indices.is_empty()).then(|| sum / indices.len() as f64)
        };
        self.sources.iter().map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mapping a mirrored face gives the mirrored target: left stays the subject's left.
    #[test]
    fn maps_commute_with_a_mirror() {
        let flips = [
            (Schema::ibug68(), SchemaMap::ibug68_to_kaggle15()),
            (Schema::aflw21(), SchemaMap::aflw21_to_kaggle15()),
            (Schema::wflw98(), SchemaMap::wflw98_to_kaggle15()),
            (Schema::wflw98(), SchemaMap::wflw98_to_ibug68()),
            (Schema::cofw29(), SchemaMap::cofw29_to_kaggle15()),
        ];
        for (source, map) in flips {
            assert_eq!(SchemaMap::between(&source, map.target()).unwrap(), map);
            let face: Keypoints = (0..source.len())
                .map(|i| Keypoint::new((i * i % 97) as f32, i as f32))
                .collect();
            let flip = crate::Affine::flip_horizontal(97);
            let first = map.apply(&face.transform(&flip, (97, 97), &source).unwrap());
            let last = map.apply(&face).transform(&flip, (97, 97), map.target());
            let last = last.unwrap();
            for (a, b) in first.iter().zip(last.iter()) {
                assert_eq!(a.visibility, b.visibility);
                assert!(a.distance(b) < 1e-4, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn one_missing_source_leaves_the_mean_unlabeled() {
        let mut face = Keypoints::from_xy(&[[1.0, 1.0]; 68]);
        face[43] = Keypoint::unlabeled();
        face[30].visibility = Visibility::Occluded;
        let mapped = SchemaMap::ibug68_to_kaggle15().apply(&face);
        assert!(!mapped[0].is_labeled());
        assert_eq!(mapped[10].visibility, Visibility::Occluded);
        assert_eq!(mapped.labeled().count(), 14);
    }

    #[test]
    fn aflw_has_no_lip_centers() {
        let mapped = SchemaMap::aflw21_to_kaggle15().apply(&Keypoints::from_xy(&[[1.0, 1.0]; 21]));
        assert_eq!(mapped.labeled().count(), 13);
        assert!(!mapped[13].is_labeled() && !mapped[14].is_labeled());
        let numbers: Vec<f64> = (0..21).map(f64::from).collect();
        let means = SchemaMap::aflw21_to_kaggle15().means(&numbers);
        assert_eq!((means[0], means[13]), (Some(10.0), None));
    }

    /// Places of the mean shape of one schema are those of the other.
    #[test]
    fn wflw_is_mapped_to_the_same_places_of_the_face() {
        let (map, wflw) = (SchemaMap::wflw98_to_ibug68(), Schema::wflw98());
        let axis = |axis: usize| {
            let places: Vec<f64> = wflw.mean_shape().iter().map(|place| place[axis]).collect();
            map.means(&places)
        };
        let ibug = Schema::ibug68();
        for (place, (x, y)) in ibug
            .mean_shape()
            .iter()
            .zip(axis(0).into_iter().zip(axis(1)))
        {
            let (x, y) = (x.unwrap(), y.unwrap());
            assert!((x - place[0]).abs() < 2e-3 && (y - place[1]).abs() < 2e-3);
        }
        // Directly to Kaggle's keypoints, or by way of the 68: the same but for brows and eyes.
        let shape: Vec<_> = wflw
            .mean_shape()
            .iter()
            .map(|p| p.map(|v| 96.0 * v as f32))
            .collect();
        let face = Keypoints::from_xy(&shape);
        let direct = SchemaMap::wflw98_to_kaggle15().apply(&face);
        let two_steps = SchemaMap::ibug68_to_kaggle15().apply(&map.apply(&face));
        for (a, b) in direct.iter().zip(two_steps.iter()) {
            assert!(a.distance(b) < 1.2, "{a:?} {b:?}");
        }
    }

    #[test]
    fn invalid_maps_are_refused() {
        let (from, to) = (Schema::aflw21(), Schema::kaggle15());
        assert!(SchemaMap::new(&from, to.clone(), vec![vec![0]; 14]).is_err());
        assert!(SchemaMap::new(&from, to.clone(), vec![vec![21]; 15]).is_err());
        let from = Schema::numbered("keypoints15", 15).unwrap();
        let error = SchemaMap::between(&from, &to).unwrap_err().to_string();
        for part in [
            "`keypoints15`",
            "`kaggle15`",
            "--schema source",
            "FILE.toml",
        ] {
            assert!(error.contains(part), "{part:?} in {error}");
        }
        assert!(SchemaMap::between(&to, &to).is_ok());
    }

    #[test]
    fn keypoints_of_the_same_names_are_mapped() {
        let map = SchemaMap::between(&Schema::kaggle15(), &Schema::aflw21()).unwrap();
        assert_eq!(map.unmapped().count(), 18);
        let kaggle: Vec<_> = (0..15).map(|i| [i as f32, 1.0]).collect();
        let mapped = map.apply(&Keypoints::from_xy(&kaggle));
        let labeled: Vec<_> = mapped.labeled().map(|(i, p)| (i, p.x)).collect();
        // The eye centers and the tip of the nose.
        assert_eq!(labeled, [(7, 1.0), (10, 0.0), (14, 10.0)]);
        // A user's schema with the name of a built-in one has its own keypoints.
        let spec = r#"{"name": "aflw21", "keypoints": ["nose_tip"]}"#;
        let own: Schema = serde_json::from_str(spec).unwrap();
        let map = SchemaMap::between(&own, &Schema::kaggle15()).unwrap();
        assert_eq!(map.unmapped().count(), 14);
        // Numbers are not names, even where both schemas have them.
        let keypoints = Schema::numbered("keypoints21", 21).unwrap();
        assert!(SchemaMap::between(&keypoints, &Schema::ibug68()).is_err());
        let built_in = SchemaMap::aflw21_to_kaggle15();
        let missing: Vec<_> = built_in.unmapped().collect();
        assert_eq!(missing, ["mouth_center_top_lip", "mouth_center_bottom_lip"]);
    }
}
