//! Data-parallel training over MPI.
//!
//! The crate is empty without its features `mpi` and `nccl`, so that nobody else needs an MPI library.
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "mpi")]
mod communicator;
#[cfg(feature = "nccl")]
mod nccl;
#[cfg(feature = "mpi")]
mod watch;

#[cfg(feature = "mpi")]
pub use communicator::{MpiCommunicator, MpiError};
#[cfg(feature = "nccl")]
pub use nccl::NcclCommunicator;
