//! Checks of a schema as it was written, and the indices of its names.

use super::error::SchemaProblem;
use super::sides::{closest, mirrored_name};
use super::spec::{BOXES, NormalizingPair, SchemaSpec};
use std::collections::BTreeSet;

/// There are keypoints, except in [`BOXES`], and no name occurs twice.
pub(super) fn names(spec: &SchemaSpec) -> Result<(), SchemaProblem> {
    if spec.keypoints.is_empty() && spec.name != BOXES {
        return Err(SchemaProblem::NoKeypoints);
    }
    let mut seen = BTreeSet::new();
    match spec.keypoints.iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(twice) => Err(SchemaProblem::DuplicateName {
            keypoint: twice.clone(),
        }),
    }
}

/// Mean shape and face box are absent or valid.
pub(super) fn mean_shape(spec: &SchemaSpec) -> Result<(), SchemaProblem> {
    if spec.face_box.is_some_and(|face| !face.is_usable()) {
        return Err(SchemaProblem::BadFaceBox);
    }
    let expected = spec.keypoints.len();
    let is_finite = spec.mean_shape.iter().flatten().all(|v| v.is_finite());
    match spec.mean_shape.len() {
        0 => Ok(()),
        len if len == expected && is_finite => Ok(()),
        _ => Err(SchemaProblem::BadMeanShape { expected }),
    }
}

/// Every keypoint whose name contains left or right is in a pair or is listed as unpaired.
pub(super) fn sides(
    spec: &SchemaSpec,
    flip_pairs: &[(usize, usize)],
    unpaired: &[usize],
) -> Result<(), SchemaProblem> {
    let paired: BTreeSet<usize> = flip_pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    if let Some(&both) = unpaired.iter().find(|index| paired.contains(index)) {
        return Err(SchemaProblem::PairedAndUnpaired {
            keypoint: spec.keypoints[both].clone(),
        });
    }
    let is_listed = |index: usize| paired.contains(&index) || unpaired.contains(&index);
    let keypoints = spec.keypoints.iter().enumerate();
    let unlisted = keypoints.filter(|(index, _)| !is_listed(*index));
    let unlisted: Vec<&String> = unlisted.map(|(_, name)| name).collect();
    let sided = unlisted
        .iter()
        .filter_map(|&name| Some((name.clone(), mirrored_name(name)?)));
    let (pairs, without_partner): (Vec<_>, Vec<_>) =
        sided.partition(|(_, partner)| spec.keypoints.contains(partner));
    if let Some((keypoint, partner)) = without_partner.first().cloned() {
        let others = unlisted.into_iter().filter(|name| **name != keypoint);
        return Err(SchemaProblem::NoPartner {
            closest: closest(&partner, others).cloned(),
            keypoint,
            partner,
            all: without_partner.into_iter().map(|(name, _)| name).collect(),
        });
    }
    let mut missing: Vec<(String, String)> = Vec::new();
    for (name, partner) in pairs {
        if !missing.contains(&(partner.clone(), name.clone())) {
            missing.push((name, partner));
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(SchemaProblem::NotPaired { missing }),
    }
}

/// The indices of the flip pairs, in which no keypoint occurs twice.
pub(super) fn flip_pairs(
    spec: &SchemaSpec,
    names: &[(String, String)],
) -> Result<Vec<(usize, usize)>, SchemaProblem> {
    let pairs = index_pairs(spec, "flip_pairs", names)?;
    let mut used = BTreeSet::new();
    let mut keypoints = pairs.iter().flat_map(|&(a, b)| [a, b]);
    match keypoints.find(|keypoint| !used.insert(*keypoint)) {
        None => Ok(pairs),
        Some(keypoint) => Err(SchemaProblem::FlippedTwice {
            keypoint: spec.keypoints[keypoint].clone(),
        }),
    }
}

/// The indices of a normalizing pair, at least one on each end.
pub(super) fn normalizing_pair(
    spec: &SchemaSpec,
    pair: &NormalizingPair<String>,
) -> Result<NormalizingPair, SchemaProblem> {
    let name = pair.name.clone();
    if pair.from.is_empty() || pair.to.is_empty() {
        return Err(SchemaProblem::EmptyNormalizingEnd { pair: name });
    }
    Ok(NormalizingPair {
        name,
        from: indices(spec, "normalizing_pair", &pair.from)?,
        to: indices(spec, "normalizing_pair", &pair.to)?,
    })
}

/// The indices of pairs of names in a field.
pub(super) fn index_pairs(
    spec: &SchemaSpec,
    field: &'static str,
    names: &[(String, String)],
) -> Result<Vec<(usize, usize)>, SchemaProblem> {
    let pair = |(a, b): &(String, String)| Ok((index(spec, field, a)?, index(spec, field, b)?));
    names.iter().map(pair).collect()
}

/// The indices of the names in a field.
pub(super) fn indices(
    spec: &SchemaSpec,
    field: &'static str,
    names: &[String],
) -> Result<Vec<usize>, SchemaProblem> {
    names.iter().map(|name| index(spec, field, name)).collect()
}

fn index(spec: &SchemaSpec, field: &'static str, keypoint: &str) -> Result<usize, SchemaProblem> {
    let found = spec.keypoints.iter().position(|name| name == keypoint);
    found.ok_or_else(|| SchemaProblem::UnknownName {
        field,
        keypoint: keypoint.to_owned(),
    })
}
