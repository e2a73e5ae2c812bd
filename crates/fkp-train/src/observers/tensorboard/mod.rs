//! Event files for TensorBoard.

mod board;
mod event;

pub use board::TensorBoard;
