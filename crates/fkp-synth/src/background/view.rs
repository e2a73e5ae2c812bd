//! The direction from which a background is seen.

use super::canvas::Canvas;

/// Rotation and perspective of the whole background. What comes into view from beyond the edge is
/// its reflection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Rotation in radians, clockwise in the image.
    pub roll: f32,
    /// How much larger the right and the lower side are than the opposite sides, as a fraction.
    pub perspective: [f32; 2],
}

impl View {
    /// Straight ahead.
    pub const FRONT: Self = Self {
        roll: 0.0,
        perspective: [0.0; 2],
    };

    pub(super) fn apply(&self, canvas: Canvas) -> Canvas {
        if *self == Self::FRONT {
            return canvas;
        }
        let size = canvas.size;
        let mut result = Canvas::new(size);
        let (sin, cos) = self.roll.sin_cos();
        let [px, py] = self.perspective.map(|p| p.clamp(-0.9, 0.9));
        // Four numbers per pixel are one register.
        let pixels: Vec<[f32; 4]> = (canvas.pixels().iter())
            .map(|&[r, g, b]| [r, g, b, 0.0])
            .collect();
        result.each(|[x, y], pixel| {
            let (x, y) = (x - 0.5, y - 0.5);
            let (u, v) = (x * cos + y * sin, y * cos - x * sin);
            let depth = 1.0 / (1.0 + px * u + py * v);
            let (column, tx) = cell(0.5 + u * depth, size);
            let (row, ty) = cell(0.5 + v * depth, size);
            let right = (column + 1).min(size - 1);
            let (above, below) = (row * size, (row + 1).min(size - 1) * size);
            let top = mixed(&pixels[above + column], &pixels[above + right], tx);
            let bottom = mixed(&pixels[below + column], &pixels[below + right], tx);
            let [r, g, b, _] = mixed(&top, &bottom, ty);
            *pixel = [r, g, b];
        });
        result
    }
}

fn mixed(a: &[f32; 4], b: &[f32; 4], amount: f32) -> [f32; 4] {
    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * amount)
}

/// The pixel at or before a position, and the fraction of the way to the next. Positions beyond the
/// edge are reflected.
fn cell(position: f32, size: usize) -> (usize, f32) {
    let reflected = position.abs();
    let reflected = if reflected > 1.0 {
        2.0 - reflected
    } else {
        reflected
    };
    let last = (size - 1) as f32;
    let place = (reflected * size as f32 - 0.5).clamp(0.0, last);
    let index = place as i32 as usize;
    (index, place - index as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_dot(size: usize, x: usize, y: usize) -> Canvas {
        let mut canvas = Canvas::new(size);
        canvas.pixels_mut()[y * size + x] = [1.0; 3];
        canvas
    }

    fn brightest(canvas: &Canvas) -> [f32; 2] {
        let mut sums = [0.0; 3];
        for (i, pixel) in canvas.pixels().iter().enumerate() {
            sums[0] += pixel[0];
            sums[1] += pixel[0] * canvas.position(i % canvas.size);
            sums[2] += pixel[0] * canvas.position(i / canvas.size);
        }
        [sums[1] / sums[0], sums[2] / sums[0]]
    }

    #[test]
    fn roll_turns_clockwise_about_the_middle() {
        let view = View {
            roll: 0.3,
            ..View::FRONT
        };
        let [x, y] = brightest(&view.apply(with_dot(80, 60, 40)));
        // From 0.25625 to the right of the middle and 0.00625 below it.
        let (sin, cos) = 0.3f32.sin_cos();
        assert!(
            (x - 0.5 - (0.25625 * cos - 0.00625 * sin)).abs() < 0.01,
            "{x}"
        );
        assert!(
            (y - 0.5 - (0.25625 * sin + 0.00625 * cos)).abs() < 0.01,
            "{y}"
        );
    }

    #[test]
    fn any_view_stays_within_the_canvas() {
        let mut canvas = Canvas::new(20);
        canvas.pixels_mut().fill([0.5; 3]);
        let view = View {
            roll: 2.0,
            perspective: [0.9, -3.0],
        };
        let seen = view.apply(canvas);
        assert!(
            seen.pixels()
                .iter()
                .flatten()
                .all(|v| (v - 0.5).abs() < 1e-5)
        );
    }
}
