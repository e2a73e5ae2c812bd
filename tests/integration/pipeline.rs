//! From rendered faces to keypoints in an image's own pixels.

use crate::common::{own_keypoints, small_config, train};
use fkp_core::{
    Affine, Border, CoordinateFrame, CropSquare, Dataset, FaceBox, Filter, Image, warp_affine,
};
use fkp_data::BoxSource;
use fkp_examples::{Part, RunNotes, open_for_evaluation};
use fkp_metrics::{Evaluation, MeanFace};
use fkp_model::{Landmarker, ModelFile};
use fkp_synth::{SynthConfig, SynthFaces};
use fkp_train::{Evaluator, codec_for};

/// The weights of two runs agree to the byte, and so do those of one and two threads, with the
/// tutorial's augmentation and kernels that work in parallel.
#[test]
fn one_seed_is_one_model_file() {
    let run = |threads: usize, seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = small_config();
        config.train.seed = seed;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| train(&config, folder.path()));
        std::fs::read(folder.path().join("best.safetensors")).unwrap()
    };
    let one = run(1, 11);
    assert_eq!(one, run(1, 11), "the same run twice");
    assert_eq!(one, run(2, 11), "two threads");
    assert_ne!(one, run(1, 12), "another seed");
}

/// The model file alone is enough: schema, crop and input are in it, and what it scores is what
/// the loop wrote down.
#[test]
fn a_model_file_says_everything_an_evaluation_needs() {
    let folder = tempfile::tempdir().unwrap();
    let config = small_config();
    let (_, outcome) = train(&config, folder.path());
    let model = ModelFile::read(folder.path().join("best.safetensors")).unwrap();
    let card = &model.card;
    let open = |part| {
        open_for_evaluation(
            card,
            &own_keypoints(card),
            None,
            None,
            part,
            BoxSource::Labels,
            None,
        )
        .unwrap()
        .0
    };
    let loss = RunNotes::read(card).unwrap().loss;
    let device = candle_core::Device::Cpu;
    let network = model.network(&device).unwrap();
    let codec = codec_for(&card.task, &network, loss, &device).unwrap();
    let evaluator = Evaluator::new(&network, &*codec, card.task.input);
    let report = evaluator.run(&open(Part::Selection), |_| {}).unwrap();
    let best = outcome.progress.best.unwrap();
    assert!((report.loss.unwrap() - best.score).abs() < 1e-6);
    assert_eq!(report.samples, 32);
    // The part that chose nothing is another.
    let held_out = evaluator.run(&open(Part::Val), |_| {}).unwrap();
    assert_ne!(held_out.loss, report.loss);
}

/// The model file remembers how its data was split, so that what is evaluated later under the
/// name of validation is what the training held out.
#[test]
fn evaluation_scores_what_the_training_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    std::fs::create_dir_all(set.join("images")).unwrap();
    let mut table = "image,0_x,0_y\n".to_owned();
    for index in 0..30u8 {
        let image = image::GrayImage::from_pixel(48, 48, image::Luma([index * 8]));
        image.save(set.join(format!("images/{index}.png"))).unwrap();
        table += &format!("{index}.png,{index},{}\n", 40 - index);
    }
    std::fs::write(set.join("keypoints.csv"), table).unwrap();
    for seed in [0, 5] {
        let run = folder.path().join(format!("run{seed}"));
        let mut config = small_config();
        config.data.path = Some(set.clone());
        config.data.schema = "source".to_owned();
        // The flip pairs of a numbered keypoint are unknown.
        config.augment = fkp_augment::Recipe::none();
        config.data.split.seed = seed;
        config.train.epochs = 1;
        let (data, outcome) = train(&config, &run);
        let landmarker = Landmarker::load(run.join("best.safetensors")).unwrap();
        let card = landmarker.card();
        let ids = |set: &dyn Dataset| {
            let all = (0..set.len()).map(|i| set.get(i).unwrap().id);
            all.collect::<Vec<_>>()
        };
        let part = |part| {
            let path = Some(set.as_path());
            let opened = open_for_evaluation(
                card,
                &own_keypoints(card),
                path,
                None,
                part,
                BoxSource::Labels,
                None,
            );
            ids(&opened.unwrap().0)
        };
        assert_eq!(part(Part::Selection), ids(&data.selection), "seed {seed}");
        assert_eq!(part(Part::Train), ids(&data.train), "seed {seed}");
        // Every sample is in one of three parts, and what is reported on was in neither other.
        let mut all = [part(Part::Train), part(Part::Selection), part(Part::Val)].concat();
        all.sort();
        let mut complete = part(Part::All);
        complete.sort();
        assert_eq!(all, complete);
        assert!(outcome.progress.best.is_some());
    }
}

