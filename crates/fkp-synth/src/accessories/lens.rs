//! Lenses of glasses: tint and reflections.

use crate::light::Lights;
use crate::math::{Vec3, dot, mix, smoothstep};
use crate::params::{Color, Lens};

impl Lens {
    /// Mean fraction of the light that is absorbed.
    pub(crate) fn mean_density(&self) -> f32 {
        let density = 0.5 * (self.density[0] + self.density[1]);
        density * (1.0 - super::item::level(self.color))
    }

    /// The fraction of the light that passes at a height from −1 at the top to 1.
    fn transmittance(&self, height: f32) -> Color {
        let [top, bottom] = self.density;
        let density = mix(top, bottom, smoothstep(-0.8, 0.8, height)).clamp(0.0, 1.0);
        self.color.map(|c| mix(1.0, c, density))
    }

    /// The opacity of the tint and the coating at a height.
    pub(crate) fn opacity(&self, height: f32) -> f32 {
        let passes = super::item::level(self.transmittance(height));
        1.0 - passes * (1.0 - 0.8 * self.mirror)
    }

    /// The fraction of the light that passes, and the light that is reflected, for a normal and a
    /// direction to the camera in the viewer's frame.
    pub(crate) fn look(
        &self,
        [_, height, edge]: [f32; 3],
        normal: Vec3,
        toward: Vec3,
        lights: &Lights,
    ) -> (Color, Color) {
        let cos = dot(normal, toward).clamp(0.0, 1.0);
        let mirrored: Vec3 = std::array::from_fn(|i| 2.0 * cos * normal[i] - toward[i]);
        let fresnel = 0.03 + 0.6 * (1.0 - cos).powi(5);
        let strength = (fresnel * self.glare).min(1.0);
        let from = lights.arriving_from(mirrored);
        let [wx, wy, ww, wh] = self.window;
        let (u, v) = (mirrored[0] - wx, mirrored[1] - wy);
        let inside = |d: f32, half: f32| smoothstep(half + 0.03, half - 0.03, d.abs());
        // The bars of the window.
        let bars =
            1.0 - 0.7 * (smoothstep(0.03, 0.01, u.abs())).max(smoothstep(0.03, 0.01, v.abs()));
        let window = self.window_light * inside(u, ww) * inside(v, wh) * bars;
        let coat = self.mirror * (0.45 + 0.25 * (1.0 - cos));
        let passes = self.transmittance(height);
        // The cut edge of a lens is darker.
        let rim = 1.0 - 0.25 * smoothstep(0.9, 1.0, edge);
        (
            passes.map(|c| c * rim * (1.0 - strength) * (1.0 - coat)),
            std::array::from_fn(|i| {
                let light = from[i] + window;
                light * (strength + coat * self.mirror_color[i])
            }),
        )
    }
}
