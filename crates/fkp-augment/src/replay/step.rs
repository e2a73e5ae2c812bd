//! A step: the sampled parameters of one operation.

use crate::pixels::{Canvas, map_values};
use crate::transforms::{self, PixelStep, PointwiseStep, for_each_transform};
use crate::{GeometricStep, RasterMut};
use fkp_core::Channel;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// An operation on images that this crate does not have, with its sampled parameters. See
/// [`CustomTransform`](crate::CustomTransform).
pub trait CustomStep: fmt::Debug + Send + Sync {
    /// Changes the image in place. Values are fractions of white; the results are clamped to [0,
    /// 1].
    fn apply(&self, image: &mut RasterMut<'_>);

    /// Whether a visible keypoint at this position, in pixels, becomes `Occluded`.
    fn covers(&self, _x: f32, _y: f32) -> bool {
        false
    }
}

/// Two steps are equal if they are the same object.
impl PartialEq for dyn CustomStep {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self, other)
    }
}

macro_rules! define_step {
    (
        geometric { $($geometric:tt)* }
        pointwise {
            $($v_kind:literal => $v_file:ident::{$Pointwise:ident, $PointwiseStep:ident},)*
        }
        photometric {
            $($p_kind:literal => $p_file:ident::{$Photometric:ident, $PixelStep:ident},)*
        }
        composition { $($composition:tt)* }
    ) => {
        /// One operation with its sampled parameters. Noise is recorded by its seed.
        ///
        /// Values of channels are fractions of white (255 for `u8`, 1 for `f32`) and stay between
        /// black and white. Positions are in pixels of the frame that the step is applied to.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        #[non_exhaustive]
        pub enum Step {
            /// Moves image and keypoints.
            #[serde(rename = "geometric")]
            Geometric(GeometricStep),
            $(
                #[doc = concat!(
                    "A sampled [`", stringify!($Pointwise),
                    "`](transforms::", stringify!($Pointwise), ").",
                )]
                #[serde(rename = $v_kind)]
                $Pointwise(transforms::$PointwiseStep),
            )*
            $(
                #[doc = concat!(
                    "A sampled [`", stringify!($Photometric),
                    "`](transforms::", stringify!($Photometric), ").",
                )]
                #[serde(rename = $p_kind)]
                $Photometric(transforms::$PixelStep),
            )*
            /// An operation defined outside this crate, which cannot be serialized.
            #[serde(skip)]
            Custom(Arc<dyn CustomStep>),
        }

        $(
            impl From<transforms::$PointwiseStep> for Step {
                fn from(step: transforms::$PointwiseStep) -> Self {
                    Self::$Pointwise(step)
                }
            }
        )*

        $(
            impl From<transforms::$PixelStep> for Step {
                fn from(step: transforms::$PixelStep) -> Self {
                    Self::$Photometric(step)
                }
            }
        )*

        impl Step {
            /// The new value of `v` by a step that changes each value on its own.
            pub(super) fn pointwise(&self, v: f32) -> Option<f32> {
                let value = match self {
                    $(Self::$Pointwise(step) => step.value(v),)*
                    Self::Geometric(_) | $(Self::$Photometric(_) |)* Self::Custom(_) => return None,
                };
                Some(value.clamp(0.0, 1.0))
            }

            /// Changes the values of an image; a geometric step changes none.
            pub(super) fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
                match self {
                    Self::Geometric(_) => {}
                    $(Self::$Pointwise(step) => {
                        map_values(canvas.data, |v| step.value(v).clamp(0.0, 1.0));
                    })*
                    $(Self::$Photometric(step) => step.apply(canvas),)*
                    Self::Custom(step) => apply_custom(step.as_ref(), canvas),
                }
            }

            /// Whether a visible keypoint at this position, in pixels, becomes `Occluded`.
            pub(super) fn covers(&self, x: f32, y: f32) -> bool {
                match self {
                    Self::Geometric(_) $(| Self::$Pointwise(_))* => false,
                    $(Self::$Photometric(step) => step.covers(x, y),)*
                    Self::Custom(step) => step.covers(x, y),
                }
            }
        }
    };
}
for_each_transform!(define_step);

impl From<GeometricStep> for Step {
    fn from(step: GeometricStep) -> Self {
        Self::Geometric(step)
    }
}

impl Step {
    /// An operation defined outside this crate.
    pub fn custom(step: impl CustomStep + 'static) -> Self {
        Self::Custom(Arc::new(step))
    }

    /// The step as a geometric one, if it is geometric.
    pub(crate) fn geometric(&self) -> Option<&GeometricStep> {
        match self {
            Self::Geometric(step) => Some(step),
            _ => None,
        }
    }
}

fn apply_custom<T: Channel>(step: &dyn CustomStep, canvas: &mut Canvas<'_, T>) {
    let values = canvas.data.iter().map(|value| value.to_f32() / T::WHITE);
    canvas.floats.clear();
    canvas.floats.extend(values);
    step.apply(&mut RasterMut {
        width: canvas.width,
        height: canvas.height,
        channels: canvas.channels,
        data: canvas.floats,
    });
    for (value, new) in canvas.data.iter_mut().zip(canvas.floats.iter()) {
        *value = T::from_f32(new.clamp(0.0, 1.0) * T::WHITE);
    }
}
