//! Plots of a data set: image sizes, labels of each keypoint, the mean shape.

use anyhow::Result;
use fkp_core::{Dataset, Keypoint, Keypoints};
use fkp_data::OpenedDataset;
use fkp_data::inspect::{SetInspection, ShapeStatistics};
use fkp_draw::{Bar, bar_chart, shape_chart};
use fkp_train::plots::save_image;
use std::path::Path;

/// Writes `sizes.png`, `labels.png` and `mean_shape.png`, those of which there is data.
pub(crate) fn all(folder: &Path, set: &OpenedDataset, inspected: &SetInspection) -> Result<()> {
    if let Some(sizes) = &inspected.sizes {
        let bars = histogram(&sizes.longer_sides);
        let chart = bar_chart("images by their longer side in pixels", &bars)?;
        save_image(&folder.join("sizes.png"), &chart)?;
    }
    let labels = inspected.keypoints.iter().map(|keypoint| Bar {
        label: keypoint.keypoint.clone(),
        value: keypoint.labeled() as f64,
    });
    let labels: Vec<Bar> = labels.collect();
    if !labels.is_empty() {
        let title = format!("labels of each keypoint, {} samples", inspected.samples);
        let chart = bar_chart(&title, &labels)?;
        save_image(&folder.join("labels.png"), &chart)?;
    }
    if let Some(shape) = &inspected.shape {
        mean_shape(&folder.join("mean_shape.png"), set, shape)?;
    }
    Ok(())
}

fn mean_shape(path: &Path, set: &OpenedDataset, shape: &ShapeStatistics) -> Result<()> {
    let schema = set.complete.schema();
    let mut keypoints = Keypoints::unlabeled(schema.len());
    let mut covariances = Vec::new();
    for place in &shape.keypoints {
        if let Some(index) = schema.index_of(&place.keypoint) {
            let [x, y] = place.position;
            keypoints[index] = Keypoint::new(x as f32, y as f32);
            covariances.push(place.covariance);
        }
    }
    let title = "mean shape, ellipses of two standard deviations; left green, right red";
    let chart = shape_chart(title, &keypoints, &covariances, schema, 760)?;
    Ok(save_image(path, &chart)?)
}

/// Counts of at most this many intervals.
const INTERVALS: usize = 16;

fn histogram(sides: &[usize]) -> Vec<Bar> {
    let (Some(&least), Some(&largest)) = (sides.iter().min(), sides.iter().max()) else {
        return Vec::new();
    };
    let width = (largest - least + 1).div_ceil(INTERVALS);
    let intervals = (largest - least) / width + 1;
    let mut counts = vec![0_usize; intervals];
    for side in sides {
        counts[(side - least) / width] += 1;
    }
    let bars = counts.into_iter().enumerate().map(|(number, count)| {
        let from = least + number * width;
        Bar {
            label: match width {
                1 => from.to_string(),
                _ => format!("{from} to {}", from + width - 1),
            },
            value: count as f64,
        }
    });
    bars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_in_one_interval() {
        let sides: Vec<usize> = (90..340).collect();
        let bars = histogram(&sides);
        assert_eq!(bars.len(), 16);
        assert_eq!(bars[0].label, "90 to 105");
        assert_eq!(bars.iter().map(|bar| bar.value).sum::<f64>(), 250.0);
        let same = histogram(&[96, 96]);
        assert_eq!((same.len(), &*same[0].label, same[0].value), (1, "96", 2.0));
        assert!(histogram(&[]).is_empty());
    }
}
