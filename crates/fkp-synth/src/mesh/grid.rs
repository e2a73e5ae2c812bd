//! A triangle mesh on a grid.

use crate::math::{Vec3, cross, normalized, sub};

/// Vertices with normals and surface coordinates, and the triangles between them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mesh {
    pub(crate) positions: Vec<Vec3>,
    pub(crate) normals: Vec<Vec3>,
    /// Coordinates in which the surface is painted.
    pub(crate) surface: Vec<[f32; 3]>,
    pub(crate) triangles: Vec<[u32; 3]>,
}

/// How the columns of a grid are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// From the first to the last.
    Open,
    /// From the first to the last; the second half mirrors the first.
    Mirrored,
    /// Around: the last column is joined to the first. The second half mirrors the first.
    Joined,
}

impl Mesh {
    /// Adds a grid of `rows × columns` vertices. `vertex(row, column)` gives position and surface
    /// coordinates. Normals point outward where columns run counter-clockwise seen from above
    /// (from the subject's right over the front to the left) and rows run down.
    pub(crate) fn add_grid(
        &mut self,
        [rows, columns]: [usize; 2],
        edge: Edge,
        mut vertex: impl FnMut(usize, usize) -> (Vec3, [f32; 3]),
    ) {
        let first = self.positions.len();
        for row in 0..rows {
            for column in 0..columns {
                let (position, surface) = vertex(row, column);
                self.positions.push(position);
                self.surface.push(surface);
            }
        }
        let at = |row: usize, column: usize| first + row * columns + column;
        for row in 0..rows {
            for column in 0..columns {
                let (left, right) = match edge {
                    Edge::Joined => ((column + columns - 1) % columns, (column + 1) % columns),
                    Edge::Open | Edge::Mirrored => {
                        (column.saturating_sub(1), (column + 1).min(columns - 1))
                    }
                };
                let p = |row, column| self.positions[at(row, column)];
                let along = sub(p(row, right), p(row, left));
                let down = sub(
                    p((row + 1).min(rows - 1), column),
                    p(row.saturating_sub(1), column),
                );
                self.normals.push(normalized(cross(along, down)));
            }
        }
        let last = match edge {
            Edge::Joined => columns,
            Edge::Open | Edge::Mirrored => columns - 1,
        };
        for row in 0..rows - 1 {
            for column in 0..last {
                let next = (column + 1) % columns;
                let [a, b, c, d] = [
                    at(row, column),
                    at(row, next),
                    at(row + 1, column),
                    at(row + 1, next),
                ]
                .map(|index| index as u32);
                if edge != Edge::Open && 2 * column >= last {
                    self.triangles.push([a, b, d]);
                    self.triangles.push([a, d, c]);
                } else {
                    self.triangles.push([a, b, c]);
                    self.triangles.push([b, d, c]);
                }
            }
        }
    }
}
