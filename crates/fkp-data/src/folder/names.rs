//! Names of image files that every system can hold.

use std::collections::BTreeSet;

/// The longest name without its extension, in bytes.
const MAX_BYTES: usize = 120;

/// Gives each image a name of its own.
#[derive(Default)]
pub(super) struct FileNames {
    /// In lower case, because some file systems do not distinguish it.
    used: BTreeSet<String>,
}

impl FileNames {
    /// A name made from the id of a sample, with the extension of its image format.
    pub(super) fn unique(&mut self, id: &str, image: &[u8]) -> String {
        let extensions = extensions(image);
        let (stem, extension) = match id.rsplit_once('.') {
            Some((stem, given)) if extensions.contains(&given.to_lowercase().as_str()) => {
                (stem, given)
            }
            _ => (id, extensions[0]),
        };
        let stem = plain(stem);
        let numbered = |number: usize| match number {
            1 => format!("{stem}.{extension}"),
            number => format!("{stem}-{number}.{extension}"),
        };
        let mut names = (1..).map(numbered);
        // There are fewer names in use than numbers.
        let free = names.find(|name| self.used.insert(name.to_lowercase()));
        free.unwrap_or_default()
    }
}

/// The text with letters, digits and `_`, `-`, `.` only, which does not start with a dot.
fn plain(text: &str) -> String {
    let allowed = |c: char| match c {
        c if c.is_alphanumeric() || "_-.".contains(c) => c,
        _ => '_',
    };
    let text: String = text.trim_start_matches('.').chars().map(allowed).collect();
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text[..end].trim_end_matches('.') {
        "" => "image".to_owned(),
        text => text.to_owned(),
    }
}

/// The extensions of the format of an image file, the usual one first.
fn extensions(bytes: &[u8]) -> &'static [&'static str] {
    match image::guess_format(bytes) {
        Ok(image::ImageFormat::Jpeg) => &["jpg", "jpeg"],
        Ok(image::ImageFormat::Bmp) => &["bmp"],
        _ => &["png"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_plain_and_keep_what_they_can() {
        let mut names = FileNames::default();
        let jpeg = [0xff, 0xd8, 0xff, 0xe0];
        for (id, expected) in [
            ("Ann_Lee_00.jpg", "Ann_Lee_00.jpg"),
            ("ann_lee_00.JPG", "ann_lee_00-2.JPG"),
            ("a/b\\c:d", "a_b_c_d.jpg"),
            ("x.png", "x.png.jpg"),
            ("große face 2", "große_face_2.jpg"),
            ("../../etc", "_.._etc.jpg"),
            ("", "image.jpg"),
            ("..", "image-2.jpg"),
        ] {
            assert_eq!(names.unique(id, &jpeg), expected, "{id}");
        }
        let long = names.unique(&"ä".repeat(1000), b"");
        assert!(
            long.len() <= MAX_BYTES + 4 && long.ends_with(".png"),
            "{long}"
        );
    }
}
