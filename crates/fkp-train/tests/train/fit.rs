//! The loop when all goes well.

use crate::common::{
    Dense, Dim, MakeNetwork, SIDE, Setup, config, coordinates, dense, dots, residual,
};
use candle_core::Device;
use fkp_core::{InputSpec, NoAugment};
use fkp_train::{EpochReport, Evaluator, Observer, Params, StepReport, Stopped};
use std::ops::ControlFlow;

#[test]
fn the_loss_falls_and_every_epoch_is_reported() {
    struct Count(usize, usize);
    impl Observer for Count {
        fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
            self.0 += report.samples;
            ControlFlow::Continue(())
        }
        fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
            self.1 += 1;
            assert_eq!(report.history.len(), self.1);
            assert_eq!(report.validation.samples, 13);
            ControlFlow::Continue(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.config.epochs = 30;
    let mut count = Count(0, 0);
    let (outcome, _) = setup.go(&dots(37), &NoAugment, &mut count).unwrap();
    // 37 = 4 · 8 + 5: the last partial batch is trained on too.
    assert_eq!((count.0, count.1), (30 * 37, 30));
    assert_eq!(outcome.stopped, Stopped::Finished);
    let history = &outcome.progress.history;
    assert!(
        history[29].val_loss < 0.3 * history[0].val_loss,
        "{history:?}"
    );
    let best = outcome.progress.best.unwrap();
    let lowest = history
        .iter()
        .map(|r| r.val_loss)
        .fold(f64::INFINITY, f64::min);
    assert_eq!(best.val_loss, lowest);
}

#[test]
fn one_seed_gives_one_result_whatever_the_threads() {
    let run = |network: MakeNetwork, threads: usize, seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(folder.path());
        setup.config.seed = seed;
        setup.network = network;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| setup.go(&dots(37), &Dim, &mut ()).unwrap());
        ["best", "last"]
            .map(|f| std::fs::read(folder.path().join(f).with_extension("safetensors")).unwrap())
    };
    for network in [dense, residual] {
        let one = run(network, 1, 5);
        assert_eq!(one, run(network, 1, 5));
        assert_eq!(one, run(network, 2, 5));
        assert_eq!(one, run(network, 3, 5));
        assert_ne!(one, run(network, 1, 6));
    }
}

#[test]
fn every_sample_is_scored_and_a_missing_label_never() {
    let params = Params::new(0, &Device::Cpu);
    let network = Dense(candle_nn::linear(SIDE * SIDE, 2, params.builder()).unwrap());
    let input = InputSpec::grey(SIDE);
    let codec = coordinates(&config());
    let run = |batch_size: usize| {
        let mut seen = Vec::new();
        let evaluator = Evaluator {
            network: &network,
            codec: &codec,
            input,
            batch_size,
            device: &Device::Cpu,
        };
        let mut predicted = Vec::new();
        let report = evaluator
            .run(&dots(13), |scored| {
                seen.push(scored.index);
                predicted.push(scored.predicted.clone());
            })
            .unwrap();
        let some = evaluator.predict(&dots(13), &[11, 2]).unwrap();
        assert_eq!((&*some[0].0.id, &*some[1].0.id), ("dot 11", "dot 2"));
        for ((_, keypoints), index) in some.iter().zip([11, 2]) {
            assert!(keypoints[0].distance(&predicted[index][0]) < 1e-4);
        }
        assert!(evaluator.predict(&dots(13), &[13]).is_err());
        assert_eq!(seen, (0..13).collect::<Vec<_>>());
        report
    };
    let report = run(13);
    assert_eq!((report.samples, report.per_point[0].scored), (13, 11));
    for batch_size in [1, 4, 100] {
        let other = run(batch_size);
        assert_eq!(other.per_point[0].scored, 11);
        assert!((other.loss.unwrap() - report.loss.unwrap()).abs() < 1e-6);
        assert!((other.mae_px.unwrap() - report.mae_px.unwrap()).abs() < 1e-5);
    }
}
