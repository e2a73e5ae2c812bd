//! The built-in schemas, written like a user's schema file.

use super::Schema;
use super::spec::{BOXES, NormalizingPair, SchemaSpec};
use crate::BoundingBox;

impl Schema {
    /// The 15 keypoints of Kaggle's *Facial Keypoints Detection*, in the order of its columns.
    pub fn kaggle15() -> Self {
        build(kaggle15())
    }

    /// The 68 keypoints of the iBUG 300-W annotation.
    pub fn ibug68() -> Self {
        build(ibug68())
    }

    /// The 21 keypoints of AFLW.
    pub fn aflw21() -> Self {
        build(aflw21())
    }

    /// The 98 keypoints of WFLW.
    pub fn wflw98() -> Self {
        build(wflw98())
    }

    /// The 29 keypoints of COFW and LFPW.
    pub fn cofw29() -> Self {
        build(cofw29())
    }

    /// No keypoints: for data sets and networks of face detection, which have boxes.
    ///
    /// ```
    /// assert!(fkp_core::Schema::boxes().is_empty());
    /// ```
    pub fn boxes() -> Self {
        build(SchemaSpec {
            name: BOXES.to_owned(),
            flip_pairs: Some(Vec::new()),
            ..SchemaSpec::default()
        })
    }

    /// The built-in schemas of keypoints.
    pub fn builtin() -> [Self; 5] {
        [
            Self::kaggle15(),
            Self::ibug68(),
            Self::aflw21(),
            Self::wflw98(),
            Self::cofw29(),
        ]
    }

    /// A built-in schema by name.
    pub fn by_name(name: &str) -> Option<Self> {
        let mut builtin = Self::builtin().into_iter().chain([Self::boxes()]);
        builtin.find(|schema| schema.name() == name)
    }

