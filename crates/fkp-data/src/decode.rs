//! Decoding image files.

use crate::DataError;
use crate::files::read_file;
use fkp_core::{DecodeError, Image};
use std::path::Path;

/// Decodes a JPEG, PNG or BMP file with the checks of [`fkp_core::decode_image`].
///
/// # Errors
/// If the file cannot be read or is empty, has too many pixels, is truncated or cannot be decoded.
/// The error names the file.
pub fn decode_image(path: impl AsRef<Path>) -> Result<Image, DataError> {
    decode(path.as_ref(), fkp_core::decode_image)
}

/// Like [`decode_image`], upright by the EXIF orientation as by [`fkp_core::decode_upright`]. Not for
/// labeled images: labels refer to the pixels as stored.
///
/// # Errors
/// As for [`decode_image`].
pub fn decode_upright(path: impl AsRef<Path>) -> Result<Image, DataError> {
    decode(path.as_ref(), fkp_core::decode_upright)
}

fn decode(
    path: &Path,
    decode: impl Fn(&[u8]) -> Result<Image, DecodeError>,
) -> Result<Image, DataError> {
    decode(&read_file(path)?).map_err(|source| DataError::Image {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;
    use std::io::Cursor;
    use std::path::PathBuf;

    fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut cursor = Cursor::new(&mut bytes);
        let image = image::GrayImage::from_fn(50, 30, |x, _| image::Luma([x as u8]));
        image.write_to(&mut cursor, format).unwrap();
        bytes
    }

    #[test]
    fn the_format_is_detected_by_content_not_by_extension() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp] {
            let (_dir, path) = file("image.jpg", &encoded(format));
            assert_eq!(decode_image(&path).unwrap().size(), (50, 30), "{format:?}");
        }
    }

    #[test]
    fn an_error_names_the_file() {
        let jpeg = encoded(ImageFormat::Jpeg);
        let (_dir, path) = file("cut.jpg", &jpeg[..jpeg.len() - 1]);
        let error = decode_image(&path).unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert!(text.contains("cut short"), "{text}");
        assert!(
            matches!(
                error,
                DataError::Image {
                    source: DecodeError::CutShort { .. },
                    ..
                }
            ),
            "{text}"
        );
        let (_dir, path) = file("bad.png", b"not an image");
        let error = decode_image(&path).unwrap_err();
        assert!(error.to_string().contains("bad.png"));
        let (_dir, path) = file("void.png", b"");
        let message = decode_image(&path).unwrap_err().to_string();
        assert!(message.contains("void.png` is empty"), "{message}");
        let missing = decode_image("/nowhere/at/all.png").unwrap_err();
        assert!(matches!(missing, DataError::Io { .. }));
    }
}
