//! Tubes along a path.

use super::{Edge, Mesh};
use crate::math::{Vec3, add, cross, dot, normalized, scaled, sub};

/// A cross-section of a tube: an ellipse around a point of its path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    pub(crate) at: Vec3,
    /// Radii across and along the direction `up` of the tube.
    pub(crate) half: [f32; 2],
}

impl Mesh {
    /// Adds a tube. `up` must not be parallel to the path. `surface(section, angle)` gives surface
    /// coordinates; angle 0 is at `up`, a positive angle at the cross product of path and `up`. A
    /// path that ends where it begins makes a closed tube.
    pub(crate) fn add_tube(
        &mut self,
        sections: &[Section],
        up: Vec3,
        columns: usize,
        mut surface: impl FnMut(usize, f32) -> [f32; 3],
    ) {
        let count = sections.len();
        if count < 2 {
            return;
        }
        let ends = sub(sections[0].at, sections[count - 1].at);
        let closed = dot(ends, ends) < 1e-8;
        let frames: Vec<[Vec3; 2]> = (0..count)
            .map(|index| {
                let before = match index {
                    0 if closed => count - 2,
                    0 => 0,
                    _ => index - 1,
                };
                let after = match index + 1 {
                    next if next < count => next,
                    _ if closed => 1,
                    _ => index,
                };
                let along = normalized(sub(sections[after].at, sections[before].at));
                let side = normalized(cross(along, up));
                [side, cross(side, along)]
            })
            .collect();
        self.add_grid([count, columns], Edge::Joined, |row, column| {
            // Symmetric about the plane of path and `up`.
            let turn = (column as f32 + 0.5) / columns as f32;
            let angle = std::f32::consts::TAU * (turn - 0.5);
            let (sin, cos) = angle.sin_cos();
            let (Section { at, half }, [side, up]) = (sections[row], frames[row]);
            let off = add(scaled(side, sin * half[0]), scaled(up, cos * half[1]));
            (add(at, off), surface(row, angle))
        });
    }
}

/// The sections of a tube with rounded ends.
pub(crate) fn rounded(sections: &[Section]) -> Vec<Section> {
    let mut out = Vec::with_capacity(sections.len() + 4);
    let cap = |end: Section, inner: Section, part: f32| {
        let along = normalized(sub(end.at, inner.at));
        let radius = end.half[0].min(end.half[1]) * part;
        let narrow = (1.0 - part * part).max(0.003).sqrt();
        Section {
            at: add(end.at, scaled(along, radius)),
            half: end.half.map(|half| half * narrow),
        }
    };
    if let [first, second, .., last_but_one, last] = sections {
        out.extend([0.999, 0.7].map(|part| cap(*first, *second, part)));
        out.extend_from_slice(sections);
        out.extend([0.7, 0.999].map(|part| cap(*last, *last_but_one, part)));
    } else if let [first, last] = sections {
        out.extend([0.999, 0.7].map(|part| cap(*first, *last, part)));
        out.extend([*first, *last]);
        out.extend([0.7, 0.999].map(|part| cap(*last, *first, part)));
    }
    out
}

/// Points of a Catmull-Rom spline through points, `parts` for each piece.
pub(crate) fn spline(through: &[Vec3], parts: usize) -> Vec<Vec3> {
    let last = through.len().saturating_sub(1);
    let mut out = Vec::with_capacity(last * parts + 1);
    for piece in 0..last {
        let [a, b, c, d] = [
            through[piece.saturating_sub(1)],
            through[piece],
            through[piece + 1],
            through[(piece + 2).min(last)],
        ];
        for part in 0..parts {
            let t = part as f32 / parts as f32;
            let (t2, t3) = (t * t, t * t * t);
            out.push(std::array::from_fn(|i| {
                a[i] * (-0.5 * t3 + t2 - 0.5 * t)
                    + b[i] * (1.5 * t3 - 2.5 * t2 + 1.0)
                    + c[i] * (-1.5 * t3 + 2.0 * t2 + 0.5 * t)
                    + d[i] * (0.5 * t3 - 0.5 * t2)
            }));
        }
    }
    out.extend(through.last());
    out
}
