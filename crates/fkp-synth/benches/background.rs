//! Time to paint a background and to develop an image, in all and per effect:
//! `cargo bench -p fkp-synth --bench background`.

use criterion::{Criterion, criterion_group, criterion_main};
use fkp_core::{Purpose, rng_for};
use fkp_synth::Texture;
use fkp_synth::background::{Background, BackgroundDistribution, SceneWeights};
use fkp_synth::camera::{Camera, CameraDistribution, Channels, Enlargement, Jpeg};
use std::hint::black_box;

const TEXTURE: Texture = Texture {
    seed: 1,
    mirrored: false,
};

fn sampled(distribution: &BackgroundDistribution) -> Vec<Background> {
    let sample = |index| distribution.sample(&mut rng_for(1, Purpose::Render, 0, index));
    (0..512).map(sample).collect()
}

/// The mean over many sampled parameters: each iteration takes the next ones.
fn typical(criterion: &mut Criterion) {
    let backgrounds = sampled(&BackgroundDistribution::default());
    let distribution = CameraDistribution::default();
    let sample = |index| distribution.sample(&mut rng_for(2, Purpose::Render, 0, index));
    let cameras: Vec<Camera> = (0..512).map(sample).collect();
    for size in [96, 256] {
        let mut next = backgrounds.iter().cycle();
        criterion.bench_function(&format!("background {size}"), |bencher| {
            bencher.iter(|| next.next().map(|it| it.paint(black_box(1), size)));
        });
        let light = backgrounds[3].paint(1, size);
        for (name, channels) in [("gray", Channels::Gray), ("rgb", Channels::Rgb)] {
            let mut next = cameras.iter().cycle();
            criterion.bench_function(&format!("camera {name} {size}"), |bencher| {
                let camera = |it: &Camera| it.develop(black_box(&light), size, channels, TEXTURE);
                bencher.iter(|| next.next().map(camera));
            });
        }
    }
}

fn effects(criterion: &mut Criterion) {
    let size = 96;
    let light = sampled(&BackgroundDistribution::default())[3].paint(1, size);
    let neutral = Camera::NEUTRAL;
    let mut list = vec![("neutral", neutral)];
    let mut add = |name, change: &dyn Fn(&mut Camera)| {
        let mut camera = neutral;
        change(&mut camera);
        list.push((name, camera));
    };
    add("saturation", &|c| c.color.saturation = 1.2);
    add("vignette", &|c| c.vignette.strength = 0.4);
    add("lens blur", &|c| c.lens_blur = 0.01);
    add("wide lens blur", &|c| c.lens_blur = 0.05);
    add("motion blur", &|c| c.motion_blur.length = 0.04);
    add("reduction", &|c| {
        c.resolution.reduction = 2.0;
        c.resolution.enlargement = Enlargement::Bicubic;
    });
    add("noise", &|c| c.noise.shot = 0.03);
    add("color noise", &|c| {
        c.noise.shot = 0.03;
        c.noise.chroma = 0.5;
        c.noise.correlated = true;
    });
    add("sharpening", &|c| c.sharpening.amount = 0.5);
    add("jpeg", &|c| {
        c.jpeg = Some(Jpeg {
            quality: 60.0,
            grid: [0, 0],
        });
    });
    add("fields", &|c| c.television.field_shift = 0.02);
    add("scan lines", &|c| c.television.scan_lines = 0.3);
    add("grain", &|c| c.film.grain = 0.04);
    for (kind, channels) in [("gray", Channels::Gray), ("rgb", Channels::Rgb)] {
        for (name, camera) in &list {
            criterion.bench_function(&format!("{name} {kind}"), |bencher| {
                bencher.iter(|| camera.develop(black_box(&light), size, channels, TEXTURE));
            });
        }
    }
}

fn scenes(criterion: &mut Criterion) {
    let none = SceneWeights {
        studio: 0.0,
        room: 0.0,
        library: 0.0,
        drapery: 0.0,
        stage: 0.0,
        garden: 0.0,
        street: 0.0,
        press: 0.0,
        pattern: 0.0,
        night: 0.0,
        audience: 0.0,
    };
    type Choose = fn(&mut SceneWeights) -> &mut f32;
    let list: [(&str, Choose); 11] = [
        ("studio", |w| &mut w.studio),
        ("room", |w| &mut w.room),
        ("library", |w| &mut w.library),
        ("drapery", |w| &mut w.drapery),
        ("stage", |w| &mut w.stage),
        ("garden", |w| &mut w.garden),
        ("street", |w| &mut w.street),
        ("press", |w| &mut w.press),
        ("pattern", |w| &mut w.pattern),
        ("night", |w| &mut w.night),
        ("audience", |w| &mut w.audience),
    ];
    for (name, choose) in list {
        let mut weights = none.clone();
        *choose(&mut weights) = 1.0;
        let backgrounds = sampled(&BackgroundDistribution {
            scenes: weights,
            ..BackgroundDistribution::default()
        });
        let mut next = backgrounds.iter().cycle();
        criterion.bench_function(&format!("{name} 96"), |bencher| {
            bencher.iter(|| next.next().map(|it| it.paint(black_box(1), 96)));
        });
    }
}

criterion_group!(benches, typical, effects, scenes);
criterion_main!(benches);
