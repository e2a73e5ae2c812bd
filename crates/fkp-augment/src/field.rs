//! Reading the fields of a recipe, such that an error names the field.
//!
//! A step's `kind` is read with its other fields, so serde holds all of them back and then reports
//! a wrong type without its name or its line. A `deserialize_with` for each name adds the name.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A `deserialize_with` function for each name.
macro_rules! fields {
    ($($name:ident)*) => {$(
        pub(crate) fn $name<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
            deserializer: D,
        ) -> Result<T, D::Error> {
            named(stringify!($name), deserializer)
        }
    )*};
}

fields! {
    add amount area aspect border bottom cells clip count factor fill flip_horizontal_p fraction
    gamma height hue_deg interpolation left length_px margin mean p photons quality radius_px
    magnitude right rotation_deg saturation scale scale_x scale_y shear_x_deg shear_y_deg shift
    shift_x shift_x_px shift_y shift_y_px side sigma sigma_px std strength tiles top turns width
    zoom zoom_axes
}

fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    name: &str,
    deserializer: D,
) -> Result<T, D::Error> {
    T::deserialize(deserializer).map_err(|error| D::Error::custom(format!("`{name}`: {error}")))
}
