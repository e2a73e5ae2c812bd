//! The observer that writes event files for TensorBoard.

use super::event::{Content, Event, Value};
#[cfg(feature = "plots")]
use crate::observers::Preview;
use crate::observers::append_file::AppendFile;
use crate::{
    EpochReport, Observer, SourceLoss, StartReport, StepReport, TrainError, ValidationReport,
};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Writes `events.out.tfevents.…` into a folder, for `tensorboard --logdir` of it or of the folder
/// of all runs. The horizontal axis is the optimizer step since the start of the run.
///
/// - Every few steps: `step/mean_loss` (over the epoch so far), `step/learning_rate`,
///   `step/grad_norm`, `step/loader_wait_seconds`.
/// - Each validation: `loss/validation`, `error/mae_px`, `error/rmse_px`.
/// - Each epoch: `loss/train`, of several sources also `loss/train/NAME`, `error/nme`, `speed/samples_per_second`,
///   `speed/loader_wait_seconds`, `epoch`, `skipped`.
/// - With the feature `plots`, see `TensorBoard::with_preview`: the image `preview`.
///
/// A resumed run writes a new file, which invalidates the events of the steps that it repeats in
/// the older files. An event that cannot be written stops the run; earlier events are kept.
pub struct TensorBoard {
    folder: PathBuf,
    steps_every: usize,
    #[cfg(feature = "plots")]
    preview: Option<Preview>,
    file: AppendFile,
    /// The last step with a validation.
    validated: Option<usize>,
}

impl TensorBoard {
    /// Writes into this folder, which must exist; values of every tenth optimizer step.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            steps_every: 10,
            #[cfg(feature = "plots")]
            preview: None,
            file: AppendFile::default(),
            validated: None,
        }
    }

    /// Writes the values of every `every`-th optimizer step; 0 writes none.
    #[must_use]
    pub fn with_steps(mut self, every: usize) -> Self {
        self.steps_every = every;
        self
    }

    /// Also writes the images that [`ValidationPreview`](crate::observers::ValidationPreview)
    /// draws.
    #[cfg(feature = "plots")]
    #[must_use]
    pub fn with_preview(mut self, preview: Preview) -> Self {
        self.preview = Some(preview);
        self
    }

    fn append(&mut self, step: usize, content: Content<'_>) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let event = Event {
            wall_time: now.map_or(0.0, |since| since.as_secs_f64()),
            step: step as u64,
            content,
        };
        self.file.append("write the events", &event.record());
    }

    fn scalars(&mut self, step: usize, scalars: &[(&str, Option<f64>)]) {
        let known = scalars.iter();
        let known = known.filter_map(|&(tag, value)| Some(Value::Scalar(tag, value?)));
        let known: Vec<Value<'_>> = known.collect();
        self.append(step, Content::Summary(&known));
    }

    #[cfg(feature = "plots")]
    fn image(&mut self, report: &EpochReport<'_>) {
        let Some(preview) = self
            .preview
            .filter(|preview| preview.is_due(report.record.epoch))
        else {
            return;
        };
        // An image that cannot be drawn does not stop the run; `ValidationPreview` reports the
        // error.
        let Ok(image) = preview.after(report) else {
            return;
        };
        if let Ok(png) = crate::plots::chart::png(&image) {
            let image = Value::Image {
                tag: "preview",
                width: image.width(),
                height: image.height(),
                png: &png,
            };
            self.append(report.global_step, Content::Summary(&[image]));
        }
    }
}

