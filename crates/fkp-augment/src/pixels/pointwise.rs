//! A function applied to each channel value.

use fkp_core::Channel;

/// Replaces each value `v`, a fraction of white, by `curve(v)`. Bytes go through a table of 256
/// values.
pub(crate) fn map_values<T: Channel>(data: &mut [T], curve: impl Fn(f32) -> f32) {
    match T::bytes_mut(data) {
        Some(bytes) => {
            let mut table = [0u8; 256];
            for (byte, value) in table.iter_mut().enumerate() {
                *value = u8::from_f32(curve(byte as f32 / 255.0) * 255.0);
            }
            bytes
                .iter_mut()
                .for_each(|byte| *byte = table[usize::from(*byte)]);
        }
        None => {
            for value in data {
                *value = T::from_f32(curve(value.to_f32()));
            }
        }
    }
}
