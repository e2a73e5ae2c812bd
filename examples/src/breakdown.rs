//! Errors by part of the face, by yaw, by visibility and by sharpness.

use fkp_core::{Image, Schema, Visibility};
use fkp_metrics::Normalizer;
use fkp_model::HeadPose;
use fkp_train::ScoredSample;
use serde::Serialize;

/// Mean normalized errors of groups of keypoints and of faces.
pub struct Breakdown {
    normalizer: Normalizer,
    parts: &'static [Part],
    has_pose: bool,
    rows: Vec<BreakdownRow>,
    faces: Vec<FaceError>,
}

/// The errors of a face.
struct FaceError {
    sharpness: f64,
    /// Sum over the keypoints.
    errors: f64,
    keypoints: usize,
}

/// The mean error of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakdownRow {
    /// What is grouped by: `part`, `yaw`, `visibility` or `sharpness`.
    pub by: &'static str,
    /// The group.
    pub group: &'static str,
    /// Mean distance divided by the schema's preferred length, as a fraction.
    pub nme: f64,
    /// Number of keypoints.
    pub keypoints: usize,
}

/// Lower limits of the groups of faces by the absolute yaw of their labels, in degrees.
const YAW: [(f32, &str); 4] = [
    (0.0, "below 15°"),
    (15.0, "15° to 30°"),
    (30.0, "30° to 45°"),
    (45.0, "above 45°"),
];

/// The groups of faces by the sharpness of their crops. Small faces are among the blurred ones, as
/// their crops are enlarged, and noisy ones among the sharp.
const SHARPNESS: [&str; 3] = ["most blurred third", "middle third", "sharpest third"];

/// Indices of the keypoints of a part of the face, and its name.
type Part = (&'static str, &'static [usize]);

const IBUG68: [Part; 5] = [
    (
        "jaw line",
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    ),
    ("brows", &[17, 18, 19, 20, 21, 22, 23, 24, 25, 26]),
    ("nose", &[27, 28, 29, 30, 31, 32, 33, 34, 35]),
    ("eyes", &[36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47]),
    (
        "mouth",
        &[
            48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67,
        ],
    ),
];

const KAGGLE15: [Part; 4] = [
    ("brows", &[6, 7, 8, 9]),
    ("nose", &[10]),
    ("eyes", &[0, 1, 2, 3, 4, 5]),
    ("mouth", &[11, 12, 13, 14]),
];

impl Breakdown {
    /// An empty breakdown. Parts of the face are known for the schemas `ibug68` and `kaggle15`, the
    /// yaw for `ibug68`.
    pub fn new(schema: &Schema) -> Self {
        let has_pose = *schema == Schema::ibug68();
        Self {
            normalizer: Normalizer::preferred(schema),
            parts: match has_pose {
                true => &IBUG68,
                false if *schema == Schema::kaggle15() => &KAGGLE15,
                false => &[],
            },
            has_pose,
            rows: Vec::new(),
            faces: Vec::new(),
        }
    }

    /// Adds the labeled keypoints of a sample.
    pub fn add(&mut self, scored: &ScoredSample<'_>) {
        let (truth, found) = (&scored.sample.keypoints, &scored.predicted.keypoints);
        let Some(length) = self.normalizer.length_px(truth) else {
            return;
        };
        let pose = self.has_pose.then(|| HeadPose::from_ibug68(truth));
        let yaw = pose.flatten().and_then(|pose| {
            let mut groups = YAW.iter().rev();
            groups.find(|(least, _)| pose.yaw.abs() >= *least)
        });
        let mut face = FaceError {
            sharpness: sharpness(&scored.sample.image),
            errors: 0.0,
            keypoints: 0,
        };
        for (index, label) in truth.labeled() {
            let error = f64::from(found[index].distance(label)) / length;
            let part = self.parts.iter().find(|(_, of)| of.contains(&index));
            let visibility = match label.visibility {
                Visibility::Visible => "visible",
                Visibility::Occluded => "covered",
                Visibility::OutOfFrame => "outside the crop",
                Visibility::Unlabeled => continue,
            };
            let groups = [
                part.map(|(part, _)| ("part", *part)),
                yaw.map(|(_, yaw)| ("yaw", *yaw)),
                Some(("visibility", visibility)),
            ];
            for (by, group) in groups.into_iter().flatten() {
                self.add_error(by, group, error);
            }
            face.errors += error;
            face.keypoints += 1;
        }
        self.faces.push(face);
    }

    fn add_error(&mut self, by: &'static str, group: &'static str, error: f64) {
        let is_same = |row: &BreakdownRow| row.by == by && row.group == group;
        let index = self.rows.iter().position(is_same).unwrap_or_else(|| {
            self.rows.push(BreakdownRow {
                by,
                group,
                nme: 0.0,
                keypoints: 0,
            });
            self.rows.len() - 1
        });
        let row = &mut self.rows[index];
        row.keypoints += 1;
        row.nme += (error - row.nme) / row.keypoints as f64;
    }

    /// The mean errors, in a fixed order.
    pub fn rows(&self) -> Vec<BreakdownRow> {
        let mut rows = self.rows.clone();
        let rank = |row: &BreakdownRow| {
            let parts = self.parts.iter().map(|(part, _)| *part);
            let order = parts.chain(YAW.iter().map(|(_, yaw)| *yaw));
            let order = order.chain(["visible", "covered", "outside the crop"]);
            order.take_while(|group| *group != row.group).count()
        };
        rows.sort_by_key(rank);
        rows.extend(self.by_sharpness());
        rows
    }

