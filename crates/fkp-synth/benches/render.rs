//! Time to render one face: `cargo bench -p fkp-synth`.

use criterion::{Criterion, criterion_group, criterion_main};
use fkp_synth::camera::Channels;
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

criterion_group!(benches, faces);
criterion_main!(benches);
