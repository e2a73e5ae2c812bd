//! Loss functions. A new one is a file in this folder, its `mod` and its line in the list below.

#[macro_use]
mod list;

mod adaptive_wing;
mod definition;
mod mae;
mod mse;
mod nll;
mod smooth_l1;
mod soft_wing;
#[cfg(test)]
mod tests;
mod wing;

use crate::TrainError;
use crate::error::Section;
use candle_core::Tensor;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

pub use definition::LossUnit;
pub(crate) use definition::{Definition, LossInput};

losses! {
    "mae" => mae::Mae,
    "mse" => mse::Mse,
    "smooth_l1" => smooth_l1::SmoothL1,
    "wing" => wing::Wing,
    "soft_wing" => soft_wing::SoftWing,
    "nll" => nll::Nll,
    "adaptive_wing" => adaptive_wing::AdaptiveWing,
}

impl Default for Loss {
    /// The default loss of coordinates.
    fn default() -> Self {
        Mae.into()
    }
}

impl Loss {
    /// The default loss of an output.
    pub(crate) fn default_for(input: LossInput) -> Option<Self> {
        Self::all().find(|loss| loss.takes(input))
    }

    /// The names of the losses that an output can be trained with.
    pub(crate) fn names_for(input: LossInput) -> Vec<&'static str> {
        let takes = |loss: Self| loss.takes(input).then(|| loss.name());
        Self::all().filter_map(takes).collect()
    }

    /// Whether it can be computed from this input.
    pub(crate) fn takes(&self, input: LossInput) -> bool {
        self.definition().inputs().contains(&input)
    }

    /// The unit of errors that the loss is meant for: pixels where a parameter is a length.
    pub fn default_unit(&self) -> LossUnit {
        self.definition().default_unit()
    }

    /// The loss of each error, in a differentiable tensor of the same shape. The gradient at an
    /// error of 0 is finite.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use fkp_train::loss::{Loss, SmoothL1};
    /// let errors = Tensor::new(&[-0.5f32, 0.0, 3.0], &Device::Cpu)?;
    /// let loss = Loss::from(SmoothL1::default());
    /// assert_eq!(loss.each(&errors)?.to_vec1::<f32>()?, [0.125, 0.0, 2.5]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it is not a loss of coordinates.
    pub fn each(&self, errors: &Tensor) -> candle_core::Result<Tensor> {
        self.definition().of_coordinates(errors)
    }

    /// Refuses parameters that are not positive and finite.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the field's name, `train.loss.…`.
    pub fn validate(&self) -> Result<(), TrainError> {
        let section = format!("train.loss.{}", self.name());
        let mut parameters = self.definition().parameters().into_iter();
        parameters.try_for_each(|(name, value)| Section(&section).positive(name, value))
    }
}

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrParameters)
    }
}

/// Reads `"wing"` as well as `{ wing = { width = 5.0 } }`.
struct NameOrParameters;

impl<'de> Visitor<'de> for NameOrParameters {
    type Value = Loss;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Loss::NAMES.join(", ");
        write!(f, "one of {names}, alone or with parameters")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Loss, E> {
        let loss = Loss::all().find(|loss| loss.name() == name);
        loss.ok_or_else(|| E::unknown_variant(name, Loss::NAMES))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loss, A::Error> {
        let name: Option<String> = map.next_key()?;
        let name = name.ok_or_else(|| de::Error::invalid_length(0, &self))?;
        let loss = read_parameters(&name, &mut map)?;
        match map.next_key::<String>()? {
            None => Ok(loss),
            Some(_) => Err(de::Error::invalid_length(2, &self)),
        }
    }
}
