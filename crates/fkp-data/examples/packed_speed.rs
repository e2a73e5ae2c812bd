//! Times opening a packed file of generated images and reading its samples in random order.
//!
//! ```text
//! cargo run --release -p fkp-data --example packed_speed -- FILE.fkp 1000000
//! ```
//!
//! The file is written if it does not exist: gray images of 96×96 pixels with 15 keypoints.

use fkp_core::{Dataset, DatasetError, Image, Keypoints, Sample, Schema};
use fkp_data::{OpenOptions, PackInput, PackOptions, PackedFile, open, pack};
use rayon::prelude::*;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Images that are known without being stored.
struct Generated {
    schema: Schema,
    len: usize,
}

impl Dataset for Generated {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let image = Image::filled(96, 96, 1, index as u8);
        let keypoints = Keypoints::from_xy(&[[48.0, index as f32 / 1e6]; 15]);
        Ok(Sample::new(index.to_string(), image, keypoints))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, samples] = arguments.as_slice() else {
        return Err("give a file and a number of samples".into());
    };
    let (path, len) = (Path::new(path), samples.parse::<usize>()?);
    if !path.exists() {
        let started = Instant::now();
        let schema = Schema::kaggle15();
        let input = PackInput::new("generated", Arc::new(Generated { schema, len }));
        let report = pack(&[input], path, &PackOptions::default())?;
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "wrote {:.0} MB in {seconds:.1} s",
            report.bytes as f64 / 1e6
        );
    }
    let file_ms = median(|| {
        PackedFile::open(path)?;
        Ok(())
    })?;
    let set_ms = median(|| {
        open(path, &OpenOptions::default())?;
        Ok(())
    })?;
    println!("PackedFile::open {file_ms:.2} ms, open {set_ms:.2} ms (median of 21)");

    let file = PackedFile::open(path)?;
    let len = file.len();
    // Steps of a fixed length visit samples far from each other; the number of reads is limited.
    let reads = len.min(400_000);
    let started = Instant::now();
    let bytes = (0..reads).into_par_iter().map(|read| {
        let sample = file.get(read * 7_919 % len)?;
        Ok(sample.image.as_bytes().len())
    });
    let bytes = bytes.sum::<Result<usize, DatasetError>>()?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{reads} samples in random order on {} threads: {:.0} a second, {:.0} MB a second",
        rayon::current_num_threads(),
        reads as f64 / seconds,
        bytes as f64 / 1e6 / seconds
    );
    Ok(())
}

/// The median time of 21 calls in milliseconds.
fn median(call: impl Fn() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..21 {
        let started = Instant::now();
        call()?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[10])
}
