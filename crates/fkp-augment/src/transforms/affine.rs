//! Random scale, shear, rotation and shift.

use super::traits::{Geometric, SampleContext};
use crate::range::check_number;
use crate::{AugmentError, GeometricStep, Range};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// Scale, shear and rotation about the image's center, then shift. A key that is left out changes
/// nothing.
///
/// `dst_from_src = T · R · S · Z`, about the center: first
/// `Z = diag(scale·scale_x, scale·scale_y)`, then the shear
/// `S = [[1, tan shear_x], [tan shear_y, 1]]`, the rotation `R` and the shift `T`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandomAffine {
    /// Counter-clockwise on the screen, in degrees; within [−360, 360].
    pub rotation_deg: Range,
    /// Shift to the right as a fraction of the width; within [−2, 2].
    pub shift_x: Range,
    /// Shift down as a fraction of the height; within [−2, 2].
    pub shift_y: Range,
    /// Additional shift to the right in pixels; within [−100000, 100000].
    pub shift_x_px: Range,
    /// Additional shift down in pixels; within [−100000, 100000].
    pub shift_y_px: Range,
    /// Factor on both axes, above 1 enlarges; within [0.05, 20].
    pub scale: Range,
    /// Additional factor on the horizontal axis; within [0.05, 20].
    pub scale_x: Range,
    /// Additional factor on the vertical axis; within [0.05, 20].
    pub scale_y: Range,
    /// Angle by which vertical lines are slanted, in degrees; within [−60, 60].
    pub shear_x_deg: Range,
    /// Angle by which horizontal lines are slanted, in degrees; within [−60, 60]. Together with
    /// `shear_x_deg` at most 89°, so that the map does not mirror.
    pub shear_y_deg: Range,
}

impl Default for RandomAffine {
    fn default() -> Self {
        let (zero, one) = (Range::exactly(0.0), Range::exactly(1.0));
        Self {
            rotation_deg: zero,
            shift_x: zero,
            shift_y: zero,
            shift_x_px: zero,
            shift_y_px: zero,
            scale: one,
            scale_x: one,
            scale_y: one,
            shear_x_deg: zero,
            shear_y_deg: zero,
        }
    }
}

impl Geometric for RandomAffine {
    fn validate(&self) -> Result<(), AugmentError> {
        self.rotation_deg.check("rotation_deg", -360.0, 360.0)?;
        self.shift_x.check("shift_x", -2.0, 2.0)?;
        self.shift_y.check("shift_y", -2.0, 2.0)?;
        self.shift_x_px.check("shift_x_px", -1e5, 1e5)?;
        self.shift_y_px.check("shift_y_px", -1e5, 1e5)?;
        self.scale.check("scale", 0.05, 20.0)?;
        self.scale_x.check("scale_x", 0.05, 20.0)?;
        self.scale_y.check("scale_y", 0.05, 20.0)?;
        self.shear_x_deg.check("shear_x_deg", -60.0, 60.0)?;
        self.shear_y_deg.check("shear_y_deg", -60.0, 60.0)?;
        let largest = |range: &Range| range.low.abs().max(range.high.abs());
        let both = largest(&self.shear_x_deg) + largest(&self.shear_y_deg);
        check_number("shear_x_deg + shear_y_deg", both, 0.0, 89.0)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let size = context.size();
        let (sin, cos) = self.rotation_deg.sample(rng).to_radians().sin_cos();
        let (width, height) = (size.0 as f64, size.1 as f64);
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
        let (cx, cy) = context.center();
        let rows = [
            [a, b, cx + dx - a * cx - b * cy],
            [c, d, cy + dy - c * cx - d * cy],
        ];
        Some(GeometricStep::affine(rows, size))
    }
}
