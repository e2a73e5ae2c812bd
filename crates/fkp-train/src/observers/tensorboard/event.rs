//! The events of TensorBoard: protocol buffers in TFRecord frames.
//!
//! Only a few fields are written, so they are encoded by hand instead of by generated code. Field
//! numbers are those of TensorBoard's `event.proto` and `summary.proto`.

use crc::{CRC_32_ISCSI, Crc};

/// One event of a file.
pub(super) struct Event<'a> {
    /// Seconds since 1970.
    pub(super) wall_time: f64,
    pub(super) step: u64,
    pub(super) content: Content<'a>,
}

pub(super) enum Content<'a> {
    /// The first event of each file.
    FileVersion,
    /// A run starts or is resumed. Earlier files are invalid from this step on.
    Start,
    Summary(&'a [Value<'a>]),
}

/// A number or an image under a tag.
pub(super) enum Value<'a> {
    Scalar(&'a str, f64),
    #[cfg(feature = "plots")]
    Image {
        tag: &'a str,
        width: u32,
        height: u32,
        png: &'a [u8],
    },
}

impl Event<'_> {
    /// The event in its frame: the length in 8 bytes and its checksum, then the bytes and theirs.
    pub(super) fn record(&self) -> Vec<u8> {
        let data = self.encode();
        let length = (data.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(data.len() + 16);
        record.extend(length);
        record.extend(masked_crc(&length).to_le_bytes());
        record.extend(&data);
        record.extend(masked_crc(&data).to_le_bytes());
        record
    }

    fn encode(&self) -> Vec<u8> {
        let mut event = Message::default();
        event.double(1, self.wall_time);
        // Fields with value 0 are omitted.
        if self.step > 0 {
            event.varint(2, self.step);
        }
        match self.content {
            Content::FileVersion => event.bytes(3, b"brain.Event:2"),
            Content::Summary(values) => {
                let mut summary = Message::default();
                for value in values {
                    summary.bytes(1, &value.encode());
                }
                event.bytes(5, &summary.0);
            }
            Content::Start => {
                let mut session = Message::default();
                session.varint(1, 1);
                event.bytes(7, &session.0);
            }
        }
        event.0
    }
}

impl Value<'_> {
    fn encode(&self) -> Vec<u8> {
        let mut value = Message::default();
        match self {
            Self::Scalar(tag, scalar) => {
                value.bytes(1, tag.as_bytes());
                value.float(2, *scalar as f32);
            }
            #[cfg(feature = "plots")]
            Self::Image {
                tag,
                width,
                height,
                png,
            } => {
                value.bytes(1, tag.as_bytes());
                let mut image = Message::default();
                image.varint(1, (*height).into());
                image.varint(2, (*width).into());
                // Three channels.
                image.varint(3, 3);
                image.bytes(4, png);
                value.bytes(4, &image.0);
            }
        }
        value.0
    }
}

/// A protocol buffer message in wire format.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, field: u64, value: u64) {
        self.raw(field << 3);
        self.raw(value);
    }

    fn double(&mut self, field: u64, value: f64) {
        self.raw(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.raw(field << 3 | 2);
        self.raw(value.len() as u64);
        self.0.extend(value);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.raw(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    /// Seven bits per byte, the lowest first.
    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// The checksum of TFRecord: CRC-32C, rotated and shifted so that data that contains checksums can
/// be checked again.
fn masked_crc(bytes: &[u8]) -> u32 {
    const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
    let sum = CASTAGNOLI.checksum(bytes);
    sum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every event file of TensorFlow begins with the same twelve bytes: the length 24 and its
    /// checksum.
    #[test]
    fn a_file_begins_like_those_of_tensorflow() {
        let event = Event {
            wall_time: 1.5e9,
            step: 0,
            content: Content::FileVersion,
        };
        let record = event.record();
        let header = [24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22];
        assert_eq!(record[..12], header);
        assert!(
            record[12..]
                .windows(13)
                .any(|bytes| bytes == b"brain.Event:2")
        );
    }

    #[test]
    fn large_numbers_take_several_bytes() {
        let mut message = Message::default();
        // The example of the encoding guide of protocol buffers.
        message.varint(1, 150);
        assert_eq!(message.0, [0x08, 0x96, 0x01]);
    }
}
