//! The geometric step of a record: one map and the frame that it leads to.

use super::{Distortion, Projective};
use fkp_core::{Affine, BoundingBox};
use serde::{Deserialize, Serialize};

/// A map that moves pixels and keypoints, `dst_from_src` in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GeometricMap {
    /// An affine map.
    Affine(Affine),
    /// A perspective map.
    Projective(Projective),
    /// An elastic or grid distortion.
    Distortion(Distortion),
}

impl From<Affine> for GeometricMap {
    fn from(map: Affine) -> Self {
        Self::Affine(map)
    }
}

impl From<Projective> for GeometricMap {
    fn from(map: Projective) -> Self {
        Self::Projective(map)
    }
}

impl From<Distortion> for GeometricMap {
    fn from(map: Distortion) -> Self {
        Self::Distortion(map)
    }
}

/// Moves image and keypoints by a map into a frame of another size.
///
/// ```
/// use fkp_augment::{Affine, GeometricStep, Replay, Sampling};
/// let mut replay = Replay::nothing((10, 8), Sampling::default());
/// replay.push(GeometricStep::new(Affine::translation(2.0, 0.0), (12, 8)));
/// assert_eq!((replay.size(), replay.point(1.0, 1.0)), ((12, 8), (3.0, 1.0)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeometricStep {
    /// `dst_from_src`, in pixels.
    pub map: GeometricMap,
    /// (width, height) of the new frame in pixels.
    pub size: (usize, usize),
}

impl GeometricStep {
    /// A map into a frame of `size` = (width, height).
    pub fn new(map: impl Into<GeometricMap>, size: (usize, usize)) -> Self {
        let map = map.into();
        Self { map, size }
    }

    /// The affine map of these rows, which must have an inverse.
    pub(crate) fn affine(rows: [[f64; 3]; 2], size: (usize, usize)) -> Self {
        match Affine::new(rows) {
            Ok(map) => Self::new(map, size),
            Err(error) => unreachable!("frames have an area: {error}"),
        }
    }

    /// Crops to `window` and resizes to `size`, outer edges onto outer edges.
    pub(crate) fn crop_resize(window: &BoundingBox, size: (usize, usize)) -> Self {
        let (sx, sy) = (size.0 as f64 / window.width, size.1 as f64 / window.height);
        let rows = [
            [sx, 0.0, -window.x * sx - 0.5],
            [0.0, sy, -window.y * sy - 0.5],
        ];
        Self::affine(rows, size)
    }
}
