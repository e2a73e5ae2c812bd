//! Positions and colors.

/// Linear red, green and blue; 1 is a white surface under full light.
pub type Color = [f32; 3];

/// A rectangle. Coordinates are fractions of the side, 0 at the left and top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Bottom edge.
    pub bottom: f32,
}

impl Area {
    /// The whole image.
    pub const ALL: Self = Self::new(0.0, 0.0, 1.0, 1.0);

    /// An area from its edges.
    pub const fn new(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
        }
    }

    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// The position at fractions of width and height.
    pub(super) fn at(&self, x: f32, y: f32) -> [f32; 2] {
        [self.left + x * self.width(), self.top + y * self.height()]
    }

    /// The part between fractions of width and height.
    pub(super) fn part(&self, left: f32, top: f32, right: f32, bottom: f32) -> Self {
        let ([left, top], [right, bottom]) = (self.at(left, top), self.at(right, bottom));
        Self::new(left, top, right, bottom)
    }

    /// The area without a margin of this width.
    pub(super) fn inset(&self, margin: f32) -> Self {
        Self::new(
            self.left + margin,
            self.top + margin,
            self.right - margin,
            self.bottom - margin,
        )
    }
}
