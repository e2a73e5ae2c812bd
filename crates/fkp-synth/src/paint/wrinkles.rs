//! Folds and wrinkles.

use super::{Material, Spot};
use crate::math::{length, ridge, smoothstep};
use crate::params::FaceParams;
use crate::shape::Features;

/// Paints folds and wrinkles of age and expression.
pub(crate) fn paint(
    material: &mut Material,
    face: &FaceParams,
    features: &Features,
    spot: &Spot,
    sign: f32,
) {
    let [x, y] = spot.at;
    if y > 3.9 || x.abs() > 2.3 {
        return;
    }
    let index = usize::from(x < 0.0);
    let side = if x < 0.0 { -1.0 } else { 1.0 };
    let out = side * x;
    let (age, e) = (face.skin.age, &face.expression);
    let smile = e.smile[index].max(0.0);
    let soft = spot.px.max(0.02);

    // From the wing of the nose past the corner of the mouth.
    let corner = features.mouth.corner(index);
    let start = face.nose.at[1] + 0.02;
    let end = corner[1] + 0.25;
    let t = (y - start) / (end - start);
    if (0.0..1.0).contains(&t) {
        let wing = 0.52 * face.nose.width;
        let beside = side * corner[0] + 0.2;
        let fold = wing + (beside - wing) * t * (1.55 - 0.55 * t);
        let distance = out - fold;
        let depth = 0.05 + 0.25 * age + 0.3 * smile + 0.2 * e.sneer;
        let ends = smoothstep(0.0, 0.2, t) * smoothstep(1.0, 0.62, t);
        let near = ridge(distance, 0.15 + soft);
        material.crease(0.85 * depth * ends * near);
        // The cheek stands out beyond the fold.
        material.slope[0] += side * 0.9 * depth * ends * ridge(distance - 0.06, 0.2);
    }
    // Below the corner of the mouth.
    if age > 0.3 {
        let t = (y - corner[1]) / 0.7;
        if (0.0..1.0).contains(&t) {
            let distance = out - side * corner[0] - 0.06 - 0.1 * t;
            let ends = smoothstep(0.0, 0.15, t) * smoothstep(1.0, 0.5, t);
            material.crease(0.45 * (age - 0.3) * ends * ridge(distance, 0.07 + soft));
        }
    }
    // Across the forehead.
    let raise = (0.5 * (e.brow_raise[0] + e.brow_raise[1]) + 0.5 * e.worry).max(0.0);
    let lines = (0.5 * (age - 0.25).max(0.0) + 0.45 * raise * (0.3 + age)).min(0.6);
    if lines > 0.01 && y < -0.75 && y > -2.0 {
        let wave = y + 0.06 * (2.7 * sign * x + 1.0).cos();
        let row = (wave * 4.3).rem_euclid(1.0) - 0.5;
        let ends =
            smoothstep(1.4, 0.7, out) * smoothstep(-2.0, -1.7, y) * smoothstep(-0.75, -0.95, y);
        material.crease(0.5 * lines * ends * ridge(row, 0.22));
        material.slope[1] += 1.6 * lines * ends * row * ridge(row, 0.5);
    }
    // Between the brows.
    let frown = 0.4 * (age - 0.35).max(0.0) + 0.4 * e.frown;
    if frown > 0.01 {
        let ends = smoothstep(-0.85, -0.6, y) * smoothstep(-0.05, -0.3, y);
        material.crease(frown * ends * ridge(out - 0.17, 0.06 + soft));
    }
    // Beside the outer corner of the eye.
    let crow = 0.5 * (age - 0.3).max(0.0) + 0.35 * smile.max(e.squint) * (0.3 + age);
    if crow > 0.01 {
        let eye = &features.eyes[index];
        let [ex, ey] = eye.local(out, y);
        let (u, v) = (ex - eye.half_width - 0.06, ey);
        if (0.0..0.5).contains(&u) && v.abs() < 0.35 {
            let ray = (v / (0.1 + 0.55 * u)) * 2.5;
            let row = ray.rem_euclid(1.0) - 0.5;
            let ends = smoothstep(0.0, 0.1, u) * smoothstep(0.5, 0.2, u);
            material.crease(0.7 * crow * ends * ridge(row, 0.3));
        }
    }
    // Across the root of the nose, when it is wrinkled.
    if e.sneer > 0.05 {
        let row = ((y + 0.4 * out) * 6.0).rem_euclid(1.0) - 0.5;
        let ends = smoothstep(0.4, 0.15, out) * ridge(y - 0.25, 0.4);
        material.crease(0.35 * e.sneer * ends * ridge(row, 0.3));
    }
    // Around the chin when the lips are pressed or pushed up.
    let dimple = length(out - 0.25, 1.2 * (y - features.mouth.bottom - 0.45));
    material.crease(0.12 * (e.press + e.purse) * ridge(dimple, 0.3));
}