impl Observer for TensorBoard {
    fn on_start(&mut self, report: &StartReport) {
        match open(&self.folder) {
            Ok((path, file, is_first)) => {
                self.file.open(&path, file);
                self.append(0, Content::FileVersion);
                if !is_first {
                    // Steps from this one on are repeated.
                    let first = match report.global_step {
                        0 => 0,
                        made => made + 1,
                    };
                    self.append(first, Content::Start);
                }
            }
            Err(source) => {
                let action = "write events into this folder";
                self.file.fail(&self.folder, action, source);
            }
        }
    }

    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        if self.steps_every > 0 && report.global_step.is_multiple_of(self.steps_every) {
            let scalars = [
                ("step/mean_loss", report.mean_loss),
                ("step/learning_rate", Some(report.learning_rate)),
                ("step/grad_norm", report.grad_norm),
                ("step/loader_wait_seconds", Some(report.loader_wait)),
            ];
            self.scalars(report.global_step, &scalars);
        }
        self.file.flow()
    }

    fn on_validation(&mut self, report: &ValidationReport<'_>) -> ControlFlow<()> {
        self.validated = Some(report.global_step);
        let scalars = [
            ("loss/validation", report.validation.loss),
            ("error/mae_px", report.validation.mae_px),
            ("error/rmse_px", report.validation.rmse_px),
        ];
        self.scalars(report.global_step, &scalars);
        self.file.flow()
    }

    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        let record = report.record;
        let scalars = [
            ("epoch", Some(record.epoch as f64)),
            ("loss/train", Some(record.train_loss)),
            ("error/nme", record.nme),
            ("speed/samples_per_second", Some(record.samples_per_second)),
            (
                "speed/loader_wait_seconds",
                Some(record.loader_wait_seconds),
            ),
            ("skipped", Some(record.skipped as f64)),
            ("loss/validation", Some(record.val_loss)),
            ("error/mae_px", record.mae_px),
            ("error/rmse_px", record.rmse_px),
        ];
        // The last three are there already if the epoch's last step was validated.
        let is_new = self.validated != Some(report.global_step);
        let count = if is_new {
            scalars.len()
        } else {
            scalars.len() - 3
        };
        self.scalars(report.global_step, &scalars[..count]);
        let tag = |source: &SourceLoss| format!("loss/train/{}", source.name);
        let tags: Vec<String> = record.sources.iter().map(tag).collect();
        let losses = record.sources.iter().map(|source| source.train_loss);
        let losses: Vec<_> = tags.iter().map(String::as_str).zip(losses).collect();
        if !losses.is_empty() {
            self.scalars(report.global_step, &losses);
        }
        #[cfg(feature = "plots")]
        self.image(report);
        self.file.flow()
    }

    fn failure(&mut self) -> Option<TrainError> {
        self.file.take_failure()
    }
}

const PREFIX: &str = "events.out.tfevents.";

