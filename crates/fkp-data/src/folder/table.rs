//! Tables of coordinates and of boxes.

use super::label::Label;
use crate::{DataError, PredefinedSplit};
use fkp_core::Schema;
use std::path::Path;

/// The tables of a folder and the samples of each: one, or two if every sample is in a part of a
/// predefined split.
pub(super) fn parts(
    split: Option<&PredefinedSplit>,
    samples: usize,
    losses: &mut Vec<String>,
) -> Vec<(&'static str, Vec<usize>)> {
    let all = || vec![("labels.csv", (0..samples).collect())];
    let Some(split) = split else {
        return all();
    };
    let indices = &split.indices;
    let outside = samples - indices.train.len() - indices.val.len();
    if outside > 0 {
        losses.push(format!(
            "{outside} samples are in neither part of the predefined split, so that one table has all \
             samples"
        ));
        return all();
    }
    vec![
        ("train.csv", indices.train.clone()),
        ("val.csv", indices.val.clone()),
    ]
}

/// The table of some samples.
pub(super) fn text(schema: &Schema, labels: &[&Label]) -> Result<Vec<u8>, DataError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let written = match schema.is_empty() {
        true => write_boxes(&mut table, labels),
        false => write_keypoints(&mut table, schema, labels),
    };
    let bytes = written.and_then(|()| {
        Ok(table
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)?)
    });
    bytes.map_err(|error| DataError::write(Path::new("labels.csv"))(error.into()))
}

fn write_keypoints(
    table: &mut csv::Writer<Vec<u8>>,
    schema: &Schema,
    labels: &[&Label],
) -> csv::Result<()> {
    let names = schema.keypoints().iter();
    let columns = names.flat_map(|name| [format!("{name}_x"), format!("{name}_y")]);
    table.write_record(std::iter::once("file".to_owned()).chain(columns))?;
    for label in labels {
        let cells = label
            .keypoints
            .iter()
            .flat_map(|keypoint| match keypoint.is_labeled() {
                true => [keypoint.x.to_string(), keypoint.y.to_string()],
                false => [const { String::new() }; 2],
            });
        table.write_record(std::iter::once(label.file.clone()).chain(cells))?;
    }
    Ok(())
}

fn write_boxes(table: &mut csv::Writer<Vec<u8>>, labels: &[&Label]) -> csv::Result<()> {
    table.write_record(["file", "x", "y", "width", "height", "ignore"])?;
    for label in labels {
        if label.boxes.is_empty() {
            table.write_record([label.file.as_str(), "", "", "", "", ""])?;
        }
        for labeled in &label.boxes {
            let [x, y, width, height] = labeled.bounds.to_image_edges().map(|n| n.to_string());
            let ignore = if labeled.ignore { "1" } else { "0" };
            table.write_record([&label.file, &x, &y, &width, &height, ignore])?;
        }
    }
    Ok(())
}
