//! A transform of a recipe: one of the list, or one defined outside this crate.

use super::{CustomTransform, Recorder};
use crate::keys::named;
use crate::transforms::{self, Composition, Geometric, Photometric, Sometimes, for_each_transform};
use crate::{AugmentError, Step};
use fkp_core::Rng;
use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;

macro_rules! define_transform {
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
        /// A transform with the ranges of its parameters. In a file, `kind` names it and the other
        /// keys are the fields of its configuration.
        ///
        /// Geometric transforms move image and keypoints; consecutive ones are composed, and the
        /// image is resampled once. Positions are in pixels with centers at integers. Values of
        /// channels are fractions of white. From a range `[low, high]`, a number is sampled
        /// uniformly.
        ///
        /// ```
        /// use fkp_augment::{GaussianBlur, Range, Transform};
        /// let text = "kind = 'gaussian_blur'\nsigma_px = [0.2, 1.0]";
        /// let transform: Transform = toml::from_str(text)?;
        /// assert_eq!(transform, GaussianBlur { sigma_px: Range::new(0.2, 1.0) }.into());
        /// # Ok::<(), toml::de::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        #[non_exhaustive]
        pub enum Transform {
            $(
                #[doc = concat!(
                    "See [`", stringify!($Geometric),
                    "`](transforms::", stringify!($Geometric), ").",
                )]
                #[serde(rename = $g_kind, deserialize_with = "named")]
                $Geometric(transforms::$Geometric),
            )*
            $(
                #[doc = concat!(
                    "See [`", stringify!($Pointwise),
                    "`](transforms::", stringify!($Pointwise), ").",
                )]
                #[serde(rename = $v_kind, deserialize_with = "named")]
                $Pointwise(transforms::$Pointwise),
            )*
            $(
                #[doc = concat!(
                    "See [`", stringify!($Photometric),
                    "`](transforms::", stringify!($Photometric), ").",
                )]
                #[serde(rename = $p_kind, deserialize_with = "named")]
                $Photometric(transforms::$Photometric),
            )*
            $(
                #[doc = concat!(
                    "See [`", stringify!($Composition),
                    "`](transforms::", stringify!($Composition), ").",
                )]
                #[serde(rename = $c_kind, deserialize_with = "named")]
                $Composition(transforms::$Composition<Transform>),
            )*
            /// A transform defined outside this crate, which cannot be serialized.
            #[serde(skip_deserializing, serialize_with = "refuse_custom")]
            Custom(Arc<dyn CustomTransform>),
        }

        impl Transform {
            /// The `kind` in a file, or the name of a custom transform.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$Geometric(_) => $g_kind,)*
                    $(Self::$Pointwise(_) => $v_kind,)*
                    $(Self::$Photometric(_) => $p_kind,)*
                    $(Self::$Composition(_) => $c_kind,)*
                    Self::Custom(custom) => custom.name(),
                }
            }

            /// Checks every number of this transform and of those inside it.
            ///
            /// # Errors
            /// Names the first field that is out of its range or not finite.
            pub fn validate(&self) -> Result<(), AugmentError> {
                match self {
                    $(Self::$Geometric(transform) => transform.validate(),)*
                    $(Self::$Pointwise(transform) => transform.validate(),)*
                    $(Self::$Photometric(transform) => transform.validate(),)*
                    $(Self::$Composition(composition) => {
                        composition.validate()?;
                        validate_all(composition.transforms())
                    })*
                    Self::Custom(custom) => custom.validate(),
                }
            }

            /// The path to the first transform, this or one inside it, that may mirror an image.
            fn mirroring_path(&self) -> Option<String> {
                let mirrors = match self {
                    $(Self::$Geometric(transform) => transform.mirrors(),)*
                    $(Self::$Pointwise(_) => false,)*
                    $(Self::$Photometric(_) => false,)*
                    $(Self::$Composition(composition) => {
                        return match composition.is_never_applied() {
                            true => None,
                            false => mirroring_path(composition.transforms()),
                        };
                    })*
                    Self::Custom(custom) => custom.mirrors(),
                };
                mirrors.then(|| self.kind().to_owned())
            }

            /// Samples the parameters and adds the steps to the record.
            pub(crate) fn sample(&self, recorder: &mut Recorder<'_>, rng: &mut dyn Rng) {
                match self {
                    $(Self::$Geometric(transform) => {
                        if let Some(step) = transform.sample(&recorder.context(), rng) {
                            recorder.push(step);
                        }
                    })*
                    $(Self::$Pointwise(transform) => sample_steps(transform, recorder, rng),)*
                    $(Self::$Photometric(transform) => sample_steps(transform, recorder, rng),)*
                    $(Self::$Composition(composition) => {
                        composition.select(rng, |transform, rng| transform.sample(recorder, rng));
                    })*
                    Self::Custom(custom) => custom.sample(recorder, rng),
                }
            }
        }

        impl_from! {
            $($Geometric(transforms::$Geometric))*
            $($Pointwise(transforms::$Pointwise))*
            $($Photometric(transforms::$Photometric))*
            $($Composition(transforms::$Composition<Transform>))*
        }
    };
}

/// A configuration as a transform.
macro_rules! impl_from {
    ($($Variant:ident($Config:ty))*) => {
        $(
            impl From<$Config> for Transform {
                fn from(transform: $Config) -> Self {
                    Self::$Variant(transform)
                }
            }
        )*
    };
}

for_each_transform!(define_transform);

impl Transform {
    /// A transform defined outside this crate.
    pub fn custom(transform: impl CustomTransform + 'static) -> Self {
        Self::Custom(Arc::new(transform))
    }

    /// This transform with probability `p`.
    pub fn with_probability(self, p: f64) -> Self {
        let transforms = vec![self];
        Sometimes { p, transforms }.into()
    }
}

/// Checks a list of transforms; messages name the position in it.
pub(super) fn validate_all(transforms: &[Transform]) -> Result<(), AugmentError> {
    let validate = |(i, transform): (usize, &Transform)| {
        let result = transform.validate();
        result.map_err(|error| error.within(&format!("transforms[{i}]")))
    };
    transforms.iter().enumerate().try_for_each(validate)
}

/// The path to the first transform that may mirror an image.
pub(super) fn mirroring_path(transforms: &[Transform]) -> Option<String> {
    let path = |(i, transform): (usize, &Transform)| {
        let path = transform.mirroring_path()?;
        Some(format!("transforms[{i}].{path}"))
    };
    transforms.iter().enumerate().find_map(path)
}

fn sample_steps<T>(transform: &T, recorder: &mut Recorder<'_>, rng: &mut dyn Rng)
where
    T: Photometric,
    Step: From<T::Step>,
{
    for _ in 0..transform.count() {
        let step = transform.sample(&recorder.context(), rng);
        recorder.push(step);
    }
}

fn refuse_custom<S: Serializer>(
    custom: &Arc<dyn CustomTransform>,
    _: S,
) -> Result<S::Ok, S::Error> {
    let name = custom.name();
    Err(S::Error::custom(format!(
        "`{name}` is a transform defined in code and cannot be written to a file"
    )))
}
