//! The learning-rate range test of `train --find-lr`.

use anyhow::{Context, Result};
use fkp_examples::{TrainingRun, say};
use fkp_train::plots::plot_learning_rates;
use fkp_train::{LearningRateCurve, LearningRateFinder, LearningRatePoint, Trainer};
use std::path::Path;

/// Runs the test, writes `lr_finder.csv` and `lr_finder.png` to `out`, and prints a suggestion.
pub(crate) fn test(trainer: &Trainer<'_>, run: &TrainingRun, out: Option<&Path>) -> Result<()> {
    let finder = LearningRateFinder::default();
    let curve = trainer.find_learning_rate(&run.data.train, &finder)?;
    let folder = out.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot create the folder", folder.display()))?;
    write_table(&folder.join("lr_finder.csv"), &curve)?;
    let plot = folder.join("lr_finder.png");
    let losses = curve.points.iter().map(|p| (p.learning_rate, p.smoothed));
    plot_learning_rates(&plot, &losses.collect::<Vec<_>>(), curve.suggestion)?;
    say!("{}", advice(&curve, run.config.train.learning_rate));
    say!("see {}", plot.display());
    Ok(())
}

fn write_table(path: &Path, curve: &LearningRateCurve) -> Result<()> {
    let failed = || format!("{}: cannot write", path.display());
    let mut rows = csv::Writer::from_path(path).with_context(failed)?;
    for point in &curve.points {
        rows.serialize(point)?;
    }
    rows.flush().with_context(failed)
}

/// Compares the configured rate with the range between the steepest fall and the lowest loss.
///
/// The test raises the rate over a hundred steps, so the loss falls fastest long before the rate
/// is too high: that rate is the lower end of the range, the rate of the lowest loss the upper.
fn advice(curve: &LearningRateCurve, configured: f64) -> String {
    let Some(steepest) = curve.suggestion else {
        return "the loss never falls: no learning rate can be suggested".to_owned();
    };
    let by_loss =
        |a: &&LearningRatePoint, b: &&LearningRatePoint| a.smoothed.total_cmp(&b.smoothed);
    let lowest = curve.points.iter().min_by(by_loss);
    let highest = lowest.map_or(steepest, |point| point.learning_rate.max(steepest));
    let verdict = if configured < steepest {
        "lies below: training will be slow"
    } else if configured <= highest {
        "lies between: leave it as it is"
    } else {
        "lies above: the loss may diverge"
    };
    format!(
        "the loss falls fastest at {steepest:.1e} and is lowest at {highest:.1e}: a learning rate \
         between the two is safe to begin with, the upper end trains faster.\n\
         the configured learning rate, {configured:.1e}, {verdict}"
    )
}
