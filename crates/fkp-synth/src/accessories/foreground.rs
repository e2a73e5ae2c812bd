//! Things close to the camera, out of focus: people in front, bars, leaves.

use crate::math::{length, mix, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{Color, Foreground, ForegroundShape};

impl Foreground {
    pub(crate) fn mirrored(mut self) -> Self {
        self.at[0] = -self.at[0];
        self.angle = std::f32::consts::PI - self.angle;
        self
    }

    /// Opacity and reflectance at a position, as fractions of the side from the middle of the
    /// image; `px` is the width of a pixel.
    pub(crate) fn look(&self, at: [f32; 2], px: f32, noise: &NoiseTexture) -> (f32, Color) {
        let (x, y) = (at[0] - self.at[0], at[1] - self.at[1]);
        let (sin, cos) = self.angle.sin_cos();
        // Along the normal, and along the edge.
        let (u, v) = (cos * x + sin * y, cos * y - sin * x);
        let size = self.size.max(1e-3);
        // Noise is of the image, so that it mirrors with it.
        let [nx, ny] = at;
        let irregular = noise.at(Layer::Foreground, 5.0 * nx, 5.0 * ny + self.variant) - 0.5;
        let distance = match self.shape {
            ForegroundShape::Edge => -u + 0.08 * irregular,
            ForegroundShape::Disk => length(u, 0.85 * v) - size + 0.03 * irregular,
            ForegroundShape::Bars => {
                let period = 4.5 * size;
                let phase = (u / period + 0.5).rem_euclid(1.0) - 0.5;
                phase.abs() * period - 0.5 * size
            }
            ForegroundShape::Leaves => {
                let scale = 0.35 / size;
                let leaf = noise.at(Layer::Tufts, scale * nx, 1.4 * scale * ny + self.variant);
                let fine = noise.at(Layer::Curls, 2.3 * scale * nx, 2.3 * scale * ny);
                // Denser on one side.
                let density = 0.5 + 0.5 * (u / 0.35).clamp(-1.0, 1.0);
                (1.0 - 0.62 * density - (0.75 * leaf + 0.25 * fine)) * 0.4 / scale.max(1.0) * 3.0
            }
            ForegroundShape::Block => u.abs().max(0.7 * v.abs()) - size,
        };
        let soft = self.blur.max(px);
        let opacity = smoothstep(0.5 * soft, -0.5 * soft, distance);
        if opacity <= 0.0 {
            return (0.0, [0.0; 3]);
        }
        let spots = noise.at(Layer::Blotches, 6.0 * nx, 6.0 * ny + self.variant);
        let spots = smoothstep(0.3, 0.75, spots);
        let shade = 1.0 - 0.2 * irregular;
        (
            opacity,
            std::array::from_fn(|i| mix(self.color[i], self.second[i], spots) * shade),
        )
    }
}
