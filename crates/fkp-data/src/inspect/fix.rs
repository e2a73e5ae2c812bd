//! From findings to corrections.

use super::copies::{CopyGroup, CopyKind, Part};
use super::inspection::{Inspection, SetInspection};
use super::suspects::Problem;
use crate::Corrections;
use crate::corrections::{Exclusion, LabelCorrection, SampleName, hash_text};
use std::collections::{BTreeMap, BTreeSet};

impl Inspection {
    /// Corrections of the findings in the data set of this number, to be reviewed before they are
    /// used:
    ///
    /// - excluded are samples whose image cannot be read; of exact copies within the data set all but
    ///   the first; of exact and near copies in both parts of the predefined split those of the
    ///   training part, so that the validation part stays as it is; and samples whose whole shape
    ///   is another one;
    /// - where left and right are exchanged, they are exchanged back, and so are single pairs;
    /// - outliers are unlabeled.
    ///
    /// Labels outside the image, and near copies within a part, are left as they are.
    ///
    /// # Panics
    /// If there is no data set of this number.
    pub fn corrections(&self, set: usize) -> Corrections {
        let inspected = &self.sets[set];
        let mut reasons: BTreeMap<usize, String> = BTreeMap::new();
        for unreadable in &inspected.unreadable {
            reasons.insert(unreadable.index, unreadable.error.clone());
        }
        for group in &self.copies {
            for (index, reason) in copies_to_exclude(group, set) {
                reasons.entry(index).or_insert(reason);
            }
        }
        let mut corrected: BTreeMap<usize, LabelCorrection> = BTreeMap::new();
        for suspect in &inspected.suspects {
            let index = suspect.index;
            let problem = &suspect.problem;
            if let Problem::Shape { .. } = problem {
                reasons.entry(index).or_insert(problem.to_string());
                continue;
            }
            if reasons.contains_key(&index) || matches!(problem, Problem::Outside { .. }) {
                continue;
            }
            let entry = corrected.entry(index).or_insert_with(|| LabelCorrection {
                sample: inspected.name(index),
                reason: String::new(),
                swap_left_right: false,
                swap: Vec::new(),
                unlabel: Vec::new(),
                moved: Vec::new(),
            });
            match problem {
                Problem::LeftRight { .. } => entry.swap_left_right = true,
                Problem::Pairs { pairs } => entry.swap.extend(
                    pairs
                        .iter()
                        .map(|pair| [pair[0].as_str().into(), pair[1].as_str().into()]),
                ),
                Problem::Outliers { keypoints } => entry
                    .unlabel
                    .extend(keypoints.iter().map(|far| far.keypoint.as_str().into())),
                Problem::Outside { .. } | Problem::Shape { .. } => {}
            }
            let joint = if entry.reason.is_empty() { "" } else { "; " };
            entry.reason += &format!("{joint}{problem}");
        }
        corrected.retain(|index, _| !reasons.contains_key(index));
        let exclude = reasons.into_iter().map(|(index, reason)| Exclusion {
            sample: inspected.name(index),
            reason,
        });
        Corrections::of(exclude.collect(), corrected.into_values().collect())
    }
}

impl SetInspection {
    fn name(&self, index: usize) -> SampleName {
        let identity = &self.identities[index];
        SampleName {
            id: identity.id.as_str().into(),
            image: identity.content_hash.map(hash_text),
            index: (!identity.has_unique_id).then_some(index),
        }
    }
}

/// The samples of a data set that a group of copies makes superfluous or dangerous.
fn copies_to_exclude(group: &CopyGroup, set: usize) -> Vec<(usize, String)> {
    let own: Vec<_> = group
        .samples
        .iter()
        .filter(|sample| sample.set == set)
        .collect();
    let of_part = |part: Part| own.iter().find(|sample| sample.part == Some(part));
    let leak = of_part(Part::Train).and(of_part(Part::Val)).copied();
    // Of copies in both parts, those of the validation part are kept.
    let kept = leak.or(own.first().copied());
    let Some(kept) = kept else {
        return Vec::new();
    };
    let mut seen = BTreeSet::from([kept.index]);
    let others = own.iter().filter(|sample| seen.insert(sample.index));
    let excluded = others.filter_map(|sample| {
        let leaks = leak.is_some() && sample.part == Some(Part::Train);
        let reason = match (group.kind, leaks) {
            (CopyKind::Exact, false) => format!("the same image as {}", kept.id),
            (CopyKind::Exact, true) => {
                format!("the same image as {} of the validation part", kept.id)
            }
            (CopyKind::Near, true) => format!("a near copy of {} of the validation part", kept.id),
            (CopyKind::Near, false) => return None,
        };
        Some((sample.index, reason))
    });
    excluded.collect()
}
