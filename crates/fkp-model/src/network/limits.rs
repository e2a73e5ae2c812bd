//! The checks that the configurations of all networks share.

use crate::ModelError;
use fkp_core::{OutputSpec, Task};
use std::ops::RangeInclusive;

/// Limit on the number of parameters, so that a typing error does not exhaust the memory.
const MAX_PARAMETERS: u128 = 1 << 28;

pub(super) type Checked = Result<(), ModelError>;

/// Refuses a field.
pub(super) fn refuse(field: &str, problem: impl ToString) -> Checked {
    Err(ModelError::config(field, problem))
}

/// The input and the output that are described by a task.
pub(super) fn check_task(task: &Task) -> Checked {
    let has_score = task.output.has_face_score() || matches!(task.output, OutputSpec::Boxes { .. });
    let is_valid = |score: &f32| has_score && (0.0..=1.0).contains(score);
    let threshold = task.score_threshold.filter(|score| !is_valid(score));
    for (field, problem) in [
        ("input", task.input.problem()),
        ("output", task.output.problem()),
        (
            "score_threshold",
            threshold.map(|score| {
                format!("must be in 0..=1, and the output must have a face score, got {score}")
            }),
        ),
    ] {
        if let Some(problem) = problem {
            return refuse(field, problem);
        }
    }
    Ok(())
}

/// Numbers of channels or units.
pub(super) fn check_sizes(field: &str, sizes: &[usize]) -> Checked {
    check_each(field, sizes, 1..=65_536)
}

/// Numbers that must be in a range each.
pub(super) fn check_each(field: &str, values: &[usize], range: RangeInclusive<usize>) -> Checked {
    match values.iter().find(|value| !range.contains(value)) {
        Some(value) => {
            let (least, most) = (range.start(), range.end());
            refuse(
                field,
                format!("each must be in {least}..={most}, got {value}"),
            )
        }
        None => Ok(()),
    }
}

/// A list with an entry for each entry of `network.channels`.
pub(super) fn check_length(field: &str, values: &[usize], channels: &[usize]) -> Checked {
    match values.len() == channels.len() {
        true => Ok(()),
        false => {
            let (found, stages) = (values.len(), channels.len());
            let problem = format!("has {found} entries, but network.channels has {stages}");
            refuse(field, problem)
        }
    }
}

/// The side of kernels.
pub(super) fn check_kernel_size(size: usize) -> Checked {
    match size {
        1 | 3 | 5 | 7 => Ok(()),
        _ => {
            let problem = format!("must be 1, 3, 5 or 7, got {size}");
            refuse("network.kernel_size", problem)
        }
    }
}

/// A probability of dropout.
pub(super) fn check_dropout(p: f64) -> Checked {
    match (0.0..1.0).contains(&p) {
        true => Ok(()),
        false => refuse("network.dropout", format!("must be in 0..1, got {p}")),
    }
}

/// For outputs that are maps: no dense layers, and maps that have a size. `channels_field` is the
/// field with the stages, which determine the size.
pub(super) fn check_maps(
    task: &Task,
    dense: &[usize],
    side: usize,
    channels_field: &str,
) -> Checked {
    if task.output.vector_len(task.schema.len()).is_some() {
        return Ok(());
    }
    if let OutputSpec::Boxes { .. } = task.output {
        return refuse(
            "output",
            "only the network `pyramid` has the output `boxes`",
        );
    }
    if !dense.is_empty() {
        let kind = task.output.kind();
        let problem = format!("must be [] for the output `{kind}`, which is maps");
        return refuse("network.dense", problem);
    }
    match side {
        2.. => Ok(()),
        _ => refuse(
            channels_field,
            "the last block must output maps of at least 2×2",
        ),
    }
}

/// The number of parameters, of which those before the dense layers are `convolutions`.
pub(super) fn check_parameters(convolutions: u128, features: u128, dense: &[usize]) -> Checked {
    let mut sum = convolutions;
    let mut features = features;
    for &units in dense {
        sum = sum.saturating_add(features.saturating_mul(units as u128));
        features = units as u128;
    }
    match sum {
        ..=MAX_PARAMETERS => Ok(()),
        _ => {
            let problem = format!("the network would have more than {MAX_PARAMETERS} parameters");
            refuse("network.dense", problem)
        }
    }
}

/// The product of sizes, as wide as the sum of such products.
pub(super) fn product<const N: usize>(sizes: [usize; N]) -> u128 {
    let multiply = |product: u128, &size: &usize| product.saturating_mul(size as u128);
    sizes.iter().fold(1, multiply)
}
