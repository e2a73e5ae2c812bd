//! Collects the gradients of a backward pass and sends them to the other ranks.

use super::communicator::Communicator;
use super::plan::{Message, Plan};
use candle_core::{Result, Tensor, TensorId, Var};
use fkp_kernels::{Factors, GradientHook, GradientPart, Gradients};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender};

/// The variables of a network, in the same order on all ranks.
pub(super) struct Variables {
    pub(super) all: Vec<Var>,
    pub(super) index: HashMap<TensorId, usize>,
}

impl Variables {
    pub(super) fn shape(&self, variable: usize) -> Vec<usize> {
        self.all[variable].dims().to_vec()
    }
}

/// What a rank knows when all its messages are sent.
#[derive(Default)]
pub(super) struct Rest {
    /// Whether each variable has a gradient in its message: the message has zeros otherwise. An optimizer leaves a
    /// variable without a gradient as it is, and moves one whose gradient is 0.
    pub(super) has_gradient: Vec<bool>,
    /// For each variable the gradient that did not come as planned.
    pub(super) unplanned: Vec<Option<Tensor>>,
}

/// What the other thread does with a message.
pub(super) enum Request {
    /// Sums these tensors, which are flat, over the ranks.
    Sum(Vec<Tensor>),
    /// Collects the rows of both from all ranks.
    Collect { x: Tensor, dy: Tensor },
}

/// Collects gradients, and sends each message as soon as its gradients are complete.
pub(super) struct Outbox {
    variables: Rc<Variables>,
    plan: Rc<Plan>,
    state: RefCell<OutboxState>,
}

struct OutboxState {
    sums: Vec<Option<Tensor>>,
    factors: Vec<Vec<Factors>>,
    /// What [`Outbox::send_rest`] returns.
    rest: Rest,
    /// Parts that each gradient lacks.
    missing: Vec<usize>,
    /// Messages sent so far.
    sent: usize,
    /// `None` when nothing more is sent.
    sender: Option<Sender<Request>>,
    /// The first error while a hook was called.
    failure: Option<candle_core::Error>,
}

impl GradientHook for Outbox {
    fn takes(&self, variable: TensorId, part: &GradientPart) -> bool {
        let Some(&variable) = self.variables.index.get(&variable) else {
            return false;
        };
        let mut state = self.state.borrow_mut();
        state.missing[variable] = state.missing[variable].saturating_sub(1);
        let put = self.put(&mut state, variable, part.clone());
        if let Err(error) = put.and_then(|()| self.send_complete(&mut state)) {
            state.failure = Some(error);
        }
        true
    }
}

impl Outbox {
    pub(super) fn new(variables: &Rc<Variables>, plan: &Rc<Plan>, sender: Sender<Request>) -> Self {
        let count = variables.all.len();
        Self {
            variables: Rc::clone(variables),
            plan: Rc::clone(plan),
            state: RefCell::new(OutboxState {
                sums: vec![None; count],
                factors: vec![Vec::new(); count],
                rest: Rest {
                    has_gradient: vec![false; count],
                    unplanned: vec![None; count],
                },
                missing: plan.parts.clone(),
                sent: 0,
                sender: Some(sender),
                failure: None,
            }),
        }
    }

    /// Adds a part of a gradient to its message, or to the rest if the message has left or is of another
    /// kind.
    fn put(&self, state: &mut OutboxState, variable: usize, part: GradientPart) -> Result<()> {
        let number = self.plan.message_of[variable];
        match (&self.plan.messages[number], part) {
            (Message::Factors(_), GradientPart::Factors(factors)) if number >= state.sent => {
                state.factors[variable].push(factors);
            }
            (Message::Sum(_), part) if number >= state.sent => {
                state.rest.has_gradient[variable] = true;
                add_to(&mut state.sums[variable], part)?;
            }
            (_, part) => add_to(&mut state.rest.unplanned[variable], part)?,
        }
        Ok(())
    }

    /// Adds all gradients of a backward pass.
    fn put_all(&self, state: &mut OutboxState, gradients: Option<Gradients>) -> Result<()> {
        let Some(mut gradients) = gradients else {
            return Ok(());
        };
        for (variable, var) in self.variables.all.iter().enumerate() {
            for part in gradients.take(var) {
                self.put(state, variable, part)?;
            }
        }
        Ok(())
    }

