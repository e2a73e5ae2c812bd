//! Tables of labels whose images are not at hand.

/// How to handle a table that has coordinates and no images, such as Kaggle's without the column
/// `Image`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MissingImages {
    /// Opening the table fails: there is nothing to train or evaluate on.
    #[default]
    Refuse,
    /// The labels are read. [`fkp_core::Dataset::get`] is an error for each sample; the data set is
    /// for [`crate::inspect()`].
    LabelsOnly,
}
