//! The response of the sensor to light: exposure, white balance, saturation, gray conversion.

use super::channels::Channels;
use crate::raster::Raster;

/// Luminance of linear red, green and blue (ITU-R BT.709).
const LUMINANCE: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// How the sensor turns light into color.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColorResponse {
    /// Exposure in stops: +1 doubles the light, −1 halves it.
    pub exposure: f32,
    /// White balance between blue (negative) and red (positive), in stops of either.
    pub temperature: f32,
    /// White balance between green (negative) and magenta (positive), in stops.
    pub tint: f32,
    /// Saturation: 0 is gray, 1 unchanged, above 1 more vivid.
    pub saturation: f32,
    /// Weights of red, green and blue in a gray image; their sum should be 1.
    pub gray_mix: [f32; 3],
    /// Whether the photograph is black and white, also as an image of three channels.
    pub monochrome: bool,
}

impl ColorResponse {
    /// Changes nothing; gray is the luminance.
    pub const NEUTRAL: Self = Self {
        exposure: 0.0,
        temperature: 0.0,
        tint: 0.0,
        saturation: 1.0,
        gray_mix: LUMINANCE,
        monochrome: false,
    };

    /// The exposed image of one channel, or of three for a color photograph.
    pub(super) fn expose(&self, light: &[[f32; 3]], size: usize, channels: Channels) -> Raster {
        let rows = self.matrix();
        let apply =
            |row: [f32; 3], p: &[f32; 3]| (row[0] * p[0] + row[1] * p[1] + row[2] * p[2]).max(0.0);
        if self.monochrome || channels == Channels::Gray {
            let mix = self.gray_mix;
            let row = [0, 1, 2].map(|c| (0..3).map(|k| mix[k] * rows[k][c]).sum::<f32>());
            return Raster {
                size,
                channels: 1,
                data: light.iter().map(|pixel| apply(row, pixel)).collect(),
            };
        }
        let mut raster = Raster::zeros(size, 3);
        let (pixels, _) = raster.data.as_chunks_mut::<3>();
        for (to, from) in pixels.iter_mut().zip(light) {
            *to = rows.map(|row| apply(row, from));
        }
        raster
    }

    /// Red, green and blue of the image from red, green and blue of the light.
    fn matrix(&self) -> [[f32; 3]; 3] {
        let stops = [
            self.exposure + self.temperature,
            self.exposure - self.tint,
            self.exposure - self.temperature,
        ];
        let gains = stops.map(f32::exp2);
        [0, 1, 2].map(|to| {
            [0, 1, 2].map(|from| {
                let own = if to == from { self.saturation } else { 0.0 };
                (own + (1.0 - self.saturation) * LUMINANCE[from]) * gains[from]
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHT: [[f32; 3]; 1] = [[0.5, 0.25, 0.125]];

    fn exposed(response: ColorResponse, channels: Channels) -> Vec<f32> {
        response.expose(&LIGHT, 1, channels).data
    }

    #[test]
    fn a_neutral_response_changes_nothing() {
        let neutral = ColorResponse::NEUTRAL;
        assert_eq!(exposed(neutral, Channels::Rgb), LIGHT[0]);
        let luminance = 0.5 * LUMINANCE[0] + 0.25 * LUMINANCE[1] + 0.125 * LUMINANCE[2];
        assert!((exposed(neutral, Channels::Gray)[0] - luminance).abs() < 1e-6);
    }

    #[test]
    fn stops_and_white_balance_scale_the_channels() {
        let response = ColorResponse {
            exposure: 1.0,
            temperature: 0.5,
            tint: -1.0,
            ..ColorResponse::NEUTRAL
        };
        let [r, g, b] = exposed(response, Channels::Rgb)[..] else {
            panic!("three channels");
        };
        assert!((r - 0.5 * 1.5f32.exp2()).abs() < 1e-5);
        assert!((g - 1.0).abs() < 1e-5 && (b - 0.125 * 0.5f32.exp2()).abs() < 1e-5);
    }

    #[test]
    fn saturation_keeps_the_luminance() {
        let gray = |saturation| {
            let response = ColorResponse {
                saturation,
                ..ColorResponse::NEUTRAL
            };
            exposed(response, Channels::Gray)[0]
        };
        assert!((gray(0.0) - gray(1.0)).abs() < 1e-6 && (gray(1.4) - gray(1.0)).abs() < 1e-6);
        let response = ColorResponse {
            saturation: 0.0,
            ..ColorResponse::NEUTRAL
        };
        let color = exposed(response, Channels::Rgb);
        assert!((color[0] - color[2]).abs() < 1e-6);
    }
}
