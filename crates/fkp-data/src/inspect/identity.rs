//! What identifies a sample in a file of corrections.

use super::scan::Scanned;
use std::collections::BTreeMap;

/// The id of a sample, and what is needed beside it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) content_hash: Option<u64>,
    pub(super) has_unique_id: bool,
}

pub(super) fn identities(samples: &[Scanned]) -> Vec<Identity> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for sample in samples {
        *counts.entry(&sample.id).or_default() += 1;
    }
    let identity = |sample: &Scanned| Identity {
        id: sample.id.clone(),
        content_hash: sample.content_hash(),
        has_unique_id: counts[sample.id.as_str()] == 1,
    };
    samples.iter().map(identity).collect()
}
