//! A progress bar per epoch and a line for each that is done.

use crate::say;
use fkp_train::{EpochRecord, EpochReport, Observer, StepReport};
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::ControlFlow;

/// Shows rate and time left while an epoch runs, and its figures when it is done.
#[derive(Default)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    fn start(report: &StepReport) -> ProgressBar {
        let template =
            "epoch {prefix} [{bar:30}] {pos}/{len} steps, {per_sec}, {eta} left, loss {msg}";
        let style = ProgressStyle::with_template(template);
        let bar = ProgressBar::new(report.steps as u64)
            .with_prefix(format!("{}/{}", report.epoch, report.epochs))
            // A resumed epoch does not start at its first step.
            .with_position(report.step as u64 - 1);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.reset_eta();
        bar
    }
}

impl Observer for Progress {
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        let bar = self.bar.get_or_insert_with(|| Self::start(report));
        bar.set_position(report.step as u64);
        bar.set_message(format!("{:.4}", report.mean_loss));
        ControlFlow::Continue(())
    }

    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        say!("{}", line(report.record, report.epochs, report.is_best));
        ControlFlow::Continue(())
    }
}

fn line(record: &EpochRecord, epochs: usize, is_best: bool) -> String {
    let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let nme = record
        .nme
        .map_or("–".to_owned(), |nme| format!("{:.2} %", 100.0 * nme));
    format!(
        "epoch {:>3}/{epochs}  train loss {:.5}  val loss {:.5}  MAE {} px  RMSE {} px  NME {nme}  {:.0} samples/s  {:.1} s{}",
        record.epoch,
        record.train_loss,
        record.val_loss,
        figure(record.mae_px),
        figure(record.rmse_px),
        record.samples_per_second,
        record.seconds,
        if is_best { "  *" } else { "" },
    )
}
