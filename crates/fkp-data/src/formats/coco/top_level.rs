//! A COCO file as three lists of JSON entries.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The lists, whose entries are kept as text so that their row in the file is known.
#[derive(Deserialize)]
pub(super) struct TopLevel<'a> {
    #[serde(borrow)]
    pub(super) images: Vec<&'a RawValue>,
    #[serde(borrow)]
    pub(super) annotations: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) categories: Vec<&'a RawValue>,
}
