//! Frames of an uncompressed video, as `ffmpeg -f yuv4mpegpipe` writes it.

use fkp_core::{Image, MAX_PIXELS};
use std::io::{BufRead, Read};

/// A video is not a valid YUV4MPEG2 stream, or cannot be read.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// The stream cannot be read.
    #[error("cannot read the video at frame {frame}")]
    Io {
        /// The frame, from 0.
        frame: usize,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The first line is not that of the format.
    #[error("not a YUV4MPEG2 video: {problem}")]
    Header {
        /// What is wrong.
        problem: String,
    },
    /// A frame does not begin with `FRAME`.
    #[error("frame {frame} of the video does not begin with `FRAME`")]
    Frame {
        /// The frame, from 0.
        frame: usize,
    },
    /// The stream ends within a frame.
    #[error("the video ends within frame {frame}")]
    Truncated {
        /// The frame, from 0.
        frame: usize,
    },
}

fkp_core::debug_as_sentence!(VideoError);

/// Reads the frames of a YUV4MPEG2 stream (`.y4m`) as RGB images, one at a time. Only one frame is in
/// memory.
///
/// 8 bits, with 4:2:0, 4:2:2 or 4:4:4 chroma or gray; colors are those of BT.601 with the limited
/// range, or the full one where the header says so (`XCOLORRANGE=FULL`). Chroma is repeated.
///
/// ```
/// use fkp_data::Y4mReader;
/// // Two gray frames of 2×1 pixels.
/// let bytes = b"YUV4MPEG2 W2 H1 F25:1 Cmono\nFRAME\n\x10\xebFRAME\n\x10\x10";
/// let mut video = Y4mReader::new(&bytes[..])?;
/// assert_eq!(video.frames_per_second(), Some(25.0));
/// let first = video.next().unwrap()?;
/// assert_eq!((first.size(), first.pixel(1, 0)), ((2, 1), &[255, 255, 255][..]));
/// assert_eq!(video.count(), 1);
/// # Ok::<(), fkp_data::VideoError>(())
/// ```
pub struct Y4mReader<R> {
    source: R,
    width: usize,
    height: usize,
    chroma: Chroma,
    range: Range,
    frames_per_second: Option<f64>,
    /// The planes of a frame.
    buffer: Vec<u8>,
    frame: usize,
    /// After an error there are no more frames.
    is_done: bool,
}

/// Which pixels share their color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chroma {
    Gray,
    /// One color for so many columns and rows.
    Shared {
        columns: usize,
        rows: usize,
    },
}

/// The values of black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// 16 and 235.
    Limited,
    /// 0 and 255.
    Full,
}

/// A line of the format is at most this long.
const MAX_LINE: u64 = 4096;