/// A new file, and whether it is the first in the folder. TensorBoard reads files in the order of
/// their names, which begin with a time, so this one's time is later than all others, whatever the
/// clock is.
fn open(folder: &Path) -> std::io::Result<(PathBuf, File, bool)> {
    let mut newest: Option<u64> = None;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let time = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let digits = time.and_then(|time| time.split('.').next());
        newest = newest.max(digits.and_then(|digits| digits.parse().ok()));
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    let time = newest.map_or(now, |newest| now.max(newest + 1));
    let path = folder.join(format!("{PREFIX}{time:010}.fkp"));
    let file = File::create_new(&path)?;
    Ok((path, file, newest.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observers::testing::{EPOCHS, FakeRun, STEPS};
    use std::io::Write;
    use std::process::Command;

    /// What TensorBoard reads from a folder; `None`, with a message, if it is not installed.
    fn read_back(folder: &Path) -> Option<serde_json::Value> {
        let Some(python) = std::env::var_os("FKP_TENSORBOARD_PYTHON") else {
            let line = "SKIPPED: FKP_TENSORBOARD_PYTHON names no Python with tensorboard, \
                        so the event files were not read back";
            // The test harness hides the output of `eprintln!` in a test that passes.
            writeln!(std::io::stderr(), "{line}").unwrap();
            return None;
        };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_back.py");
        let output = Command::new(python)
            .arg(script)
            .arg(folder)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        Some(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn observer(folder: &Path) -> TensorBoard {
        let observer = TensorBoard::new(folder).with_steps(2);
        #[cfg(feature = "plots")]
        let observer = observer.with_preview(Preview {
            every_epochs: 3,
            faces: 2,
            columns: 2,
            side: 96,
        });
        observer
    }

    /// Compares all steps and values under a tag.
    fn check(read: &serde_json::Value, tag: &str, expected: &[(usize, f64)]) {
        let entries = read["scalars"][tag].as_array().unwrap();
        let found: Vec<(u64, f64)> = entries
            .iter()
            .map(|entry| (entry[0].as_u64().unwrap(), entry[1].as_f64().unwrap()))
            .collect();
        // TensorBoard stores values as `f32`.
        let expected: Vec<(u64, f64)> = expected
            .iter()
            .map(|&(step, value)| (step as u64, f64::from(value as f32)))
            .collect();
        assert_eq!(found, expected, "{tag}");
    }

    fn check_all(run: &FakeRun, folder: &Path) {
        let Some(read) = read_back(folder) else {
            return;
        };
        let steps = (1..=EPOCHS * STEPS).filter(|step| step % 2 == 0);
        let per_step = |value: fn(usize) -> f64| {
            steps
                .clone()
                .map(|step| (step, value(step)))
                .collect::<Vec<_>>()
        };
        check(&read, "step/mean_loss", &per_step(|step| 1.0 / step as f64));
        check(&read, "step/learning_rate", &per_step(|_| 1e-3));
        check(&read, "step/grad_norm", &per_step(|step| step as f64));
        check(&read, "step/loader_wait_seconds", &per_step(|_| 0.025));
        let epochs = |value: fn(&crate::EpochRecord) -> f64| {
            let history = run.history.iter();
            history
                .map(|r| (STEPS * r.epoch, value(r)))
                .collect::<Vec<_>>()
        };
        check(&read, "epoch", &epochs(|r| r.epoch as f64));
        check(&read, "loss/train", &epochs(|r| r.train_loss));
        check(&read, "speed/samples_per_second", &epochs(|_| 100.0));
        check(&read, "speed/loader_wait_seconds", &epochs(|_| 0.125));
        check(&read, "skipped", &epochs(|r| r.skipped as f64));
        // Also after the third step of each epoch.
        let validated = |within: Option<f64>, after: fn(&crate::EpochRecord) -> f64| {
            let history = run.history.iter();
            let both = history.flat_map(|r| {
                let start = STEPS * (r.epoch - 1);
                [(start + 3, within.unwrap()), (start + STEPS, after(r))]
            });
            both.collect::<Vec<_>>()
        };
        let within = &run.validation;
        check(
            &read,
            "loss/validation",
            &validated(within.loss, |r| r.val_loss),
        );
        check(
            &read,
            "error/mae_px",
            &validated(within.mae_px, |r| r.mae_px.unwrap()),
        );
        check(
            &read,
            "error/rmse_px",
            &validated(within.rmse_px, |r| r.rmse_px.unwrap()),
        );
        // There are no other tags.
        assert_eq!(read["scalars"].as_object().unwrap().len(), 12);
        #[cfg(feature = "plots")]
        check_images(&read);
    }

    #[cfg(feature = "plots")]
    fn check_images(read: &serde_json::Value) {
        let folder = tempfile::tempdir().unwrap();
        let preview = observer(folder.path()).preview.unwrap();
        let mut files = crate::observers::ValidationPreview::new(folder.path(), preview);
        let run = FakeRun::new();
        assert!(run.replay(&mut files, 0..EPOCHS * STEPS).is_continue());
        let images = read["images"]["preview"].as_array().unwrap();
        assert_eq!(images.len(), 2);
        for (image, epoch) in images.iter().zip([1, 3]) {
            assert_eq!(image["step"], STEPS * epoch);
            let file = folder.path().join(format!("preview-epoch-{epoch:03}.png"));
            let expected = image::open(&file).unwrap();
            assert_eq!(
                (&image["width"], &image["height"]),
                (&expected.width().into(), &expected.height().into())
            );
            let hex: String = std::fs::read(&file)
                .unwrap()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(image["png"], hex);
        }
    }

    #[test]
    fn tensorboard_reads_every_value_and_image() {
        let folder = tempfile::tempdir().unwrap();
        let run = FakeRun::new();
        let mut board = observer(folder.path());
        assert!(run.replay(&mut board, 0..EPOCHS * STEPS).is_continue());
        assert!(board.failure().is_none());
        check_all(&run, folder.path());
    }

    /// Killed after step 9 in the middle of a write, resumed from the checkpoint of step 5, killed
    /// again and resumed from step 12.
    #[test]
    fn a_resumed_run_reads_like_one_that_was_not_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let run = FakeRun::new();
        for steps in [0..9, 5..13, 12..EPOCHS * STEPS] {
            assert!(
                run.replay(&mut observer(folder.path()), steps)
                    .is_continue()
            );
            let files = std::fs::read_dir(folder.path()).unwrap();
            let newest = files.map(|file| file.unwrap().path()).max().unwrap();
            let truncated = &std::fs::read(&newest).unwrap()[..20];
            let mut file = File::options().append(true).open(&newest).unwrap();
            file.write_all(truncated).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
        check_all(&run, folder.path());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_stops_the_run_with_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let run = FakeRun::new();
        let mut board = observer(folder.path());
        assert!(run.replay(&mut board, 0..1).is_continue());
        let full = File::options().write(true).open("/dev/full").unwrap();
        board.file.open(&folder.path().join("events"), full);
        board.scalars(2, &[("step/mean_loss", Some(1.0))]);
        assert!(board.file.flow().is_break());
        let error = board.failure().unwrap().to_string();
        assert!(
            error.ends_with("events: cannot write the events"),
            "{error}"
        );
        let mut nowhere = TensorBoard::new(folder.path().join("no"));
        assert!(run.replay(&mut nowhere, 0..1).is_break());
        let error = nowhere.failure().unwrap().to_string();
        assert!(
            error.ends_with("no: cannot write events into this folder"),
            "{error}"
        );
    }
}
