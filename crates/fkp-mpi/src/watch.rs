//! Notices a rank that stopped.

use mpi::point_to_point::Status;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Destination, Source};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Time between two messages to the next rank.
const INTERVAL: Duration = Duration::from_millis(500);
/// After so many intervals without a message from the previous rank, all ranks end.
const MAX_MISSED: u32 = 12;

const ALIVE: i32 = 1;
const FINISHED: i32 = 2;

/// A thread of each rank that sends messages to the next rank, and expects those of the previous one:
/// `mpirun` notices a rank that died, but not one that is stopped or hangs in the operating system.
pub(crate) struct Watch {
    is_finished: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let is_finished = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&is_finished);
        Self {
            is_finished,
            thread: std::thread::spawn(move || watch(&theirs)),
        }
    }

    /// Tells the next rank, and waits for the previous one to finish.
    pub(crate) fn finish(self) {
        self.is_finished.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // A panic of the thread is shown already, and all ranks have worked to the end.
        let _ = self.thread.join();
    }
}

fn watch(is_finished: &AtomicBool) {
    let world = SimpleCommunicator::world();
    let (rank, size) = (world.rank(), world.size());
    if size == 1 {
        return;
    }
    let next = world.process_at_rank((rank + 1) % size);
    let previous = world.process_at_rank((rank + size - 1) % size);
    let (mut has_reported, mut is_previous_finished) = (false, false);
    // Intervals of this rank, not time: a run that is stopped as a whole and continued goes on.
    let mut missed = 0;
    loop {
        if !has_reported {
            has_reported = is_finished.load(Ordering::Relaxed);
            next.send_with_tag(&[0u8], if has_reported { FINISHED } else { ALIVE });
        }
        while let Some(status) = receive(&previous) {
            missed = 0;
            is_previous_finished |= status.tag() == FINISHED;
        }
        if has_reported && is_previous_finished {
            return;
        }
        if !is_previous_finished {
            missed += 1;
        }
        if missed > MAX_MISSED {
            let seconds = MAX_MISSED as f32 * INTERVAL.as_secs_f32();
            eprintln!(
                "rank {rank}: rank {} has not answered for {seconds} s, so all ranks end; \
                 resume the run from its last checkpoint",
                (rank + size - 1) % size
            );
            world.abort(1);
        }
        std::thread::park_timeout(INTERVAL);
    }
}

/// Receives a message, if there is one.
fn receive(source: &impl Source) -> Option<Status> {
    let (message, _) = source.immediate_matched_probe()?;
    let (_, status) = message.matched_receive::<u8>();
    Some(status)
}
