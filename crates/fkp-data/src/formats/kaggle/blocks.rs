//! Reads the text of a table in blocks of whole records, so that the text is never in memory as a
//! whole.

use crate::files::{MAX_BYTES, without_bom};
use crate::records::{Records, last_record};
use crate::{DataError, Progress};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// A stream of text that is read block by block.
pub(super) struct Blocks<'p, R, E> {
    path: &'p Path,
    stream: R,
    /// Makes the error of a stream that cannot be read.
    error: E,
    /// The size of a block in bytes, unless a record is longer.
    pub(super) size: usize,
    /// The size of the text in bytes as its file states it, for reports only.
    pub(super) total: u64,
    pub(super) progress: Progress,
    /// The largest size of the text in bytes.
    pub(super) limit: u64,
    /// How many bytes were read, and whether they are all.
    read: u64,
    is_at_end: bool,
    /// The start of a record whose end was not read yet.
    rest: Vec<u8>,
}

/// A text of whole records.
#[derive(Default)]
pub(super) struct Block {
    buffer: Vec<u8>,
    len: usize,
}

/// A part of a block that starts with a record.
pub(super) struct Part<'b> {
    pub(super) text: &'b [u8],
    /// The line on which it starts.
    pub(super) line: u64,
}

impl<'p, R: Read, E: Fn(std::io::Error) -> DataError> Blocks<'p, R, E> {
    /// The text of a stream; `path` is for the error of a text that is too large.
    pub(super) fn new(path: &'p Path, stream: R, error: E) -> Self {
        Self {
            path,
            stream,
            error,
            size: 1 << 19,
            total: 0,
            progress: Progress::default(),
            limit: MAX_BYTES,
            read: 0,
            is_at_end: false,
            rest: Vec::new(),
        }
    }

    /// Reads the next records into a block, whose buffer is used again. False at the end.
    pub(super) fn read_into(&mut self, block: &mut Block) -> Result<bool, DataError> {
        let buffer = &mut block.buffer;
        let mut filled = self.rest.len();
        if buffer.len() < filled.max(self.size) {
            buffer.resize(filled.max(self.size), 0);
        }
        buffer[..filled].copy_from_slice(&self.rest);
        block.len = loop {
            let is_start = self.read == 0;
            filled += self.fill(&mut buffer[filled..])?;
            if is_start {
                let text = without_bom(&buffer[..filled]).len();
                buffer.copy_within(filled - text..filled, 0);
                filled = text;
            }
            if self.is_at_end {
                break filled;
            }
            if let Some(end) = last_record(&buffer[..filled]) {
                break end;
            }
            // A longer record. A buffer that doubles is searched in linear time.
            let most = self.limit as usize + 1;
            buffer.resize((2 * buffer.len()).min(most), 0);
        };
        self.rest.clear();
        self.rest.extend(&buffer[block.len..filled]);
        self.report();
        Ok(block.len > 0)
    }

    /// Reads the stream to its end without keeping it: a corrupt archive or a text that is too large
    /// is the cause of an error in its rows.
    pub(super) fn drain(&mut self) -> Result<(), DataError> {
        let mut buffer = vec![0; 1 << 16];
        while !self.is_at_end {
            self.fill(&mut buffer)?;
        }
        Ok(())
    }

    /// Fills a buffer unless the stream ends. Returns the number of bytes. After an error the stream
    /// is at its end.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, DataError> {
        let mut filled = 0;
        while filled < buffer.len() && !self.is_at_end {
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => self.is_at_end = true,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_at_end = true;
                    return Err((self.error)(error));
                }
            }
        }
        self.read += filled as u64;
        if self.read > self.limit {
            self.is_at_end = true;
            return Err(DataError::FileTooLarge {
                path: self.path.to_owned(),
                limit: self.limit,
            });
        }
        Ok(filled)
    }

    fn report(&self) {
        let total = match self.is_at_end {
            true => self.read,
            false => self.total.max(self.read),
        };
        self.progress.report(self.read, total, "bytes");
    }
}

impl Block {
    /// The whole block, which starts on this line.
    pub(super) fn whole(&self, line: u64) -> Part<'_> {
        let text = &self.buffer[..self.len];
        Part { text, line }
    }
}

impl<'b> Part<'b> {
    /// Splits a part into smaller ones of about `size` bytes, and returns them with the line on which
    /// the text after it starts.
    pub(super) fn split(self, size: usize) -> Result<(Vec<Self>, u64), std::io::Error> {
        let mut parts = Vec::new();
        let (mut start, mut line) = (0, self.line);
        let mut records = Records::new(self.text, self.line);
        while records.advance()? {
            if records.start() - start >= size {
                let text = &self.text[start..records.start()];
                parts.push(Self { text, line });
                (start, line) = (records.start(), records.line());
            }
        }
        let text = &self.text[start..];
        parts.push(Self { text, line });
        Ok((parts, records.line_at_end()))
    }
}
