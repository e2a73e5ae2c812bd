//! The keys of a JSON file by its first megabyte, which tell its format.

use crate::DataError;
use crate::files::{read_head, without_bom};
use std::path::Path;

/// Whether the object in a file has one of these keys. Only the first megabyte is searched, so that
/// a large file is not read for it; the file need not be valid JSON behind the key.
pub(crate) fn has_top_level_key(path: &Path, keys: &[&str]) -> Result<bool, DataError> {
    let found = top_level_keys(&read_head(path)?);
    Ok(found.iter().any(|key| keys.contains(&key.as_str())))
}

/// The keys of the object that a text starts with, without those in nested objects. Escape
/// sequences in keys are not decoded.
pub(crate) fn top_level_keys(text: &[u8]) -> Vec<String> {
    let text = without_bom(text).trim_ascii_start();
    let mut keys = Vec::new();
    let mut depth = 0usize;
    let mut position = 0;
    while let Some(&byte) = text.get(position) {
        position += 1;
        match byte {
            b'{' | b'[' => {
                if keys.is_empty() && depth == 0 && byte == b'[' {
                    return keys;
                }
                depth += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return keys;
                }
            }
            b'"' => {
                let start = position;
                let Some(end) = end_of_string(text, start) else {
                    return keys;
                };
                position = end + 1;
                let is_key = text[position..].trim_ascii_start().first() == Some(&b':');
                if depth == 1 && is_key {
                    keys.push(String::from_utf8_lossy(&text[start..end]).into_owned());
                }
            }
            _ if depth == 0 => return keys,
            _ => {}
        }
    }
    keys
}

/// Where the string ends that starts at `start`, behind its opening quote.
fn end_of_string(text: &[u8], start: usize) -> Option<usize> {
    let mut position = start;
    loop {
        match text.get(position)? {
            b'"' => return Some(position),
            b'\\' => position += 2,
            _ => position += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_those_of_the_outer_object() {
        for (text, keys) in [
            (
                r#"{"a": 1, "b": {"c": [{"d": "e"}]}, "f": "g"}"#,
                &["a", "b", "f"][..],
            ),
            ("\u{feff} \n{\"a\" \n : \"b\\\"}:\", \"c\":2", &["a", "c"]),
            (r#"{"images": [{"id": 1"#, &["images"]),
            (r#"{"a": "unterminated"#, &["a"]),
            (r#"{"a\"#, &[]),
            (r#"[{"a": 1}]"#, &[]),
            (r#""a": 1"#, &[]),
            (r#"{"a": 1} {"b": 2}"#, &["a"]),
            ("", &[]),
            ("text", &[]),
        ] {
            assert_eq!(top_level_keys(text.as_bytes()), keys, "{text}");
        }
        let nested = [b"{\"a\":".as_slice(), &[b'['; 100_000]].concat();
        assert_eq!(top_level_keys(&nested), ["a"]);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in r#"[{}\[\]":,\\ab]{0,60}"#) {
            top_level_keys(text.as_bytes());
        }
    }
}
