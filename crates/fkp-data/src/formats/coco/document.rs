//! A COCO file as three lists of JSON entries whose errors name the row.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::files::{line_ends, without_bom};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::path::Path;

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

/// The text of a file.
pub(super) struct Document<'a> {
    /// The file, for error messages.
    pub(super) path: &'a Path,
    text: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn new(path: &'a Path, bytes: &'a [u8]) -> Result<Self, DataError> {
        let bytes = without_bom(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let (head, tail) = bytes.split_at(error.valid_up_to());
            let text = shortened(&tail[..tail.len().min(8)]);
            let row = line_ends(head) + 1;
            DataError::invalid(path, row, "the text", AnnotationError::NotUtf8 { text })
        })?;
        Ok(Self { path, text })
    }

    pub(super) fn top_level(&self) -> Result<TopLevel<'a>, DataError> {
        serde_json::from_str(self.text).map_err(|error| {
            let column = format!("character {}", error.column());
            DataError::invalid(self.path, error.line() as u64, column, json_error(&error))
        })
    }

    pub(super) fn entry(
        &'a self,
        list: &'static str,
        index: usize,
        raw: &'a RawValue,
    ) -> Entry<'a> {
        Entry {
            document: self,
            raw,
            list,
            index,
        }
    }
}

/// One entry of one of the three lists.
pub(super) struct Entry<'d> {
    document: &'d Document<'d>,
    raw: &'d RawValue,
    list: &'static str,
    pub(super) index: usize,
}

impl Entry<'_> {
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        serde_json::from_str(self.raw.get()).map_err(|error| {
            let row = self.row() + error.line().saturating_sub(1) as u64;
            let field = format!("`{}[{}]`", self.list, self.index);
            DataError::invalid(self.document.path, row, field, json_error(&error))
        })
    }

    pub(super) fn error(&self, field: &str, error: AnnotationError) -> DataError {
        let field = format!("`{}[{}].{field}`", self.list, self.index);
        DataError::invalid(self.document.path, self.row(), field, error)
    }

    /// The line on which the entry starts.
    fn row(&self) -> u64 {
        line_ends(&self.document.text.as_bytes()[..self.start()]) + 1
    }

    /// The byte of the document at which the entry starts, which is a slice of its text.
    pub(super) fn start(&self) -> usize {
        let text = self.document.text;
        let offset = (self.raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        offset.min(text.len())
    }
}

/// The message of the parser without its position, which is relative to the entry.
fn json_error(error: &serde_json::Error) -> AnnotationError {
    let message = error.to_string();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    AnnotationError::Json {
        message: message[..end].to_owned(),
    }
}
