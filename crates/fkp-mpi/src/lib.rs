//! Data-parallel training over MPI.
//!
//! The crate is empty without its feature `mpi`, so that nobody else needs an MPI library.
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "mpi")]
mod communicator;
#[cfg(feature = "mpi")]
mod watch;

#[cfg(feature = "mpi")]
pub use communicator::{MpiCommunicator, MpiError};
