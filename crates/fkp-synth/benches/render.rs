//! Time to render one face: `cargo bench -p fkp-synth`.

use criterion::{Criterion, criterion_group, criterion_main};
use fkp_synth::{SynthConfig, SynthFaces, render};
use std::hint::black_box;

fn faces(criterion: &mut Criterion) {
    let Ok(faces) = SynthFaces::new(SynthConfig::default()) else {
        return;
    };
    let params: Vec<_> = (0..64).map(|index| faces.params(index)).collect();
    for size in [96, 256] {
        let mut next = params.iter().cycle();
        criterion.bench_function(&format!("render {size}"), |bencher| {
            bencher.iter(|| next.next().map(|face| render(black_box(face), size)));
        });
    }
}

criterion_group!(benches, faces);
criterion_main!(benches);
