//! What the elements are painted on.

use super::geometry::{Area, Color};
use crate::math::mix;
use crate::raster::{Raster, Resampling, gaussian, resized};
use std::ops::Range;

/// A square image in linear RGB. Coordinates are fractions of the side: pixel i spans
/// [i / size, (i + 1) / size].
pub(super) struct Canvas {
    pub(super) size: usize,
    data: Vec<f32>,
}

impl Canvas {
    /// A black canvas.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            data: vec![0.0; 3 * size * size],
        }
    }

    /// The pixels, row by row.
    pub(super) fn pixels(&self) -> &[Color] {
        self.data.as_chunks().0
    }

    /// The pixels, mutable.
    pub(super) fn pixels_mut(&mut self) -> &mut [Color] {
        self.data.as_chunks_mut().0
    }

    /// The center of pixel i along either axis.
    pub(super) fn position(&self, i: usize) -> f32 {
        (i as f32 + 0.5) / self.size as f32
    }

    /// Calls `paint` for every pixel with its position `[x, y]` and its color.
    pub(super) fn each(&mut self, mut paint: impl FnMut([f32; 2], &mut Color)) {
        let step = 1.0 / self.size as f32;
        let size = self.size;
        for (y, row) in self.pixels_mut().chunks_exact_mut(size).enumerate() {
            let y = (y as f32 + 0.5) * step;
            for (x, pixel) in row.iter_mut().enumerate() {
                paint([(x as f32 + 0.5) * step, y], pixel);
            }
        }
    }

    /// Blends a color over an area.
    pub(super) fn rectangle(&mut self, area: Area, opacity: f32, color: Color) {
        self.shaded_rectangle(area, opacity, |_| color);
    }

    /// Blends colors, a function of the position `[x, y]`, over an area.
    pub(super) fn shaded_rectangle(
        &mut self,
        area: Area,
        opacity: f32,
        shade: impl Fn([f32; 2]) -> Color,
    ) {
        let (rows, columns) = (
            self.pixels_between(area.top, area.bottom),
            self.pixels_between(area.left, area.right),
        );
        for y in rows {
            let down = opacity * self.covered(y, area.top, area.bottom);
            for x in columns.clone() {
                let alpha = down * self.covered(x, area.left, area.right);
                // The center of a pixel at the edge may be outside.
                let color = shade([
                    self.position(x).max(area.left).min(area.right),
                    self.position(y).max(area.top).min(area.bottom),
                ]);
                let index = y * self.size + x;
                blend(&mut self.pixels_mut()[index], color, alpha);
            }
        }
    }

    /// Blends colors over an ellipse. `shade` is a function of the position relative to the center
    /// in radii. The edge is blurred over `softness` radii.
    pub(super) fn ellipse(&mut self, oval: Oval, opacity: f32, shade: impl Fn([f32; 2]) -> Color) {
        self.over_oval(oval, |pixel, offset, coverage| {
            blend(pixel, shade(offset), opacity * coverage);
        });
    }

    /// Adds light over an ellipse.
    pub(super) fn light(&mut self, oval: Oval, color: Color) {
        self.over_oval(oval, |pixel, _, coverage| {
            for (value, light) in pixel.iter_mut().zip(color) {
                *value += coverage * light;
            }
        });
    }

    fn over_oval(&mut self, oval: Oval, mut paint: impl FnMut(&mut Color, [f32; 2], f32)) {
        let px = 1.0 / self.size as f32;
        // An ellipse smaller than a pixel covers a part of it.
        let radii = oval.radii.map(|radius| radius.max(0.6 * px));
        let part = oval.radii[0].max(0.0) * oval.radii[1].max(0.0) / (radii[0] * radii[1]);
        let inverse = radii.map(f32::recip);
        // Of the squared radius: its derivative at the edge is 2 per radius.
        let edge = (2.0 * oval.softness).max(2.0 * px / radii[0].min(radii[1]));
        let extent = (1.0 + 0.5 * edge).sqrt();
        let [cx, cy] = oval.center;
        let rows = self.pixels_between(cy - extent * radii[1], cy + extent * radii[1]);
        let columns = self.pixels_between(cx - extent * radii[0], cx + extent * radii[0]);
        for y in rows {
            let dy = (self.position(y) - cy) * inverse[1];
            for x in columns.clone() {
                let dx = (self.position(x) - cx) * inverse[0];
                let t = (0.5 + (1.0 - dx * dx - dy * dy) / edge).clamp(0.0, 1.0);
                if t > 0.0 {
                    let coverage = part * t * t * (3.0 - 2.0 * t);
                    let index = y * self.size + x;
                    paint(&mut self.pixels_mut()[index], [dx, dy], coverage);
                }
            }
        }
    }

    /// The pixels that an interval touches.
    pub(super) fn pixels_between(&self, low: f32, high: f32) -> Range<usize> {
        let size = self.size as f32;
        let first = (low * size).floor().clamp(0.0, size) as usize;
        let end = (high * size).ceil().clamp(0.0, size) as usize;
        first..end.max(first)
    }

    /// The fraction of pixel i that is between two positions.
    pub(super) fn covered(&self, i: usize, low: f32, high: f32) -> f32 {
        let (start, size) = (i as f32, self.size as f32);
        ((high * size).min(start + 1.0) - (low * size).max(start)).max(0.0)
    }

    /// The canvas after a blur of standard deviation `sigma`, at another size.
    pub(super) fn blurred(self, sigma: f32, size: usize) -> Self {
        let mut raster = Raster {
            size: self.size,
            channels: 3,
            data: self.data,
        };
        gaussian(&mut raster, sigma * self.size as f32);
        // A strong enlargement would show the facets of linear interpolation.
        let resampling = if 2 * size > 3 * self.size {
            Resampling::Bicubic
        } else {
            Resampling::Bilinear
        };
        if size != self.size {
            raster = resized(&raster, size, resampling);
        }
        Self {
            size,
            data: raster.data,
        }
    }
}

