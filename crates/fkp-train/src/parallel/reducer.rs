//! Sums gradients over the ranks while the backward pass goes on.

use super::communicator::Communicator;
use super::outbox::{Outbox, Rest, Variables, exchange_all};
use super::plan::{Message, Observed, Plan, from_tensor, to_tensor};
use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, TensorId, Var};
use fkp_kernels::{Factors, GradientHook, GradientPart, Gradients, backward, backward_with_hook};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::channel;

/// Sums the gradients of a network over the ranks.
///
/// The first backward pass shows in which order the gradients are computed. From then on another
/// thread sends each group of gradients as soon as it is complete, in that order. Gradients that
/// come otherwise, because a network does not compute the same in each step, are summed at the end.
pub(crate) struct GradientReducer {
    variables: Rc<Variables>,
    /// Samples of a step on all ranks.
    samples: usize,
    /// From the first step with a gradient on.
    plan: Option<Rc<Plan>>,
}

impl GradientReducer {
    /// For these variables, in the same order on all ranks, and so many samples in a step.
    pub(crate) fn new(variables: Vec<(String, Var)>, samples: usize) -> Self {
        let all: Vec<Var> = variables
            .into_iter()
            .map(|(_, variable)| variable)
            .collect();
        let index = all.iter().enumerate();
        let index = index.map(|(number, variable)| (variable.id(), number));
        Self {
            variables: Rc::new(Variables {
                index: index.collect(),
                all,
            }),
            samples,
            plan: None,
        }
    }

    /// The gradients of `loss` and those of earlier batches, summed over the ranks. A rank without a
    /// sample has no loss, but takes part.
    pub(crate) fn backward(
        &mut self,
        communicator: &dyn Communicator,
        loss: Option<&Tensor>,
        earlier: Option<Gradients>,
    ) -> Result<Gradients> {
        let plan = match &self.plan {
            Some(plan) => Rc::clone(plan),
            None => return self.first_backward(communicator, loss, earlier),
        };
        self.exchange(communicator, plan, earlier, |hook| match loss {
            Some(loss) => Ok(Some(backward_with_hook(loss, hook)?)),
            None => Ok(None),
        })
    }

    /// Observes the order of the gradients on rank 0, whose plan all ranks follow.
    fn first_backward(
        &mut self,
        communicator: &dyn Communicator,
        loss: Option<&Tensor>,
        mut earlier: Option<Gradients>,
    ) -> Result<Gradients> {
        let recorder = Rc::new(Recorder::new(&self.variables));
        if let Some(loss) = loss {
            let gradients = backward_with_hook(loss, Rc::clone(&recorder) as Rc<dyn GradientHook>)?;
            earlier = Some(sum_of(earlier, gradients)?);
        }
        let observed = communicator.broadcast(&to_tensor(&recorder.observed.borrow())?, 0)?;
        let observed = from_tensor(&observed)?;
        let count = self.variables.all.len();
        let shapes: Vec<_> = (0..count).map(|v| self.variables.shape(v)).collect();
        let plan = Rc::new(Plan::new(&observed, &shapes, self.samples));
        // Rank 0 may have had no sample that could be read.
        if observed.iter().any(|observed| observed.parts > 0) {
            self.plan = Some(Rc::clone(&plan));
        }
        self.exchange(communicator, plan, None, |_| Ok(earlier))
    }

