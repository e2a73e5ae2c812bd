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
pub(super) struct Rest {
    /// Whether each variable has a gradient: the message has zeros otherwise. An optimizer leaves a
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
    /// Whether some part of the gradient of each variable came.
    has_gradient: Vec<bool>,
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
        if state.missing[variable] == 0 {
            return false;
        }
        match self.put(&mut state, variable, part.clone()) {
            Ok(Some(_)) => return false,
            Ok(None) => state.missing[variable] -= 1,
            Err(error) => state.failure = Some(error),
        }
        if let Err(error) = self.send_complete(&mut state) {
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
                has_gradient: vec![false; count],
                missing: plan.parts.clone(),
                sent: 0,
                sender: Some(sender),
                failure: None,
            }),
        }
    }

    /// Adds a part of a gradient to its message. Returns it if the message is of another kind.
    fn put(
        &self,
        state: &mut OutboxState,
        variable: usize,
        part: GradientPart,
    ) -> Result<Option<GradientPart>> {
        state.has_gradient[variable] = true;
        match (&self.plan.messages[self.plan.message_of[variable]], part) {
            (Message::Factors(_), GradientPart::Factors(factors)) => {
                state.factors[variable].push(factors);
            }
            (Message::Factors(_), part) => return Ok(Some(part)),
            (Message::Sum(_), part) => {
                let part = part.into_dense()?;
                state.sums[variable] = Some(match state.sums[variable].take() {
                    None => part,
                    Some(sum) => (sum + part)?,
                });
            }
        }
        Ok(None)
    }

    /// The gradients of earlier batches of the step.
    pub(super) fn put_earlier(&self, earlier: Option<Gradients>) -> Result<()> {
        let Some(mut earlier) = earlier else {
            return Ok(());
        };
        let mut state = self.state.borrow_mut();
        for (variable, var) in self.variables.all.iter().enumerate() {
            for part in earlier.take(var) {
                if let Some(other) = self.put(&mut state, variable, part)? {
                    // The message has factors, so the sum is free.
                    let sum = state.sums[variable].take();
                    let other = other.into_dense()?;
                    state.sums[variable] = Some(sum.map_or(Ok(other.clone()), |s| s + other)?);
                }
            }
        }
        Ok(())
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
        let mut rest = vec![None; self.variables.all.len()];
        let mut add = |variable: usize, part: GradientPart| {
            let part = part.into_dense()?;
            let sum = rest[variable].take();
            rest[variable] = Some(match sum {
                None => part,
                Some(sum) => (sum + part)?,
            });
            Ok::<_, candle_core::Error>(())
        };
        if let Some(mut computed) = computed {
            for (variable, var) in self.variables.all.iter().enumerate() {
                let is_sent = self.plan.message_of[variable] < state.sent;
                for part in computed.take(var) {
                    let other = match is_sent {
                        true => Some(part),
                        false => self.put(&mut state, variable, part)?,
                    };
                    if let Some(other) = other {
                        add(variable, other)?;
                    }
                }
            }
        }
        while let Some(message) = self.plan.messages.get(state.sent) {
            self.send(&mut state, message)?;
        }
        // Dense parts of earlier batches whose message has factors.
        for variable in 0..state.sums.len() {
            if let Some(sum) = state.sums[variable].take() {
                add(variable, GradientPart::Dense(sum))?;
            }
        }
        Ok(Rest {
            has_gradient: state.has_gradient.clone(),
            unplanned: rest,
        })
    }

    /// Ends the other thread when it has done what it was sent.
    pub(super) fn close(&self) {
        self.state.borrow_mut().sender = None;
    }
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
