//! The plans of a network for images of several sizes.

use crate::{Graph, InferencePlan, ModelError, ModelFile};
use candle_core::Device;
use candle_nn::ModuleT;
use std::sync::{Arc, Mutex, PoisonError};

/// So many sizes are kept: the scales of a video, of its frames on their side, and of some photographs.
const KEPT: usize = 16;

/// A network, and its plans for the sizes that were used last.
pub(super) struct Plans {
    /// Traced once, for a small image: it is the same for all sizes.
    graph: Graph,
    /// The one that was used last is at the end.
    plans: Mutex<Vec<SizedPlan>>,
}

/// A plan for images of `size` = (width, height).
struct SizedPlan {
    size: (usize, usize),
    plan: Arc<InferencePlan>,
}

impl Plans {
    /// The network of a file, for images whose sides are multiples of `multiple`.
    pub(super) fn new(file: &ModelFile, multiple: usize) -> Result<Self, ModelError> {
        let network = file.network(&Device::Cpu)?;
        let input = [file.card.task.input.channels, multiple, multiple];
        let graph = Graph::trace(input, |x| network.forward_t(x, false))?;
        Ok(Self {
            graph: graph.fold_batch_norms()?,
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
        let plan = Arc::new(InferencePlan::of_size(&self.graph, [height, width])?);
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
