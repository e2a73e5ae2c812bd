//! A progress bar, or lines of text without a terminal.

use crate::error::with_causes;
use crate::{
    EpochRecord, EpochReport, Observer, SkipReport, StartReport, StepReport, ValidationReport,
};
use fkp_metrics::EvaluationReport;
use indicatif::{ProgressDrawTarget, ProgressFinish, ProgressStyle};
use std::io::{IsTerminal, Write, stderr, stdout};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Shows the progress of each epoch, and its metrics at the end.
///
/// A line per epoch goes to standard output. A progress bar goes to standard error, or lines at
/// intervals if that is not a terminal (a log file, a scheduler), and a warning for each sample
/// that was skipped.
pub struct ProgressBar {
    /// Where all lines go; if absent, results go to standard output, the rest to standard error.
    lines: Option<Box<dyn Write + Send>>,
    live: Live,
    /// Time and position of the first reported step, for the remaining time.
    first: Option<(Instant, usize)>,
    /// A time, and the number of samples since then, for the rate.
    rate: Option<(Instant, usize)>,
    /// Printed once if the loader is slow; absent after that.
    loader_advice: Option<String>,
}

/// What the loader does and what makes it faster, unless the program knows more.
const LOADER_ADVICE: &str = "reads and augments the samples: more threads, a smaller input or \
                             less augmentation would make it faster";

/// Interval of the lines during an epoch without a terminal.
const HEARTBEAT: Duration = Duration::from_secs(30);

impl ProgressBar {
    /// A bar if standard error is a terminal, otherwise lines.
    pub fn new() -> Self {
        match stderr().is_terminal() {
            true => Self::with_target(None, ProgressDrawTarget::stderr()),
            false => Self::with_live(None, Live::Heartbeat(HEARTBEAT)),
        }
    }

    fn with_target(lines: Option<Box<dyn Write + Send>>, target: ProgressDrawTarget) -> Self {
        let template = "epoch {prefix} [{bar:20}] {pos}/{len} {wide_msg}";
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = indicatif::ProgressBar::with_draw_target(None, target)
            .with_style(style.progress_chars("=> "))
            // A run that is stopped leaves no partial bar.
            .with_finish(ProgressFinish::AndClear);
        // The bar is hidden before the first step.
        bar.finish_and_clear();
        Self::with_live(lines, Live::Bar(bar))
    }

    fn with_live(lines: Option<Box<dyn Write + Send>>, live: Live) -> Self {
        Self {
            lines,
            live,
            first: None,
            rate: None,
            loader_advice: Some(LOADER_ADVICE.to_owned()),
        }
    }

    /// A note is printed after the first epoch in which the samples cost more than a tenth of the
    /// time, and more than a second. It ends with this text, which continues "the loader": what it
    /// does, and what would make it faster.
    #[must_use]
    pub fn with_loader_advice(mut self, advice: impl Into<String>) -> Self {
        self.loader_advice = Some(advice.into());
        self
    }

    fn note_loader(&mut self, report: &EpochReport<'_>) {
        let (fraction, epoch) = (report.loader_fraction, report.record.epoch);
        if fraction <= 0.1 || fraction * report.record.seconds <= 1.0 {
            return;
        }
        if let Some(advice) = self.loader_advice.take() {
            let percent = 100.0 * fraction;
            self.write(
                stderr(),
                &format!(
                    "note: {percent:.0} % of the time of epoch {epoch} was spent on its samples; \
                     the loader {advice}"
                ),
            );
        }
    }

    /// Writes a line to `self.lines`, otherwise to `default`.
    ///
    /// Unlike `println!`, does not panic if the output is closed, as in `train | head`: a run must
    /// not fail because of its messages.
    fn write(&mut self, mut default: impl Write, line: &str) {
        let lines = &mut self.lines;
        self.live.suspend(|| {
            let _ = match lines {
                Some(out) => writeln!(out, "{line}"),
                None => writeln!(default, "{line}"),
            };
        });
    }

