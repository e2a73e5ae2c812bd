//! The processes of a run: one, or the ranks that `mpirun` started.

use crate::finish;
use crate::say::silence;
use anyhow::Result;
use fkp_train::{Communicator, SingleProcess};
use std::process::ExitCode;

/// How the processes of a run communicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum CommunicatorChoice {
    /// There is one process.
    #[default]
    None,
    /// MPI; start the program with `mpirun`.
    Mpi,
}

/// The connection to the other processes of a run.
pub enum Ranks {
    /// There are none.
    Single,
    /// The ranks that `mpirun` started.
    #[cfg(feature = "mpi")]
    Mpi(fkp_mpi::MpiCommunicator),
}

impl Ranks {
    /// Joins the other ranks. Only rank 0 prints from then on.
    pub fn join(choice: CommunicatorChoice) -> Result<Self> {
        let ranks = match choice {
            CommunicatorChoice::None => Self::Single,
            #[cfg(feature = "mpi")]
            CommunicatorChoice::Mpi => Self::Mpi(fkp_mpi::MpiCommunicator::new()?),
            #[cfg(not(feature = "mpi"))]
            CommunicatorChoice::Mpi => {
                anyhow::bail!("--communicator mpi needs a build with `--features mpi`")
            }
        };
        if !ranks.is_first() {
            silence();
        }
        Ok(ranks)
    }

    /// Whether this is rank 0, which alone writes files and prints.
    pub fn is_first(&self) -> bool {
        self.communicator().rank() == 0
    }

    /// The communicator of the training loop.
    pub fn communicator(&self) -> &dyn Communicator {
        match self {
            Self::Single => &SingleProcess,
            #[cfg(feature = "mpi")]
            Self::Mpi(communicator) => communicator,
        }
    }

    /// Waits for the other ranks, or prints an error and ends them. Returns the exit code.
    pub fn finish(self, result: Result<()>) -> ExitCode {
        match self {
            Self::Single => finish(result),
            #[cfg(feature = "mpi")]
            Self::Mpi(communicator) if result.is_err() => {
                finish(result);
                communicator.abort(1)
            }
            #[cfg(feature = "mpi")]
            Self::Mpi(communicator) => {
                communicator.finish();
                finish(result)
            }
        }
    }
}
