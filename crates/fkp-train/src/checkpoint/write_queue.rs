//! Writes files in the background, in the order in which they are given.

use super::atomic_file::write_atomic;
use super::state::corrupt;
use crate::TrainError;
use candle_core::Tensor;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What is to be done with a file.
pub(super) enum FileTask {
    /// Write tensors and metadata, atomically. Nobody may change the tensors meanwhile.
    Write {
        kind: FileKind,
        path: PathBuf,
        tensors: BTreeMap<String, Tensor>,
        metadata: HashMap<String, String>,
    },
    Remove(PathBuf),
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Model,
    /// The state of the training, which is of no use without the models that were given before it.
    State,
}

/// A thread that writes files one after the other, each atomically.
///
/// Files are written in the order in which they are given, and nothing is written after a failure. So
/// that a slow disk does not fill the memory, what is still waiting is left out when the same file is
/// given again; but not a model that a waiting state needs: with a state on the disk, there are always
/// its models, or later ones.
pub(super) struct WriteQueue {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<FileTask>,
    is_closed: bool,
    /// The error of the first task that failed, until it is reported.
    failure: Option<TrainError>,
    has_failed: bool,
}

impl WriteQueue {
    /// # Errors
    /// If the thread cannot be started; `folder` is for the message.
    pub(super) fn start(folder: &Path) -> Result<Self, TrainError> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("checkpoints".to_owned());
        let thread = thread.spawn(move || theirs.work());
        let thread = thread.map_err(|source| TrainError::Io {
            path: folder.to_owned(),
            action: "start the thread that writes checkpoints",
            source,
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Adds a task, which is done later.
    ///
    /// # Errors
    /// That of an earlier task.
    pub(super) fn push(&self, task: FileTask) -> Result<(), TrainError> {
        self.check()?;
        self.shared.lock().push(task);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// # Errors
    /// That of a task, once.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        self.shared.lock().failure.take().map_or(Ok(()), Err)
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// That of a task, if it was not reported yet.
    pub(super) fn finish(mut self) -> Result<(), TrainError> {
        self.join();
        self.check()
    }

    fn join(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_one();
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl State {
    /// Adds a task, and leaves out what need not be written before it.
    fn push(&mut self, task: FileTask) {
        if task.is_state() {
            self.waiting.retain(|task| !task.is_state());
        }
        self.waiting.push_back(task);
        // Of the writes of a model that no state separates, the last one is enough.
        let mut later: Vec<PathBuf> = Vec::new();
        let mut kept = VecDeque::with_capacity(self.waiting.len());
        while let Some(task) = self.waiting.pop_back() {
            match &task {
                FileTask::Write { path, .. } if later.contains(path) => continue,
                FileTask::Write { kind, path, .. } => match kind {
                    FileKind::State => later.clear(),
                    FileKind::Model => later.push(path.clone()),
                },
                FileTask::Remove(_) => {}
            }
            kept.push_front(task);
        }
        self.waiting = kept;
    }
}

/// Waits as well: a run that ends with an error keeps the checkpoints from before.
impl Drop for WriteQueue {
    fn drop(&mut self) {
        self.join();
    }
}

impl Shared {
    /// A panic elsewhere leaves the state as it was: each change is one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(task) = self.next() {
            if let Err(error) = task.run() {
                let mut state = self.lock();
                state.failure = Some(error);
                state.has_failed = true;
            }
        }
    }

    /// Waits for a task; `None` when there will be none.
    fn next(&self) -> Option<FileTask> {
        let is_idle = |state: &mut State| state.waiting.is_empty() && !state.is_closed;
        let state = self.changed.wait_while(self.lock(), is_idle);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        match state.has_failed {
            true => None,
            false => state.waiting.pop_front(),
        }
    }
}

impl FileTask {
    fn is_state(&self) -> bool {
        matches!(self, Self::Write { kind, .. } if *kind == FileKind::State)
    }

    fn run(self) -> Result<(), TrainError> {
        match self {
            Self::Write {
                path,
                tensors,
                metadata,
                ..
            } => write(&path, tensors, metadata),
            Self::Remove(path) => match std::fs::remove_file(&path) {
                // A run that was killed and resumed may have removed it already.
                Err(error) if error.kind() != ErrorKind::NotFound => Err(TrainError::Io {
                    path,
                    action: "remove the model of an earlier epoch",
                    source: error,
                }),
                _ => Ok(()),
            },
        }
    }
}

fn write(
    path: &Path,
    tensors: BTreeMap<String, Tensor>,
    metadata: HashMap<String, String>,
) -> Result<(), TrainError> {
    let bytes =
        safetensors::serialize(tensors, Some(metadata)).map_err(|error| corrupt(path, error))?;
    write_atomic(path, &bytes).map_err(|source| TrainError::Io {
        path: path.to_owned(),
        action: "write the checkpoint; the previous one is unchanged",
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn task(path: &Path, value: f32) -> FileTask {
        task_of(FileKind::Model, path, value)
    }

    fn task_of(kind: FileKind, path: &Path, value: f32) -> FileTask {
        let tensor = Tensor::full(value, 1000, &Device::Cpu).unwrap();
        FileTask::Write {
            kind,
            path: path.to_owned(),
            tensors: BTreeMap::from([("x".to_owned(), tensor)]),
            metadata: HashMap::new(),
        }
    }

    fn value(path: &Path) -> f32 {
        let tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
        tensors["x"].to_vec1::<f32>().unwrap()[999]
    }

    #[test]
    fn the_files_are_those_of_the_last_tasks() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        let queue = WriteQueue::start(folder.path()).unwrap();
        for round in 0..50u8 {
            queue.push(task(&a, f32::from(round))).unwrap();
            queue.push(task(&b, -f32::from(round))).unwrap();
        }
        queue.push(task(&c, 0.0)).unwrap();
        queue.push(FileTask::Remove(c.clone())).unwrap();
        queue.finish().unwrap();
        assert_eq!((value(&a), value(&b)), (49.0, -49.0));
        assert!(!c.exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    /// Whoever looks at any moment finds a state that is never newer than the model, which is given
    /// before it.
    #[test]
    fn a_state_is_never_newer_than_its_model() {
        let folder = tempfile::tempdir().unwrap();
        let [model, state] = ["model", "state"].map(|name| folder.path().join(name));
        let queue = WriteQueue::start(folder.path()).unwrap();
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut seen = 0;
                while !model.exists() || !state.exists() {
                    std::thread::yield_now();
                }
                loop {
                    // The state is read first, so that an order that is kept cannot look violated.
                    let (state, model) = (value(&state), value(&model));
                    assert!(
                        state <= model,
                        "the state is of {state}, the model of {model}"
                    );
                    seen += 1;
                    if state == 200.0 {
                        break seen;
                    }
                }
            });
            for round in 0..=200u8 {
                queue.push(task(&model, f32::from(round))).unwrap();
                let state = task_of(FileKind::State, &state, f32::from(round));
                queue.push(state).unwrap();
            }
            queue.finish().unwrap();
            assert!(watcher.join().unwrap() > 0);
        });
    }

    /// The file names of the tasks that are left when these are given in turn.
    fn left(given: &[&str]) -> Vec<String> {
        let mut state = State::default();
        for &name in given {
            let kind = match name {
                "state" => FileKind::State,
                _ => FileKind::Model,
            };
            state.push(FileTask::Write {
                kind,
                path: PathBuf::from(name),
                tensors: BTreeMap::new(),
                metadata: HashMap::new(),
            });
        }
        let name = |task: &FileTask| match task {
            FileTask::Write { path, .. } | FileTask::Remove(path) => path.display().to_string(),
        };
        state.waiting.iter().map(name).collect()
    }

    #[test]
    fn a_model_that_a_waiting_state_needs_is_written() {
        let epoch = ["best", "last", "state"];
        let begun = [&epoch[..], &["best", "last"]].concat();
        assert_eq!(left(&begun), begun);
        assert_eq!(left(&[epoch, epoch, epoch].concat()), epoch);
        assert_eq!(
            left(&[&epoch[..], &["last", "state"], &["last", "state"]].concat()),
            epoch
        );
        assert_eq!(left(&["best", "best", "state"]), ["best", "state"]);
    }

    #[test]
    fn a_failure_is_reported_and_nothing_is_written_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let [missing, after] = ["no/a", "after"].map(|name| folder.path().join(name));
        let queue = WriteQueue::start(folder.path()).unwrap();
        queue.push(task(&missing, 1.0)).unwrap();
        let error = loop {
            // Whether the first tasks after it are refused depends on the time.
            if let Err(error) = queue.push(task(&after, 1.0)) {
                break error;
            }
        };
        assert!(matches!(&error, TrainError::Io { path, .. } if *path == missing));
        queue.finish().unwrap();
        assert!(!after.exists());
    }
}
