//! Training on several data sets at once.

use crate::common::{own_keypoints, small_config};
use candle_core::Device;
use fkp_core::{Dataset, Sample, Schema};
use fkp_data::BoxSource;
use fkp_examples::{
    DataConfig, Part, RenderedFaces, RunConfig, RunNotes, SourceConfig, TrainingRun,
    open_for_evaluation, open_for_training,
};
use fkp_synth::{SynthConfig, SynthFaces};
use fkp_test_support::shared_set;
use fkp_train::{Observer, Sampler, StepReport, TrainOutcome};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The keypoints of a set of five, in another order than those of `kaggle15`.
const FIVE: [&str; 5] = [
    "right_eye_center",
    "left_eye_center",
    "nose_tip",
    "mouth_right_corner",
    "mouth_left_corner",
];

/// Writes `count` rendered faces with these of their keypoints.
fn write_set(folder: &Path, name: &str, seed: u64, count: usize, keypoints: &[&str]) -> PathBuf {
    let set = folder.join(name);
    std::fs::create_dir_all(set.join("images")).unwrap();
    let faces = SynthFaces::new(SynthConfig {
        size: 64,
        count,
        seed,
        ..SynthConfig::default()
    })
    .unwrap();
    let mut table = "image".to_owned();
    for name in keypoints {
        table += &format!(",{name}_x,{name}_y");
    }
    for index in 0..count {
        let face = faces.get(index).unwrap();
        let pixels = face.image.as_bytes().to_vec();
        let image = image::GrayImage::from_raw(64, 64, pixels).unwrap();
        image.save(set.join(format!("images/{index}.png"))).unwrap();
        table += &format!("\n{index}.png");
        for name in keypoints {
            let keypoint = face.keypoints[faces.schema().index_of(name).unwrap()];
            table += &format!(",{},{}", keypoint.x, keypoint.y);
        }
    }
    std::fs::write(set.join("keypoints.csv"), table + "\n").unwrap();
    set
}

fn fifteen() -> Vec<String> {
    Schema::kaggle15().keypoints().to_vec()
}

/// Two folders, one of which has five keypoints.
fn two_sets(folder: &Path) -> [PathBuf; 2] {
    let all = fifteen();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    [
        write_set(folder, "all", 5, 50, &all),
        write_set(folder, "five", 6, 40, &FIVE),
    ]
}

fn file(path: &Path, weight: Option<f64>) -> SourceConfig {
    SourceConfig {
        path: Some(path.to_owned()),
        weight,
        ..SourceConfig::default()
    }
}

fn rendered(count: usize, weight: Option<f64>) -> SourceConfig {
    SourceConfig {
        rendered: Some(count),
        weight,
        ..SourceConfig::default()
    }
}

fn config(sources: Vec<SourceConfig>) -> RunConfig {
    let mut config = small_config();
    config.data.sources = sources;
    config
}

struct StopAfter(usize);

impl Observer for StopAfter {
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        match report.global_step == self.0 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
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
        trainer.fit(train, selection, &mut StopAfter(step)).unwrap();
        trainer.resume(train, selection, &mut ()).unwrap()
    });
    let last = std::fs::read(folder.join("last.safetensors")).unwrap();
    (outcome, last)
}

fn samples(set: &dyn Dataset) -> Vec<Sample> {
    (0..set.len()).map(|i| set.get(i).unwrap()).collect()
}

