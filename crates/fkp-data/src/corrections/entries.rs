//! The entries of a file of corrections.

use serde::{Deserialize, Serialize, Serializer};
use toml::Spanned;

/// A sample, by what an entry has of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SampleName {
    pub(crate) id: Name,
    /// The content hash of its image, in hexadecimal digits.
    pub(crate) image: Option<String>,
    /// Its position, where several samples have this id.
    pub(crate) index: Option<usize>,
}

/// A sample to leave out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "ExclusionFields", into = "ExclusionFields")]
pub(crate) struct Exclusion {
    pub(crate) sample: SampleName,
    pub(crate) reason: String,
}

/// Labels to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "CorrectionFields", into = "CorrectionFields")]
pub(crate) struct LabelCorrection {
    pub(crate) sample: SampleName,
    pub(crate) reason: String,
    pub(crate) swap_left_right: bool,
    pub(crate) swap: Vec<[Name; 2]>,
    pub(crate) unlabel: Vec<Name>,
    pub(crate) moved: Vec<PlacedKeypoint>,
}

/// A keypoint with its new position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlacedKeypoint {
    pub(crate) keypoint: Name,
    /// In pixels.
    pub(crate) x: f64,
    /// In pixels.
    pub(crate) y: f64,
}

/// A text, and where it starts in the file, in bytes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Spanned<String>")]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) at: usize,
}

impl From<Spanned<String>> for Name {
    fn from(spanned: Spanned<String>) -> Self {
        let at = spanned.span().start;
        let text = spanned.into_inner();
        Self { text, at }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        let text = text.to_owned();
        Self { text, at: 0 }
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// [`Exclusion`] as it is written; `flatten` of serde would lose the places in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExclusionFields {
    id: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(default)]
    reason: String,
}

/// [`LabelCorrection`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CorrectionFields {
    id: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(default)]
    reason: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    swap_left_right: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    swap: Vec<[Name; 2]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unlabel: Vec<Name>,
    #[serde(default, rename = "move", skip_serializing_if = "Vec::is_empty")]
    moved: Vec<PlacedKeypoint>,
}

impl From<ExclusionFields> for Exclusion {
    fn from(fields: ExclusionFields) -> Self {
        let ExclusionFields {
            id,
            image,
            index,
            reason,
        } = fields;
        Self {
            sample: SampleName { id, image, index },
            reason,
        }
    }
}

impl From<Exclusion> for ExclusionFields {
    fn from(entry: Exclusion) -> Self {
        let SampleName { id, image, index } = entry.sample;
        Self {
            id,
            image,
            index,
            reason: entry.reason,
        }
    }
}

impl From<CorrectionFields> for LabelCorrection {
    fn from(fields: CorrectionFields) -> Self {
        let (id, image, index) = (fields.id, fields.image, fields.index);
        Self {
            sample: SampleName { id, image, index },
            reason: fields.reason,
            swap_left_right: fields.swap_left_right,
            swap: fields.swap,
            unlabel: fields.unlabel,
            moved: fields.moved,
        }
    }
}

impl From<LabelCorrection> for CorrectionFields {
    fn from(entry: LabelCorrection) -> Self {
        let SampleName { id, image, index } = entry.sample;
        Self {
            id,
            image,
            index,
            reason: entry.reason,
            swap_left_right: entry.swap_left_right,
            swap: entry.swap,
            unlabel: entry.unlabel,
            moved: entry.moved,
        }
    }
}