impl<R: BufRead> Y4mReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// If the stream cannot be read or has another format.
    pub fn new(mut source: R) -> Result<Self, VideoError> {
        let invalid = |problem: String| VideoError::Header { problem };
        let line = read_line(&mut source, 0)?;
        let mut fields = line.split(' ');
        if fields.next() != Some("YUV4MPEG2") {
            return Err(invalid("it does not begin with `YUV4MPEG2`".to_owned()));
        }
        let (mut width, mut height) = (0, 0);
        let (mut chroma, mut range) = (chroma("420").unwrap_or(Chroma::Gray), Range::Limited);
        let mut frames_per_second = None;
        for field in fields {
            let mut characters = field.chars();
            let key = characters.next();
            let value = characters.as_str();
            let number = || {
                let parsed = value.parse::<usize>();
                parsed.map_err(|_| invalid(format!("`{field}` is not a number of pixels")))
            };
            match key {
                Some('W') => width = number()?,
                Some('H') => height = number()?,
                Some('F') => frames_per_second = fraction(value),
                Some('C') => {
                    let known = self::chroma(value);
                    chroma = known.ok_or_else(|| {
                        invalid(format!(
                            "the chroma `{value}` is not supported: convert it to 8 bits and 4:2:0 \
                             (`ffmpeg -pix_fmt yuv420p`)"
                        ))
                    })?;
                }
                Some('X') if value == "COLORRANGE=FULL" => range = Range::Full,
                _ => {}
            }
        }
        let pixels = width.checked_mul(height);
        if !pixels.is_some_and(|pixels| (1..=MAX_PIXELS).contains(&(pixels as u64))) {
            return Err(invalid(format!("frames of {width}×{height} pixels")));
        }
        Ok(Self {
            source,
            width,
            height,
            chroma,
            range,
            frames_per_second,
            buffer: Vec::new(),
            frame: 0,
            is_done: false,
        })
    }

    /// Width and height of the frames in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Frames per second, if the header says it.
    pub fn frames_per_second(&self) -> Option<f64> {
        self.frames_per_second
    }

    fn read_frame(&mut self) -> Result<Option<Image>, VideoError> {
        let frame = self.frame;
        let is_empty = |available: &[u8]| available.is_empty();
        let io = |source| VideoError::Io { frame, source };
        if is_empty(self.source.fill_buf().map_err(io)?) {
            return Ok(None);
        }
        let line = read_line(&mut self.source, frame)?;
        if line != "FRAME" && !line.starts_with("FRAME ") {
            return Err(VideoError::Frame { frame });
        }
        let luma = self.width * self.height;
        let (columns, rows) = match self.chroma {
            Chroma::Gray => (0, 0),
            Chroma::Shared { columns, rows } => {
                (self.width.div_ceil(columns), self.height.div_ceil(rows))
            }
        };
        self.buffer.resize(luma + 2 * columns * rows, 0);
        self.source.read_exact(&mut self.buffer).map_err(|source| {
            match source.kind() == std::io::ErrorKind::UnexpectedEof {
                true => VideoError::Truncated { frame },
                false => VideoError::Io { frame, source },
            }
        })?;
        self.frame += 1;
        let mut rgb = Vec::with_capacity(3 * luma);
        for y in 0..self.height {
            for x in 0..self.width {
                let color = match self.chroma {
                    Chroma::Gray => [128, 128],
                    Chroma::Shared {
                        columns: c,
                        rows: r,
                    } => {
                        let at = luma + (y / r) * columns + x / c;
                        [self.buffer[at], self.buffer[at + columns * rows]]
                    }
                };
                rgb.extend(self.range.rgb(self.buffer[y * self.width + x], color));
            }
        }
        let image = Image::new(self.width, self.height, 3, rgb);
        let problem = |error: fkp_core::ImageError| VideoError::Header {
            problem: error.to_string(),
        };
        image.map(Some).map_err(problem)
    }
}

impl<R: BufRead> Iterator for Y4mReader<R> {
    type Item = Result<Image, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let frame = self.read_frame().transpose();
        self.is_done = !matches!(frame, Some(Ok(_)));
        frame
    }
}

impl Range {
    /// The color of a pixel by BT.601.
    fn rgb(self, luma: u8, [blue, red]: [u8; 2]) -> [u8; 3] {
        let (black, luma_scale, chroma_scale) = match self {
            Self::Limited => (16.0, 255.0 / 219.0, 255.0 / 224.0),
            Self::Full => (0.0, 1.0, 1.0),
        };
        let y = (f32::from(luma) - black) * luma_scale;
        let [cb, cr] = [blue, red].map(|c| (f32::from(c) - 128.0) * chroma_scale);
        let channels = [
            y + 1.402 * cr,
            y - 0.344_136 * cb - 0.714_136 * cr,
            y + 1.772 * cb,
        ];
        channels.map(|channel| channel.round().clamp(0.0, 255.0) as u8)
    }
}