    /// Remaining time, loss, samples per second and learning rate.
    fn status(&mut self, report: &StepReport) -> String {
        let now = Instant::now();
        let position = (report.epoch - 1) * report.steps + report.step;
        let rate = self.rate.map_or(f64::NAN, |(since, samples)| {
            samples as f64 / now.duration_since(since).as_secs_f64()
        });
        let (began, first) = *self.first.get_or_insert((now, position));
        let (made, left) = (position - first, report.epochs * report.steps - position);
        let lr = report.learning_rate;
        let loss = report.mean_loss.map(|loss| format!("loss {loss:.5}  "));
        let loss = loss.unwrap_or_default();
        // Rate and remaining time need a second step.
        if made == 0 || !rate.is_finite() {
            return format!("{loss}lr {lr:.1e}");
        }
        let left = short(now.duration_since(began).as_secs_f64() / made as f64 * left as f64);
        // The most important values come first: a narrow terminal truncates the line.
        format!("{left} left  {loss}{rate:.0} samples/s  lr {lr:.1e}")
    }
}

impl Default for ProgressBar {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for ProgressBar {
    fn on_start(&mut self, report: &StartReport) {
        if report.global_step > 0 {
            self.write(
                stderr(),
                &format!(
                    "resuming after epoch {}/{}, step {}",
                    report.epochs_done, report.epochs, report.steps_done
                ),
            );
        }
    }

    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        // The rate is measured from the end of the first step.
        let (since, samples) = match self.rate {
            Some((since, samples)) => (since, samples + report.samples),
            None => (Instant::now(), 0),
        };
        self.rate = Some((since, samples));
        let is_due = match &self.live {
            Live::Bar(_) => true,
            Live::Heartbeat(every) => samples > 0 && since.elapsed() >= *every,
        };
        if self.first.is_some() && !is_due {
            return ControlFlow::Continue(());
        }
        let status = self.status(report);
        match &self.live {
            Live::Bar(bar) => {
                bar.set_prefix(format!("{}/{}", report.epoch, report.epochs));
                bar.set_length(report.steps as u64);
                bar.set_message(status);
                // Shown only now, so that it has no values of the previous epoch.
                if bar.is_finished() {
                    bar.reset();
                }
                bar.set_position(report.step as u64);
                if report.step == report.steps {
                    bar.set_message("validating");
                    bar.force_draw();
                }
            }
            Live::Heartbeat(_) if is_due => {
                let (epoch, epochs) = (report.epoch, report.epochs);
                let (step, steps) = (report.step, report.steps);
                self.rate = Some((Instant::now(), 0));
                self.write(
                    stderr(),
                    &format!("epoch {epoch}/{epochs}  step {step}/{steps}  {status}"),
                );
            }
            Live::Heartbeat(_) => {}
        }
        ControlFlow::Continue(())
    }

    fn on_validation(&mut self, report: &ValidationReport<'_>) -> ControlFlow<()> {
        let (loss, mae) = (report.validation.loss, report.validation.mae_px);
        self.write(
            stdout(),
            &format!(
                "epoch {:>3}, step {}  val loss {}  MAE {} px{}",
                report.epoch,
                report.step,
                number(loss, 5),
                number(mae, 3),
                star(report.is_best),
            ),
        );
        ControlFlow::Continue(())
    }

    fn on_skip(&mut self, report: &SkipReport<'_>) {
        let why = with_causes(report.error);
        self.write(
            stderr(),
            &format!(
                "warning: training sample {} is skipped ({} of at most {} in epoch {}): {why}",
                report.index, report.skipped, report.allowed, report.epoch,
            ),
        );
    }

    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        if let Live::Bar(bar) = &self.live {
            bar.finish_and_clear();
        }
        self.rate = None;
        self.write(
            stdout(),
            &line(
                report.record,
                report.validation,
                report.epochs,
                report.is_best,
            ),
        );
        self.note_loader(report);
        ControlFlow::Continue(())
    }
}

