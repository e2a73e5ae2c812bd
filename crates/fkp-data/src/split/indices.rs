//! The samples of the two parts of a split.

/// The indices of the training and of the validation samples, each in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitIndices {
    /// Training samples.
    pub train: Vec<usize>,
    /// Validation samples.
    pub val: Vec<usize>,
}

/// The split that comes with a data set, as separate tables or lists.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PredefinedSplit {
    /// Which samples are in each part.
    pub indices: SplitIndices,
    /// The files or folders of the two parts, such as `train.csv` and `val.csv`.
    pub files: &'static [&'static str; 2],
}
