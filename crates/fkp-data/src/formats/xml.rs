//! XML annotation files: finding them by their root element, parsing them within limits, and errors
//! that name the row.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::files::{has_extension, read_head, sorted_names, without_bom};
use roxmltree::{Node, ParsingOptions};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The largest number of elements and texts. A tree has about 100 bytes for each.
const MAX_NODES: u32 = 1 << 24;

/// The largest number of attributes of an element. The parser compares each with each.
const MAX_ATTRIBUTES: usize = 256;

/// The text of an XML file, which is known to be harmless to parse.
pub(super) struct XmlText<'a> {
    path: &'a Path,
    text: Cow<'a, str>,
    /// The byte at which each line starts.
    lines: Vec<usize>,
}

impl<'a> XmlText<'a> {
    /// Checks the encoding and the limits. Bytes that are not UTF-8 are allowed if the file declares
    /// ISO-8859-1, as imglab does.
    pub(super) fn new(path: &'a Path, bytes: &'a [u8]) -> Result<Self, DataError> {
        let bytes = without_bom(bytes);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) if declares_latin1(bytes) => {
                Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())
            }
            Err(error) => {
                let (head, tail) = bytes.split_at(error.valid_up_to());
                let text = shortened(&tail[..tail.len().min(8)]);
                let row = 1 + head.iter().filter(|byte| **byte == b'\n').count() as u64;
                let error = AnnotationError::NotUtf8 { text };
                return Err(DataError::invalid(path, row, "the text", error));
            }
        };
        let ends = text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n');
        let lines = [0].into_iter().chain(ends.map(|(_, next)| next)).collect();
        let xml = Self { path, text, lines };
        match check_tags(xml.text.as_bytes()) {
            Ok(()) => Ok(xml),
            Err((at, message)) => Err(xml.error_at(at, "the text", markup(message))),
        }
    }

    /// The tree of the elements. Entities that the file declares are refused.
    pub(super) fn parse(&self) -> Result<roxmltree::Document<'_>, DataError> {
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: MAX_NODES,
            entity_resolver: None,
        };
        roxmltree::Document::parse_with_options(&self.text, options).map_err(|error| {
            let position = error.pos();
            // The position is in the row and the column of the error.
            let message = error.to_string().replace(&format!(" at {position}"), "");
            let column = format!("character {}", position.col);
            let row = u64::from(position.row);
            DataError::invalid(self.path, row, column, markup(&message))
        })
    }

    /// The line on which an element starts, from 1.
    pub(super) fn row(&self, node: Node<'_, '_>) -> u64 {
        self.row_at(node.range().start)
    }

    /// An error about an element, or about the attribute or child of this name.
    pub(super) fn error(
        &self,
        node: Node<'_, '_>,
        column: impl Into<String>,
        error: AnnotationError,
    ) -> DataError {
        DataError::invalid(self.path, self.row(node), column, error)
    }

    /// The value of a required attribute.
    pub(super) fn attribute<'n>(
        &self,
        node: Node<'n, '_>,
        name: &str,
    ) -> Result<&'n str, DataError> {
        node.attribute(name).ok_or_else(|| {
            let error = markup(&format!(
                "the element `{}` has no attribute `{name}`",
                node.tag_name().name()
            ));
            self.error(node, quoted(name), error)
        })
    }

    /// What is parsed from a required attribute.
    pub(super) fn parsed<T>(
        &self,
        node: Node<'_, '_>,
        name: &str,
        parse: impl Fn(&[u8]) -> Result<T, AnnotationError>,
    ) -> Result<T, DataError> {
        let text = self.attribute(node, name)?.trim();
        parse(text.as_bytes()).map_err(|error| self.error(node, quoted(name), error))
    }

    /// Whether an optional attribute is 1.
    pub(super) fn flag(&self, node: Node<'_, '_>, name: &str) -> Result<bool, DataError> {
        match node.attribute(name) {
            None => Ok(false),
            Some(_) => self.parsed(node, name, crate::box_images::parse_flag),
        }
    }

    fn row_at(&self, byte: usize) -> u64 {
        self.lines.partition_point(|start| *start <= byte) as u64
    }

    fn error_at(&self, byte: usize, column: &str, error: AnnotationError) -> DataError {
        DataError::invalid(self.path, self.row_at(byte), column, error)
    }
}

/// An error of the structure of an XML file.
pub(super) fn markup(message: &str) -> AnnotationError {
    AnnotationError::Markup {
        message: message.to_owned(),
    }
}

/// The name of an attribute in an error.
pub(super) fn quoted(name: &str) -> String {
    format!("`{name}`")
}

/// The files with the extension `.xml` that `is_known` accepts: the file `path`, or those in this
/// folder. `is_known` gets the name of the root element and the text after it.
pub(super) fn xml_files(
    path: &Path,
    is_known: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<Vec<PathBuf>, DataError> {
    let files = match path.is_file() {
        true => vec![path.to_owned()],
        false => {
            let names = sorted_names(path)?.into_iter();
            names.map(|name| path.join(name)).collect()
        }
    };
    let mut known = Vec::new();
    for file in files {
        if has_extension(&file, "xml") && file.is_file() {
            let head = read_head(&file)?;
            if root(&head).is_some_and(|(name, rest)| is_known(name, rest)) {
                known.push(file);
            }
        }
    }
    Ok(known)
}

/// Whether a text contains another.
pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The name of the root element, and the text after the name.
fn root(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut text = without_bom(text).trim_ascii_start();
    loop {
        let end: &[u8] = match text {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            _ => break,
        };
        let at = text.windows(end.len()).position(|window| window == end)?;
        text = text[at + end.len()..].trim_ascii_start();
    }
    let name = text.strip_prefix(b"<")?;
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/');
    let end = name.iter().position(is_end)?;
    Some(name.split_at(end))
}

fn declares_latin1(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(200)];
    let end = head.windows(2).position(|window| window == b"?>");
    let declaration = &head[..end.unwrap_or(0)];
    contains(&declaration.to_ascii_lowercase(), b"iso-8859-1")
}

