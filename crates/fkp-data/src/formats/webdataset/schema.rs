//! The schema of a data set of shards, whose samples each name and number their keypoints.

use super::labels::Labels;
use crate::DataError;
use crate::error::{AnnotationError, listed, shortened};
use crate::schema::FileSchema;
use fkp_core::Schema;
use std::collections::BTreeMap;
use std::path::Path;

/// The schema of all samples, which must have as many keypoints and no other names.
pub(super) fn schema(
    path: &Path,
    samples: &[&Labels],
    given: Option<&Schema>,
) -> Result<FileSchema, DataError> {
    // The number that most samples have, so that an error names the others.
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for labels in samples {
        *counts.entry(labels.keypoints.len()).or_default() += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|&(keypoints, n)| (n, keypoints));
    let expected = match given {
        Some(schema) => schema.len(),
        None => most.map_or(0, |(keypoints, _)| keypoints),
    };
    let reason = match given {
        Some(schema) => format!(", as in schema `{}`", schema.name()),
        None => ", as in most samples".to_owned(),
    };
    let mut names: Option<&[String]> = None;
    for labels in samples {
        let found = labels.keypoints.len();
        if found != expected {
            let reason = reason.clone();
            return Err(labels.error(AnnotationError::KeypointCount {
                expected,
                found,
                reason,
            }));
        }
        let Some(own) = labels.names.as_deref() else {
            continue;
        };
        let error = match names {
            _ if own.len() != found => AnnotationError::KeypointCount {
                expected: own.len(),
                found,
                reason: ", as `keypoint_names` has".to_owned(),
            },
            Some(first) if first != own => AnnotationError::Syntax {
                expected: "the `keypoint_names` of the first sample",
                found: listed(own),
            },
            _ => {
                names = Some(own);
                continue;
            }
        };
        return Err(labels.error(error));
    }
    let numbers = || (0..expected).map(|number| number.to_string()).collect();
    let names = names.map_or_else(numbers, <[String]>::to_vec);
    match given {
        Some(schema) => FileSchema::given(path, schema, &names, |name| {
            let found = listed(&names);
            let column = format!("`keypoint_names`: `{}`", shortened(name.as_bytes()));
            DataError::invalid(path, 1, column, AnnotationError::MissingColumn { found })
        }),
        None => {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            FileSchema::from_names(path, &name, &names, &[])
        }
    }
}
