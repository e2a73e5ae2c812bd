//! A visibility buffer: for each of four samples per pixel, the nearest triangle.
//!
//! Shading happens afterwards, once per pixel and mesh, so that small triangles cost little
//! (Burns and Hunt, *The VisibilityBuffer Buffer*, JCGT 2013). A span of one pixel is sampled at
//! (i − ¼, j − ¼), (i + ¼, j − ¼) and so on.

/// Samples of a pixel along each axis.
pub(crate) const SAMPLES: usize = 2;
/// The samples of a pixel: numbers of triangles, and nearness.
pub(crate) type Samples = [(u32, f32); SAMPLES * SAMPLES];
/// No triangle.
pub(crate) const NOTHING: u32 = u32::MAX;

/// A vertex on the screen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScreenVertex {
    /// Position in pixels; pixel (i, j) has its center at (i, j).
    pub(crate) at: [f32; 2],
    /// Nearness: the reciprocal of the distance from the camera, which is linear on the screen.
    pub(crate) near: f32,
}

/// Which sides of triangles are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sides {
    /// Those that face the viewer: their vertices are clockwise on the screen (y points down).
    Front,
    /// All.
    Both,
}

/// The nearest triangle at each sample.
#[derive(Debug, Clone)]
pub(crate) struct VisibilityBuffer {
    size: usize,
    near: Vec<f32>,
    id: Vec<u32>,
}

impl VisibilityBuffer {
    /// An empty buffer for an image of `size × size` pixels.
    pub(crate) fn new(size: usize) -> Self {
        let side = size * SAMPLES;
        Self {
            size,
            near: vec![0.0; side * side],
            id: vec![NOTHING; side * side],
        }
    }

    /// Draws triangles. The triangle with this index has the number `first + index`.
    pub(crate) fn draw(
        &mut self,
        vertices: &[ScreenVertex],
        triangles: &[[u32; 3]],
        first: u32,
        sides: Sides,
    ) {
        let side = self.size * SAMPLES;
        let scale = SAMPLES as f32;
        // From pixels to sample indices.
        let offset = 0.5 * scale - 0.5;
        for (index, triangle) in triangles.iter().enumerate() {
            let [a, b, c] = triangle.map(|vertex| {
                let v = vertices[vertex as usize];
                [v.at[0] * scale + offset, v.at[1] * scale + offset, v.near]
            });
            let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
            let drawn = match sides {
                Sides::Front => area > 0.0,
                Sides::Both => area != 0.0,
            };
            if !drawn {
                continue;
            }
            // The first sample inside and the first one beyond; `as` rounds toward zero.
            let low = |axis: usize| {
                let value = a[axis].min(b[axis]).min(c[axis]).max(-1.0);
                (value + 1.0) as usize
            };
            let high = |axis: usize| {
                let value = a[axis].max(b[axis]).max(c[axis]).max(-1.0);
                ((value + 1.0) as usize).min(side)
            };
            let (x0, x1, y0, y1) = (low(0), high(0), low(1), high(1));
            if x0 >= x1 || y0 >= y1 {
                continue;
            }
            let inverse = 1.0 / area;
            // Barycentric coordinates of b and c are linear functions of the position.
            let b_step = [(c[1] - a[1]) * inverse, (a[0] - c[0]) * inverse];
            let c_step = [(a[1] - b[1]) * inverse, (b[0] - a[0]) * inverse];
            let (to_b, to_c) = (b[2] - a[2], c[2] - a[2]);
            for y in y0..y1 {
                let dy = y as f32 - a[1];
                let (v_row, w_row) = (b_step[1] * dy, c_step[1] * dy);
                let row = y * side + x0..y * side + x1;
                let samples = self.near[row.clone()].iter_mut().zip(&mut self.id[row]);
                for (x, (near, id)) in (x0..x1).zip(samples) {
                    let dx = x as f32 - a[0];
                    let (v, w) = (b_step[0] * dx + v_row, c_step[0] * dx + w_row);
                    if (v < 0.0) | (w < 0.0) | (v + w > 1.0) {
                        continue;
                    }
                    let here = a[2] + v * to_b + w * to_c;
                    if here > *near {
                        *near = here;
                        *id = first + index as u32;
                    }
                }
            }
        }
    }

    /// The samples of a pixel.
    pub(crate) fn pixel(&self, x: usize, y: usize) -> Samples {
        let side = self.size * SAMPLES;
        std::array::from_fn(|sample| {
            let (dx, dy) = (sample % SAMPLES, sample / SAMPLES);
            let at = (SAMPLES * y + dy) * side + SAMPLES * x + dx;
            (self.id[at], self.near[at])
        })
    }

    /// The nearness at each sample, row by row; 0 where there is nothing.
    pub(crate) fn nearness(&self) -> &[f32] {
        &self.near
    }

    /// Position of a sample of a pixel, in pixels.
    pub(crate) fn position(x: usize, y: usize, sample: usize) -> [f32; 2] {
        let (dx, dy) = (sample % SAMPLES, sample / SAMPLES);
        [
            x as f32 - 0.25 + 0.5 * dx as f32,
            y as f32 - 0.25 + 0.5 * dy as f32,
        ]
    }
}

/// The samples of one buffer that nothing in another buffer hides.
pub(crate) fn unhidden(mut samples: Samples, others: &Samples) -> Samples {
    for (sample, other) in samples.iter_mut().zip(others) {
        if other.0 != NOTHING && other.1 > sample.1 {
            sample.0 = NOTHING;
        }
    }
    samples
}

/// Weights of a triangle's vertices at a point of the screen, with perspective correction.
pub(crate) fn weights(triangle: [ScreenVertex; 3], at: [f32; 2]) -> [f32; 3] {
    let [a, b, c] = triangle;
    let area = |p: [f32; 2], q: [f32; 2], r: [f32; 2]| {
        (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    };
    let parts = [
        area(b.at, c.at, at) * a.near,
        area(c.at, a.at, at) * b.near,
        area(a.at, b.at, at) * c.near,
    ];
    let total = parts[0] + parts[1] + parts[2];
    parts.map(|part| part / total)
}
