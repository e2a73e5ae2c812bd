//! Splits the text of a CSV file into records and cells.

use crate::files::line_ends;
use csv::ByteRecord;

/// The records of a text, one after the other. Blank lines are skipped.
pub(crate) struct Records<'a> {
    text: &'a [u8],
    cells: Cells<'a>,
    /// Where the current record starts, and its line.
    start: usize,
    line: u64,
}

/// Reads the cells of a record.
enum Cells<'a> {
    /// In a text without quotes, cells are slices of it, and nothing needs to be copied.
    Slices {
        /// Where the current record starts, and where each of its cells ends.
        start: usize,
        ends: Vec<usize>,
        /// Where the next record is searched.
        next: usize,
    },
    /// In a text with quotes, cells may have line ends and doubled quotes.
    Unquoted {
        reader: Box<csv::Reader<&'a [u8]>>,
        record: ByteRecord,
    },
}

impl<'a> Records<'a> {
    /// The records of a text whose first byte is on this line.
    pub(crate) fn new(text: &'a [u8], line: u64) -> Self {
        let cells = match has_quotes(text) {
            false => Cells::Slices {
                start: 0,
                ends: Vec::new(),
                next: 0,
            },
            true => Cells::unquoted(text),
        };
        Self {
            text,
            cells,
            start: 0,
            line,
        }
    }

    /// Reads a record. False at the end of the text.
    pub(crate) fn advance(&mut self) -> std::io::Result<bool> {
        let Some(start) = self.cells.advance(self.text)? else {
            return Ok(false);
        };
        // The line number of the CSV reader does not include blank lines before the record.
        self.line += line_ends(&self.text[self.start..start]);
        self.start = start;
        Ok(true)
    }

    /// The line on which the current record starts.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The line on which the text after the current record starts, if this is the last record.
    pub(crate) fn line_at_end(&self) -> u64 {
        self.line + line_ends(&self.text[self.start..])
    }

    /// The byte of the text at which the current record starts.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The size of the text in bytes.
    pub(crate) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The number of cells of the current record.
    pub(crate) fn len(&self) -> usize {
        match &self.cells {
            Cells::Slices { ends, .. } => ends.len(),
            Cells::Unquoted { record, .. } => record.len(),
        }
    }

    /// The bytes of a cell of the current record.
    pub(crate) fn cell(&self, index: usize) -> Option<&[u8]> {
        match &self.cells {
            Cells::Slices { start, ends, .. } => {
                let start = match index.checked_sub(1) {
                    Some(previous) => ends.get(previous)? + 1,
                    None => *start,
                };
                Some(&self.text[start..*ends.get(index)?])
            }
            Cells::Unquoted { record, .. } => record.get(index),
        }
    }

    /// All cells of the current record.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.cell(index))
    }
}

impl<'a> Cells<'a> {
    fn unquoted(text: &'a [u8]) -> Self {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(text);
        Self::Unquoted {
            reader: Box::new(reader),
            record: ByteRecord::new(),
        }
    }

    /// Reads a record and returns where it starts.
    fn advance(&mut self, text: &[u8]) -> std::io::Result<Option<usize>> {
        match self {
            Self::Slices { start, ends, next } => {
                ends.clear();
                *start = *next + blank(&text[*next..]);
                if *start == text.len() {
                    return Ok(None);
                }
                for end in memchr::memchr3_iter(b',', b'\r', b'\n', &text[*start..]) {
                    ends.push(*start + end);
                    if text[*start + end] != b',' {
                        *next = *start + end;
                        return Ok(Some(*start));
                    }
                }
                ends.push(text.len());
                *next = text.len();
                Ok(Some(*start))
            }
            Self::Unquoted { reader, record } => {
                if !reader.read_byte_record(record)? {
                    return Ok(None);
                }
                let position = record.position().map_or(0, |p| p.byte() as usize);
                let rest = text.get(position..).unwrap_or_default();
                Ok(Some(position + blank(rest)))
            }
        }
    }
}

/// Where the last record of a text starts that has a record before it: everything before is
/// complete, even if the text ends within a record.
pub(crate) fn last_record(text: &[u8]) -> Option<usize> {
    if has_quotes(text) {
        let mut records = Records::new(text, 1);
        let mut count = 0;
        while records.advance().is_ok_and(|found| found) {
            count += 1;
        }
        return (count > 1).then_some(records.start);
    }
    let end = text.iter().rposition(|byte| !is_line_end(*byte))?;
    let start = memchr::memrchr2(b'\r', b'\n', &text[..end])? + 1;
    (blank(text) < start).then_some(start)
}

fn has_quotes(text: &[u8]) -> bool {
    memchr::memchr(b'"', text).is_some()
}

/// The length of the line ends at the start of a text.
fn blank(text: &[u8]) -> usize {
    text.iter().take_while(|byte| is_line_end(**byte)).count()
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The line and the cells of each record.
    fn all(mut records: Records<'_>) -> Vec<(u64, Vec<Vec<u8>>)> {
        let mut found = Vec::new();
        while records.advance().unwrap() {
            let cells = records.cells().map(<[u8]>::to_vec).collect();
            found.push((records.line(), cells));
        }
        found
    }

    #[test]
    fn the_last_record_starts_after_a_complete_one() {
        for (text, expected) in [
            ("", None),
            ("\n\n", None),
            ("a,b", None),
            ("a,b\r\n", None),
            ("\r\n\na,b", None),
            ("a\nb", Some(2)),
            ("a\nb\n", Some(2)),
            ("a\r\rb\r", Some(3)),
            ("\na\r\n\r\nb,c\r\n\n", Some(6)),
            ("a\nb\nc", Some(4)),
            ("a\n\"b\nc", Some(2)),
            ("\"a\nb\n", None),
            ("\"a\n\"\"b\"\nc", Some(8)),
        ] {
            assert_eq!(last_record(text.as_bytes()), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn texts_without_quotes_are_read_as_the_csv_crate_does(text in "[ab, \r\n]{0,40}") {
            let text = text.as_bytes();
            let with_crate = Records { cells: Cells::unquoted(text), ..Records::new(text, 3) };
            prop_assert_eq!(all(Records::new(text, 3)), all(with_crate));
        }

        #[test]
        fn a_text_may_be_split_before_its_last_record(text in "[ab, \r\n\"]{0,40}") {
            let text = text.as_bytes();
            let Some(start) = last_record(text) else { return Ok(()) };
            let whole = all(Records::new(text, 1));
            let line = whole[whole.len() - 1].0;
            let mut parts = all(Records::new(&text[..start], 1));
            parts.extend(all(Records::new(&text[start..], line)));
            prop_assert_eq!(parts, whole);
        }
    }
}