/// An ellipse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Oval {
    pub(super) center: [f32; 2],
    pub(super) radii: [f32; 2],
    /// Width of the soft edge in radii; the edge is at least as wide as a pixel.
    pub(super) softness: f32,
}

/// Blends a color over a pixel.
pub(super) fn blend(pixel: &mut Color, color: Color, opacity: f32) {
    for (value, color) in pixel.iter_mut().zip(color) {
        *value = mix(*value, color, opacity);
    }
}

/// The color between two.
pub(super) fn between(a: Color, b: Color, amount: f32) -> Color {
    let mut color = a;
    blend(&mut color, b, amount);
    color
}

/// A lighter or darker color.
pub(super) fn scaled(color: Color, factor: f32) -> Color {
    color.map(|value| value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(canvas: &Canvas) -> f32 {
        let sum: f32 = canvas.pixels().iter().map(|p| p[1]).sum();
        sum / (canvas.size * canvas.size) as f32
    }

    #[test]
    fn shapes_have_their_area_at_any_size() {
        for size in [12, 40, 96] {
            let mut canvas = Canvas::new(size);
            let area = Area::new(0.21, 0.33, 0.52, 0.87);
            canvas.rectangle(area, 1.0, [1.0; 3]);
            assert!((total(&canvas) - 0.31 * 0.54).abs() < 1e-4);
            for radius in [0.02, 0.2] {
                let mut canvas = Canvas::new(size);
                let oval = Oval {
                    center: [0.45, 0.53],
                    radii: [radius, 0.3],
                    softness: 0.0,
                };
                canvas.ellipse(oval, 1.0, |_| [1.0; 3]);
                let wanted = std::f32::consts::PI * radius * 0.3;
                assert!(
                    (total(&canvas) / wanted - 1.0).abs() < 0.2,
                    "{size} {radius}"
                );
            }
        }
    }

    #[test]
    fn shapes_outside_the_canvas_are_clipped() {
        let mut canvas = Canvas::new(10);
        canvas.rectangle(Area::new(-3.0, -2.0, 0.5, 9.0), 1.0, [1.0; 3]);
        assert!((total(&canvas) - 0.5).abs() < 1e-5);
        canvas.rectangle(Area::new(1.2, 0.0, 1.8, 1.0), 1.0, [9.0; 3]);
        canvas.rectangle(Area::new(0.8, 0.0, 0.2, 1.0), 1.0, [9.0; 3]);
        let oval = Oval {
            center: [4.0, -3.0],
            radii: [0.5, 0.5],
            softness: 0.2,
        };
        canvas.ellipse(oval, 1.0, |_| [9.0; 3]);
        assert!((total(&canvas) - 0.5).abs() < 1e-5);
    }
}
