//! The surface of the head.

use super::features::{Features, jaw_drop};
use super::relief::Relief;
use super::rings::{self, Ring, Rings};
use crate::math::Vec3;
use crate::mesh::Edge;
use crate::mesh::Mesh;
use crate::params::FaceParams;
use std::f32::consts::FRAC_PI_2;

/// The surface of one head, which is both a function of face coordinates and a mesh.
///
/// The face coordinates of a point are its x and y before [`Relief`] is added, at the back of the
/// head continued beyond the sides.
#[derive(Debug, Clone)]
pub(crate) struct Surface {
    rings: Rings,
    relief: Relief,
}

/// How fine the mesh is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detail {
    /// Rows between two rings in the middle of the face.
    rows: usize,
    /// Half of the columns: front, back.
    columns: [usize; 2],
}

impl Detail {
    /// As [`Self::of`], and coarser for a head so small that most of its triangles would be between
    /// two samples.
    pub(crate) fn of_many(px: f32) -> Self {
        if px > 0.08 {
            Self {
                rows: 3,
                columns: [12, 4],
            }
        } else {
            Self::of(px)
        }
    }

    /// As fine as an image can show whose pixels have this width in eye units.
    pub(crate) fn of(px: f32) -> Self {
        if px > 0.035 {
            Self {
                rows: 4,
                columns: [18, 6],
            }
        } else {
            Self {
                rows: 7,
                columns: [26, 9],
            }
        }
    }
}

impl Surface {
    pub(crate) fn new(face: &FaceParams, features: &Features) -> Self {
        Self {
            rings: Rings::new(&face.head, jaw_drop(&face.expression)),
            relief: Relief::new(face, features),
        }
    }

    /// The point of the front of the head with these face coordinates.
    pub(crate) fn point(&self, x: f32, y: f32) -> Vec3 {
        let ring = self.rings.at(self.rings.level_through(x, y));
        self.displaced(ring.front_at((x / ring.side[0]).clamp(-1.0, 1.0)))
    }

    /// The point on a ring, at `around` from −1 (the subject's right) over 0 (front) to 1 (left).
    pub(crate) fn on_ring(&self, level: f32, around: f32) -> Vec3 {
        let ring = self.rings.at(level);
        self.displaced(ring.front_at((around * FRAC_PI_2).sin()))
    }

    /// z of the front of the head at a point, `None` beside, above or below it.
    pub(crate) fn height(&self, x: f32, y: f32) -> Option<f32> {
        let level = self.level(x, y);
        let ring = self.rings.at(level);
        let within = x.abs() < ring.side[0] && (0.6..rings::LAST_OF_HEAD - 1.1).contains(&level);
        within.then(|| self.displaced(ring.front_at(x / ring.side[0]))[2])
    }

    /// The level of the ring through a point of the front.
    pub(crate) fn level(&self, x: f32, y: f32) -> f32 {
        self.rings.level_through(x, y)
    }

    /// The point on the ring at a level, at an angle from the front, without relief.
    pub(crate) fn around(&self, level: f32, angle: f32) -> Vec3 {
        let ring = self.rings.at(level);
        if angle.abs() <= FRAC_PI_2 {
            ring.front_at(angle.sin())
        } else {
            ring.back_at(angle.sin())
        }
    }

    /// The ring at a level, without relief.
    pub(crate) fn ring(&self, level: f32) -> Ring {
        self.rings.at(level)
    }

    fn displaced(&self, base: Vec3) -> Vec3 {
        let by = self.relief.at(base[0], base[1]);
        std::array::from_fn(|i| base[i] + by[i])
    }

    /// The mesh of head, neck and shoulders.
    pub(crate) fn mesh(&self, detail: Detail) -> Mesh {
        // Rows are close in the face.
        let mut levels = Vec::with_capacity(96);
        for ring in 0..rings::COUNT - 1 {
            let parts = match ring {
                5..=12 => detail.rows,
                4 | 13 => detail.rows * 2 / 3,
                17.. => 1,
                _ => detail.rows / 2,
            };
            levels.extend((0..parts).map(|part| ring as f32 + part as f32 / parts as f32));
        }
        levels.push((rings::COUNT - 1) as f32);
        let angles = column_angles(detail.columns);
        let mut mesh = Mesh::default();
        let rings: Vec<Ring> = levels.iter().map(|level| self.rings.at(*level)).collect();
        mesh.add_grid([levels.len(), angles.len()], Edge::Joined, |row, column| {
            let (ring, level, angle) = (&rings[row], levels[row], angles[column]);
            let s = angle.sin();
            if angle.abs() <= FRAC_PI_2 {
                let base = ring.front_at(s);
                let at = if level < rings::LAST_OF_HEAD {
                    self.displaced(base)
                } else {
                    base
                };
                (at, [base[0], base[1], angle])
            } else {
                let at = ring.back_at(s);
                (
                    at,
                    [angle.signum() * 2.0 * ring.side[0] - at[0], at[1], angle],
                )
            }
        });
        mesh
    }
}

/// Angles of the columns from the back over the subject's right, the front and the left.
fn column_angles([front, back]: [usize; 2]) -> Vec<f32> {
    let half = (1..=front)
        .map(|column| {
            let t = column as f32 / front as f32;
            FRAC_PI_2 * (0.7 * t + 0.3 * t * t)
        })
        .chain((1..back).map(|column| FRAC_PI_2 * (1.0 + column as f32 / back as f32)));
    let half: Vec<f32> = half.collect();
    let right = half.iter().rev().map(|angle| -angle);
    let left = half.iter().copied().chain([2.0 * FRAC_PI_2]);
    right.chain([0.0]).chain(left).collect()
}