    /// Names of the built-in schemas of keypoints.
    pub const BUILTIN: [&'static str; 5] = ["kaggle15", "ibug68", "aflw21", "wflw98", "cofw29"];
}

fn build(spec: SchemaSpec) -> Schema {
    match spec.try_into() {
        Ok(schema) => schema,
        Err(error) => unreachable!("a built-in schema is valid: {error}"),
    }
}

/// Kaggle's columns. The mean shape is the mean over the 2140 completely labeled rows of its
/// training set, in fractions of the side (`(x + 0.5) / 96`), made symmetric.
fn kaggle15() -> SchemaSpec {
    let keypoints = [
        ("left_eye_center", [0.6905, 0.3902]),
        ("right_eye_center", [0.3095, 0.3902]),
        ("left_eye_inner_corner", [0.6181, 0.3999]),
        ("left_eye_outer_corner", [0.7659, 0.3994]),
        ("right_eye_inner_corner", [0.3819, 0.3999]),
        ("right_eye_outer_corner", [0.2341, 0.3994]),
        ("left_eyebrow_inner_end", [0.5879, 0.3106]),
        ("left_eyebrow_outer_end", [0.8326, 0.3182]),
        ("right_eyebrow_inner_end", [0.4121, 0.3106]),
        ("right_eyebrow_outer_end", [0.1674, 0.3182]),
        ("nose_tip", [0.5, 0.6016]),
        ("mouth_left_corner", [0.6586, 0.7970]),
        ("mouth_right_corner", [0.3414, 0.7970]),
        ("mouth_center_top_lip", [0.5, 0.7623]),
        ("mouth_center_bottom_lip", [0.5, 0.8659]),
    ];
    SchemaSpec {
        name: "kaggle15".to_owned(),
        keypoints: keypoints
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        flip_pairs: Some(named_pairs(&[
            ("left_eye_center", "right_eye_center"),
            ("left_eye_inner_corner", "right_eye_inner_corner"),
            ("left_eye_outer_corner", "right_eye_outer_corner"),
            ("left_eyebrow_inner_end", "right_eyebrow_inner_end"),
            ("left_eyebrow_outer_end", "right_eyebrow_outer_end"),
            ("mouth_left_corner", "mouth_right_corner"),
        ])),
        skeleton: named_pairs(&[
            ("right_eyebrow_outer_end", "right_eyebrow_inner_end"),
            ("left_eyebrow_inner_end", "left_eyebrow_outer_end"),
            ("right_eye_outer_corner", "right_eye_inner_corner"),
            ("left_eye_inner_corner", "left_eye_outer_corner"),
            ("mouth_right_corner", "mouth_center_top_lip"),
            ("mouth_center_top_lip", "mouth_left_corner"),
            ("mouth_left_corner", "mouth_center_bottom_lip"),
            ("mouth_center_bottom_lip", "mouth_right_corner"),
        ]),
        mean_shape: keypoints.iter().map(|(_, mean)| *mean).collect(),
        face_box: Some(KAGGLE15_FACE),
        normalizing_pair: vec![
            distance("inter_pupil", &["left_eye_center"], &["right_eye_center"]),
            distance(
                "inter_ocular",
                &["left_eye_outer_corner"],
                &["right_eye_outer_corner"],
            ),
        ],
        ..SchemaSpec::default()
    }
}

/// The 68 keypoints of 300-W, numbered from 0 along jaw, brows, nose, eyes, outer and inner lips.
/// The subject's right comes first. The mean shape is that of a few thousand faces, made symmetric;
/// it is a little smaller and higher in the crop than the Kaggle mean shape, with which the chin
/// would be outside the crop.
fn ibug68() -> SchemaSpec {
    let mirror = [
        (0, 16),
        (1, 15),
        (2, 14),
        (3, 13),
        (4, 12),
        (5, 11),
        (6, 10),
        (7, 9),
        (17, 26),
        (18, 25),
        (19, 24),
        (20, 23),
        (21, 22),
        (31, 35),
        (32, 34),
        (36, 45),
        (37, 44),
        (38, 43),
        (39, 42),
        (40, 47),
        (41, 46),
        (48, 54),
        (49, 53),
        (50, 52),
        (55, 59),
        (56, 58),
        (60, 64),
        (61, 63),
        (65, 67),
    ];
    let open = [(0, 16), (17, 21), (22, 26), (27, 30), (31, 35)];
    let closed = [(36, 41), (42, 47), (48, 59), (60, 67)];
    SchemaSpec {
        name: "ibug68".to_owned(),
        keypoints: numbers(0..=67),
        flip_pairs: Some(numbered_pairs(&mirror)),
        skeleton: numbered_pairs(&contours(&open, &closed)),
        mean_shape: IBUG68_MEAN_SHAPE.to_vec(),
        face_box: Some(ibug68_face()),
        normalizing_pair: vec![
            distance("inter_ocular", &["36"], &["45"]),
            NormalizingPair {
                name: "inter_pupil".to_owned(),
                from: numbers(36..=41),
                to: numbers(42..=47),
            },
        ],
        ..SchemaSpec::default()
    }
}

/// The 21 keypoints of AFLW, the subject's right first.
fn aflw21() -> SchemaSpec {
    let keypoints = [
        "right_brow_outer",
        "right_brow_mid",
        "right_brow_inner",
        "left_brow_inner",
        "left_brow_mid",
        "left_brow_outer",
        "right_eye_outer",
        "right_eye_center",
        "right_eye_inner",
        "left_eye_inner",
        "left_eye_center",
        "left_eye_outer",
        "right_ear",
        "nose_left",
        "nose_tip",
        "nose_right",
        "left_ear",
        "mouth_right",
        "mouth_center",
        "mouth_left",
        "chin",
    ];
    SchemaSpec {
        name: "aflw21".to_owned(),
        keypoints: keypoints.iter().map(|&name| name.to_owned()).collect(),
        flip_pairs: Some(named_pairs(&[
            ("left_brow_outer", "right_brow_outer"),
            ("left_brow_mid", "right_brow_mid"),
            ("left_brow_inner", "right_brow_inner"),
            ("left_eye_outer", "right_eye_outer"),
            ("left_eye_center", "right_eye_center"),
            ("left_eye_inner", "right_eye_inner"),
            ("left_ear", "right_ear"),
            ("nose_left", "nose_right"),
            ("mouth_left", "mouth_right"),
        ])),
        skeleton: named_pairs(&[
            ("right_brow_outer", "right_brow_mid"),
            ("right_brow_mid", "right_brow_inner"),
            ("left_brow_inner", "left_brow_mid"),
            ("left_brow_mid", "left_brow_outer"),
            ("right_eye_outer", "right_eye_inner"),
            ("left_eye_inner", "left_eye_outer"),
            ("nose_left", "nose_tip"),
            ("nose_tip", "nose_right"),
            ("mouth_right", "mouth_center"),
            ("mouth_center", "mouth_left"),
        ]),
        normalizing_pair: vec![
            distance("inter_pupil", &["left_eye_center"], &["right_eye_center"]),
            distance("inter_ocular", &["left_eye_outer"], &["right_eye_outer"]),
        ],
        ..SchemaSpec::default()
    }
}

/// The 98 keypoints of WFLW (Wu et al., *Look at Boundary*, 2018), numbered from 0 along the jaw
/// (0 to 32), the outlines of the brows (33 to 41 and 42 to 50, the upper edge first), the nose (51 to
/// 59), the eyes (60 to 67 and 68 to 75), the outer and the inner lips (76 to 87 and 88 to 95), and the
/// pupils (96 and 97). The subject's right comes first.
fn wflw98() -> SchemaSpec {
    let open = [(0, 32), (51, 54), (55, 59)];
    let closed = [(33, 41), (42, 50), (60, 67), (68, 75), (76, 87), (88, 95)];
    SchemaSpec {
        name: "wflw98".to_owned(),
        keypoints: numbers(0..=97),
        flip_pairs: Some(numbered_pairs(&wflw98_mirror())),
        skeleton: numbered_pairs(&contours(&open, &closed)),
        mean_shape: wflw98_mean_shape(),
        face_box: Some(ibug68_face()),
        normalizing_pair: vec![
            distance("inter_ocular", &["60"], &["72"]),
            distance("inter_pupil", &["96"], &["97"]),
        ],
        ..SchemaSpec::default()
    }
}

/// The 29 keypoints of COFW, the subject's right first: it is on the left of an image.
fn cofw29() -> SchemaSpec {
    let keypoints = [
        "right_brow_outer",
        "left_brow_outer",
        "right_brow_inner",
        "left_brow_inner",
        "right_brow_top",
        "right_brow_bottom",
        "left_brow_top",
        "left_brow_bottom",
        "right_eye_outer",
        "left_eye_outer",
        "right_eye_inner",
        "left_eye_inner",
        "right_eye_top",
        "right_eye_bottom",
        "left_eye_top",
        "left_eye_bottom",
        "right_eye_center",
        "left_eye_center",
        "nose_right",
        "nose_left",
        "nose_tip",
        "nose_bottom",
        "mouth_right",
        "mouth_left",
        "upper_lip_top",
        "upper_lip_bottom",
        "lower_lip_top",
        "lower_lip_bottom",
        "chin",
    ];
    let pairs = keypoints.iter().filter(|name| name.contains("left"));
    let pairs = pairs.map(|left| ((*left).to_owned(), left.replace("left", "right")));
    SchemaSpec {
        name: "cofw29".to_owned(),
        keypoints: keypoints.iter().map(|&name| name.to_owned()).collect(),
        flip_pairs: Some(pairs.collect()),
        skeleton: named_pairs(&[
            ("right_brow_outer", "right_brow_top"),
            ("right_brow_top", "right_brow_inner"),
            ("right_brow_inner", "right_brow_bottom"),
            ("right_brow_bottom", "right_brow_outer"),
            ("left_brow_outer", "left_brow_top"),
            ("left_brow_top", "left_brow_inner"),
            ("left_brow_inner", "left_brow_bottom"),
            ("left_brow_bottom", "left_brow_outer"),
            ("right_eye_outer", "right_eye_top"),
            ("right_eye_top", "right_eye_inner"),
            ("right_eye_inner", "right_eye_bottom"),
            ("right_eye_bottom", "right_eye_outer"),
            ("left_eye_outer", "left_eye_top"),
            ("left_eye_top", "left_eye_inner"),
            ("left_eye_inner", "left_eye_bottom"),
            ("left_eye_bottom", "left_eye_outer"),
            ("nose_right", "nose_tip"),
            ("nose_tip", "nose_left"),
            ("nose_tip", "nose_bottom"),
            ("mouth_right", "upper_lip_top"),
            ("upper_lip_top", "mouth_left"),
            ("mouth_left", "lower_lip_bottom"),
            ("lower_lip_bottom", "mouth_right"),
            ("mouth_right", "upper_lip_bottom"),
            ("upper_lip_bottom", "mouth_left"),
            ("mouth_left", "lower_lip_top"),
            ("lower_lip_top", "mouth_right"),
        ]),
        normalizing_pair: vec![
            distance("inter_pupil", &["left_eye_center"], &["right_eye_center"]),
            distance("inter_ocular", &["left_eye_outer"], &["right_eye_outer"]),
        ],
        ..SchemaSpec::default()
    }
}

/// The flip pairs of WFLW: each range is exchanged with one that runs backward.
fn wflw98_mirror() -> Vec<(usize, usize)> {
    let ranges = [
        (0..=15, 32),
        (33..=37, 46),
        (38..=41, 50),
        (55..=56, 59),
        (60..=64, 72),
        (65..=67, 75),
        (76..=78, 82),
        (83..=84, 87),
        (88..=89, 92),
        (93..=93, 95),
        (96..=96, 97),
    ];
    let pairs = ranges.into_iter().flat_map(|(range, last)| {
        let first = *range.start();
        range.map(move |i| (i, last - (i - first)))
    });
    pairs.collect()
}

/// The mean shape of the 68 keypoints of 300-W with the keypoints that WFLW has in addition, so that
/// both schemas crop alike: the jaw and the eyelids halfway between their neighbors, the lower edge of
/// a brow below the upper one, the pupil in the middle of the eye.
fn wflw98_mean_shape() -> Vec<[f64; 2]> {
    /// The thickness of a brow: 5 % of the distance between the outer eye corners.
    const BROW: f64 = 0.022;
    let of = |i: usize| IBUG68_MEAN_SHAPE[i];
    let mean = |indices: &[usize]| {
        let sum = |axis: usize| indices.iter().map(|&i| of(i)[axis]).sum::<f64>();
        let count = indices.len() as f64;
        [sum(0) / count, sum(1) / count]
    };
    let mut shape = vec![[0.0; 2]; 98];
    for (target, source) in WFLW98_OF_IBUG68.into_iter().zip(0..) {
        shape[target] = of(source);
    }
    for i in (1..32).step_by(2) {
        shape[i] = mean(&[i / 2, i / 2 + 1]);
    }
    for (lower, upper) in [(38, 37), (39, 36), (40, 35), (41, 34)] {
        let [x, y] = shape[upper];
        shape[lower] = [x, y + BROW];
    }
    shape[62] = mean(&[37, 38]);
    shape[66] = mean(&[40, 41]);
    shape[96] = mean(&[36, 37, 38, 39, 40, 41]);
    for (right, left) in wflw98_mirror() {
        let rounded = shape[right].map(|value: f64| (value * 1e4).round() / 1e4);
        shape[right] = rounded;
        shape[left] = [1.0 - rounded[0], rounded[1]];
    }
    shape
}

/// The keypoint of WFLW that each of the 68 keypoints of 300-W is. 300-W has every second keypoint of
/// the jaw, the upper edge of the brows, and eyelids without their middle.
pub(super) const WFLW98_OF_IBUG68: [usize; 68] = [
    0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, // jaw
    33, 34, 35, 36, 37, 42, 43, 44, 45, 46, // brows
    51, 52, 53, 54, 55, 56, 57, 58, 59, // nose
    60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75, // eyes
    76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, // outer lips
    88, 89, 90, 91, 92, 93, 94, 95, // inner lips
];

/// The face from forehead to chin in the Kaggle mean shape, by the proportions of the mean face: as
/// wide as the jaw line of the 68 keypoints, down to its chin, and up above the brows by half the
/// distance from the brows to the chin.
const KAGGLE15_FACE: BoundingBox = BoundingBox {
    x: 0.05,
    y: -0.10,
    width: 0.90,
    height: 1.18,
};

/// The same box in the mean shape of the 68 keypoints, where the centers of the eyes are 0.816
/// times as far apart and lie higher.
fn ibug68_face() -> BoundingBox {
    let BoundingBox {
        x,
        y,
        width,
        height,
    } = KAGGLE15_FACE;
    BoundingBox {
        x: (x - 0.5) * 0.816 + 0.5,
        y: (y - 0.39) * 0.816 + 0.307,
        width: width * 0.816,
        height: height * 0.816,
    }
}

const IBUG68_MEAN_SHAPE: [[f64; 2]; 68] = [
    [0.127, 0.316],
    [0.131, 0.414],
    [0.147, 0.503],
    [0.166, 0.589],
    [0.197, 0.684],
    [0.250, 0.764],
    [0.309, 0.817],
    [0.385, 0.863],
    [0.500, 0.893],
    [0.615, 0.863],
    [0.691, 0.817],
    [0.750, 0.764],
    [0.803, 0.684],
    [0.834, 0.589],
    [0.853, 0.503],
    [0.869, 0.414],
    [0.873, 0.316],
    [0.218, 0.225],
    [0.262, 0.196],
    [0.316, 0.187],
    [0.365, 0.192],
    [0.410, 0.205],
    [0.590, 0.205],
    [0.635, 0.192],
    [0.684, 0.187],
    [0.738, 0.196],
    [0.782, 0.225],
    [0.500, 0.311],
    [0.500, 0.377],
    [0.500, 0.440],
    [0.500, 0.493],
    [0.440, 0.530],
    [0.465, 0.538],
    [0.500, 0.547],
    [0.535, 0.538],
    [0.560, 0.530],
    [0.286, 0.303],
    [0.321, 0.291],
    [0.365, 0.291],
    [0.405, 0.309],
    [0.368, 0.323],
    [0.322, 0.323],
    [0.595, 0.309],
    [0.635, 0.291],
    [0.679, 0.291],
    [0.714, 0.303],
    [0.678, 0.323],
    [0.632, 0.323],
    [0.374, 0.652],
    [0.416, 0.625],
    [0.471, 0.609],
    [0.500, 0.615],
    [0.529, 0.609],
    [0.584, 0.625],
    [0.626, 0.652],
    [0.581, 0.691],
    [0.543, 0.712],
    [0.500, 0.717],
    [0.457, 0.712],
    [0.419, 0.691],
    [0.383, 0.650],
    [0.463, 0.642],
    [0.500, 0.641],
    [0.537, 0.642],
    [0.617, 0.650],
    [0.537, 0.667],
    [0.500, 0.671],
    [0.463, 0.667],
];

/// The lines along open and closed contours, which are ranges of keypoints from first to last.
fn contours(open: &[(usize, usize)], closed: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let along = |&(first, last): &(usize, usize)| (first..last).map(|i| (i, i + 1));
    let mut lines: Vec<_> = open.iter().chain(closed).flat_map(along).collect();
    lines.extend(closed.iter().map(|&(first, last)| (last, first)));
    lines
}

fn numbers(range: std::ops::RangeInclusive<usize>) -> Vec<String> {
    range.map(|i| i.to_string()).collect()
}

fn distance(name: &str, from: &[&str], to: &[&str]) -> NormalizingPair<String> {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NormalizingPair {
        name: name.to_owned(),
        from: owned(from),
        to: owned(to),
    }
}

fn named_pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs.map(|&(a, b)| (a.to_owned(), b.to_owned())).collect()
}

fn numbered_pairs(pairs: &[(usize, usize)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs.map(|(a, b)| (a.to_string(), b.to_string())).collect()
}
