//! The blurred background behind head and body.

use crate::math::smoothstep;
use crate::noise::{Layer, NoiseTexture};
use crate::params::Background;

impl Background {
    /// Brightness at (x, y) in fractions of the side.
    pub(crate) fn brightness(&self, [x, y]: [f32; 2], noise: &NoiseTexture) -> f32 {
        let mut tone = self.tone + self.slope[0] * (x - 0.5) + self.slope[1] * (y - 0.5);
        for patch in &self.patches {
            let dx = (x - patch.at[0]).abs() - patch.half_size[0];
            let dy = (y - patch.at[1]).abs() - patch.half_size[1];
            let soft = patch.softness;
            tone += patch.tone * smoothstep(soft, -soft, dx) * smoothstep(soft, -soft, dy);
        }
        let mottle = noise.at(Layer::Background, (x - 0.5) * 6.0, y * 6.0) - 0.5;
        (tone + 0.1 * mottle).clamp(0.02, 1.0)
    }
}
