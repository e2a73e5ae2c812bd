//! Time to render one face: `cargo bench -p fkp-synth`.

use criterion::{Criterion, criterion_group, criterion_main};
use fkp_synth::background::Background;
use fkp_synth::camera::{Camera, Channels};
use fkp_synth::params::{Accessories, FaceParams, HairStyle};
use fkp_synth::{KeypointSet, SynthConfig, SynthFaces, render};
use std::hint::black_box;

fn faces(criterion: &mut Criterion) {
    let Ok(faces) = SynthFaces::new(SynthConfig::default()) else {
        return;
    };
    let params: Vec<_> = (0..64).map(|index| faces.params(index)).collect();
    for (size, channels, set, name) in [
        (
            96,
            Channels::Gray,
            KeypointSet::Kaggle15,
            "96, gray, 15 keypoints",
        ),
        (
            96,
            Channels::Rgb,
            KeypointSet::Ibug68,
            "96, color, 68 keypoints",
        ),
        (
            256,
            Channels::Rgb,
            KeypointSet::Ibug68,
            "256, color, 68 keypoints",
        ),
    ] {
        let mut next = params.iter().cycle();
        criterion.bench_function(&format!("render {name}"), |bencher| {
            bencher.iter(|| {
                next.next()
                    .map(|face| render(black_box(face), size, channels, set))
            });
        });
    }
}

/// Takes a part away from a face.
type Removal = fn(&mut FaceParams);

/// The same faces at 96 pixels without one of their parts: the difference is what it costs.
fn parts(criterion: &mut Criterion) {
    let Ok(faces) = SynthFaces::new(SynthConfig::default()) else {
        return;
    };
    let mut params: Vec<_> = (0..64).map(|index| faces.params(index)).collect();
    let mut measure = |name: &str, params: &[FaceParams]| {
        let mut next = params.iter().cycle();
        let (channels, set) = (Channels::Gray, KeypointSet::Kaggle15);
        criterion.bench_function(name, |bencher| {
            let next = || {
                next.next()
                    .map(|face| render(black_box(face), 96, channels, set))
            };
            bencher.iter(next);
        });
    };
    measure("parts: all", &params);
    let removals: [(&str, Removal); 4] = [
        ("camera", |face| face.camera = Camera::NEUTRAL),
        ("background", |face| {
            face.background = Background::plain([0.3; 3]);
        }),
        ("accessories", |face| {
            face.accessories = Accessories::default()
        }),
        ("hair", |face| face.hair.style = HairStyle::Bald),
    ];
    let mut without = String::from("parts: without");
    for (part, remove) in removals {
        params.iter_mut().for_each(remove);
        without = format!("{without} {part}");
        measure(&without, &params);
    }
}

criterion_group!(benches, faces, parts);
criterion_main!(benches);
