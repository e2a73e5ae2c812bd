//! The file that Kaggle's competition *Facial Keypoints Detection* takes.

use anyhow::{Context, Result, bail, ensure};
use fkp_core::{Dataset, Schema};
use fkp_data::{Format, OpenOptions};
use fkp_examples::say;
use fkp_model::Landmarker;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A row of `IdLookupTable.csv`, whose column `Location` is empty.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LookupRow {
    row_id: u64,
    image_id: String,
    feature_name: String,
}

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
/// for to `file`, within the image.
///
/// # Errors
/// If one of the tables cannot be read, or the lookup table names an image or a coordinate that
/// does not exist.
pub(crate) fn write(
    landmarker: &Landmarker,
    test: &Path,
    lookup: &Path,
    file: &Path,
) -> Result<()> {
    let landmarker = landmarker.with_schema(&Schema::kaggle15())?;
    let options = OpenOptions {
        format: Some(Format::Kaggle),
        ..OpenOptions::default()
    };
    let images = fkp_data::open(test, &options)?.complete;
    let mut found = BTreeMap::new();
    for start in (0..images.len()).step_by(BATCH) {
        let batch = start..images.len().min(start + BATCH);
        let samples = batch.map(|index| images.get(index));
        let samples = samples.collect::<Result<Vec<_>, _>>()?;
        let (ids, crops): (Vec<_>, Vec<_>) = samples.into_iter().map(|s| (s.id, s.image)).unzip();
        let faces = landmarker.detect_batch(&crops)?;
        for ((id, crop), face) in ids.into_iter().zip(&crops).zip(faces) {
            found.insert(id, (face, crop.width()));
        }
    }
    let name = || lookup.display().to_string();
    let mut table = csv::Reader::from_path(lookup).with_context(name)?;
    let mut rows = Vec::new();
    for row in table.deserialize() {
        let LookupRow {
            row_id,
            image_id,
            feature_name,
        } = row.with_context(name)?;
        let place = || format!("{}: row {row_id}", lookup.display());
        let Some((face, width)) = found.get(&image_id) else {
            bail!("{}: {} has no image {image_id}", place(), test.display());
        };
        let location = coordinate(face, &feature_name);
        let Some(location) = location else {
            bail!(
                "{}: `{feature_name}` is not a coordinate of a keypoint",
                place()
            );
        };
        let location = location.clamp(0.0, *width as f32);
        rows.push(SubmissionRow { row_id, location });
    }
    ensure!(!rows.is_empty(), "{}: there are no rows", lookup.display());
    let place = || format!("{}: cannot write", file.display());
    let mut out = csv::Writer::from_path(file).with_context(place)?;
    for row in &rows {
        out.serialize(row).with_context(place)?;
    }
    out.flush().with_context(place)?;
    say!(
        "{} coordinates of {} images in {}",
        rows.len(),
        found.len(),
        file.display()
    );
    Ok(())
}

/// The coordinate of a name such as `nose_tip_x`.
fn coordinate(face: &fkp_model::Face, name: &str) -> Option<f32> {
    let (keypoint, axis) = name.rsplit_once('_')?;
    let keypoint = face.keypoint(keypoint)?;
    match axis {
        "x" => Some(keypoint.x),
        "y" => Some(keypoint.y),
        _ => None,
    }
}
