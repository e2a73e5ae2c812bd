//! The skin around the eyes: lids, folds, lashes, make-up.

use super::{Material, Spot};
use crate::math::{coverage, length, mix, ridge, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{Color, Eye, FaceParams};
use crate::shape::features::EyeShape;

/// Paints the surroundings of the eye on a side (0 for the subject's left). `local` is the point
/// in the frame of the eye.
pub(crate) fn paint(
    material: &mut Material,
    face: &FaceParams,
    shape: &EyeShape,
    index: usize,
    local: [f32; 2],
    spot: &Spot,
    noise: &NoiseTexture,
) {
    let eye = &face.eyes[index];
    let side = if index == 0 { 1.0 } else { -1.0 };
    let [ex, ey] = local;
    let hw = shape.half_width;
    let s = ex / hw;
    let soft = spot.px;
    let (upper, lower) = (shape.upper_edge(s), shape.lower_edge(s));
    let sides = smoothstep(1.25, 0.8, s.abs());

    fold(material, eye, shape, s, ey, soft);
    // The upper lid is a part of a ball: it faces up near the fold and forward at the edge.
    let above = upper - ey;
    let lid = sides * smoothstep(0.24, 0.05, above) * smoothstep(-0.04, 0.02, above);
    material.slope[1] += 0.75 * lid * smoothstep(0.0, 0.2, above);
    material.slope[0] += side * 0.5 * lid * s;
    material.gloss *= 1.0 + 0.5 * lid;
    // Under the lower lid: bag and its lower edge.
    let bag = eye.bag + 0.35 * face.expression.squint + 0.3 * face.expression.smile[index].max(0.0);
    let below = ey - lower;
    let line = below - 0.24 + 0.12 * s * s;
    let depth = 0.05 + 0.2 * bag + 0.12 * face.skin.age;
    material.crease(depth * sides * ridge(line, 0.13));
    material.slope[1] -= 0.5 * bag * sides * ridge(line + 0.1, 0.14);
    material.tint(
        (0.25 + 0.3 * face.skin.age) * sides * ridge(below - 0.15, 0.2),
        [0.82, 0.74, 0.78],
    );
    // The hollow beside the nose, and shade under the brow.
    let hollow = length(ex + 1.25 * hw, 1.2 * (ey + 0.1));
    material.crease((0.16 + 0.5 * eye.depth) * smoothstep(0.42, 0.0, hollow));
    material
        .crease((0.2 + 0.4 * eye.depth) * smoothstep(0.9, 0.5, ex.abs()) * ridge(ey + 0.32, 0.24));
    // Eye shadow.
    if eye.shadow > 0.0 {
        let band = smoothstep(-0.02, 0.03, above) * smoothstep(0.3, 0.1, above) * sides;
        material.tint(eye.shadow * band, [0.55, 0.5, 0.62]);
    }
    lashes(material, eye, s, [upper, lower], ey, soft, noise);
}

/// The fold of the upper lid.
fn fold(material: &mut Material, eye: &Eye, shape: &EyeShape, s: f32, ey: f32, soft: f32) {
    if eye.fold <= 0.0 {
        return;
    }
    let wide = s / 1.1;
    let height = eye.fold * (0.75 + 0.4 * smoothstep(0.0, 0.15, shape.upper))
        + 0.12 * (0.19 - shape.upper).max(0.0);
    let at = shape.upper_edge(wide) - height * (1.0 - 0.5 * wide * wide);
    let ends = smoothstep(1.0, 0.6, wide.abs());
    let near = ridge(ey - at, 0.05 + 0.7 * soft);
    material.crease(0.5 * ends * near);
    // The skin above hangs over the fold.
    material.slope[1] -= 0.7 * ends * ridge(ey - at + 0.07, 0.1);
}

/// Edges of the lids, lashes and liner.
fn lashes(
    material: &mut Material,
    eye: &Eye,
    s: f32,
    [upper, lower]: [f32; 2],
    ey: f32,
    soft: f32,
    noise: &NoiseTexture,
) {
    let ends = smoothstep(1.12, 0.92, s.abs());
    if ends <= 0.0 {
        return;
    }
    let black: Color = [0.02, 0.016, 0.014];
    let outer = 0.6 + 0.4 * s;
    // The lashes of the upper lid, denser toward the outer corner.
    let above = upper - ey;
    let length = 0.03 + 0.09 * eye.lashes * outer;
    let strokes = noise.at(Layer::Lashes, s * 13.0, above * 3.0);
    let fringe = smoothstep(length, 0.0, above) * smoothstep(-0.05, 0.0, above);
    let opacity = (0.35 + 0.5 * eye.lashes)
        * mix(
            0.75,
            smoothstep(0.25, 0.6, strokes),
            smoothstep(0.04, 0.015, soft),
        );
    material.paint(ends * fringe * opacity, black);
    let line = (above + 0.005).abs() - 0.016 - 0.025 * eye.liner;
    material.paint(
        ends * coverage(line, soft.max(0.025)) * (0.6 + 0.4 * eye.liner),
        black,
    );
    // The wet edge of the lower lid, and its lashes.
    let below = ey - lower;
    let rim = coverage((below - 0.015).abs() - 0.014, soft.max(0.03));
    material.tint(0.5 * ends * rim, [1.12, 0.85, 0.82]);
    material.gloss += 0.3 * ends * rim;
    let fringe = smoothstep(0.09, 0.02, below) * smoothstep(0.01, 0.03, below);
    material.paint(
        ends * fringe * (0.12 + 0.25 * eye.lashes * outer + 0.4 * eye.liner),
        black,
    );
}