/// Refuses what takes the parser more than linear time or memory: elements with many attributes, and
/// namespaces, which none of the formats has. The error is the byte and what is wrong there.
fn check_tags(text: &[u8]) -> Result<(), (usize, &'static str)> {
    let mut at = 0;
    let find = |from: usize, byte: u8| {
        let rest = text.get(from..).unwrap_or_default();
        rest.iter()
            .position(|found| *found == byte)
            .map(|i| from + i)
    };
    while let Some(start) = find(at, b'<') {
        let rest = &text[start..];
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', b'[', ..] => b"]]>",
            [b'<', b'!', ..] => return Err((start, "a document type declaration is not allowed")),
            _ => b"",
        };
        if !end.is_empty() {
            let Some(length) = rest.windows(end.len()).position(|window| window == end) else {
                break;
            };
            at = start + length + end.len();
            continue;
        }
        let mut attributes = 0;
        at = start + 1;
        loop {
            let name = at;
            let stops = |byte: &u8| matches!(byte, b'>' | b'"' | b'\'');
            let Some(length) = text[at..].iter().position(stops) else {
                return Ok(());
            };
            at += length;
            if text[at] == b'>' {
                break;
            }
            if contains(&text[name..at], b"xmlns") {
                return Err((name, "namespaces are not allowed"));
            }
            attributes += 1;
            if attributes > MAX_ATTRIBUTES {
                return Err((start, "the element has more than 256 attributes"));
            }
            match find(at + 1, text[at]) {
                Some(close) => at = close + 1,
                None => return Ok(()),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &[u8]) -> Result<usize, DataError> {
        let xml = XmlText::new(Path::new("a.xml"), text)?;
        Ok(xml.parse()?.descendants().count())
    }

    #[test]
    fn the_root_element_is_found_after_the_prolog() {
        for (text, name) in [
            ("<a>", Some("a")),
            (
                "\u{feff}\n <?xml version='1.0'?>\n<!-- <b> -->\n<a x='1'/>",
                Some("a"),
            ),
            (
                "<?xml version='1.0'?><?xml-stylesheet href='x'?><a/>",
                Some("a"),
            ),
            ("<a", None),
            ("<!-- <a> ", None),
            ("a,b\n1,2", None),
            ("", None),
        ] {
            let found = root(text.as_bytes()).map(|(name, _)| name);
            assert_eq!(found, name.map(str::as_bytes), "{text:?}");
        }
    }

    #[test]
    fn invalid_texts_are_errors_with_their_row() {
        let attributes: String = (0..300).map(|i| format!("a{i}='1' ")).collect();
        let many = format!("<a>\n<b {attributes}/></a>");
        for (text, parts) in [
            (
                &b"<a>\n<b></a>"[..],
                &["row 2", "expected 'b' tag, not 'a'"][..],
            ),
            (
                b"<a>\n",
                &["row 1", "root node was opened but never closed"],
            ),
            (b"\n\n", &["row 1", "does not have a root node"]),
            (
                b"<a>\n<b x='1' x='2'/></a>",
                &["row 2", "character", "'x' is already defined"],
            ),
            (b"<a>\n&lol;</a>", &["row 2", "unknown entity", "lol"]),
            (
                b"\n<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
                &["row 2", "not allowed"],
            ),
            (b"<a>\n<b xmlns:c='d'/></a>", &["row 2", "namespaces"]),
            (many.as_bytes(), &["row 2", "256 attributes"]),
            (b"<a>\n\xff</a>", &["row 2", "UTF-8"]),
        ] {
            let message = parsed(text).unwrap_err().to_string();
            for part in ["a.xml"].iter().chain(parts) {
                assert!(message.contains(part), "{part:?} in {message:?}");
            }
        }
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a b='\xe9'/>";
        let xml = XmlText::new(Path::new("a.xml"), latin).unwrap();
        let document = xml.parse().unwrap();
        assert_eq!(document.root_element().attribute("b"), Some("é"));
        assert!(parsed(b"<a b='xmlns'>xmlns <!-- xmlns=' --><![CDATA[<x xmlns='']]></a>").is_ok());
    }

    #[test]
    fn deeply_nested_elements_are_parsed() {
        let count = 200_000;
        let text = "<a>".repeat(count) + &"</a>".repeat(count);
        assert_eq!(parsed(text.as_bytes()).unwrap(), count + 1);
        assert!(parsed("<a>".repeat(count).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[<>a!?/='\" \\[\\]&;-]{0,60}",
        ) {
            for text in [&bytes[..], text.as_bytes()] {
                let _ = (parsed(text), root(text));
            }
        }
    }
}