/// The chroma of this name.
fn chroma(name: &str) -> Option<Chroma> {
    let (columns, rows) = match name {
        "mono" => return Some(Chroma::Gray),
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => (2, 2),
        "422" => (2, 1),
        "444" => (1, 1),
        _ => return None,
    };
    Some(Chroma::Shared { columns, rows })
}

fn fraction(text: &str) -> Option<f64> {
    let (over, under) = text.split_once(':')?;
    let value = over.parse::<f64>().ok()? / under.parse::<f64>().ok()?;
    (value.is_finite() && value > 0.0).then_some(value)
}

/// A line without its end.
fn read_line(source: &mut impl BufRead, frame: usize) -> Result<String, VideoError> {
    let mut line = Vec::new();
    let mut limited = source.take(MAX_LINE);
    let read = limited.read_until(b'\n', &mut line);
    read.map_err(|source| VideoError::Io { frame, source })?;
    if line.pop() != Some(b'\n') {
        return Err(VideoError::Truncated { frame });
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Result<Vec<Image>, VideoError> {
        Y4mReader::new(bytes)?.collect()
    }

    #[test]
    fn chroma_is_shared_by_its_pixels() {
        // 3×2 pixels, so that the second column of chroma has one pixel.
        let header =
            |chroma: &str| format!("YUV4MPEG2 W3 H2 F30000:1001 Ip A1:1 C{chroma}\nFRAME\n");
        let luma = [81u8; 6];
        // Red in BT.601 is (81, 90, 240), blue (41, 240, 110).
        for (chroma, count) in [("420jpeg", 2), ("422", 4), ("444", 6)] {
            let mut bytes = header(chroma).into_bytes();
            bytes.extend(luma);
            bytes.extend(vec![90; count]);
            bytes.extend(vec![240; count]);
            let frames = frames(&bytes).unwrap();
            assert_eq!(frames.len(), 1, "{chroma}");
            let [r, g, b] = frames[0].pixel(2, 1)[..] else {
                panic!("not RGB")
            };
            assert!(r > 250 && g < 5 && b < 5, "{chroma}: {r} {g} {b}");
        }
        let reader = Y4mReader::new(header("420").as_bytes()).map(|_| ());
        assert!(reader.is_ok());
    }

    #[test]
    fn the_range_is_that_of_the_header() {
        let full = b"YUV4MPEG2 W2 H1 Cmono XCOLORRANGE=FULL\nFRAME\n\x00\xff";
        let frames = frames(full).unwrap();
        assert_eq!(frames[0].as_bytes(), [0, 0, 0, 255, 255, 255]);
    }

    #[test]
    fn bad_streams_are_refused() {
        let refused = |bytes: &[u8]| frames(bytes).unwrap_err().to_string();
        assert!(refused(b"RIFF....\n").contains("YUV4MPEG2"));
        assert!(refused(b"").contains("ends within frame 0"));
        assert!(refused(b"YUV4MPEG2 W0 H4\n").contains("0×4"));
        assert!(refused(b"YUV4MPEG2 W99999999999 H99999999999\n").contains("pixels"));
        assert!(refused(b"YUV4MPEG2 Wx H4\n").contains("`Wx`"));
        assert!(refused(b"YUV4MPEG2 \xff W0  H4\n").contains("0\u{d7}4"));
        assert!(refused(b"YUV4MPEG2 W2 H2 C420p10\n").contains("420p10"));
        assert!(refused(b"YUV4MPEG2 W2 H1 Cmono\nNOISE\n").contains("frame 0"));
        let cut = b"YUV4MPEG2 W2 H1 Cmono\nFRAME\n\x00\x00FRAME\n\x00";
        assert!(refused(cut).contains("within frame 1"));
        let endless = vec![b'x'; 10_000];
        assert!(refused(&endless).contains("ends within"));
        // Frames before the error are there.
        let mut reader = Y4mReader::new(&cut[..]).unwrap();
        assert!(reader.next().unwrap().is_ok());
        assert!(reader.next().unwrap().is_err());
        assert!(reader.next().is_none());
    }
}