#[test]
fn sources_are_mapped_onto_one_schema_and_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let [all, five] = two_sets(folder.path());
    let sources = vec![file(&all, None), file(&five, None), rendered(30, None)];
    let config = config(sources);
    let data = open_for_training(&config.data, &config.input).unwrap();
    assert_eq!(data.schema, Schema::kaggle15());
    let sizes: Vec<usize> = data.sources.iter().map(|source| source.samples).collect();
    assert_eq!((sizes.len(), sizes[2]), (3, 30));
    assert_eq!(data.train.len(), sizes.iter().sum::<usize>());
    let labeled: Vec<usize> = samples(&data.train)
        .iter()
        .map(|sample| sample.keypoints.labeled().count())
        .collect();
    assert!(labeled[..sizes[0]].iter().all(|count| *count == 15));
    assert!(labeled[sizes[0]..][..sizes[1]].iter().all(|n| *n == 5));
    assert!(labeled[sizes[0] + sizes[1]..].iter().all(|n| *n == 15));
    let schema = &data.schema;
    for sample in &samples(&data.train)[sizes[0]..][..sizes[1]] {
        for (i, _) in sample.keypoints.labeled() {
            assert!(FIVE.contains(&schema.keypoints()[i].as_str()));
        }
    }
    // Each source is as it would be alone, and the rendered faces choose nothing.
    let alone = |path: &Path| {
        let data = DataConfig {
            path: Some(path.to_owned()),
            ..DataConfig::default()
        };
        open_for_training(&data, &config.input).unwrap()
    };
    let (first, second) = (alone(&all), alone(&five));
    let joined = [samples(&first.train), samples(&second.train)].concat();
    assert_eq!(samples(&data.train)[..joined.len()], joined);
    let selection = [samples(&first.selection), samples(&second.selection)].concat();
    assert_eq!(samples(&data.selection), selection);
    let text = &data.source.description;
    assert!(text.starts_with("3 sources\nall: "), "{text}");
    assert!(text.contains("not used to choose the best epoch"), "{text}");
    assert_eq!(data.source.name, "all+five+rendered");
}

#[test]
fn a_mixed_run_does_not_depend_on_threads_or_interruptions_and_names_its_sources() {
    let folder = tempfile::tempdir().unwrap();
    let [all, five] = two_sets(folder.path());
    let mixtures = [
        vec![file(&all, None), file(&five, None), rendered(30, None)],
        vec![
            file(&all, Some(1.0)),
            file(&five, Some(3.0)),
            rendered(30, Some(2.5)),
        ],
    ];
    for (number, sources) in mixtures.into_iter().enumerate() {
        let mut config = config(sources);
        config.data.rendered.faces = RenderedFaces::NewEachEpoch;
        let run = |name: &str, threads, stop| {
            let folder = folder.path().join(format!("{number} {name}"));
            train(&config, &folder, threads, stop)
        };
        let whole = run("whole", 1, None);
        assert!(run("threads", 3, None).1 == whole.1);
        for step in [2, 8] {
            let resumed = run(&format!("stopped {step}"), 2, Some(step));
            assert!(resumed.1 == whole.1, "stopped after step {step}");
            let losses = |outcome: &TrainOutcome| {
                let history = outcome.progress.history.iter();
                history.map(|r| r.sources.clone()).collect::<Vec<_>>()
            };
            assert_eq!(losses(&resumed.0), losses(&whole.0));
        }
        for record in &whole.0.progress.history {
            let names: Vec<&str> = record.sources.iter().map(|s| &*s.name).collect();
            assert_eq!(names, ["all", "five", "rendered"]);
            assert!(record.sources.iter().all(|s| s.train_loss.is_some()));
        }
        let model = folder
            .path()
            .join(format!("{number} whole/best.safetensors"));
        let landmarker = fkp_model::Landmarker::load(model).unwrap();
        let notes = RunNotes::read(landmarker.card()).unwrap();
        assert_eq!(notes.sources.len(), 3);
        assert!(notes.sources[1].starts_with("five: "), "{notes:?}");
    }
}

#[test]
fn weights_are_proportions_and_new_faces_are_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let [all, five] = two_sets(folder.path());
    let mut config = config(vec![
        file(&all, Some(0.0)),
        file(&five, Some(1.0)),
        rendered(10, Some(3.0)),
    ]);
    config.data.rendered.faces = RenderedFaces::NewEachEpoch;
    let data = open_for_training(&config.data, &config.input).unwrap();
    let [all, five, faces] = &data.sources[..] else {
        panic!("{:?}", data.sources);
    };
    assert_eq!(all.samples_per_epoch, 0);
    let per_epoch = five.samples + 10;
    let quota = (per_epoch as f64 / 4.0).round() as usize;
    assert_eq!(five.samples_per_epoch, quota);
    // As many faces are rendered as an epoch uses.
    assert_eq!(
        (faces.samples, faces.samples_per_epoch),
        (per_epoch - quota, per_epoch - quota)
    );
    assert_eq!(data.train.len(), five.samples + faces.samples);
    let order = data.sampler.as_ref().unwrap().order(data.train.len(), 1, 0);
    let used: BTreeSet<usize> = order.iter().copied().collect();
    assert_eq!((used.len(), order.len()), (per_epoch, per_epoch));
    // The source that is not trained on chooses the best epoch too.
    config.data.sources.remove(0);
    let without = open_for_training(&config.data, &config.input).unwrap();
    assert!(data.selection.len() > without.selection.len());
    assert_eq!(data.train.len(), without.train.len());
}

