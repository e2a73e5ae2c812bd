//! A JSON file of three lists, with the place of every entry for messages.

use crate::DataError;
use crate::error::{Problem, abridged};
use crate::text::line_ends;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::path::Path;

/// The lists are kept as text at first, so that an entry's place in the file is known.
#[derive(Deserialize)]
pub(super) struct TopLevel<'a> {
    #[serde(borrow)]
    pub(super) images: Vec<&'a RawValue>,
    #[serde(borrow)]
    pub(super) annotations: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) categories: Vec<&'a RawValue>,
}

/// The text of a file, to find places in.
pub(super) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn new(path: &'a Path, bytes: &'a [u8]) -> Result<Self, DataError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let (head, tail) = bytes.split_at(error.valid_up_to());
            let text = abridged(&tail[..tail.len().min(8)]);
            let row = line_ends(head) + 1;
            DataError::invalid(path, row, "the text", Problem::NotUtf8 { text })
        })?;
        Ok(Self { path, text })
    }

    /// The file, for messages.
    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    pub(super) fn top_level(&self) -> Result<TopLevel<'a>, DataError> {
        serde_json::from_str(self.text).map_err(|error| {
            let column = format!("character {}", error.column());
            let problem = json_problem(&error);
            DataError::invalid(self.path, error.line() as u64, column, problem)
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
    index: usize,
}

impl Entry<'_> {
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        serde_json::from_str(self.raw.get()).map_err(|error| {
            let row = self.row() + error.line().saturating_sub(1) as u64;
            let field = format!("`{}[{}]`", self.list, self.index);
            DataError::invalid(self.document.path, row, field, json_problem(&error))
        })
    }

    pub(super) fn error(&self, field: &str, problem: Problem) -> DataError {
        let field = format!("`{}[{}].{field}`", self.list, self.index);
        DataError::invalid(self.document.path, self.row(), field, problem)
    }

    /// Its place in its list, from 0.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// The line on which the entry starts. It is a slice of the document's text.
    fn row(&self) -> u64 {
        let text = self.document.text;
        let offset = (self.raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        line_ends(&text.as_bytes()[..offset.min(text.len())]) + 1
    }
}

/// The parser's message without its own idea of the place, which is relative to the entry.
fn json_problem(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    Problem::Json {
        message: message[..end].to_owned(),
    }
}