    /// The gradients of earlier batches of the step.
    pub(super) fn put_earlier(&self, earlier: Option<Gradients>) -> Result<()> {
        self.put_all(&mut self.state.borrow_mut(), earlier)
    }

    /// Sends the messages that are complete, in their order.
    fn send_complete(&self, state: &mut OutboxState) -> Result<()> {
        while let Some(message) = self.plan.messages.get(state.sent) {
            let is_complete = match message {
                Message::Sum(variables) => variables.iter().all(|&v| state.missing[v] == 0),
                Message::Factors(variable) => state.missing[*variable] == 0,
            };
            if !is_complete {
                break;
            }
            self.send(state, message)?;
        }
        Ok(())
    }

    fn send(&self, state: &mut OutboxState, message: &Message) -> Result<()> {
        let request = match message {
            Message::Sum(variables) => {
                let sums = variables.iter().map(|&variable| {
                    let own = state.sums[variable].take();
                    own.map_or_else(|| self.variables.all[variable].zeros_like(), Ok)
                });
                Request::Sum(sums.collect::<Result<_>>()?)
            }
            &Message::Factors(variable) => {
                let factors = std::mem::take(&mut state.factors[variable]);
                let var = &self.variables.all[variable];
                let (n_out, n_in) = var.dims2()?;
                let join = |factor: fn(&Factors) -> &Tensor, width: usize| {
                    let parts: Vec<&Tensor> = factors.iter().map(factor).collect();
                    match &parts[..] {
                        [] => Tensor::zeros((0, width), var.dtype(), var.device()),
                        [single] => Ok((*single).clone()),
                        parts => Tensor::cat(parts, 0),
                    }
                };
                Request::Collect {
                    x: join(Factors::x, n_in)?,
                    dy: join(Factors::dy, n_out)?,
                }
            }
        };
        state.sent += 1;
        if let Some(sender) = &state.sender {
            // The receiver is gone only after an error, which it returns.
            let _ = sender.send(request);
        }
        Ok(())
    }

    /// Sends what the backward pass left.
    pub(super) fn send_rest(&self, computed: Option<Gradients>) -> Result<Rest> {
        let mut state = self.state.borrow_mut();
        if let Some(error) = state.failure.take() {
            return Err(error);
        }
        self.put_all(&mut state, computed)?;
        while let Some(message) = self.plan.messages.get(state.sent) {
            self.send(&mut state, message)?;
        }
        Ok(std::mem::take(&mut state.rest))
    }

    /// Ends the other thread when it has done what it was sent.
    pub(super) fn close(&self) {
        self.state.borrow_mut().sender = None;
    }
}

fn add_to(sum: &mut Option<Tensor>, part: GradientPart) -> Result<()> {
    let part = part.into_dense()?;
    *sum = Some(match sum.take() {
        None => part,
        Some(sum) => (sum + part)?,
    });
    Ok(())
}

/// Does what it is sent. Returns the tensors of each message: the sums in their shapes, or the two
/// factors of each rank.
pub(super) fn exchange_all(
    communicator: &dyn Communicator,
    requests: &Receiver<Request>,
) -> Result<Vec<Vec<Tensor>>> {
    let results = requests.iter().map(|request| match request {
        Request::Sum(tensors) => sum_together(communicator, &tensors),
        Request::Collect { x, dy } => {
            let mut all = communicator.all_gather(&x)?;
            all.extend(communicator.all_gather(&dy)?);
            Ok(all)
        }
    });
    results.collect()
}

/// One sum for several tensors: the time depends on the number of messages.
fn sum_together(communicator: &dyn Communicator, tensors: &[Tensor]) -> Result<Vec<Tensor>> {
    let flat: Vec<Tensor> = tensors
        .iter()
        .map(Tensor::flatten_all)
        .collect::<Result<_>>()?;
    let sum = communicator.all_reduce_sum(&Tensor::cat(&flat, 0)?)?;
    let mut start = 0;
    let parts = tensors.iter().map(|tensor| {
        let part = sum.narrow(0, start, tensor.elem_count())?;
        start += tensor.elem_count();
        part.reshape(tensor.shape())
    });
    parts.collect()
}
