//! The seeds of rendered faces and scenes.

use crate::{RenderedConfig, SelectionPart};

/// The seed of each part, so that all parts show different people.
pub(super) struct RenderedSeeds {
    pub(super) train: u64,
    pub(super) selection: u64,
    pub(super) val: u64,
}

impl RenderedSeeds {
    pub(super) fn of(config: &RenderedConfig) -> Self {
        Self {
            train: config.seed,
            selection: config.seed.wrapping_add(1_000_000),
            val: config.seed.wrapping_add(2_000_000),
        }
    }

    /// That of the part on which the best epoch is chosen.
    pub(super) fn choosing(&self, part: SelectionPart) -> u64 {
        match part {
            SelectionPart::Carved => self.selection,
            SelectionPart::Validation => self.val,
        }
    }
}
