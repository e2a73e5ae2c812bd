//! Whether a JPEG file is complete, which its decoder does not report.
//!
//! The decoder of the crate `image` fills the missing part of a truncated image with gray and
//! reports success. An incomplete download would become training data with labels on a gray area.

const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;

/// Whether the segments of the file lead to an end-of-image marker after at least one scan (ITU-T
/// T.81, B.1 and B.2). Bytes after that marker are ignored.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut scanned = false;
    // Between markers there is compressed data or, in sloppy files, stray bytes: both are skipped.
    while let Some((marker, behind)) = next_marker(rest) {
        rest = match marker {
            END_OF_IMAGE => return scanned,
            // SOI and TEM do not have a segment.
            0xd8 | 0x01 => behind,
            _ => {
                scanned |= marker == START_OF_SCAN;
                match segment_length(behind).and_then(|length| behind.get(length..)) {
                    Some(behind) => behind,
                    None => return false,
                }
            }
        };
    }
    false
}

/// The next marker and the bytes after it. A `0xff` followed by zero is data, restart markers
/// (`0xd0` to `0xd7`) belong to a scan, and more `0xff` before a marker are padding.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let at = bytes
        .windows(2)
        .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff))?;
    Some((bytes[at + 1], &bytes[at + 2..]))
}

/// The length at the start of a segment, which includes its own two bytes.
fn segment_length(bytes: &[u8]) -> Option<usize> {
    let &[high, low] = bytes.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    (length >= 2).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start of image, a comment that contains an end marker, a scan with padding, a restart marker
    /// and a stuffed byte.
    const BODY: &[u8] = b"\xff\xd8\xff\xfe\0\x04\xff\xd9\xff\xda\0\x03\x01ab\xff\xd0c\xff\0\xff";

    #[test]
    fn only_an_end_marker_after_a_scan_is_an_end() {
        let with = |end: &[u8]| is_complete(&[BODY, end].concat());
        assert!(with(b"\xff\xd9"));
        assert!(with(b"\xff\xd9trailing bytes"));
        assert!(with(b"\xff\xda\0\x02second scan\xff\xd9"));
        for end in [
            &b""[..],
            b"\xff",
            b"\0\xd9",
            b"\xff\xda\0\x02second scan",
            b"\xff\xc4\0",
            b"\xff\xc4\0\x01\xff\xd9",
            b"\xff\xc4\0\x09\xff\xd9",
        ] {
            assert!(!with(end), "{end:?}");
        }
        assert!(!is_complete(b"\xff\xd8\xff\xd9"), "no scan");
        assert!(!is_complete(b""));
    }
}
