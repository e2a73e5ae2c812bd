//! Pictures from files, with a limit on their size.

use crate::text::read_file;
use crate::{DataError, jpeg};
use fkp_core::Image;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use std::path::Path;

/// The most pixels that [`decode_image`] decodes: 134 217 728, a picture of 16384×8192. A hostile
/// header of a few bytes can promise far more than memory holds.
pub const MAX_PIXELS: u64 = 1 << 27;

/// Eight bytes per pixel, the most that a supported picture takes (16-bit RGB with alpha).
const MAX_BYTES: u64 = 8 * MAX_PIXELS;

/// Decodes a JPEG, PNG or BMP file, recognised by its content: one channel if the file is grey,
/// otherwise three, without alpha, 8 bits each.
///
/// The pixels come as they are stored. An EXIF orientation is not applied, because the labels of
/// every format here refer to stored pixels: turning the picture would tear it off its labels.
///
/// # Errors
/// If the file cannot be read, has more than [`MAX_PIXELS`] pixels (found out before memory is
/// taken for them), does not decode, or is a JPEG that ends before its end-of-image marker: the
/// decoder itself would fill the rest with grey.
pub fn decode_image(path: impl AsRef<Path>) -> Result<Image, DataError> {
    let path = path.as_ref();
    let failed = |source| DataError::Picture {
        path: path.to_owned(),
        source,
    };
    let bytes = read_file(path)?;
    let mut reader = ImageReader::new(Cursor::new(&bytes))
        .with_guessed_format()
        .map_err(|source| DataError::io(path, source))?;
    let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DataError::PictureTooLarge {
            path: path.to_owned(),
            width,
            height,
            limit: MAX_PIXELS,
        });
    }
    if width == 0 || height == 0 {
        return Err(DataError::PictureEmpty {
            path: path.to_owned(),
            width,
            height,
        });
    }
    if is_jpeg && !jpeg::is_whole(&bytes) {
        return Err(DataError::PictureCutShort {
            path: path.to_owned(),
            bytes: bytes.len(),
        });
    }
    DynamicImage::from_decoder(decoder)
        .map(Image::from)
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut cursor = Cursor::new(&mut bytes);
        let picture = image::GrayImage::from_fn(width, height, |x, _| image::Luma([x as u8]));
        picture.write_to(&mut cursor, format).unwrap();
        bytes
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        encoded(width, height, ImageFormat::Png)
    }

    /// The header chunk of a PNG with its checksum, then nothing.
    pub(crate) fn huge_png_header(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 0, 0, 0, 0]);
        let mut crc = u32::MAX;
        for byte in &bytes[12..] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            }
        }
        bytes.extend((!crc).to_be_bytes());
        bytes.extend(b"\0\0\0\x0aIDAT0123456789\0\0\0\0");
        bytes
    }

    #[test]
    fn grey_stays_grey_and_the_content_counts_rather_than_the_ending() {
        let (_dir, path) = file("picture.jpg", &png(5, 3));
        let picture = decode_image(&path).unwrap();
        assert_eq!((picture.size(), picture.channels()), ((5, 3), 1));
        assert_eq!(picture.pixel(4, 2), &[4]);
    }

    #[test]
    fn a_picture_of_60000_by_60000_is_refused_by_its_header() {
        let (_dir, path) = file("huge.png", &huge_png_header(60_000, 60_000));
        let error = decode_image(&path).unwrap_err();
        let message = error.to_string();
        assert!(
            matches!(error, DataError::PictureTooLarge { .. }),
            "{error:?}"
        );
        for part in ["huge.png", "60000×60000", "134217728"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_jpeg_that_was_cut_short_is_refused_and_trailing_bytes_are_not() {
        let whole = encoded(200, 160, ImageFormat::Jpeg);
        let longer = [&whole[..], b"trailing bytes"].concat();
        for bytes in [&whole, &longer] {
            let (_dir, path) = file("whole.jpg", bytes);
            assert_eq!(decode_image(&path).unwrap().size(), (200, 160));
        }
        for length in [whole.len() / 3, whole.len() - 2, whole.len() - 1] {
            let (_dir, path) = file("cut.jpg", &whole[..length]);
            let error = decode_image(&path).unwrap_err();
            let message = error.to_string();
            assert!(
                matches!(error, DataError::PictureCutShort { .. }),
                "{length} of {}: {error:?}",
                whole.len()
            );
            let path = path.display().to_string();
            assert!(message.contains(&path), "{message}");
        }
    }

    #[test]
    fn what_does_not_decode_is_named() {
        let whole = png(40, 40);
        let cases: [&[u8]; 3] = [b"not a picture", &whole[..whole.len() / 2], b"\xff\xd8\xff"];
        for bytes in cases {
            let (_dir, path) = file("bad.png", bytes);
            let error = decode_image(&path).unwrap_err();
            assert!(matches!(error, DataError::Picture { .. }), "{error:?}");
            assert!(error.to_string().contains("bad.png"));
        }
        let (_dir, path) = file("void.png", b"");
        let message = decode_image(&path).unwrap_err().to_string();
        assert!(message.contains("void.png` is empty"), "{message}");
        let missing = decode_image("/nowhere/at/all.png").unwrap_err();
        assert!(matches!(missing, DataError::Io { .. }));
    }
}
