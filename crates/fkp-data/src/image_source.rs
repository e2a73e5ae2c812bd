//! Where the image of a sample is: in a file of its own, inside an archive, or in memory.

use crate::DataError;
use crate::files::{MAX_BYTES, read_file, read_limited};
use fkp_core::Image;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the image of a sample is. An image is decoded when its sample is requested.
#[derive(Debug, Clone)]
pub(crate) enum ImageSource {
    /// An image file.
    File(PathBuf),
    /// The bytes of an image file within another file, such as an uncompressed archive.
    Slice {
        /// The file that contains it.
        path: PathBuf,
        /// Where it starts, in bytes.
        offset: u64,
        /// Its size in bytes.
        len: u64,
    },
    /// The bytes of an image file in memory, and the file that they come from.
    Encoded { path: PathBuf, bytes: Arc<[u8]> },
    /// An image in memory.
    Decoded(Arc<Image>),
}

impl Default for ImageSource {
    fn default() -> Self {
        Self::File(PathBuf::new())
    }
}

impl From<PathBuf> for ImageSource {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl ImageSource {
    /// The image. An error names the file.
    pub(crate) fn decode(&self) -> Result<Image, DataError> {
        if let Self::Decoded(image) = self {
            return Ok(Image::clone(image));
        }
        self.with_encoded(|path, bytes| {
            fkp_core::decode_image(bytes).map_err(|source| DataError::Image {
                path: path.to_owned(),
                source,
            })
        })
        .unwrap_or_else(|| unreachable!("only decoded images have no bytes of a file"))
    }

    /// The bytes of the image file; `None` if the image is in memory without them.
    pub(crate) fn encoded(&self) -> Result<Option<Vec<u8>>, DataError> {
        let bytes = self.with_encoded(|_, bytes| Ok(bytes.to_vec()));
        bytes.transpose()
    }

    /// Width and height by the header of the image; `None` if it cannot be read.
    pub(crate) fn size(&self) -> Option<(usize, usize)> {
        let (width, height) = match self {
            Self::Decoded(image) => return Some(image.size()),
            Self::File(path) => {
                let reader = image::ImageReader::open(path).ok()?;
                reader.with_guessed_format().ok()?.into_dimensions().ok()?
            }
            Self::Slice { .. } | Self::Encoded { .. } => {
                let size = self.with_encoded(|_, bytes| {
                    let reader = image::ImageReader::new(std::io::Cursor::new(bytes));
                    let reader = reader.with_guessed_format().ok();
                    Ok(reader.and_then(|reader| reader.into_dimensions().ok()))
                })?;
                size.ok()??
            }
        };
        Some((width as usize, height as usize))
    }

    /// What is equal for samples of the same image, and only for them.
    pub(crate) fn identity(&self) -> (&Path, u64) {
        match self {
            Self::File(path) => (path, 0),
            Self::Slice { path, offset, .. } => (path, *offset),
            Self::Encoded { path, bytes } => (path, bytes.as_ptr() as u64),
            Self::Decoded(image) => (Path::new(""), Arc::as_ptr(image) as u64),
        }
    }

    fn with_encoded<T>(
        &self,
        read: impl FnOnce(&Path, &[u8]) -> Result<T, DataError>,
    ) -> Option<Result<T, DataError>> {
        let bytes = match self {
            Self::Decoded(_) => return None,
            Self::Encoded { path, bytes } => return Some(read(path, bytes)),
            Self::File(path) => read_file(path).map(|bytes| (path, bytes)),
            Self::Slice { path, offset, len } => {
                read_slice(path, *offset, *len).map(|bytes| (path, bytes))
            }
        };
        Some(bytes.and_then(|(path, bytes)| read(path, &bytes)))
    }
}

/// `len` bytes of a file from `offset`.
fn read_slice(path: &Path, offset: u64, len: u64) -> Result<Vec<u8>, DataError> {
    let io = DataError::io(path);
    let mut file = File::open(path).map_err(io)?;
    file.seek(SeekFrom::Start(offset)).map_err(io)?;
    if len > MAX_BYTES {
        return read_limited(path, file, MAX_BYTES);
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact(&mut bytes).map_err(io)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_image_comes_from_a_file_a_part_of_a_file_and_memory() {
        let mut png = Vec::new();
        let image = image::GrayImage::from_fn(5, 3, |x, y| image::Luma([(10 * x + y) as u8]));
        let mut cursor = std::io::Cursor::new(&mut png);
        image
            .write_to(&mut cursor, image::ImageFormat::Png)
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (file, archive) = (dir.path().join("a.png"), dir.path().join("a.bin"));
        std::fs::write(&file, &png).unwrap();
        std::fs::write(&archive, [&[7; 9][..], &png, &[7; 5]].concat()).unwrap();
        let (offset, len) = (9, png.len() as u64);
        let bytes = Arc::from(png.as_slice());
        let path = archive.clone();
        let sources = [
            ImageSource::File(file.clone()),
            ImageSource::Slice { path, offset, len },
            ImageSource::Encoded { path: file, bytes },
        ];
        let decoded = Image::from(image::DynamicImage::from(image));
        for source in &sources {
            assert_eq!(source.decode().unwrap(), decoded);
            assert_eq!(source.encoded().unwrap().unwrap(), png);
            assert_eq!(source.size(), Some((5, 3)));
        }
        let in_memory = ImageSource::Decoded(Arc::new(decoded.clone()));
        assert_eq!(in_memory.decode().unwrap(), decoded);
        assert_eq!(in_memory.encoded().unwrap(), None);
        assert_eq!(in_memory.size(), Some((5, 3)));
        let behind_the_end = ImageSource::Slice {
            path: archive,
            offset: 12,
            len,
        };
        let message = behind_the_end.decode().unwrap_err().to_string();
        assert!(message.contains("a.bin"), "{message}");
        assert_eq!(behind_the_end.size(), None);
    }
}