enum Live {
    Bar(indicatif::ProgressBar),
    /// A line per interval.
    Heartbeat(Duration),
}

impl Live {
    /// Hides the bar while a line is written.
    fn suspend(&self, write: impl FnOnce()) {
        match self {
            Self::Bar(bar) if !bar.is_finished() => bar.suspend(write),
            Self::Bar(_) | Self::Heartbeat(_) => write(),
        }
    }
}

fn line(
    record: &EpochRecord,
    validation: &EvaluationReport,
    epochs: usize,
    is_best: bool,
) -> String {
    let width = epochs.to_string().len();
    let mut line = format!(
        "epoch {:>width$}/{epochs}  train loss {:.5}{}  val loss {:.5}  {}  {:.0} samples/s  {:.1} s",
        record.epoch,
        record.train_loss,
        sources(record),
        record.val_loss,
        metrics(record, validation),
        record.samples_per_second,
        record.seconds,
    );
    // Shown if it is more than 5 % of the time: more threads would help.
    if record.loader_wait_seconds > 0.05 * record.seconds {
        line += &format!("  (loader wait {:.1} s)", record.loader_wait_seconds);
    }
    if record.skipped > 0 {
        line += &format!("  ({} skipped)", record.skipped);
    }
    line + star(is_best)
}

/// The errors of the keypoints, or the other metrics where nothing has keypoints.
fn metrics(record: &EpochRecord, validation: &EvaluationReport) -> String {
    let other = validation.other.iter();
    if validation.per_keypoint.is_empty() && !validation.other.is_empty() {
        let other = other.map(|(name, value)| format!("{name} {}", number(*value, 4)));
        return other.collect::<Vec<_>>().join("  ");
    }
    let nme = record
        .nme
        .map_or("–".to_owned(), |nme| format!("{:.2} %", 100.0 * nme));
    let (mae, rmse) = (number(record.mae_px, 3), number(record.rmse_px, 3));
    format!("MAE {mae} px  RMSE {rmse} px  NME {nme}")
}

/// The training loss of each source in parentheses, if there are several.
fn sources(record: &EpochRecord) -> String {
    let losses = record.sources.iter();
    let losses = losses.map(|source| format!("{} {}", source.name, number(source.train_loss, 5)));
    match losses.collect::<Vec<_>>() {
        losses if losses.is_empty() => String::new(),
        losses => format!(" ({})", losses.join(", ")),
    }
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
}

/// Marks the best validation so far.
fn star(is_best: bool) -> &'static str {
    if is_best { "  *" } else { "" }
}

