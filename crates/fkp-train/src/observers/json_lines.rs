//! The history of a run as JSON Lines: one object per event.

use super::append_file::AppendFile;
use crate::error::with_causes;
use crate::{
    EpochRecord, EpochReport, Observer, SkipReport, StartReport, StepReport, TrainError,
    ValidationReport,
};
use fkp_metrics::EvaluationReport;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{Error, ErrorKind};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::SystemTime;

/// Appends an object per event to a file, such as `history.jsonl`: the `event` is `start`,
/// `validation` (within an epoch), `skip`, `epoch` or `step`, the other keys are the fields of its
/// report, and `time` is in seconds since 1970.
///
/// When a run is resumed, the events that it will repeat are removed from the file, and so is a
/// line that was truncated by a kill. So each event is in the file once. A new run starts with an
/// empty file.
///
/// An event that cannot be written stops the run; earlier events are kept.
pub struct JsonLines {
    path: PathBuf,
    steps_every: usize,
    file: AppendFile,
    /// The last epoch in the file.
    epoch: usize,
    /// Epoch and step of the last optimizer step, from 1.
    last_step: (usize, usize),
    /// Validations and skipped samples that are in the file from before a resume.
    kept: BTreeSet<Key>,
}

impl JsonLines {
    /// Writes to this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            steps_every: 0,
            file: AppendFile::default(),
            epoch: 0,
            last_step: (0, 0),
            kept: BTreeSet::new(),
        }
    }

    /// Also writes every `every`-th optimizer step; 0, the default, writes none.
    #[must_use]
    pub fn with_steps(mut self, every: usize) -> Self {
        self.steps_every = every;
        self
    }

    /// Writes the epochs that are missing in the file. A run that is killed between the checkpoint
    /// and the report of an epoch does not report that epoch after a resume. [`Observer::on_epoch`]
    /// does this for all earlier epochs, so it is only needed after the end of a run.
    pub fn catch_up(&mut self, history: &[EpochRecord]) {
        for record in history {
            if record.epoch > self.epoch {
                self.epoch = record.epoch;
                self.append(&Event::Epoch {
                    record,
                    global_step: None,
                    is_best: None,
                    validation: None,
                });
            }
        }
    }

    /// Opens the file for appending, after removing the events that the run will repeat.
    fn open(&mut self, start: &StartReport) -> std::io::Result<()> {
        (self.epoch, self.kept) = (0, BTreeSet::new());
        let path = &self.path;
        // Only a regular file can be read and truncated, not for example a pipe.
        if path.metadata().is_ok_and(|found| found.is_file()) {
            let bytes = std::fs::read(path)?;
            let mut end = 0;
            for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
                if !line.ends_with(b"\n") {
                    break;
                }
                let past = parse(line, number + 1)?;
                // Events are in the order in which they happened.
                if !past.is_before(start) {
                    break;
                }
                end += line.len();
                match past {
                    PastEvent::Epoch { epoch } => self.epoch = epoch,
                    PastEvent::Validation { epoch, step } => {
                        _ = self.kept.insert(Key::Validation(epoch, step))
                    }
                    PastEvent::Skip { epoch, index, .. } => {
                        _ = self.kept.insert(Key::Skip(epoch, index))
                    }
                    PastEvent::Start { .. } | PastEvent::Step { .. } => {}
                }
            }
            if end < bytes.len() {
                OpenOptions::new()
                    .write(true)
                    .open(path)?
                    .set_len(end as u64)?;
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        self.file.open(path, file);
        Ok(())
    }

    fn append(&mut self, event: &Event<'_>) {
        match line(event) {
            Ok(line) => self.file.append("write the history", &line),
            Err(error) => self
                .file
                .fail(&self.path, "write the history", error.into()),
        }
    }
}

