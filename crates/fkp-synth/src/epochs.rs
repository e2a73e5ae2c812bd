//! Which samples the later epochs of a training have.

/// The samples of later epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Epochs {
    /// Those of the first.
    Same,
    /// New ones.
    New,
}

impl Epochs {
    /// The epoch whose samples an epoch has.
    pub(crate) fn source(self, epoch: usize) -> usize {
        match self {
            Self::Same => 0,
            Self::New => epoch,
        }
    }
}
