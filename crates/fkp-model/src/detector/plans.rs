//! The plans of a network for images of several sizes.

use crate::{Graph, InferencePlan, ModelError, ModelFile, Network};
use candle_core::Device;
use candle_nn::ModuleT;
use std::sync::{Arc, Mutex, PoisonError};

/// So many sizes are kept: the scales of a video, of its frames on their side, and of some photographs.
const KEPT: usize = 8;

/// A network, and its plans for the sizes that were used last.
pub(super) struct Plans {
    network: Network,
    channels: usize,
    /// The one that was used last is at the end.
    plans: Mutex<Vec<SizedPlan>>,
}

/// A plan for images of `size` = (width, height).
struct SizedPlan {
    size: (usize, usize),
    plan: Arc<InferencePlan>,
}

impl Plans {
    pub(super) fn new(file: &ModelFile) -> Result<Self, ModelError> {
        Ok(Self {
            network: file.network(&Device::Cpu)?,
            channels: file.card.task.input.channels,
            plans: Mutex::default(),
        })
    }

    /// The plan for images of `size` = (width, height).
    pub(super) fn of_size(&self, size: (usize, usize)) -> Result<Arc<InferencePlan>, ModelError> {
        // A thread that panicked cannot have left an invalid list.
        let lock = || self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = use_again(&mut lock(), size) {
            return Ok(plan);
        }
        let (width, height) = size;
        let input = [self.channels, height, width];
        let graph = Graph::trace(input, |x| self.network.forward_t(x, false))?;
        let plan = Arc::new(InferencePlan::from_graph(&graph)?);
        let mut plans = lock();
        if let Some(plan) = use_again(&mut plans, size) {
            return Ok(plan);
        }
        if plans.len() >= KEPT {
            plans.remove(0);
        }
        plans.push(SizedPlan {
            size,
            plan: Arc::clone(&plan),
        });
        Ok(plan)
    }
}

/// The plan for this size, if there is one, which becomes the last.
fn use_again(plans: &mut Vec<SizedPlan>, size: (usize, usize)) -> Option<Arc<InferencePlan>> {
    let at = plans.iter().position(|plan| plan.size == size)?;
    let found = plans.remove(at);
    let plan = Arc::clone(&found.plan);
    plans.push(found);
    Some(plan)
}
