//! Trains a keypoint network, on rendered faces or on your own data.
//!
//! ```text
//! cargo run --release --example train
//! cargo run --release --example train -- --data training.zip --epochs 20
//! cargo run --release --example train -- --resume runs/rendered-001
//! cargo run --release --example train -- --resume runs/rendered-001 --override --lr 1e-4
//! cargo run --release --example train -- --find-lr
//! mpirun -n 2 target/release/examples/train --communicator mpi    # a build with --features mpi
//! ```

mod arguments;
mod configuration;
mod detection;
mod evaluation;
mod learning_rates;
mod observers;

use crate::arguments::{Arguments, Start};
use crate::observers::RunObservers;
use anyhow::{Result, ensure};
use clap::Parser;
use fkp_core::OutputSpec;
use fkp_examples::{
    Ranks, SelectionPart, TrainingRun, check_writable, finish, fresh_folder, model_file, say,
    use_threads,
};
use fkp_model::ModelFile;
use fkp_train::{StopReason, TrainOutcome, Trainer};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Ranks::join(arguments.communicator) {
        Ok(ranks) => {
            let result = train(&arguments, &ranks);
            ranks.finish(result)
        }
        Err(error) => finish(Err(error)),
    }
}

fn train(arguments: &Arguments, ranks: &Ranks) -> Result<()> {
    use_threads(arguments.threads)?;
    arguments.check()?;
    if let Some(path) = &arguments.export {
        check_writable(path)?;
    }
    let device = arguments.device.open()?;
    let run = TrainingRun::open(arguments.resolve()?)?;
    let trainer = run.trainer(&device)?.communicator(ranks.communicator());
    say!("data: {}", run.data.source.description);
    let parameters = parameter_count(&trainer);
    say!("network: {parameters} parameters");
    if let (Start::New, Some(init)) = (arguments.start(), &run.config.init) {
        initialize(&trainer, init, run.config.output)?;
    }
    if arguments.find_lr {
        return learning_rates::test(&trainer, &run, arguments.out.as_deref());
    }

    if !ranks.is_first() {
        return follow(trainer, &run, arguments);
    }
    let folder = folder(arguments, &run)?;
    say!("writing to {}", folder.display());
    let trainer = trainer.save_to(&folder).depends_on(run.fingerprint()?);
    let mut observers = RunObservers::new(&folder, &run)?;
    let outcome = fit(&trainer, &run, &arguments.start(), &mut observers)?;
    observers.finish(&outcome.progress.history)?;
    if let Some(message) = interrupted(&outcome, &folder) {
        say!("{message}");
        return Ok(());
    }
    if outcome.stop_reason == StopReason::EarlyStopping {
        say!("stopped early: validation no longer improves");
    }

    let best = folder.join("best.safetensors");
    if run.detects_faces() {
        detection::report(&best, &folder, &run, arguments.export.as_deref())?;
    } else {
        let measurements = evaluation::report(&best, &folder, &run, &outcome, parameters)?;
        if let Some(path) = &arguments.export {
            measurements.export(&ModelFile::read(&best)?, path)?;
        }
    }
    if run.data.selected_on == SelectionPart::Carved {
        say!("{}", how_to_evaluate(&run, &best));
    }
    Ok(())
}

/// The command that evaluates a model on data on which nothing was chosen.
fn how_to_evaluate(run: &TrainingRun, best: &Path) -> String {
    let paths = run.config.data.paths();
    let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    let data = match &paths[..] {
        [] if run.detects_faces() => " --data with images and the boxes of their faces".to_owned(),
        [] => String::new(),
        [path] => format!(" --data {path}"),
        paths => format!(" --data with one of {}", paths.join(", ")),
    };
    let best = best.display();
    format!("to evaluate on data that chose nothing: evaluate --model {best} --split val{data}")
}

/// Trains on a rank other than the first, which writes no file.
fn follow(trainer: Trainer<'_>, run: &TrainingRun, arguments: &Arguments) -> Result<()> {
    let trainer = trainer.depends_on(run.fingerprint()?);
    let (train, selection) = (&run.data.train, &run.data.selection);
    match &arguments.resume {
        None => trainer.fit(train, selection, &mut ())?,
        Some(folder) => {
            let trainer = trainer.save_to(folder);
            match arguments.start() {
                Start::Override => trainer.resume_overriding(train, selection, &mut ())?,
                _ => trainer.resume(train, selection, &mut ())?,
            }
        }
    };
    Ok(())
}

/// Starts from the weights of a model, and prints which of them fit a network with this output.
fn initialize(trainer: &Trainer<'_>, init: &Path, output: OutputSpec) -> Result<()> {
    let (model, name) = model_file(Some(init))?;
    let model = match output.has_face_score() {
        true => model,
        false => model.without_face_score()?,
    };
    let new = trainer.params().load_matching(&model.weights)?;
    let all = trainer.params().tensors().len();
    ensure!(
        new.len() < all,
        "--init: the network has no weight of the shape of one of {name}"
    );
    say!(
        "starting from {} of {all} weights of {name}{}",
        all - new.len(),
        match &new[..] {
            [] => String::new(),
            new => format!("; at random: {}", new.join(", ")),
        }
    );
    Ok(())
}

fn parameter_count(trainer: &Trainer<'_>) -> usize {
    let weights = trainer.params().named();
    weights.iter().map(|(_, weight)| weight.elem_count()).sum()
}

/// The folder of the run to resume, or a new one.
fn folder(arguments: &Arguments, run: &TrainingRun) -> Result<PathBuf> {
    match &arguments.resume {
        Some(folder) => Ok(folder.clone()),
        None => fresh_folder(arguments.out.as_deref(), &run.data.source.name),
    }
}

/// Trains to the end or until it is stopped.
fn fit(
    trainer: &Trainer<'_>,
    run: &TrainingRun,
    start: &Start,
    observers: &mut RunObservers,
) -> Result<TrainOutcome> {
    let (train, selection) = (&run.data.train, &run.data.selection);
    let mut observers = observers.all();
    Ok(match start {
        Start::New => trainer.fit(train, selection, &mut observers)?,
        Start::Resume => trainer.resume(train, selection, &mut observers)?,
        Start::Override => {
            for difference in trainer.differences(train, selection)? {
                say!("overridden: {difference}");
            }
            trainer.resume_overriding(train, selection, &mut observers)?
        }
    })
}

/// What to tell the user of a run that has epochs left; `None` for one that is over.
fn interrupted(outcome: &TrainOutcome, folder: &Path) -> Option<String> {
    let reason = match outcome.stop_reason {
        StopReason::Observer => "stopped",
        StopReason::TimeLimit => "the time is up",
        StopReason::EarlyStopping | StopReason::Finished => return None,
    };
    let (epochs, steps) = (outcome.progress.epochs_done, outcome.progress.steps_done);
    Some(format!(
        "{reason} after {epochs} epochs and {steps} steps; continue with --resume {}",
        folder.display()
    ))
}
