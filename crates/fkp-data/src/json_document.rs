//! A JSON file whose entries are kept as text, so that their errors name the row.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::files::{line_ends, without_bom};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::path::Path;

/// The text of a file.
pub(crate) struct Document<'a> {
    /// The file, for error messages.
    pub(crate) path: &'a Path,
    text: &'a str,
}

impl<'a> Document<'a> {
    pub(crate) fn new(path: &'a Path, bytes: &'a [u8]) -> Result<Self, DataError> {
        let bytes = without_bom(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let (head, tail) = bytes.split_at(error.valid_up_to());
            let text = shortened(&tail[..tail.len().min(8)]);
            let row = line_ends(head) + 1;
            DataError::invalid(path, row, "the text", AnnotationError::NotUtf8 { text })
        })?;
        Ok(Self { path, text })
    }

    /// The outer structure, whose entries may be raw values.
    pub(crate) fn top_level<T: Deserialize<'a>>(&self) -> Result<T, DataError> {
        serde_json::from_str(self.text).map_err(|error| {
            let column = format!("character {}", error.column());
            DataError::invalid(self.path, error.line() as u64, column, json_error(&error))
        })
    }

    pub(crate) fn entry(
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

/// One entry of a list.
pub(crate) struct Entry<'d> {
    document: &'d Document<'d>,
    raw: &'d RawValue,
    list: &'static str,
    pub(crate) index: usize,
}

impl Entry<'_> {
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        serde_json::from_str(self.raw.get()).map_err(|error| {
            let row = self.row() + error.line().saturating_sub(1) as u64;
            let field = format!("`{}[{}]`", self.list, self.index);
            DataError::invalid(self.document.path, row, field, json_error(&error))
        })
    }

    pub(crate) fn error(&self, field: &str, error: AnnotationError) -> DataError {
        let field = format!("`{}[{}].{field}`", self.list, self.index);
        DataError::invalid(self.document.path, self.row(), field, error)
    }

    /// The line on which the entry starts.
    fn row(&self) -> u64 {
        line_ends(&self.document.text.as_bytes()[..self.start()]) + 1
    }

    /// The byte of the document at which the entry starts, which is a slice of its text.
    pub(crate) fn start(&self) -> usize {
        let text = self.document.text;
        let offset = (self.raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        offset.min(text.len())
    }
}

/// Counts the lines up to the entries of a list in their order, which takes time of the length of the
/// text. [`Entry::error`] counts from its start.
#[derive(Default)]
pub(crate) struct Rows {
    offset: usize,
    line_ends: u64,
}

impl Rows {
    /// The line on which an entry starts.
    pub(crate) fn of(&mut self, entry: &Entry<'_>) -> u64 {
        let offset = entry.start().max(self.offset);
        self.line_ends += line_ends(&entry.document.text.as_bytes()[self.offset..offset]);
        self.offset = offset;
        self.line_ends + 1
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
