//! Steps that change each number on its own: a run of them becomes one table of 256 values.

use crate::Step;
use fkp_core::Channel;

/// Does the pointwise steps at the head of `steps` together and says how many they are.
pub(super) fn run<T: Channel>(steps: &[Step], data: &mut [T]) -> usize {
    let count = steps.iter().take_while(|step| is_pointwise(step)).count();
    let steps = &steps[..count];
    if count == 0 {
        return 0;
    }
    match T::bytes_mut(data) {
        Some(bytes) => {
            let mut table = [0u8; 256];
            for (byte, value) in table.iter_mut().enumerate() {
                *value = u8::from_f32(curve(steps, byte as f32 / 255.0) * 255.0);
            }
            bytes
                .iter_mut()
                .for_each(|byte| *byte = table[usize::from(*byte)]);
        }
        None => {
            for value in data {
                *value = T::from_f32(curve(steps, value.to_f32()));
            }
        }
    }
    count
}

fn is_pointwise(step: &Step) -> bool {
    matches!(
        step,
        Step::Brightness { .. } | Step::Contrast { .. } | Step::Gamma { .. } | Step::Invert {}
    )
}

/// A fraction of white through the steps, kept between black and white after each.
fn curve(steps: &[Step], value: f32) -> f32 {
    steps.iter().fold(value, |v, step| {
        let changed = match *step {
            Step::Brightness { add } => v + add as f32,
            Step::Contrast { factor } => (v - 0.5) * factor as f32 + 0.5,
            Step::Gamma { gamma } => v.max(0.0).powf(gamma as f32),
            Step::Invert {} => 1.0 - v,
            _ => v,
        };
        changed.clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_floats_agree() {
        let steps = [
            Step::Contrast { factor: 1.4 },
            Step::Brightness { add: -0.05 },
            Step::Gamma { gamma: 0.8 },
            Step::Invert {},
        ];
        let mut bytes: Vec<u8> = (0..=255).collect();
        let mut floats: Vec<f32> = bytes.iter().map(|b| f32::from(*b) / 255.0).collect();
        assert_eq!(run(&steps, &mut bytes), 4);
        run(&steps, &mut floats);
        for (byte, float) in bytes.iter().zip(floats) {
            assert!((f32::from(*byte) - float * 255.0).abs() <= 0.5001);
        }
        assert_eq!((bytes[0], bytes[255]), (255, 10));
    }
}
