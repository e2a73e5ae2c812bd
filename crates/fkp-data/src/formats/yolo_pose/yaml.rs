//! YAML as a small tree whose entries know their row.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use saphyr_parser::{Event, Parser, ScanError, Span};
use std::path::Path;

/// The largest depth of lists and mappings.
const MAX_DEPTH: usize = 16;

/// A value of a YAML file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Yaml {
    /// The line on which it starts, from 1.
    pub(super) row: u64,
    pub(super) value: Value,
}

/// A scalar is kept as text, whatever its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Scalar(String),
    List(Vec<Yaml>),
    Mapping(Vec<(String, Yaml)>),
}

impl Yaml {
    /// The first document of a text.
    ///
    /// # Errors
    /// If the text is no valid YAML, has an alias (which may stand for a value of any size), a key
    /// twice or one that is not a scalar, or is nested too deeply.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, DataError> {
        let mut reader = Reader {
            path,
            events: Parser::new_from_str(text),
            row: 1,
        };
        loop {
            match reader.next()? {
                Some(Event::StreamStart | Event::DocumentStart(_) | Event::Nothing) => {}
                Some(event) if event != Event::StreamEnd => return reader.value(event, 0),
                _ => return Err(reader.error("the file has no content")),
            }
        }
    }

    /// The value of a key of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Mapping(entries) = &self.value else {
            return None;
        };
        entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The text of a scalar; `None` if it is empty or null.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) if !matches!(&**text, "" | "~" | "null") => Some(text),
            _ => None,
        }
    }

    /// The values of a list, or of a mapping whose keys are numbers from 0.
    pub(super) fn numbered(&self) -> Option<Vec<&Self>> {
        match &self.value {
            Value::Scalar(_) => None,
            Value::List(values) => Some(values.iter().collect()),
            Value::Mapping(entries) => {
                let value = |i: usize| {
                    let key = i.to_string();
                    entries
                        .iter()
                        .find(|(name, _)| *name == key)
                        .map(|(_, value)| value)
                };
                (0..entries.len()).map(value).collect()
            }
        }
    }
}

struct Reader<'a> {
    path: &'a Path,
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// The line of the last event.
    row: u64,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<Event<'a>>, DataError> {
        let event: Option<Result<(Event<'a>, Span), ScanError>> = self.events.next();
        match event {
            None => Ok(None),
            Some(Ok((event, span))) => {
                self.row = span.start.line() as u64;
                Ok(Some(event))
            }
            Some(Err(error)) => {
                self.row = error.marker().line() as u64;
                Err(self.error(error.info()))
            }
        }
    }

    /// The value that starts with an event. The depth of the recursion is limited.
    fn value(&mut self, event: Event<'a>, depth: usize) -> Result<Yaml, DataError> {
        let row = self.row;
        if depth > MAX_DEPTH {
            return Err(self.error("lists and mappings are nested too deeply"));
        }
        let value = match event {
            Event::Scalar(text, ..) => Value::Scalar(text.into_owned()),
            Event::SequenceStart(..) => {
                let mut values = Vec::new();
                loop {
                    match self.next()? {
                        Some(Event::SequenceEnd) => break Value::List(values),
                        Some(event) => values.push(self.value(event, depth + 1)?),
                        None => return Err(self.error("the list does not end")),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries: Vec<(String, Yaml)> = Vec::new();
                loop {
                    let key = match self.next()? {
                        Some(Event::MappingEnd) => break Value::Mapping(entries),
                        Some(Event::Scalar(key, ..)) => key.into_owned(),
                        _ => return Err(self.error("a key is not a text")),
                    };
                    let row = self.row;
                    if let Some((_, first)) = entries.iter().find(|(known, _)| *known == key) {
                        let name = shortened(key.as_bytes());
                        let first = format!("row {}", first.row);
                        let error = AnnotationError::Duplicate { name, first };
                        return Err(DataError::invalid(self.path, row, "the key", error));
                    }
                    let Some(event) = self.next()? else {
                        return Err(self.error("the mapping does not end"));
                    };
                    entries.push((key, self.value(event, depth + 1)?));
                }
            }
            Event::Alias(_) => return Err(self.error("aliases are not allowed")),
            _ => return Err(self.error("a value is missing")),
        };
        Ok(Yaml { row, value })
    }

    fn error(&self, message: &str) -> DataError {
        let message = message.to_owned();
        let error = AnnotationError::Markup { message };
        DataError::invalid(self.path, self.row.max(1), "the text", error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Yaml, DataError> {
        Yaml::parse(Path::new("a.yaml"), text)
    }

    #[test]
    fn lists_and_mappings_are_read_in_both_styles() {
        let text =
            "# x\na: [1, 'two', \"3\"] # y\nb:\n  0: p\n  1: q\nc:\n- r\n- ~\nd: |\n  e: f\n";
        let yaml = parse(text).unwrap();
        let texts = |key: &str| -> Vec<Option<String>> {
            let values = yaml.get(key).unwrap().numbered().unwrap();
            values
                .iter()
                .map(|value| value.text().map(str::to_owned))
                .collect()
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(texts("a"), [some("1"), some("two"), some("3")]);
        assert_eq!(texts("b"), [some("p"), some("q")]);
        assert_eq!(texts("c"), [some("r"), None]);
        assert_eq!(yaml.get("d").unwrap().text(), Some("e: f\n"));
        assert_eq!(yaml.get("b").unwrap().row, 4);
        assert_eq!(yaml.get("e"), None);
        assert_eq!(
            parse("x: {1: a}").unwrap().get("x").unwrap().numbered(),
            None
        );
    }

    #[test]
    fn what_is_refused_names_its_row() {
        let nested = "[".repeat(40);
        let aliases = "a: &a [x, x]\nb: [*a, *a]";
        for (text, parts) in [
            ("", &["row 1", "no content"][..]),
            ("# only a comment\n", &["no content"]),
            ("a: 1\nb: [1, 2", &["row 3", "flow sequence"]),
            ("a: 1\nb: c: d", &["row 2", "mapping values"]),
            ("a: 1\nb: 2\na: 3", &["row 3", "`a` occurs twice", "row 1"]),
            (aliases, &["row 2", "aliases"]),
            ("a: *b", &["row 1", "unknown anchor"]),
            ("? [a]\n: 1", &["row 1", "a key is not a text"]),
            (&nested, &["row 1", "nested too deeply"]),
        ] {
            let message = parse(text).unwrap_err().to_string();
            for part in ["a.yaml"].iter().chain(parts) {
                assert!(message.contains(part), "{part:?} in {message:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_texts_never_panic(text in "[a-c0-2:\\-?&*!|>'\"#%@{}\\[\\], \n\t]{0,80}") {
            let _ = parse(&text);
        }
    }
}