fn short(seconds: f64) -> String {
    // The cast saturates for an infinite time.
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceLoss;
    use crate::observers::testing::{EPOCHS, FakeRun, STEPS};
    use indicatif::InMemoryTerm;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Buffer {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn lines(out: &Buffer, heartbeat: Duration) -> ProgressBar {
        ProgressBar::with_live(Some(Box::new(out.clone())), Live::Heartbeat(heartbeat))
    }

    #[test]
    fn without_a_terminal_there_is_a_line_per_epoch() {
        let buffer = Buffer::default();
        let mut progress = lines(&buffer, Duration::MAX);
        assert!(
            FakeRun::new()
                .replay(&mut progress, 0..EPOCHS * STEPS)
                .is_continue()
        );
        let text = buffer.text();
        let lines: Vec<&str> = text.lines().collect();
        // A validation and an end per epoch, and one skipped sample.
        assert_eq!(lines.len(), 2 * EPOCHS + 1, "{text}");
        assert!(
            lines[0].starts_with("epoch   1, step 3  val loss 0."),
            "{text}"
        );
        assert_eq!(
            lines[1],
            "epoch 1/3  train loss 0.50000  val loss 0.25000  MAE 10.000 px  RMSE 12.000 px  \
             NME –  100 samples/s  2.0 s  (loader wait 0.1 s)  *"
        );
        assert_eq!(
            lines[3],
            "warning: training sample 7 is skipped (1 of at most 2 in epoch 2): the training set \
             cannot be read: sample 7 cannot be read: a.csv, line 9: no image"
        );
        assert!(lines[4].contains("  (1 skipped)  *"), "{text}");
    }

    #[test]
    fn the_loss_of_each_source_is_shown() {
        let run = FakeRun::new();
        let mut record = run.history[0].clone();
        let loss = |name: &str, train_loss| SourceLoss {
            name: name.to_owned(),
            train_loss,
        };
        record.sources = vec![loss("mine", Some(0.25)), loss("faces", None)];
        let text = line(&record, &run.validation, 3, false);
        let expected = "epoch 1/3  train loss 0.50000 (mine 0.25000, faces –)  val loss 0.25000";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn a_slow_loader_is_explained_once() {
        let text = |seconds: f64, loader_fraction: [f64; EPOCHS]| {
            let mut run = FakeRun::new();
            run.loader_fraction = loader_fraction;
            run.history.iter_mut().for_each(|r| r.seconds = seconds);
            let buffer = Buffer::default();
            let mut progress = lines(&buffer, Duration::MAX).with_loader_advice("renders");
            let flow = run.replay(&mut progress, 0..EPOCHS * STEPS);
            assert!(flow.is_continue());
            buffer.text()
        };
        let slow = text(20.0, [0.09, 0.25, 0.4]);
        let notes: Vec<&str> = slow.lines().filter(|l| l.starts_with("note:")).collect();
        let expected =
            "note: 25 % of the time of epoch 2 was spent on its samples; the loader renders";
        assert_eq!(notes, [expected], "{slow}");
        // Less than a tenth of the time, and less than a second.
        for fast in [text(20.0, [0.09; EPOCHS]), text(1.0, [0.9; EPOCHS])] {
            assert!(!fast.contains("note:"), "{fast}");
        }
    }

    #[test]
    fn a_heartbeat_line_shows_the_progress_of_the_epoch() {
        let buffer = Buffer::default();
        let mut progress = lines(&buffer, Duration::ZERO);
        assert!(
            FakeRun::new()
                .replay(&mut progress, STEPS + 1..2 * STEPS)
                .is_continue()
        );
        let text = buffer.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "resuming after epoch 1/3, step 1");
        assert!(
            lines[1].starts_with("epoch 2/3  step 3/5  ")
                && lines[1].contains("s left  loss 0.12500  "),
            "{text}"
        );
        assert!(lines[1].ends_with(" samples/s  lr 1.0e-3"), "{text}");
        assert_eq!(text.matches("step 5/5").count(), 1);
    }

    #[test]
    fn the_bar_shows_the_step_and_is_hidden_for_lines() {
        let (term, buffer) = (InMemoryTerm::new(4, 120), Buffer::default());
        let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
        let mut progress = ProgressBar::with_target(Some(Box::new(buffer.clone())), target);
        let run = FakeRun::new();
        assert!(run.replay(&mut progress, 0..4).is_continue());
        let bar = term.contents();
        assert!(
            bar.starts_with("epoch 1/3 [================>   ] 4/5 ")
                && bar.contains("s left  loss 0.25000  "),
            "{bar}"
        );
        assert!(bar.ends_with(" samples/s  lr 1.0e-3"), "{bar}");
        assert!(run.replay(&mut progress, 4..STEPS + 1).is_continue());
        let bar = term.contents();
        assert!(
            bar.starts_with("epoch 2/3 [====>               ] 1/5 "),
            "{bar}"
        );
        assert_eq!(buffer.text().lines().count(), 3);
        drop(progress);
        assert_eq!(term.contents(), "");
    }

    #[test]
    fn durations_are_short() {
        let shown = [0.4, 59.4, 60.0, 3599.0, 3600.0, 1e9].map(short);
        assert_eq!(
            shown,
            ["0s", "59s", "1m 00s", "59m 59s", "1h 00m", "277777h 46m"]
        );
    }
}
