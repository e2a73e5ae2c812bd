//! Colors that surfaces have in interiors and streets.

use super::geometry::Color;
use crate::distributions::Sampler;

/// Wall paint and paper backdrops, in sRGB.
pub(super) const PAINTS: [[u8; 3]; 22] = [
    [238, 236, 230],
    [226, 214, 190],
    [205, 204, 200],
    [232, 222, 196],
    [176, 198, 214],
    [188, 204, 178],
    [182, 112, 82],
    [122, 36, 36],
    [32, 44, 84],
    [112, 112, 72],
    [108, 78, 52],
    [60, 61, 64],
    [16, 16, 18],
    [196, 158, 78],
    [44, 108, 110],
    [224, 178, 172],
    [92, 64, 122],
    [150, 150, 148],
    [214, 196, 150],
    [120, 138, 150],
    [90, 20, 28],
    [24, 60, 44],
];

/// Paint of the walls of interiors, in sRGB.
pub(super) const WALLS: [[u8; 3]; 16] = [
    [238, 236, 230],
    [226, 214, 190],
    [205, 204, 200],
    [232, 222, 196],
    [176, 198, 214],
    [188, 204, 178],
    [200, 150, 118],
    [214, 196, 150],
    [150, 150, 148],
    [120, 138, 150],
    [224, 196, 186],
    [240, 240, 240],
    [176, 160, 136],
    [150, 90, 70],
    [96, 98, 102],
    [206, 176, 110],
];

/// Printed and luminous colors, in sRGB.
pub(super) const VIVID: [[u8; 3]; 12] = [
    [24, 62, 186],
    [206, 30, 34],
    [246, 198, 40],
    [28, 140, 70],
    [126, 44, 176],
    [238, 112, 26],
    [10, 156, 200],
    [236, 236, 240],
    [12, 12, 16],
    [20, 30, 90],
    [232, 76, 130],
    [140, 190, 60],
];

/// Wood, in sRGB.
pub(super) const WOODS: [[u8; 3]; 6] = [
    [122, 76, 42],
    [162, 112, 68],
    [86, 52, 32],
    [192, 148, 98],
    [60, 39, 27],
    [140, 62, 34],
];

/// Covers of books, clothes, furniture, in sRGB.
pub(super) const CLOTH: [[u8; 3]; 14] = [
    [30, 32, 40],
    [24, 36, 66],
    [228, 226, 220],
    [120, 30, 32],
    [60, 76, 52],
    [92, 70, 54],
    [150, 152, 156],
    [14, 14, 16],
    [70, 100, 150],
    [196, 180, 150],
    [180, 60, 50],
    [44, 90, 80],
    [206, 170, 60],
    [200, 140, 150],
];

/// Skin, in sRGB.
pub(super) const SKIN: [[u8; 3]; 6] = [
    [228, 184, 158],
    [212, 162, 132],
    [188, 134, 100],
    [150, 100, 72],
    [104, 68, 48],
    [72, 48, 38],
];

/// Hair, in sRGB.
pub(super) const HAIR: [[u8; 3]; 6] = [
    [20, 17, 16],
    [44, 31, 22],
    [88, 60, 38],
    [156, 122, 78],
    [128, 126, 122],
    [104, 50, 28],
];

/// Leaves in the light, in sRGB.
pub(super) const LEAVES: [[u8; 3]; 6] = [
    [104, 134, 62],
    [72, 110, 52],
    [140, 150, 70],
    [88, 120, 84],
    [160, 140, 62],
    [52, 88, 44],
];

/// Lamps, in sRGB.
pub(super) const LAMPS: [[u8; 3]; 5] = [
    [255, 214, 150],
    [255, 240, 214],
    [255, 170, 90],
    [214, 230, 255],
    [255, 250, 240],
];

/// A random color of a palette, slightly changed. Consumes five random values.
pub(super) fn sampled(palette: &[[u8; 3]], sampler: &mut Sampler) -> Color {
    let index = (sampler.unit_uniform() * palette.len() as f32) as usize;
    let color = linear(palette[index.min(palette.len() - 1)]);
    let brightness = (1.0 + sampler.triangular(0.35)) * (1.0 + sampler.triangular(0.08));
    color.map(|value| (value * brightness).max(0.002))
}

/// Linear light of an sRGB color, with a pure exponent.
pub(super) fn linear(color: [u8; 3]) -> Color {
    color.map(|value| (f32::from(value) / 255.0).powf(2.2))
}
