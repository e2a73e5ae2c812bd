//! Runs that render new faces for each epoch.

use crate::common::small_config;
use candle_core::Device;
use fkp_core::Dataset;
use fkp_examples::{RenderedFaces, RunConfig, TrainingRun};
use fkp_train::{Observer, StepReport, TrainOutcome};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

struct StopAfter(usize);

impl Observer for StopAfter {
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        match report.global_step == self.0 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

fn config(faces: RenderedFaces) -> RunConfig {
    let mut config = small_config();
    config.data.rendered.faces = faces;
    config
}

/// Trains in `threads` threads; if `stop` is given, stops after this step and resumes.
fn train(
    config: &RunConfig,
    folder: &Path,
    threads: usize,
    stop: Option<usize>,
) -> (TrainOutcome, Vec<u8>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    let outcome = pool.build().unwrap().install(|| {
        let run = TrainingRun::open(config.clone()).unwrap();
        let trainer = run.trainer(&Device::Cpu).unwrap().save_to(folder);
        let trainer = trainer.depends_on(run.fingerprint().unwrap());
        let (train, selection) = (&run.data.train, &run.data.selection);
        let Some(step) = stop else {
            return trainer.fit(train, selection, &mut ()).unwrap();
        };
        let stopped = trainer.fit(train, selection, &mut StopAfter(step));
        assert_eq!(stopped.unwrap().progress.global_step, step);
        trainer.resume(train, selection, &mut ()).unwrap()
    });
    let last = std::fs::read(folder.join("last.safetensors")).unwrap();
    (outcome, last)
}

#[test]
fn no_face_is_seen_twice_and_validation_faces_stay() {
    let config = config(RenderedFaces::NewEachEpoch);
    let run = TrainingRun::open(config).unwrap();
    let mut people = BTreeSet::new();
    for epoch in 0..3 {
        for index in 0..run.data.train.len() {
            let sample = run.data.train.get_in_epoch(epoch, index).unwrap();
            assert_eq!(sample, run.data.train.get_in_epoch(epoch, index).unwrap());
            assert!(people.insert(sample.image.content_hash()));
        }
        let selection = &run.data.selection;
        for index in 0..selection.len() {
            let sample = selection.get_in_epoch(epoch, index).unwrap();
            assert_eq!(sample, selection.get(index).unwrap());
            assert!(!people.contains(&sample.image.content_hash()));
        }
    }
    assert!(run.data.source.description.contains("new ones each time"));
}

/// 5 steps an epoch: the first epochs of both runs are the same, the second ones are not.
#[test]
fn new_faces_are_a_function_of_seed_epoch_and_index() {
    let folder = tempfile::tempdir().unwrap();
    let new = config(RenderedFaces::NewEachEpoch);
    let run =
        |config, name: &str, threads, stop| train(config, &folder.path().join(name), threads, stop);
    let whole = run(&new, "whole", 1, None);
    for threads in [2, 3] {
        let other = run(&new, &format!("{threads} threads"), threads, None);
        assert!(other.1 == whole.1, "{threads} threads");
    }
    for step in [3, 7, 12] {
        let resumed = run(&new, &format!("resumed {step}"), 2, Some(step));
        assert!(resumed.1 == whole.1, "stopped after step {step}");
    }
    let fixed = run(&config(RenderedFaces::Fixed), "fixed", 2, None);
    let losses = |(outcome, _): &(TrainOutcome, _)| {
        let history = outcome.progress.history.iter();
        history.map(|record| record.train_loss).collect::<Vec<_>>()
    };
    assert_eq!(losses(&fixed)[0], losses(&whole)[0]);
    assert_ne!(losses(&fixed)[1], losses(&whole)[1]);
}

#[test]
fn a_run_is_not_resumed_with_other_faces() {
    let folder = tempfile::tempdir().unwrap();
    train(&config(RenderedFaces::Fixed), folder.path(), 2, None);
    let run = TrainingRun::open(config(RenderedFaces::NewEachEpoch)).unwrap();
    let trainer = run.trainer(&Device::Cpu).unwrap().save_to(folder.path());
    let trainer = trainer.depends_on(run.fingerprint().unwrap());
    let resumed = trainer.resume(&run.data.train, &run.data.selection, &mut ());
    let error = resumed.unwrap_err().to_string();
    assert!(error.contains("new_each_epoch"), "{error}");
}
