//! Errors by part of the face, by yaw and by visibility.

use fkp_core::{Schema, Visibility};
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
}

/// The mean error of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakdownRow {
    /// What is grouped by: `part`, `yaw` or `visibility`.
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
        }
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
        rows
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

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Image, Keypoint, Keypoints, Prediction, Sample};

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
    fn every_keypoint_is_in_one_part() {
        for (parts, count) in [(&IBUG68[..], 68), (&KAGGLE15[..], 15)] {
            let mut all: Vec<usize> = parts.iter().flat_map(|(_, of)| of.to_vec()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
        }
    }
}
