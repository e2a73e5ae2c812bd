//! From a network to its graph.

use super::definition::Graph;
use super::recorder::{Recorder, UnknownTensor, with_recorder};
use crate::ModelError;
use candle_core::{DType, Device, Result, Tensor};
use std::cell::RefCell;
use std::rc::Rc;

impl Graph {
    /// Records the operations of a network on the CPU: `forward` runs once, on zeros of
    /// `[1, channels, height, width]`. It must be in evaluation, use the layers of
    /// [`fkp_model::layers`](crate::layers), and between them the functions of that module in place
    /// of candle's own operations, such as `add` in place of `+`.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::{Module, VarBuilder};
    /// use fkp_model::Graph;
    /// use fkp_model::layers::{Conv2d, Conv2dConfig, add, relu};
    ///
    /// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    /// let conv = Conv2d::new(1, 1, 3, Conv2dConfig::new().padding(1), vb)?;
    /// assert!(Graph::trace([1, 8, 8], |x| relu(&add(x, &conv.forward(x)?)?)).is_ok());
    /// // candle's operations are not recorded.
    /// let error = Graph::trace([1, 8, 8], |x| relu(&(x + conv.forward(x)?)?)).unwrap_err();
    /// assert!(error.to_string().contains("`add`"));
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `forward` fails, or a layer gets a tensor that no recorded operation made.
    pub fn trace(
        [channels, height, width]: [usize; 3],
        forward: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> std::result::Result<Self, ModelError> {
        let input = Tensor::zeros((1, channels, height, width), DType::F32, &Device::Cpu)?;
        let recorder = Rc::new(RefCell::new(Recorder::new(&input)?));
        let output = with_recorder(&recorder, || forward(&input));
        let recorder = recorder.borrow();
        if let Some(unknown) = &recorder.unknown {
            return Err(not_recorded(unknown.clone()));
        }
        recorder.graph(&output?).map_err(not_recorded)
    }
}

fn not_recorded(unknown: UnknownTensor) -> ModelError {
    let UnknownTensor {
        used_by,
        shape,
        advice,
    } = unknown;
    ModelError::NotRecorded {
        tensor: used_by,
        shape,
        advice,
    }
}