#[test]
fn errors_name_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let [all, five] = two_sets(folder.path());
    let refused = |sources: Vec<SourceConfig>, change: fn(&mut DataConfig)| {
        let mut config = config(sources);
        change(&mut config.data);
        let run = TrainingRun::open(config);
        format!("{:#}", run.err().expect("the data was accepted"))
    };
    let missing = folder.path().join("missing");
    let text = refused(vec![file(&all, None), file(&missing, None)], |_| {});
    assert!(text.starts_with("source `missing`: "), "{text}");
    let text = refused(vec![file(&all, None), file(&five, None)], |data| {
        data.schema = "source".to_owned();
    });
    assert!(text.contains("source `five` has the keypoints"), "{text}");
    let text = refused(vec![file(&all, None), rendered(9, None)], |data| {
        data.schema = "ibug68".to_owned();
    });
    assert!(
        text.contains("source `all`") || text.contains("source `rendered`"),
        "{text}"
    );
    let text = refused(vec![file(&all, Some(1.0)), file(&five, Some(1e-9))], |_| {});
    assert!(text.contains("source `five`: its weight"), "{text}");

    // An image that cannot be decoded any more when it is read.
    let sources = vec![file(&all, None), file(&five, None)];
    let run = TrainingRun::open(config(sources)).unwrap();
    std::fs::remove_dir_all(five.join("images")).unwrap();
    let trainer = run.trainer(&Device::Cpu).unwrap();
    let error = trainer.fit(&run.data.train, &run.data.selection, &mut ());
    let mut text = String::new();
    let error = error.unwrap_err();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        text += &format!("{error}: ");
        cause = error.source();
    }
    assert!(text.contains("of source `five`"), "{text}");
}

/// Half of the training part, by person or image: the same for every model, nothing of it in the
/// validation part.
#[test]
fn a_part_of_the_training_part_is_taken_out_by_a_seed() {
    let folder = tempfile::tempdir().unwrap();
    let [all, _] = two_sets(folder.path());
    let run = folder.path().join("run");
    let mut config = small_config();
    config.train.epochs = 1;
    train(&config, &run, 2, None);
    let landmarker = fkp_model::Landmarker::load(run.join("best.safetensors")).unwrap();
    let ids = |part: &str| {
        let part: Part = part.parse().unwrap();
        let card = landmarker.card();
        let opened = open_for_evaluation(
            card,
            &own_keypoints(card),
            Some(&all),
            None,
            part,
            BoxSource::Labels,
            None,
        );
        let ids = samples(&opened.unwrap().0).into_iter().map(|s| s.id);
        ids.collect::<BTreeSet<_>>()
    };
    let (train, selection, val) = (ids("train"), ids("selection"), ids("val"));
    let training_part: BTreeSet<_> = train.union(&selection).cloned().collect();
    let half = ids("train:0.5:3");
    assert!(half.is_subset(&training_part) && half.is_disjoint(&val));
    assert!((8..33).contains(&half.len()), "{}", half.len());
    assert_eq!(half, ids("train:0.5:3"));
    assert_ne!(half, ids("train:0.5:4"));
    assert_eq!(ids("train:0.5:0"), ids("train:0.5"));
}

/// Photographs with 68 keypoints and with five, mapped onto 15.
#[test]
fn real_sets_are_mixed() {
    let (Some(ibug68), Some(net5)) = (shared_set("ibug68"), shared_set("net5")) else {
        return;
    };
    let config = config(vec![
        file(&ibug68, Some(1.0)),
        file(&net5, Some(1.0)),
        rendered(100, Some(1.0)),
    ]);
    let data = open_for_training(&config.data, &config.input).unwrap();
    let [a, b, faces] = &data.sources[..] else {
        panic!("{:?}", data.sources);
    };
    assert!(a.samples_per_epoch.abs_diff(b.samples_per_epoch) <= 1);
    assert_eq!(faces.samples, 100);
    let labeled = |index: usize| data.train.get(index).unwrap().keypoints.labeled().count();
    assert_eq!(labeled(0), 15);
    assert_eq!(labeled(a.samples), 5);
    assert_eq!(labeled(a.samples + b.samples), 15);
}
