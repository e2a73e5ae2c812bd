//! The recommended recipe for faces.

use super::{Recipe, Transform, ZoomAxes};
use crate::Range;
use crate::transforms::{
    Brightness, CoarseDropout, Contrast, Downscale, Fill, Gamma, GaussianBlur, GaussianNoise, Jpeg,
    LightGradient, MotionBlur, OneOf, Shadow, Sometimes,
};

impl Recipe {
    /// The recommended recipe for faces: moderate geometry without distorted proportions, the
    /// differences in light, sensor and compression between cameras, and covered parts.
    ///
    /// Rotation 15°, shifts 0.06, zoom 0.15 (one factor), flip; then, each with its probability,
    /// contrast, brightness and gamma (0.6), a shadow or a light gradient (0.25), one of blur,
    /// motion blur, JPEG or downscaling (0.25), normal noise (0.25), two dropped rectangles (0.3).
    pub fn faces() -> Self {
        let tone = Sometimes {
            p: 0.6,
            transforms: vec![
                Contrast {
                    factor: Range::new(0.7, 1.3),
                }
                .into(),
                Brightness {
                    add: Range::within(0.15),
                }
                .into(),
                Gamma {
                    gamma: Range::new(0.75, 1.3),
                }
                .into(),
            ],
        };
        let light = one_of([
            Shadow {
                strength: Range::new(0.1, 0.5),
            }
            .into(),
            LightGradient {
                strength: Range::new(0.1, 0.4),
            }
            .into(),
        ]);
        let camera = one_of([
            GaussianBlur {
                sigma_px: Range::new(0.3, 1.2),
            }
            .into(),
            MotionBlur {
                length_px: Range::new(2.0, 5.0),
            }
            .into(),
            Jpeg {
                quality: Range::new(30.0, 90.0),
            }
            .into(),
            Downscale {
                factor: Range::new(0.5, 0.9),
            }
            .into(),
        ]);
        let noise = Transform::from(GaussianNoise {
            sigma: Range::new(0.005, 0.04),
        });
        let dropout = Transform::from(CoarseDropout {
            count: 2,
            width: Range::new(0.1, 0.3),
            height: Range::new(0.1, 0.3),
            fill: Fill::Noise,
        });
        Self {
            rotation_deg: 15.0,
            shift_x: 0.06,
            shift_y: 0.06,
            zoom: 0.15,
            zoom_axes: ZoomAxes::Together,
            flip_horizontal_p: 0.5,
            transforms: vec![
                tone.into(),
                light.with_probability(0.25),
                camera.with_probability(0.25),
                noise.with_probability(0.25),
                dropout.with_probability(0.3),
            ],
            ..Self::none()
        }
    }
}

fn one_of<const N: usize>(transforms: [Transform; N]) -> Transform {
    let transforms = transforms.into();
    OneOf { transforms }.into()
}