    /// Thirds of the faces, or nothing if there are fewer than three.
    fn by_sharpness(&self) -> Vec<BreakdownRow> {
        let mut faces: Vec<&FaceError> = self.faces.iter().collect();
        faces.sort_by(|a, b| a.sharpness.total_cmp(&b.sharpness));
        let third = |index: usize| {
            let end = |index: usize| index * faces.len() / SHARPNESS.len();
            let faces = &faces[end(index)..end(index + 1)];
            let keypoints = faces.iter().map(|face| face.keypoints).sum();
            let errors: f64 = faces.iter().map(|face| face.errors).sum();
            (keypoints > 0).then(|| BreakdownRow {
                by: "sharpness",
                group: SHARPNESS[index],
                nme: errors / keypoints as f64,
                keypoints,
            })
        };
        let rows: Option<Vec<BreakdownRow>> = (0..SHARPNESS.len()).map(third).collect();
        rows.unwrap_or_default()
    }

    /// The mean errors as lines of a Markdown table.
    pub fn markdown(&self) -> String {
        let lines = self.rows().into_iter().map(|row| {
            let (nme, count) = (100.0 * row.nme, row.keypoints);
            format!("| {} | {} | {nme:.2} % | {count} |\n", row.by, row.group)
        });
        let head = "| by | group | NME | keypoints |\n|---|---|---|---|\n".to_owned();
        head + &lines.collect::<String>()
    }
}

/// How sharp an image is, whatever its contrast: the root mean square of the Laplacian divided by the
/// standard deviation of the gray levels (the variance of the Laplacian is the measure of
/// Pech-Pacheco et al., *Diatom autofocusing in brightfield microscopy*, ICPR 2000).
fn sharpness(image: &Image) -> f64 {
    let gray = image.to_gray();
    let (width, height) = gray.size();
    let at = |x: usize, y: usize| f64::from(gray.as_bytes()[y * width + x]);
    let (mut laplacian, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let value = at(x, y);
            let around = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
            laplacian += (around - 4.0 * value).powi(2);
            sum += value;
            squares += value * value;
        }
    }
    let count = (width.saturating_sub(2) * height.saturating_sub(2)).max(1) as f64;
    let spread = squares - sum * sum / count;
    (laplacian / spread.max(1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Keypoint, Keypoints, Prediction, Sample};

    #[test]
    fn errors_are_grouped_by_part_yaw_and_visibility() {
        let schema = Schema::ibug68();
        let mut truth: Keypoints = schema
            .mean_shape()
            .iter()
            .map(|[u, v]| Keypoint::new((u * 100.0) as f32, (v * 100.0) as f32))
            .collect();
        truth[30].visibility = Visibility::Occluded;
        truth[48] = Keypoint::unlabeled();
        let eyes = f64::from(truth[45].x - truth[36].x);
        let mut found = truth.clone();
        found[30].x += eyes as f32 / 10.0;
        found[8].y += eyes as f32 / 5.0;
        let sample = Sample::new("a", Image::filled(100, 100, 1, 0), truth);
        let mut breakdown = Breakdown::new(&schema);
        breakdown.add(&ScoredSample {
            index: 0,
            sample: &sample,
            predicted: &Prediction::new(found),
        });
        let rows = breakdown.rows();
        let groups: Vec<_> = rows.iter().map(|row| (row.group, row.keypoints)).collect();
        let parts = [("jaw line", 17), ("brows", 10), ("nose", 9), ("eyes", 12)];
        let others = [
            ("mouth", 19),
            ("below 15°", 67),
            ("visible", 66),
            ("covered", 1),
        ];
        assert_eq!(groups, [parts, others].concat());
        let nme = |group: &str| rows.iter().find(|row| row.group == group).unwrap().nme;
        assert!((nme("covered") - 0.1).abs() < 1e-6);
        assert!((nme("nose") - 0.1 / 9.0).abs() < 1e-6);
        assert!((nme("jaw line") - 0.2 / 17.0).abs() < 1e-6);
        assert_eq!(nme("eyes"), 0.0);
        assert!(
            breakdown
                .markdown()
                .contains("| visibility | covered | 10.00 % | 1 |")
        );
    }

    #[test]
    fn faces_are_grouped_by_sharpness() {
        // Stripes of these widths, the wider the less sharp, with a contrast that does not matter.
        let schema = Schema::numbered("two", 2).unwrap();
        let mut breakdown = Breakdown::new(&schema);
        for (width, contrast, error) in [(2, 30, 1.0), (8, 200, 3.0), (4, 90, 2.0)] {
            let mut image = Image::filled(32, 32, 1, 20);
            for (index, pixel) in image.as_bytes_mut().iter_mut().enumerate() {
                *pixel += contrast * (index % 32 / width % 2) as u8;
            }
            let truth = Keypoints::from_xy(&[[0.0, 0.0], [20.0, 20.0]]);
            let found = Keypoints::from_xy(&[[error, 0.0], [20.0 + error, 20.0]]);
            breakdown.add(&ScoredSample {
                index: 0,
                sample: &Sample::new("a", image, truth),
                predicted: &Prediction::new(found),
            });
        }
        let rows = breakdown.by_sharpness();
        let groups: Vec<_> = rows.iter().map(|row| (row.group, row.keypoints)).collect();
        assert_eq!(groups, SHARPNESS.map(|group| (group, 2)));
        assert!((rows[0].nme / rows[2].nme - 3.0).abs() < 1e-6);
        assert!((rows[1].nme / rows[2].nme - 2.0).abs() < 1e-6);
    }

    #[test]
    fn every_keypoint_is_in_one_part() {
        for (parts, count) in [(&IBUG68[..], 68), (&KAGGLE15[..], 15)] {
            let mut all: Vec<usize> = parts.iter().flat_map(|(_, of)| of.to_vec()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
        }
    }
}