    /// Runs `compute` with a hook, and sums its gradients over the ranks.
    fn exchange(
        &self,
        communicator: &dyn Communicator,
        plan: Rc<Plan>,
        earlier: Option<Gradients>,
        compute: impl FnOnce(Rc<dyn GradientHook>) -> Result<Option<Gradients>>,
    ) -> Result<Gradients> {
        let world_size = communicator.world_size();
        let exchanged: Result<(Vec<Vec<Tensor>>, Rest)> = std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            let thread = scope.spawn(move || exchange_all(communicator, &receiver));
            let outbox = Rc::new(Outbox::new(&self.variables, &plan, sender));
            let rest = outbox.put_earlier(earlier).and_then(|()| {
                let computed = compute(Rc::clone(&outbox) as Rc<dyn GradientHook>)?;
                outbox.send_rest(computed)
            });
            outbox.close();
            match (thread.join(), rest) {
                (Ok(received), rest) => received.and_then(|received| Ok((received, rest?))),
                (Err(panic), _) => std::panic::resume_unwind(panic),
            }
        });
        let (received, rest) = exchanged?;
        let any_rank = self.on_any_rank(communicator, &rest)?;
        let mut sums = Gradients::from(GradStore::default());
        for (message, tensors) in plan.messages.iter().zip(received) {
            match message {
                Message::Sum(variables) => {
                    let sums_of = variables.iter().zip(tensors);
                    for (&variable, sum) in sums_of.filter(|(v, _)| any_rank.has_gradient[**v]) {
                        sums.add(&self.variables.all[variable], GradientPart::Dense(sum))?;
                    }
                }
                Message::Factors(variable) => {
                    let (x, dy) = tensors.split_at(world_size);
                    for (x, dy) in x.iter().zip(dy).filter(|(x, _)| x.elem_count() > 0) {
                        let part = GradientPart::Factors(Factors::new(x, dy)?);
                        sums.add(&self.variables.all[*variable], part)?;
                    }
                }
            }
        }
        for variable in any_rank.unplanned {
            let var = &self.variables.all[variable];
            let own = rest.unplanned[variable].clone();
            let own = own.map_or_else(|| var.zeros_like(), Ok)?;
            let sum = communicator.all_reduce_sum(&own)?;
            sums.add(var, GradientPart::Dense(sum))?;
        }
        Ok(sums)
    }

    fn on_any_rank(&self, communicator: &dyn Communicator, own: &Rest) -> Result<OnAnyRank> {
        let count = self.variables.all.len();
        let mut flags: Vec<f32> = own.has_gradient.iter().map(|&has| f32::from(has)).collect();
        flags.extend(own.unplanned.iter().map(|rest| f32::from(rest.is_some())));
        let sums = communicator.all_reduce_sum(&Tensor::new(flags, &Device::Cpu)?)?;
        let sums = sums.to_vec1::<f32>()?;
        Ok(OnAnyRank {
            has_gradient: sums[..count].iter().map(|&sum| sum > 0.0).collect(),
            unplanned: (0..count).filter(|v| sums[count + v] > 0.0).collect(),
        })
    }
}

/// [`Rest`] over all ranks.
struct OnAnyRank {
    has_gradient: Vec<bool>,
    /// The variables of which some rank has a gradient that did not come as planned.
    unplanned: Vec<usize>,
}

/// The gradients of a batch that is not the last of its step, on this rank alone.
pub(crate) fn accumulate(earlier: Option<Gradients>, loss: &Tensor) -> Result<Gradients> {
    sum_of(earlier, backward(loss)?)
}

fn sum_of(earlier: Option<Gradients>, gradients: Gradients) -> Result<Gradients> {
    match earlier {
        None => Ok(gradients),
        Some(mut sum) => {
            sum.accumulate(gradients)?;
            Ok(sum)
        }
    }
}

/// Observes the order in which the gradients are computed.
struct Recorder {
    variables: Rc<Variables>,
    observed: RefCell<Vec<Observed>>,
}

impl Recorder {
    fn new(variables: &Rc<Variables>) -> Self {
        Self {
            variables: Rc::clone(variables),
            observed: RefCell::new(vec![Observed::NONE; variables.all.len()]),
        }
    }
}

impl GradientHook for Recorder {
    fn takes(&self, variable: TensorId, part: &GradientPart) -> bool {
        if let Some(&variable) = self.variables.index.get(&variable) {
            let mut observed = self.observed.borrow_mut();
            let at: usize = observed.iter().map(|observed| observed.parts).sum();
            observed[variable].add(at as i64, matches!(part, GradientPart::Factors(_)));
        }
        false
    }
}
