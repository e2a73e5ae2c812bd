//! The file that Kaggle's competition *Facial Keypoints Detection* takes.

use anyhow::{Context, Result};
use fkp_core::{Dataset, Schema};
use fkp_data::{Format, OpenOptions};
use fkp_examples::say;
use fkp_model::Landmarker;
use serde::Serialize;
use std::path::Path;

/// A row of the file to submit.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubmissionRow {
    row_id: u64,
    location: f32,
}

/// Images per forward pass.
const BATCH: usize = 64;

/// Predicts the images of Kaggle's test table and writes the coordinates that the lookup table asks
/// for to `file`, within the image. Without `lookup`, the table is `IdLookupTable.csv` beside `test`.
///
/// # Errors
/// If one of the tables cannot be read, or the lookup table names an image or a coordinate that
/// does not exist.
pub(crate) fn write(
    landmarker: &Landmarker,
    test: &Path,
    lookup: Option<&Path>,
    file: &Path,
) -> Result<()> {
    let schema = Schema::kaggle15();
    let landmarker = landmarker.with_schema(&schema)?;
    let options = OpenOptions {
        format: Some(Format::Kaggle),
        schema: Some(schema),
        ..OpenOptions::default()
    };
    let opened = fkp_data::open(test, &options)?;
    let lookup = match lookup {
        Some(lookup) => lookup.to_owned(),
        None => opened.id_lookup_file().with_context(|| {
            let test = test.display();
            format!("{test}: no IdLookupTable.csv beside it; give one with --submission FILE")
        })?,
    };
    // Before the prediction, which takes longer.
    let lookup = opened.id_lookup(&lookup)?;
    let images = opened.complete;
    let mut found = Vec::new();
    for start in (0..images.len()).step_by(BATCH) {
        let batch = start..images.len().min(start + BATCH);
        let samples = batch.map(|index| Ok(images.get(index)?.image));
        let crops = samples.collect::<Result<Vec<_>>>()?;
        let faces = landmarker.detect_batch(&crops)?;
        found.extend(faces.into_iter().zip(crops.iter().map(|crop| crop.width())));
    }
    let rows = lookup.rows().iter().map(|row| {
        let (face, width) = &found[row.image];
        SubmissionRow {
            row_id: row.row_id,
            location: row.coordinate(face.positions()).clamp(0.0, *width as f32),
        }
    });
    let place = || format!("{}: cannot write", file.display());
    let mut out = csv::Writer::from_path(file).with_context(place)?;
    for row in rows {
        out.serialize(row).with_context(place)?;
    }
    out.flush().with_context(place)?;
    say!(
        "{} coordinates of {} images in {}",
        lookup.rows().len(),
        found.len(),
        file.display()
    );
    Ok(())
}
