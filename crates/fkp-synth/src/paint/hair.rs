//! Hair on the head: coverage and color of its shells.

use crate::math::{mix, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{Color, Hair};
use crate::shape::hair::Hairline;

/// How a point of a hair mesh looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HairLook {
    pub(crate) opacity: f32,
    pub(crate) albedo: Color,
    /// Fraction of the ambient light that arrives between the strands.
    pub(crate) open: f32,
    /// Tilt of the strand against the way down, which breaks the highlight.
    pub(crate) tilt: f32,
}

/// Which mesh a point belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The shell over the scalp.
    Shell,
    /// Wisps above the shell.
    Wisps,
    /// Long hair.
    Curtain,
}

/// The look of the point with the surface coordinates x, y and angle.
pub(crate) fn look(
    hair: &Hair,
    line: &Hairline,
    part: Part,
    [x, y, angle]: [f32; 3],
    px: f32,
    noise: &NoiseTexture,
) -> HairLook {
    // Strands run down from the crown; swept hair runs to one side in front.
    let lean = hair.sweep * smoothstep(1.6, 0.2, x.abs()) * 0.35;
    let wave = noise.sign
        * hair.curl
        * 0.25
        * (y * 4.0 + 6.0 * noise.at(Layer::Curls, angle * 2.0, y)).sin();
    let across = angle + lean * (y + 2.5) + 0.35 * wave;
    let strand = noise.at(Layer::Strands, across * 14.0, y * (0.7 + 2.5 * hair.curl));
    let fine = noise.at(
        Layer::FineStrands,
        across * 39.0,
        y * (1.5 + 4.0 * hair.curl),
    );
    let lock = noise.at(Layer::Tufts, across * 5.0, y * 0.6);
    let detail = smoothstep(0.09, 0.03, px);
    let strands = 0.45 * lock + 0.35 * strand + 0.2 * mix(0.5, fine, detail);
    let ragged = hair.ragged * (strand - 0.5) * 1.2 + 0.5 * hair.ragged * (fine - 0.5);
    let soft = px.max(0.05 + 0.5 * hair.ragged);
    let opacity = match part {
        Part::Shell => {
            let below = line.below(x, y) + ragged;
            let grown = smoothstep(soft, -soft, below);
            grown
                * mix(
                    1.0,
                    smoothstep(0.0, 0.35, strand + 0.3 * hair.density),
                    1.0 - hair.density,
                )
        }
        Part::Wisps => {
            let below = line.below(x, y) + ragged + 0.15;
            let grown = smoothstep(soft, -soft, below);
            grown * 0.7 * smoothstep(0.5, 0.8, 0.55 * fine + 0.45 * strand + 0.12 * hair.curl)
        }
        Part::Curtain => {
            let end = hair.length - 0.6 * (strand - 0.4) - y;
            let start = smoothstep(-0.9, -0.5, y + 0.3 * (strand - 0.5));
            smoothstep(-0.1, 0.25, end) * start * smoothstep(0.02, 0.18, strand + 0.25)
        }
    };
    let contrast = hair.strands;
    let light = mix(1.0, 0.4 + 1.2 * strands, contrast);
    // Gray hairs are spread among the others, denser at the temples.
    let gray = (hair.gray * (0.75 + 0.35 * smoothstep(0.8, 2.0, x.abs())) + 0.5 * (fine - 0.5))
        .clamp(0.0, 1.0)
        * smoothstep(0.0, 0.25, hair.gray);
    let albedo = std::array::from_fn(|i| {
        let silver = 0.4 + 0.015 * i as f32;
        mix(hair.color[i], silver, 0.9 * gray) * light
    });
    HairLook {
        opacity: opacity.clamp(0.0, 1.0),
        albedo,
        open: mix(0.55, 1.0, strands) * mix(1.0, 0.75 + 0.5 * lock, contrast),
        tilt: 0.5 * (strand - 0.5) + 0.35 * (fine - 0.5) + 0.6 * noise.sign * wave,
    }
}
