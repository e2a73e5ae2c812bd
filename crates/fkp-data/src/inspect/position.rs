//! Where the faces are in their images, and the mean shape of the labels.

use super::alignment::{MeanShape, labeled};
use super::contents::Spread;
use super::scan::Scanned;
use fkp_core::{BoundingBox, Schema};
use serde::Serialize;

/// The position and size of the faces in their images, in fractions of the image's width and height.
///
/// A face is the box around the mean shape, aligned to the labels, so that missing and wrong labels
/// do not change it; in a data set of boxes, it is its box.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FacePositions {
    /// The center of the box from the left edge.
    pub center_x: Spread,
    /// The center of the box from the upper edge.
    pub center_y: Spread,
    /// The width of the box.
    pub width: Spread,
    /// The height of the box.
    pub height: Spread,
}

/// The mean shape of the labels, centered, with a root mean square distance from the center of 1:
/// the median of the labels that are aligned by translation, rotation and scale (generalized
/// Procrustes analysis).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ShapeStatistics {
    /// The keypoints that have labels.
    pub keypoints: Vec<KeypointPlace>,
}

/// A keypoint of the mean shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeypointPlace {
    /// Name of the keypoint.
    pub keypoint: String,
    /// Its position, x to the right and y down.
    pub position: [f64; 2],
    /// The covariance of its aligned labels, `[[xx, xy], [xy, yy]]`, without outliers.
    pub covariance: [[f64; 2]; 2],
    /// Its standard deviation on an axis by the median absolute deviation, which measures outliers.
    pub deviation: f64,
}

pub(super) fn face_positions(
    samples: &[Scanned],
    shape: Option<&MeanShape>,
) -> Option<FacePositions> {
    let mut boxes: Vec<[f64; 4]> = Vec::new();
    for sample in samples {
        let Some((width, height)) = sample.size() else {
            continue;
        };
        let mut add = |bounds: BoundingBox| {
            let (x, y) = bounds.center();
            let (width, height) = (width as f64, height as f64);
            let center = [(x + 0.5) / width, (y + 0.5) / height];
            let size = [bounds.width / width, bounds.height / height];
            boxes.push([center[0], center[1], size[0], size[1]]);
        };
        let labels = sample.boxes.iter().filter(|label| !label.ignore);
        labels.for_each(|label| add(label.bounds));
        let aligned = shape.and_then(|shape| {
            let aligned = shape.align(&labeled(&sample.keypoints))?;
            let points = shape.points.iter().flatten();
            BoundingBox::around(points.map(|point| {
                let [x, y] = aligned.to_image(*point);
                (x, y)
            }))
        });
        aligned.into_iter().for_each(&mut add);
    }
    let spread = |number: usize| Spread::of(boxes.iter().map(|b| b[number]));
    Some(FacePositions {
        center_x: spread(0)?,
        center_y: spread(1)?,
        width: spread(2)?,
        height: spread(3)?,
    })
}

/// `max_distance` is the distance of outliers in standard deviations.
pub(super) fn shape_statistics(
    samples: &[Scanned],
    schema: &Schema,
    shape: &MeanShape,
    max_distance: f64,
) -> ShapeStatistics {
    // Count and sums of xx, xy, yy.
    let mut sums = vec![[0.0; 4]; schema.len()];
    for sample in samples {
        let Some(aligned) = shape.align(&labeled(&sample.keypoints)) else {
            continue;
        };
        for (index, [x, y]) in aligned.residuals {
            if x.hypot(y) <= max_distance * shape.deviations[index] {
                let terms = [1.0, x * x, x * y, y * y];
                for (sum, term) in sums[index].iter_mut().zip(terms) {
                    *sum += term;
                }
            }
        }
    }
    let places = sums.iter().enumerate().filter_map(|(index, sums)| {
        let [count, xx, xy, yy] = *sums;
        let mean = |sum: f64| sum / count.max(1.0);
        Some(KeypointPlace {
            keypoint: schema.keypoints()[index].clone(),
            position: shape.points[index]?,
            covariance: [[mean(xx), mean(xy)], [mean(xy), mean(yy)]],
            deviation: shape.deviations[index],
        })
    });
    ShapeStatistics {
        keypoints: places.collect(),
    }
}
