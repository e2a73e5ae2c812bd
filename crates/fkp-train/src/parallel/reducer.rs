//! Sums gradients over the ranks while the backward pass goes on.

use super::communicator::Communicator;
use super::plan::{Message, Observed, Plan, from_tensor, to_tensor};
use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, TensorId, Var};
use fkp_kernels::{Factors, GradientHook, GradientPart, Gradients, backward, backward_with_hook};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};

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

struct Variables {
    all: Vec<Var>,
    index: HashMap<TensorId, usize>,
}

impl Variables {
    fn shape(&self, variable: usize) -> Vec<usize> {
        self.all[variable].dims().to_vec()
    }
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
            match &mut earlier {
                None => earlier = Some(gradients),
                Some(earlier) => earlier.accumulate(gradients)?,
            }
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

/// What a rank knows when all its messages are sent.
struct Rest {
    /// Whether each variable has a gradient: the message has zeros otherwise. An optimizer leaves a
    /// variable without a gradient as it is, and moves one whose gradient is 0.
    has_gradient: Vec<bool>,
    /// For each variable the gradient that did not come as planned.
    unplanned: Vec<Option<Tensor>>,
}

/// [`Rest`] over all ranks.
struct OnAnyRank {
    has_gradient: Vec<bool>,
    /// The variables of which some rank has a gradient that did not come as planned.
    unplanned: Vec<usize>,
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

/// What the other thread does with a message.
enum Request {
    /// Sums these tensors, which are flat, over the ranks.
    Sum(Vec<Tensor>),
    /// Collects the rows of both from all ranks.
    Collect { x: Tensor, dy: Tensor },
}

/// Collects gradients, and sends each message as soon as its gradients are complete.
struct Outbox {
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
    fn new(variables: &Rc<Variables>, plan: &Rc<Plan>, sender: Sender<Request>) -> Self {
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
    fn put_earlier(&self, earlier: Option<Gradients>) -> Result<()> {
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
    fn send_rest(&self, computed: Option<Gradients>) -> Result<Rest> {
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
    fn close(&self) {
        self.state.borrow_mut().sender = None;
    }
}

/// Does what it is sent. Returns the tensors of each message: the sums in their shapes, or the two
/// factors of each rank.
fn exchange_all(
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

/// The gradients of a batch that is not the last of its step, on this rank alone.
pub(crate) fn accumulate(earlier: Option<Gradients>, loss: &Tensor) -> Result<Gradients> {
    let gradients = backward(loss)?;
    match earlier {
        None => Ok(gradients),
        Some(mut sum) => {
            sum.accumulate(gradients)?;
            Ok(sum)
        }
    }
}
