//! Recording of the operations of one thread.
//!
//! While a recorder is active, the layers and functions of `fkp_model::layers` report what they
//! compute from which tensors. A tensor is identified by candle's id, which a clone keeps and every
//! operation renews, so that a tensor that no reported operation made is noticed.

use super::definition::{Graph, Node, ValueId};
use super::op::Op;
use candle_core::{Result, Tensor, TensorId, bail};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    static ACTIVE: RefCell<Option<Rc<RefCell<Recorder>>>> = const { RefCell::new(None) };
}

/// What has been recorded so far.
pub(crate) struct Recorder {
    graph: Graph,
    /// The values of the tensors that recorded operations made.
    values: HashMap<TensorId, ValueId>,
    /// The first use of a tensor that none of them made.
    pub(super) unknown: Option<UnknownTensor>,
}

/// A tensor that was used and that no recorded operation made.
#[derive(Debug, Clone)]
pub(super) struct UnknownTensor {
    /// What used it.
    pub(super) used_by: String,
    pub(super) shape: Vec<usize>,
    /// The function that might have been meant.
    pub(super) advice: &'static str,
}

impl Recorder {
    /// A recorder for a network with this input, `[1, channels, height, width]`.
    pub(super) fn new(input: &Tensor) -> Result<Self> {
        let (_, channels, height, width) = input.dims4()?;
        Ok(Self {
            graph: Graph {
                input: [channels, height, width],
                nodes: Vec::new(),
                output: ValueId::Input,
            },
            values: HashMap::from([(input.id(), ValueId::Input)]),
            unknown: None,
        })
    }

    /// The graph that returns this tensor.
    ///
    /// # Errors
    /// If a tensor was used, or is this one, that no recorded operation made.
    pub(super) fn graph(&self, output: &Tensor) -> std::result::Result<Graph, UnknownTensor> {
        match self.values.get(&output.id()) {
            Some(value) => Ok(Graph {
                output: *value,
                ..self.graph.clone()
            }),
            None => Err(self.unknown_tensor("the output of the network", output)),
        }
    }

    /// The value of a tensor that `layer` uses.
    ///
    /// # Errors
    /// If no recorded operation made it.
    pub(crate) fn value(&mut self, layer: &str, tensor: &Tensor) -> Result<ValueId> {
        if let Some(value) = self.values.get(&tensor.id()) {
            return Ok(*value);
        }
        let operation = self.graph.nodes.len() + 1;
        let used_by = format!("the input of {layer} (operation {operation})");
        let unknown = self.unknown_tensor(&used_by, tensor);
        self.unknown.get_or_insert(unknown);
        bail!("{used_by} was not made by a recorded operation")
    }

    fn unknown_tensor(&self, used_by: &str, tensor: &Tensor) -> UnknownTensor {
        let shape = tensor.dims().to_vec();
        let last = match self.graph.nodes.len().checked_sub(1) {
            Some(index) => ValueId::Node(index),
            None => ValueId::Input,
        };
        let last = self.graph.shape(last);
        let elements: usize = last.iter().product();
        let advice = match shape.get(1..) {
            Some(shape) if shape == last => "`add`, `relu` or `activate`",
            Some([features]) if *features == elements => "`flatten`",
            Some([channels]) if last.len() == 3 && *channels == last[0] => "`global_avg_pool2d`",
            _ => "`add`, `flatten`, `activate`, `max_pool2d`, …",
        };
        UnknownTensor {
            used_by: used_by.to_owned(),
            shape,
            advice,
        }
    }

    /// Appends an operation and returns the value that it computes. An operation that changes
    /// nothing is left out.
    ///
    /// # Errors
    /// If the operation does not take inputs of these shapes.
    pub(crate) fn push(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId> {
        let shapes: Vec<&[usize]> = inputs
            .iter()
            .map(|value| self.graph.shape(*value))
            .collect();
        if let (&[input], &[shape]) = (inputs, shapes.as_slice())
            && op.is_identity(shape)
        {
            return Ok(input);
        }
        let shape = op.output_shape(&shapes)?;
        let value = ValueId::Node(self.graph.nodes.len());
        self.graph.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            shape,
        });
        Ok(value)
    }

    /// Notes that `tensor` has this value.
    fn bind(&mut self, layer: &str, tensor: &Tensor, value: ValueId) -> Result<()> {
        let (computed, recorded) = (&tensor.dims()[1..], self.graph.shape(value));
        if computed != recorded {
            bail!("{layer} computed {computed:?}, but was recorded as {recorded:?}");
        }
        self.values.insert(tensor.id(), value);
        Ok(())
    }
}

/// Records how `layer` computed `output`, if a recorder is active: `operations` appends the
/// operations and returns the value of the last.
///
/// # Errors
/// Those of `operations`, or if the recorded shape is not that of `output`.
pub(crate) fn record(
    layer: &str,
    output: &Tensor,
    operations: impl FnOnce(&mut Recorder) -> Result<ValueId>,
) -> Result<()> {
    ACTIVE.with_borrow(|active| match active {
        None => Ok(()),
        Some(recorder) => {
            let mut recorder = recorder.borrow_mut();
            let value = operations(&mut recorder)?;
            recorder.bind(layer, output, value)
        }
    })
}

/// The same for a layer that applies one operation after the other to one tensor.
///
/// # Errors
/// As [`record`].
pub(crate) fn record_sequence(
    layer: &str,
    input: &Tensor,
    output: &Tensor,
    operations: impl FnOnce() -> Result<Vec<Op>>,
) -> Result<()> {
    record(layer, output, |recorder| {
        let mut value = recorder.value(layer, input)?;
        for op in operations()? {
            value = recorder.push(op, &[value])?;
        }
        Ok(value)
    })
}

/// Runs `forward` with this recorder active on this thread. The one that was active before is
/// active again afterwards, also after a panic.
pub(super) fn with_recorder<T>(recorder: &Rc<RefCell<Recorder>>, forward: impl FnOnce() -> T) -> T {
    struct Restore(Option<Rc<RefCell<Recorder>>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            ACTIVE.set(self.0.take());
        }
    }
    let _restore = Restore(ACTIVE.replace(Some(Rc::clone(recorder))));
    forward()
}
