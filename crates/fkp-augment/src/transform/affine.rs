//! The ranges of a random affine step.

use crate::{AugmentError, Range, field};
use fkp_core::{Affine, Rng};
use serde::{Deserialize, Serialize};

/// Scale, shear and rotation about the image's center, then shift; a key that is left out
/// changes nothing.
///
/// `dst_from_src = T · R · S · Z`, about the center: first `Z = diag(scale·scale_x, scale·scale_y)`,
/// then the shear `S = [[1, tan shear_x], [tan shear_y, 1]]`, the rotation `R`, the shift `T`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AffineRange {
    /// Counter-clockwise on the screen, in degrees; within [−360, 360].
    #[serde(deserialize_with = "field::rotation_deg")]
    pub rotation_deg: Range,
    /// Shift to the right as a fraction of the width; within [−2, 2].
    #[serde(deserialize_with = "field::shift_x")]
    pub shift_x: Range,
    /// Shift down as a fraction of the height; within [−2, 2].
    #[serde(deserialize_with = "field::shift_y")]
    pub shift_y: Range,
    /// Further shift to the right in pixels.
    #[serde(deserialize_with = "field::shift_x_px")]
    pub shift_x_px: Range,
    /// Further shift down in pixels.
    #[serde(deserialize_with = "field::shift_y_px")]
    pub shift_y_px: Range,
    /// Zoom: factor on both axes, above 1 enlarges; within [0.05, 20].
    #[serde(deserialize_with = "field::scale")]
    pub scale: Range,
    /// Further factor on the horizontal axis; within [0.05, 20].
    #[serde(deserialize_with = "field::scale_x")]
    pub scale_x: Range,
    /// Further factor on the vertical axis; within [0.05, 20].
    #[serde(deserialize_with = "field::scale_y")]
    pub scale_y: Range,
    /// Angle by which vertical lines lean, in degrees; within [−60, 60].
    #[serde(deserialize_with = "field::shear_x_deg")]
    pub shear_x_deg: Range,
    /// Angle by which horizontal lines lean, in degrees; within [−60, 60]. Together with
    /// `shear_x_deg` less than 90°, so that the map keeps its sense.
    #[serde(deserialize_with = "field::shear_y_deg")]
    pub shear_y_deg: Range,
}

impl Default for AffineRange {
    fn default() -> Self {
        let (none, one) = (Range::exactly(0.0), Range::exactly(1.0));
        Self {
            rotation_deg: none,
            shift_x: none,
            shift_y: none,
            shift_x_px: none,
            shift_y_px: none,
            scale: one,
            scale_x: one,
            scale_y: one,
            shear_x_deg: none,
            shear_y_deg: none,
        }
    }
}

impl AffineRange {
    pub(super) fn check(&self) -> Result<(), AugmentError> {
        let degrees = |name, range: &Range| range.check(name, -360.0, 360.0, "[-360, 360]");
        let fraction = |name, range: &Range| range.check(name, -2.0, 2.0, "[-2, 2]");
        let pixels = |name, range: &Range| range.check(name, -1e5, 1e5, "[-100000, 100000]");
        let factor = |name, range: &Range| range.check(name, 0.05, 20.0, "[0.05, 20]");
        let lean = |name, range: &Range| range.check(name, -60.0, 60.0, "[-60, 60]");
        degrees("rotation_deg", &self.rotation_deg)?;
        fraction("shift_x", &self.shift_x)?;
        fraction("shift_y", &self.shift_y)?;
        pixels("shift_x_px", &self.shift_x_px)?;
        pixels("shift_y_px", &self.shift_y_px)?;
        factor("scale", &self.scale)?;
        factor("scale_x", &self.scale_x)?;
        factor("scale_y", &self.scale_y)?;
        lean("shear_x_deg", &self.shear_x_deg)?;
        lean("shear_y_deg", &self.shear_y_deg)?;
        let reach = |range: &Range| range.low.abs().max(range.high.abs());
        let both = reach(&self.shear_x_deg) + reach(&self.shear_y_deg);
        crate::range::number("shear_x_deg + shear_y_deg", both, 0.0, 89.0, "[0, 89]")
    }

    pub(super) fn sample(
        &self,
        (width, height): (f64, f64),
        center: (f64, f64),
        rng: &mut dyn Rng,
    ) -> Affine {
        let (sin, cos) = self.rotation_deg.sample(rng).to_radians().sin_cos();
        let dx = self.shift_x.sample(rng) * width + self.shift_x_px.sample(rng);
        let dy = self.shift_y.sample(rng) * height + self.shift_y_px.sample(rng);
        let scale = self.scale.sample(rng);
        let (sx, sy) = (
            scale * self.scale_x.sample(rng),
            scale * self.scale_y.sample(rng),
        );
        let (hx, hy) = (
            self.shear_x_deg.sample(rng).to_radians().tan(),
            self.shear_y_deg.sample(rng).to_radians().tan(),
        );
        // R · S · Z with R as in `Affine::rotation_about`: counter-clockwise with y down.
        let (a, b) = ((cos + sin * hy) * sx, (cos * hx + sin) * sy);
        let (c, d) = ((-sin + cos * hy) * sx, (-sin * hx + cos) * sy);
        let (cx, cy) = center;
        let rows = [
            [a, b, cx + dx - a * cx - b * cy],
            [c, d, cy + dy - c * cx - d * cy],
        ];
        match Affine::new(rows) {
            Ok(map) => map,
            Err(error) => unreachable!("checked factors and angles have an inverse: {error}"),
        }
    }
}