/// A face anywhere in a larger color image: the keypoints come back in that image's pixels.
#[test]
fn keypoints_are_found_in_a_larger_image() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = small_config();
    learn_more(&mut config);
    train(&config, folder.path());
    let landmarker = Landmarker::load(folder.path().join("best.safetensors")).unwrap();

    let side = 48;
    let faces = SynthFaces::new(SynthConfig {
        size: side,
        count: 40,
        seed: 99,
        ..SynthConfig::default()
    })
    .unwrap();
    let frame = CoordinateFrame {
        width: 400,
        height: 300,
    };
    // Three times as large, with its top left corner at (150, 60).
    let scale = 3.0;
    let square = CropSquare {
        center: (150.0 - 0.5 + 72.0, 60.0 - 0.5 + 72.0),
        side: 144.0,
    };
    let image_from_face = square.crop_from_image(side).unwrap().inverse();
    let mut ours = Evaluation::new(faces.schema(), frame);
    let mut in_crop = Evaluation::new(faces.schema(), frame);
    for index in 0..faces.len() {
        let face = faces.get(index).unwrap();
        let image = pasted(&face.image, &image_from_face);
        let found = landmarker
            .detect_in(&image, &FaceBox::crop(square.bounds()))
            .unwrap();
        ours.add(found.positions(), &face.keypoints.map(&image_from_face));
        let found = landmarker.detect(&face.image).unwrap();
        in_crop.add(found.positions(), &face.keypoints);
    }
    let (ours, in_crop) = (
        ours.report().mae_px.unwrap(),
        in_crop.report().mae_px.unwrap(),
    );
    // The way out to the image and back costs little more than the scale.
    assert!(
        (ours / scale - in_crop).abs() < 0.1,
        "{ours} / 3 against {in_crop}"
    );
    assert!(
        in_crop < 2.0,
        "the network has learned too little to tell: {in_crop} px"
    );
}

/// Enough to know a face, without augmentation to make it harder.
fn learn_more(config: &mut fkp_examples::RunConfig) {
    config.data.rendered.train = 1600;
    config.augment = fkp_augment::Recipe::none();
    config.train.epochs = 15;
    config.train.batch_size = 10;
}

fn pasted(face: &Image, image_from_face: &Affine) -> Image {
    let size = (400, 300);
    warp_affine(
        &face.to_rgb(),
        image_from_face,
        size,
        Filter::Bilinear,
        Border::Constant(0),
    )
}

#[test]
fn a_short_run_beats_the_mean_face() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = small_config();
    learn_more(&mut config);
    let (data, outcome) = train(&config, folder.path());
    let faces = |set: &dyn Dataset| {
        let all = (0..set.len()).map(|i| set.get(i).unwrap().keypoints);
        all.collect::<Vec<_>>()
    };
    let mean = MeanFace::fit(data.schema.len(), faces(&data.train)).predict();
    let mut constant = Evaluation::new(&data.schema, config.input.frame());
    for truth in faces(&data.selection) {
        constant.add(&mean, &truth);
    }
    let constant = constant.report().mae_px.unwrap();
    let ours = outcome.progress.history.last().unwrap().mae_px.unwrap();
    assert!(ours < 0.8 * constant, "{ours} px, mean face {constant} px");
}
