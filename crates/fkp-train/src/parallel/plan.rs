//! Which gradients go to the other ranks together, and in which order.

use candle_core::{Device, Result, Tensor};

/// Values of a message of dense gradients, 4 MiB: small enough that the first message leaves early in
/// the backward pass, large enough that the time to start a message does not matter.
const MESSAGE_LEN: usize = 1 << 20;

/// The gradients of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// Of these variables, which are summed over the ranks.
    Sum(Vec<usize>),
    /// The factors of one variable, which are collected from all ranks: for a wide layer they are much
    /// smaller than the gradient.
    Factors(usize),
}

/// How a backward pass computed the gradient of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Observed {
    /// Number of parts that the hook was called with; 0 for the gradients of candle's own operations.
    pub(super) parts: usize,
    /// When the last one came, counted from 0.
    pub(super) last: i64,
    /// Whether all were factors.
    pub(super) all_factors: bool,
}

impl Observed {
    pub(super) const NONE: Self = Self {
        parts: 0,
        last: i64::MAX,
        all_factors: false,
    };

    pub(super) fn add(&mut self, at: i64, is_factors: bool) {
        self.all_factors = is_factors && (self.parts == 0 || self.all_factors);
        self.parts += 1;
        self.last = at;
    }
}

/// The messages of a step, the same on all ranks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) messages: Vec<Message>,
    /// The message of each variable.
    pub(super) message_of: Vec<usize>,
    /// Parts of each gradient in one backward pass. A gradient of candle's own operations has one,
    /// which comes when the backward pass is over.
    pub(super) parts: Vec<usize>,
}

impl Plan {
    /// In the order in which a backward pass completes the gradients. `shapes` are those of the
    /// variables, `rows` is the number of samples of a step.
    pub(super) fn new(observed: &[Observed], shapes: &[Vec<usize>], rows: usize) -> Self {
        let mut order: Vec<usize> = (0..observed.len()).collect();
        order.sort_by_key(|&variable| observed[variable].last);
        let mut messages = Vec::new();
        let (mut open, mut len) = (Vec::new(), 0);
        for variable in order {
            let shape = &shapes[variable];
            if observed[variable].all_factors && factors_are_smaller(shape, rows) {
                messages.push(Message::Factors(variable));
                continue;
            }
            open.push(variable);
            len += shape.iter().product::<usize>();
            if len >= MESSAGE_LEN {
                messages.push(Message::Sum(std::mem::take(&mut open)));
                len = 0;
            }
        }
        if !open.is_empty() {
            messages.push(Message::Sum(open));
        }
        let mut message_of = vec![0; observed.len()];
        for (number, message) in messages.iter().enumerate() {
            match message {
                Message::Sum(variables) => {
                    for &variable in variables {
                        message_of[variable] = number;
                    }
                }
                Message::Factors(variable) => message_of[*variable] = number,
            }
        }
        Self {
            messages,
            message_of,
            parts: observed.iter().map(|o| o.parts.max(1)).collect(),
        }
    }
}

/// Whether collecting the factors of a weight `[n_out, n_in]` moves fewer values than a sum over the
/// ranks, which moves each value twice: to where it is added, and back.
fn factors_are_smaller(shape: &[usize], rows: usize) -> bool {
    match *shape {
        [n_out, n_in] => rows * (n_out + n_in) < 2 * n_out * n_in,
        _ => false,
    }
}

/// As a tensor `i64 [n, 3]`, to send it to other ranks.
pub(super) fn to_tensor(observed: &[Observed]) -> Result<Tensor> {
    let values = observed
        .iter()
        .flat_map(|o| [o.parts as i64, o.last, i64::from(o.all_factors)]);
    Tensor::from_vec(values.collect(), (observed.len(), 3), &Device::Cpu)
}

/// The reverse of [`to_tensor`].
pub(super) fn from_tensor(tensor: &Tensor) -> Result<Vec<Observed>> {
    let rows = tensor.to_vec2::<i64>()?.into_iter();
    let observed = rows.map(|row| Observed {
        parts: row[0] as usize,
        last: row[1],
        all_factors: row[2] != 0,
    });
    Ok(observed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(parts: usize, last: i64, all_factors: bool) -> Observed {
        Observed {
            parts,
            last,
            all_factors,
        }
    }

    #[test]
    fn messages_follow_the_backward_pass() {
        let shapes = [
            vec![100],
            vec![500, 18_432],
            vec![1 << 20],
            vec![9],
            vec![7],
        ];
        let observed = [
            observed(1, 4, false),
            observed(1, 1, true),
            observed(2, 3, false),
            Observed::NONE,
            observed(1, 0, false),
        ];
        let plan = Plan::new(&observed, &shapes, 32);
        let expected = [
            Message::Factors(1),
            Message::Sum(vec![4, 2]),
            Message::Sum(vec![0, 3]),
        ];
        assert_eq!(plan.messages, expected);
        assert_eq!(plan.message_of, [2, 0, 1, 2, 1]);
        assert_eq!(plan.parts, [1, 1, 2, 1, 1]);
        // 1024 samples: the factors are larger than the gradient.
        let plan = Plan::new(&observed, &shapes, 1024);
        assert!(matches!(&plan.messages[..], [Message::Sum(_), ..]));
    }

    #[test]
    fn what_was_observed_is_the_same_after_sending() {
        let all = [observed(3, 7, true), Observed::NONE, observed(1, 0, false)];
        assert_eq!(from_tensor(&to_tensor(&all).unwrap()).unwrap(), all);
    }
}
