//! Decoding of image files, with a limit on the size.

use super::jpeg;
use crate::Image;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// The largest number of pixels that [`decode_image`] decodes: 134 217 728, an image of 16384×8192.
/// A hostile header of a few bytes can declare far more than fits into memory.
pub const MAX_PIXELS: u64 = 1 << 27;

/// Eight bytes per pixel, as much as a supported image takes at most (16-bit RGB with alpha).
const MAX_BYTES: u64 = 8 * MAX_PIXELS;

/// An image file cannot be decoded.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The file is empty.
    #[error("the image file is empty")]
    Empty,
    /// The header declares more pixels than the limit.
    #[error("the image has {width}×{height} pixels, the limit is {limit} in all")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The largest number of pixels that is decoded.
        limit: u64,
    },
    /// The header declares a width or a height of zero.
    #[error("the image has {width}×{height} pixels")]
    NoPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The header declares more pixels than the bytes of the file can hold, however well they are
    /// compressed.
    #[error("the image has {width}×{height} pixels, more than its {bytes} bytes can hold")]
    TooFewBytes {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Length of the file in bytes.
        bytes: usize,
    },
    /// A JPEG file is truncated, for example by a broken download.
    #[error("the image is cut short: its {bytes} bytes end before the JPEG end-of-image marker")]
    CutShort {
        /// Length of the file in bytes.
        bytes: usize,
    },
    /// The decoder does not support the format or rejects the content.
    #[error("the image cannot be decoded")]
    Unreadable {
        /// The decoder's error.
        #[source]
        source: image::ImageError,
    },
}

crate::debug_as_sentence!(DecodeError);

/// Decodes the bytes of an image file, whose format is detected from its content: one channel if
/// the file is gray, otherwise RGB without alpha, 8 bits per channel.
///
/// The program chooses the formats by the features of the crate `image` that it enables (`jpeg`,
/// `png`, …); this crate enables none.
///
/// The EXIF orientation is not applied, because labels refer to the pixels as stored; see
/// [`decode_upright`].
///
/// ```
/// use fkp_core::{DecodeError, decode_image};
/// assert!(matches!(decode_image(b""), Err(DecodeError::Empty)));
/// assert!(matches!(decode_image(b"text"), Err(DecodeError::Unreadable { .. })));
/// ```
///
/// # Errors
/// If there are more than [`MAX_PIXELS`] pixels, or more than the bytes of a PNG or JPEG file can hold
/// (both checked before memory is allocated), the bytes cannot be decoded, or they are a JPEG that ends
/// before its end-of-image marker, whose missing part the decoder would fill with gray.
pub fn decode_image(bytes: &[u8]) -> Result<Image, DecodeError> {
    Ok(Image::from(decode(bytes)?.0))
}

/// Like [`decode_image`], rotated and mirrored by the EXIF orientation of the file, where it has one, so
/// that it is upright: as browsers and image viewers show it.
///
/// # Errors
/// As for [`decode_image`].
pub fn decode_upright(bytes: &[u8]) -> Result<Image, DecodeError> {
    let (mut image, orientation) = decode(bytes)?;
    image.apply_orientation(orientation);
    Ok(Image::from(image))
}

fn decode(bytes: &[u8]) -> Result<(DynamicImage, Orientation), DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let failed = |source| DecodeError::Unreadable { source };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| failed(error.into()))?;
    let format = reader.format();
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return Err(DecodeError::TooLarge {
            width,
            height,
            limit: MAX_PIXELS,
        });
    }
    if width == 0 || height == 0 {
        return Err(DecodeError::NoPixels { width, height });
    }
    if format == Some(ImageFormat::Jpeg) && !jpeg::is_complete(bytes) {
        return Err(DecodeError::CutShort { bytes: bytes.len() });
    }
    if pixels > most_pixels(format, bytes) {
        return Err(DecodeError::TooFewBytes {
            width,
            height,
            bytes: bytes.len(),
        });
    }
    // Metadata that cannot be read does not make the pixels unreadable.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok((image, orientation))
}

/// The largest number of pixels that the bytes of a file can hold.
fn most_pixels(format: Option<ImageFormat>, bytes: &[u8]) -> u64 {
    let len = bytes.len() as u64;
    match format {
        // Deflate makes data smaller by a factor of 1032 at most: 258 bytes in two bits.
        Some(ImageFormat::Png) => len * 1032 * 8 / png_bits_per_pixel(bytes),
        // A block of 8×8 values takes a bit at least, and all components together have as many blocks as
        // one of the size of the image.
        Some(ImageFormat::Jpeg) => len * 8 * 64,
        _ => u64::MAX,
    }
}