impl Observer for JsonLines {
    fn on_start(&mut self, report: &StartReport) {
        self.last_step = (report.epochs_done + 1, report.steps_done);
        match self.open(report) {
            Ok(()) => self.append(&Event::Start(report)),
            Err(source) => self.file.fail(&self.path, "continue the history", source),
        }
    }

    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        self.last_step = (report.epoch, report.step);
        if self.steps_every > 0 && report.global_step.is_multiple_of(self.steps_every) {
            self.append(&Event::Step(report));
        }
        self.file.flow()
    }

    fn on_validation(&mut self, report: &ValidationReport<'_>) -> ControlFlow<()> {
        if !self
            .kept
            .contains(&Key::Validation(report.epoch, report.step))
        {
            self.append(&Event::Validation {
                epoch: report.epoch,
                step: report.step,
                global_step: report.global_step,
                is_best: report.is_best,
                validation: report.validation,
            });
        }
        self.file.flow()
    }

    fn on_skip(&mut self, report: &SkipReport<'_>) {
        if self.kept.contains(&Key::Skip(report.epoch, report.index)) {
            return;
        }
        let (epoch, step) = self.last_step;
        self.append(&Event::Skip {
            epoch: report.epoch,
            after_step: if epoch == report.epoch { step } else { 0 },
            index: report.index,
            error: &with_causes(report.error),
            skipped: report.skipped,
            allowed: report.allowed,
        });
    }

    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        let before = report
            .history
            .split_last()
            .map_or(&[][..], |(_, before)| before);
        self.catch_up(before);
        if report.record.epoch > self.epoch {
            self.epoch = report.record.epoch;
            self.append(&Event::Epoch {
                record: report.record,
                global_step: Some(report.global_step),
                is_best: Some(report.is_best),
                validation: Some(report.validation),
            });
        }
        self.file.flow()
    }

    fn failure(&mut self) -> Option<TrainError> {
        self.file.take_failure()
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Epoch and step.
    Validation(usize, usize),
    /// Epoch and index.
    Skip(usize, usize),
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Start(&'a StartReport),
    Step(&'a StepReport),
    Validation {
        epoch: usize,
        step: usize,
        global_step: usize,
        is_best: bool,
        validation: &'a EvaluationReport,
    },
    Skip {
        epoch: usize,
        after_step: usize,
        index: usize,
        error: &'a str,
        skipped: usize,
        allowed: usize,
    },
    Epoch {
        #[serde(flatten)]
        record: &'a EpochRecord,
        #[serde(skip_serializing_if = "Option::is_none")]
        global_step: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        is_best: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        validation: Option<&'a EvaluationReport>,
    },
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event<'a>,
    time: f64,
}

/// The position of an event in the run, read from its line.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum PastEvent {
    Start {
        epochs_done: usize,
        steps_done: usize,
    },
    Step {
        epoch: usize,
        step: usize,
    },
    Validation {
        epoch: usize,
        step: usize,
    },
    Skip {
        epoch: usize,
        after_step: usize,
        index: usize,
    },
    Epoch {
        epoch: usize,
    },
}

impl PastEvent {
    /// Whether a run that starts from here will not repeat it.
    fn is_before(&self, start: &StartReport) -> bool {
        let here = (start.epochs_done + 1, start.steps_done);
        match *self {
            Self::Start {
                epochs_done,
                steps_done,
            } => (epochs_done + 1, steps_done) < here,
            Self::Step { epoch, step } | Self::Validation { epoch, step } => (epoch, step) <= here,
            // It belongs to the following step.
            Self::Skip {
                epoch, after_step, ..
            } => (epoch, after_step) < here,
            Self::Epoch { epoch } => epoch <= start.epochs_done,
        }
    }
}

fn line(event: &Event<'_>) -> serde_json::Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let time = now.map_or(0.0, |since| since.as_secs_f64());
    let mut line = serde_json::to_vec(&Line { event, time })?;
    line.push(b'\n');
    Ok(line)
}

fn parse(line: &[u8], number: usize) -> std::io::Result<PastEvent> {
    serde_json::from_slice(line).map_err(|error| {
        let problem = format!("line {number} is not an event of a run: {error}");
        Error::new(ErrorKind::InvalidData, problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observers::testing::{EPOCHS, FakeRun, STEPS};
    use serde_json::Value;
    use std::io::Write;
    use std::path::Path;

    /// The file's events without their times.
    fn events(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.ends_with('\n'));
        let event = |line: &str| {
            let mut event: Value = serde_json::from_str(line).unwrap();
            let time = event.as_object_mut().unwrap().remove("time").unwrap();
            assert!(time.as_f64().unwrap() > 1.7e9);
            event
        };
        text.lines().map(event).collect()
    }

    fn without_starts(path: &Path) -> Vec<Value> {
        let events = events(path).into_iter();
        events.filter(|event| event["event"] != "start").collect()
    }

    #[test]
    fn every_event_is_an_object_with_its_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let run = FakeRun::new();
        let mut lines = JsonLines::new(&path).with_steps(5);
        assert!(run.replay(&mut lines, 0..EPOCHS * STEPS).is_continue());
        let events = events(&path);
        let kinds: Vec<&str> = events.iter().filter_map(|e| e["event"].as_str()).collect();
        let expected =
            "start validation step epoch validation skip step epoch validation step epoch";
        assert_eq!(kinds.join(" "), expected);
        assert_eq!(events[0]["training_samples"], 40);
        assert_eq!(events[1]["validation"]["samples"], 7);
        assert_eq!(
            (&events[1]["epoch"], &events[1]["step"]),
            (&1.into(), &3.into())
        );
        assert_eq!(events[2]["mean_loss"], 0.2);
        assert_eq!(events[2]["grad_norm"], 5.0);
        assert_eq!(events[3]["val_loss"], 0.25);
        assert_eq!(events[3]["global_step"], 5);
        assert_eq!(
            events[3]["validation"]["per_keypoint"][0]["name"],
            "left_eye_center"
        );
        assert_eq!(
            events[5]["error"],
            "the training set cannot be read: sample 7 cannot be read: a.csv, line 9: no image"
        );
        assert_eq!(
            (&events[5]["index"], &events[5]["allowed"]),
            (&7.into(), &2.into())
        );
    }

    /// Killed after any step and resumed from any earlier one, the file has each event once.
    #[test]
    fn a_resumed_file_has_every_event_once() {
        let folder = tempfile::tempdir().unwrap();
        let run = FakeRun::new();
        let uninterrupted = folder.path().join("straight.jsonl");
        let whole = EPOCHS * STEPS;
        assert!(
            run.replay(&mut JsonLines::new(&uninterrupted).with_steps(2), 0..whole)
                .is_continue()
        );
        let expected = without_starts(&uninterrupted);
        for from in 0..=whole {
            for killed in from..=whole {
                let path = folder.path().join("resumed.jsonl");
                let _ = std::fs::remove_file(&path);
                let lines = || JsonLines::new(&path).with_steps(2);
                assert!(run.replay(&mut lines(), 0..killed).is_continue());
                // A kill in the middle of a write.
                let mut file = OpenOptions::new().append(true).open(&path).unwrap();
                file.write_all(br#"{"event":"step","epo"#).unwrap();
                assert!(run.replay(&mut lines(), from..whole).is_continue());
                assert_eq!(
                    without_starts(&path),
                    expected,
                    "killed after {killed}, from {from}"
                );
                let starts = events(&path).len() - expected.len();
                assert_eq!(starts, if from == 0 { 1 } else { 2 });
            }
        }
    }

    #[test]
    fn an_epoch_that_was_not_reported_is_added_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let run = FakeRun::new();
        // Killed between the checkpoint of epoch 1 and its report.
        assert!(
            run.replay(&mut JsonLines::new(&path), 0..STEPS - 1)
                .is_continue()
        );
        let mut lines = JsonLines::new(&path);
        assert!(run.replay(&mut lines, STEPS..2 * STEPS).is_continue());
        lines.catch_up(&run.history);
        assert!(lines.failure().is_none());
        let epochs: Vec<Value> = without_starts(&path);
        let epochs: Vec<&Value> = epochs.iter().filter(|e| e["event"] == "epoch").collect();
        let numbers: Vec<u64> = epochs.iter().filter_map(|e| e["epoch"].as_u64()).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(epochs[0]["train_loss"], 0.5);
        assert!(epochs[0].get("validation").is_none() && epochs[1].get("validation").is_some());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_stops_the_run_with_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut lines = JsonLines::new(&path);
        assert!(FakeRun::new().replay(&mut lines, 0..STEPS).is_break());
        let error = lines.failure().unwrap();
        assert!(
            error
                .to_string()
                .ends_with("history.jsonl: cannot write the history"),
            "{error}"
        );
        let TrainError::Io { source, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(source.kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn a_file_with_other_content_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "not of a run\n").unwrap();
        let mut lines = JsonLines::new(&path);
        assert!(FakeRun::new().replay(&mut lines, 0..STEPS).is_break());
        let error = with_causes(&lines.failure().unwrap());
        assert!(error.contains("line 1 is not an event of a run"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not of a run\n");
    }
}
