//! Stops a run with a checkpoint on Ctrl-C.

use fkp_train::{EpochReport, Observer, StepReport};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops the run after the current step when Ctrl-C is pressed. A second Ctrl-C kills it.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Installs the signal handler.
    pub fn listen() -> anyhow::Result<Self> {
        let interrupt = Self::default();
        let pressed = interrupt.0.clone();
        ctrlc::set_handler(move || {
            if pressed.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            eprintln!("\nstopping with a checkpoint; Ctrl-C again kills");
        })?;
        Ok(interrupt)
    }

    fn flow(&self) -> ControlFlow<()> {
        match self.0.load(Ordering::SeqCst) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Observer for Interrupt {
    fn on_step(&mut self, _: &StepReport) -> ControlFlow<()> {
        self.flow()
    }

    fn on_epoch(&mut self, _: &EpochReport<'_>) -> ControlFlow<()> {
        self.flow()
    }
}
