//! The transforms, one file each, and the one list of them.
//!
//! A file holds the configuration of a transform, its validation, how its parameters are sampled,
//! and for a photometric transform the sampled parameters and what they do to an image. To add one,
//! write its file, and add its `mod` line and its line in the list below.

mod affine;
mod brightness;
mod center_crop;
mod clahe;
mod coarse_dropout;
mod compose;
mod contrast;
mod downscale;
mod elastic;
mod equalize;
mod face_box_crop;
mod flip_horizontal;
mod flip_vertical;
mod gamma;
mod gaussian_blur;
mod gaussian_noise;
mod gray;
mod grid_distortion;
mod hue_saturation;
mod invert;
mod jpeg;
mod keypoint_safe_crop;
mod letterbox;
mod light_gradient;
mod median_blur;
mod motion_blur;
mod one_of;
mod pad;
mod perspective;
mod poisson_noise;
mod random_box_crop;
mod random_crop;
mod random_resized_crop;
mod resize;
mod rotate_90;
mod salt_and_pepper;
mod shadow;
mod sharpen;
mod some_of;
mod sometimes;
mod standardize;
mod traits;

pub use coarse_dropout::Fill;
pub use traits::SampleContext;
pub(crate) use traits::{
    Composition, Geometric, LabelBoxes, Photometric, PixelStep, PointwiseStep,
};

/// The list: the `kind` in a file, the module, the configuration and, for a photometric transform,
/// the sampled parameters. Each group implements the trait of its name in `traits`; photometric
/// transforms whose step changes each value on its own are `pointwise`.
///
/// Calls the macro `$callback` with the list. The callbacks define the enums `Transform` and `Step`
/// and export the types.
macro_rules! for_each_transform {
    ($callback:ident) => {
        $callback! {
            geometric {
                "flip_horizontal" => flip_horizontal::FlipHorizontal,
                "flip_vertical" => flip_vertical::FlipVertical,
                "rotate_90" => rotate_90::Rotate90,
                "affine" => affine::RandomAffine,
                "perspective" => perspective::Perspective,
                "elastic" => elastic::Elastic,
                "grid_distortion" => grid_distortion::GridDistortion,
                "center_crop" => center_crop::CenterCrop,
                "random_box_crop" => random_box_crop::RandomBoxCrop,
                "random_crop" => random_crop::RandomCrop,
                "random_resized_crop" => random_resized_crop::RandomResizedCrop,
                "keypoint_safe_crop" => keypoint_safe_crop::KeypointSafeCrop,
                "face_box_crop" => face_box_crop::FaceBoxCrop,
                "pad" => pad::Pad,
                "letterbox" => letterbox::Letterbox,
                "resize" => resize::Resize,
            }
            pointwise {
                "brightness" => brightness::{Brightness, BrightnessStep},
                "contrast" => contrast::{Contrast, ContrastStep},
                "gamma" => gamma::{Gamma, GammaStep},
                "invert" => invert::{Invert, InvertStep},
            }
            photometric {
                "hue_saturation" => hue_saturation::{HueSaturation, HueSaturationStep},
                "gray" => gray::{Gray, GrayStep},
                "gaussian_noise" => gaussian_noise::{GaussianNoise, GaussianNoiseStep},
                "poisson_noise" => poisson_noise::{PoissonNoise, PoissonNoiseStep},
                "salt_and_pepper" => salt_and_pepper::{SaltAndPepper, SaltAndPepperStep},
                "gaussian_blur" => gaussian_blur::{GaussianBlur, GaussianBlurStep},
                "median_blur" => median_blur::{MedianBlur, MedianBlurStep},
                "motion_blur" => motion_blur::{MotionBlur, MotionBlurStep},
                "sharpen" => sharpen::{Sharpen, SharpenStep},
                "clahe" => clahe::{Clahe, ClaheStep},
                "equalize" => equalize::{Equalize, EqualizeStep},
                "jpeg" => jpeg::{Jpeg, JpegStep},
                "downscale" => downscale::{Downscale, DownscaleStep},
                "coarse_dropout" => coarse_dropout::{CoarseDropout, CoarseDropoutStep},
                "shadow" => shadow::{Shadow, ShadowStep},
                "light_gradient" => light_gradient::{LightGradient, LightGradientStep},
                "standardize" => standardize::{Standardize, StandardizeStep},
            }
            composition {
                "compose" => compose::Compose,
                "one_of" => one_of::OneOf,
                "some_of" => some_of::SomeOf,
                "sometimes" => sometimes::Sometimes,
            }
        }
    };
}
pub(crate) use for_each_transform;

macro_rules! export {
    (
        geometric { $($g_kind:literal => $g_file:ident::$Geometric:ident,)* }
        pointwise {
            $($v_kind:literal => $v_file:ident::{$Pointwise:ident, $PointwiseStep:ident},)*
        }
        photometric {
            $($p_kind:literal => $p_file:ident::{$Photometric:ident, $PixelStep:ident},)*
        }
        composition { $($c_kind:literal => $c_file:ident::$Composition:ident,)* }
    ) => {
        $(pub use $g_file::$Geometric;)*
        $(pub use $v_file::{$Pointwise, $PointwiseStep};)*
        $(pub use $p_file::{$Photometric, $PixelStep};)*
        $(pub use $c_file::$Composition;)*
    };
}
for_each_transform!(export);