/// The bits of a pixel that the header of a PNG declares: depth and color type follow the size in its
/// first chunk.
fn png_bits_per_pixel(bytes: &[u8]) -> u64 {
    // A file without them was not accepted as a PNG.
    let [depth, color_type] = bytes.get(24..26).map_or([1, 0], |at| [at[0], at[1]]);
    let channels = match color_type {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    u64::from(depth).max(1) * channels
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageEncoder;
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut cursor = Cursor::new(&mut bytes);
        let image = image::GrayImage::from_fn(width, height, |x, _| image::Luma([x as u8]));
        image.write_to(&mut cursor, format).unwrap();
        bytes
    }

    /// The header chunk of a PNG with its checksum, then nothing.
    fn huge_png_header(width: u32, height: u32) -> Vec<u8> {
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
    fn gray_stays_gray_and_color_has_three_channels() {
        let gray = decode_image(&encoded(5, 3, ImageFormat::Png)).unwrap();
        assert_eq!((gray.size(), gray.channels()), ((5, 3), 1));
        assert_eq!(gray.pixel(4, 2), &[4]);
        let mut bytes = Vec::new();
        let color = image::RgbaImage::from_pixel(2, 1, image::Rgba([1, 2, 3, 4]));
        let mut cursor = Cursor::new(&mut bytes);
        color.write_to(&mut cursor, ImageFormat::Png).unwrap();
        assert_eq!(decode_image(&bytes).unwrap().pixel(1, 0), &[1, 2, 3]);
    }

    /// A JPEG of 4×3 red pixels in CMYK, written by Pillow 12:
    /// `Image.new("CMYK", (4, 3), (0, 255, 255, 0)).save("red.jpg", optimize=True, quality=90)`.
    const CMYK: &str = concat!(
        "ffd8ffee000e41646f626500640000000000ffdb0043000302020302020303030304030304050805050404050a070706",
        "080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc000140800030004",
        "044311004d11005911004b1100ffc40014000100000000000000000000000000000009ffc40014100100000000000000",
        "000000000000000000ffda000e0443004d0059004b00003f0054c550aa2a6fffd9",
    );

    #[test]
    fn other_kinds_of_pixels_become_gray_or_color() {
        let byte = |i: usize| u8::from_str_radix(&CMYK[2 * i..2 * i + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..CMYK.len() / 2).map(byte).collect();
        let red = decode_image(&bytes).unwrap();
        assert_eq!((red.size(), red.channels()), ((4, 3), 3));
        let [r, g, b] = red.pixel(3, 2) else { panic!() };
        assert!(*r > 230 && *g < 25 && *b < 25, "{:?}", red.pixel(3, 2));

        let png = |pixels: DynamicImage| {
            let mut bytes = Vec::new();
            pixels
                .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
                .unwrap();
            decode_image(&bytes).unwrap()
        };
        let deep = png(image::ImageBuffer::from_pixel(2, 1, image::Luma([0x7fff_u16])).into());
        assert_eq!((deep.channels(), deep.pixel(1, 0)), (1, &[0x7f][..]));
        let transparent = png(image::ImageBuffer::from_pixel(2, 1, image::LumaA([9_u8, 0])).into());
        assert_eq!(
            (transparent.channels(), transparent.pixel(1, 0)),
            (1, &[9][..])
        );
        let line = png(image::GrayImage::from_pixel(65_535, 1, image::Luma([3])).into());
        assert_eq!(
            (line.size(), line.pixel(65_534, 0)),
            ((65_535, 1), &[3][..])
        );
    }

    #[test]
    fn the_orientation_of_the_camera_is_applied_on_request() {
        // Where the first of the pixels 0 to 5 of 3×2 is after each of the eight orientations, and the size.
        let cases = [
            (1, (0, 0), (3, 2)),
            (2, (2, 0), (3, 2)),
            (3, (2, 1), (3, 2)),
            (4, (0, 1), (3, 2)),
            (5, (0, 0), (2, 3)),
            (6, (1, 0), (2, 3)),
            (7, (1, 2), (2, 3)),
            (8, (0, 2), (2, 3)),
        ];
        for (orientation, (x, y), size) in cases {
            // A TIFF header and a directory of one entry: tag 0x112, type u16, one value.
            let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
            exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
            let mut bytes = Vec::new();
            let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
            encoder.set_exif_metadata(exif.clone()).unwrap();
            let pixels = [10, 11, 12, 13, 14, 15];
            encoder
                .write_image(&pixels, 3, 2, image::ExtendedColorType::L8)
                .unwrap();
            let stored = decode_image(&bytes).unwrap();
            assert_eq!((stored.size(), stored.as_bytes()), ((3, 2), &pixels[..]));
            let upright = decode_upright(&bytes).unwrap();
            assert_eq!(upright.size(), size, "orientation {orientation}");
            let mut jpeg = Vec::new();
            let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
            encoder.set_exif_metadata(exif).unwrap();
            encoder
                .write_image(&pixels, 3, 2, image::ExtendedColorType::L8)
                .unwrap();
            assert_eq!(decode_upright(&jpeg).unwrap().size(), size);
            assert_eq!(upright.pixel(x, y), &[10], "orientation {orientation}");
        }
    }

    #[test]
    fn an_image_of_60000_by_60000_is_refused_by_its_header() {
        let error = decode_image(&huge_png_header(60_000, 60_000)).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { .. }), "{error:?}");
        let message = error.to_string();
        for part in ["60000×60000", "134217728"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn an_image_with_more_pixels_than_its_bytes_can_hold_is_refused() {
        let error = decode_image(&huge_png_header(1 << 24, 8)).unwrap_err();
        assert!(
            matches!(error, DecodeError::TooFewBytes { .. }),
            "{error:?}"
        );
        // The height in the header of a JPEG is behind the marker of the frame.
        let mut jpeg = encoded(64, 8, ImageFormat::Jpeg);
        let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 7].copy_from_slice(&u16::MAX.to_be_bytes());
        let error = decode_image(&jpeg).unwrap_err();
        assert!(
            matches!(error, DecodeError::TooFewBytes { height: 65_535, .. }),
            "{error:?}"
        );
        // Images of one color are the smallest files.
        for image in [
            DynamicImage::new_luma8(4000, 3000),
            DynamicImage::new_luma16(4000, 3000),
            DynamicImage::new_rgb8(4000, 3000),
            DynamicImage::new_rgba16(2000, 1500),
        ] {
            let mut bytes = Vec::new();
            let encoder = PngEncoder::new_with_quality(
                &mut bytes,
                CompressionType::Best,
                FilterType::NoFilter,
            );
            image.write_with_encoder(encoder).unwrap();
            let size = (image.width() as usize, image.height() as usize);
            assert_eq!(decode_image(&bytes).unwrap().size(), size);
        }
        let flat = encoded(4000, 3000, ImageFormat::Jpeg);
        assert_eq!(decode_image(&flat).unwrap().size(), (4000, 3000));
        // (depth, color type, bits of a pixel) of each kind of PNG.
        for (depth, color_type, bits) in [
            (1, 0, 1),
            (16, 0, 16),
            (8, 2, 24),
            (4, 3, 4),
            (8, 4, 16),
            (16, 6, 64),
        ] {
            let mut header = huge_png_header(1, 1);
            header[24..26].copy_from_slice(&[depth, color_type]);
            assert_eq!(png_bits_per_pixel(&header), bits);
        }
    }

    #[test]
    fn a_truncated_jpeg_is_refused_and_trailing_bytes_are_accepted() {
        let whole = encoded(200, 160, ImageFormat::Jpeg);
        let longer = [&whole[..], b"trailing bytes"].concat();
        for bytes in [&whole, &longer] {
            assert_eq!(decode_image(bytes).unwrap().size(), (200, 160));
        }
        for length in [whole.len() / 3, whole.len() - 2, whole.len() - 1] {
            let error = decode_image(&whole[..length]).unwrap_err();
            assert!(
                matches!(error, DecodeError::CutShort { bytes } if bytes == length),
                "{length} of {}: {error:?}",
                whole.len()
            );
        }
    }

    #[test]
    fn an_undecodable_file_is_an_error_with_its_cause() {
        let whole = encoded(40, 40, ImageFormat::Png);
        let cases: [&[u8]; 3] = [b"not an image", &whole[..whole.len() / 2], b"\xff\xd8\xff"];
        for bytes in cases {
            let error = decode_image(bytes).unwrap_err();
            assert!(matches!(error, DecodeError::Unreadable { .. }), "{error:?}");
            assert!(std::error::Error::source(&error).is_some());
        }
    }
}
