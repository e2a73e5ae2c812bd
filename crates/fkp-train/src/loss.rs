//! What is minimized.

use crate::TrainError;
use candle_core::Tensor;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How much an error e counts, predicted minus labeled: of one coordinate, unless it says something
/// else. Labels that are missing have weight 0. [`keypoint_codec`](crate::keypoint_codec) says which
/// loss goes with which output.
///
/// In a configuration file it is the name, or the name with some of the parameters; those left
/// out have the values of [`smooth_l1`](Self::smooth_l1), [`wing`](Self::wing),
/// [`soft_wing`](Self::soft_wing) and [`adaptive_wing`](Self::adaptive_wing): `loss = "mae"`,
/// `loss = "wing"`, `loss = { wing = { width = 5.0 } }`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// |e|, Keras' `mean_absolute_error`.
    #[default]
    Mae,
    /// e², Keras' `mean_squared_error`.
    Mse,
    /// e² / 2β below β and |e| − β/2 from there on, PyTorch's `smooth_l1_loss` (Girshick 2015).
    SmoothL1 {
        /// β, in the unit of the error.
        #[serde(default = "beta")]
        beta: f64,
    },
    /// w · ln(1 + |e|/ε) below w and |e| − C from there on, with C for which the two meet
    /// (Feng et al. 2018, equation 5): small errors count more than in MAE.
    Wing {
        /// w, in the unit of the error.
        #[serde(default = "wing_width")]
        width: f64,
        /// ε, in the unit of the error.
        #[serde(default = "wing_curvature")]
        curvature: f64,
    },
    /// |e| below ω₁ and ω₂ · ln(1 + |e|/ε) + B from there on, with B for which the two meet
    /// (Lin et al. 2021, *Structure-Coherent Deep Feature Learning for Robust Face Alignment*):
    /// tiny errors, which are the label's own, count no more than in MAE, and gross ones less.
    SoftWing {
        /// ω₁, in the unit of the error.
        #[serde(default = "soft_wing_inner")]
        inner: f64,
        /// ω₂, a factor.
        #[serde(default = "soft_wing_width")]
        width: f64,
        /// ε, in the unit of the error.
        #[serde(default = "soft_wing_curvature")]
        curvature: f64,
    },
    /// The negative logarithm of the likelihood that an output of coordinates with a scale stands
    /// for; see [`CoordinatesWithScale`](crate::CoordinatesWithScale).
    Nll,
    /// Of a pixel of a heatmap (Wang et al. 2019, equation 4) with the paper's weighted loss map.
    /// For a difference d and a target y: ω · ln(1 + |d/ε|^(α − y)) below θ and A·|d| − C from
    /// there on, with A and C for which value and slope meet.
    AdaptiveWing {
        /// α, above 1 more than y can be.
        #[serde(default = "adaptive_wing_alpha")]
        alpha: f64,
        /// ω.
        #[serde(default = "adaptive_wing_omega")]
        omega: f64,
        /// ε.
        #[serde(default = "adaptive_wing_epsilon")]
        epsilon: f64,
        /// θ.
        #[serde(default = "adaptive_wing_theta")]
        theta: f64,
        /// How much more the pixels around a keypoint (target at least 0.2, and their neighbors)
        /// count than the rest.
        #[serde(default = "adaptive_wing_foreground")]
        foreground: f64,
    },
}

/// The unit in which errors of coordinates are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The image is 2 wide and 2 high, see [`fkp_core::CoordinateFrame`].
    #[default]
    Normalized,
    /// Pixels of the crop.
    Pixels,
}

fn beta() -> f64 {
    1.0
}

fn wing_width() -> f64 {
    10.0
}

fn wing_curvature() -> f64 {
    2.0
}

fn soft_wing_inner() -> f64 {
    2.0
}

fn soft_wing_width() -> f64 {
    20.0
}

fn soft_wing_curvature() -> f64 {
    0.5
}

fn adaptive_wing_alpha() -> f64 {
    2.1
}

fn adaptive_wing_omega() -> f64 {
    14.0
}

fn adaptive_wing_epsilon() -> f64 {
    1.0
}

fn adaptive_wing_theta() -> f64 {
    0.5
}

fn adaptive_wing_foreground() -> f64 {
    10.0
}

impl Loss {
    /// The names of all losses in a configuration file.
    pub const NAMES: &'static [&'static str] = &[
        "mae",
        "mse",
        "smooth_l1",
        "wing",
        "soft_wing",
        "nll",
        "adaptive_wing",
    ];

    /// The name in a configuration file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mae => "mae",
            Self::Mse => "mse",
            Self::SmoothL1 { .. } => "smooth_l1",
            Self::Wing { .. } => "wing",
            Self::SoftWing { .. } => "soft_wing",
            Self::Nll => "nll",
            Self::AdaptiveWing { .. } => "adaptive_wing",
        }
    }

    /// Whether it is of the error of a coordinate, so that [`Self::each`] can work it out.
    pub fn is_of_coordinates(&self) -> bool {
        !matches!(self, Self::Nll | Self::AdaptiveWing { .. })
    }

    /// Adaptive Wing with the constants of the paper: α = 2.1, ω = 14, ε = 1, θ = 0.5, and 10 times
    /// more weight around keypoints.
    pub fn adaptive_wing() -> Self {
        Self::AdaptiveWing {
            alpha: adaptive_wing_alpha(),
            omega: adaptive_wing_omega(),
            epsilon: adaptive_wing_epsilon(),
            theta: adaptive_wing_theta(),
            foreground: adaptive_wing_foreground(),
        }
    }

    /// β = 1, PyTorch's default.
    pub fn smooth_l1() -> Self {
        Self::SmoothL1 { beta: beta() }
    }

    /// w = 10 px and ε = 2 px, the paper's for crops of 64 px; they assume pixels.
    pub fn wing() -> Self {
        Self::Wing {
            width: wing_width(),
            curvature: wing_curvature(),
        }
    }

    /// ω₁ = 2 px, ω₂ = 20, ε = 0.5 px, which assume pixels of crops of about 256 px.
    pub fn soft_wing() -> Self {
        Self::SoftWing {
            inner: soft_wing_inner(),
            width: soft_wing_width(),
            curvature: soft_wing_curvature(),
        }
    }

    /// The unit that the loss is meant for: pixels where a parameter is a length.
    pub fn natural_unit(&self) -> Unit {
        match self {
            Self::Mae | Self::Mse | Self::Nll | Self::AdaptiveWing { .. } => Unit::Normalized,
            Self::SmoothL1 { .. } | Self::Wing { .. } | Self::SoftWing { .. } => Unit::Pixels,
        }
    }

    /// The loss of each error, in a tensor of the same shape that can be differentiated. Errors
    /// of 0 have finite gradients.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use fkp_train::Loss;
    /// let errors = Tensor::new(&[-0.5f32, 0.0, 3.0], &Device::Cpu)?;
    /// assert_eq!(Loss::smooth_l1().each(&errors)?.to_vec1::<f32>()?, [0.125, 0.0, 2.5]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it is not a loss of coordinates.
    pub fn each(&self, errors: &Tensor) -> candle_core::Result<Tensor> {
        // Each branch of a loss gets only the part of the error that is its own, min(|e|, edge)
        // or |e| beyond it. A selection between two whole branches would send the gradient of
        // the one that is not meant through as 0 · ∞.
        match *self {
            Self::Mae => errors.abs(),
            Self::Mse => errors.sqr(),
            Self::SmoothL1 { beta } => {
                let size = errors.abs()?;
                let near = size.minimum(beta)?;
                let beyond = (size - &near)?;
                near.sqr()?.affine(0.5 / beta, 0.0)? + beyond
            }
            Self::Wing { width, curvature } => {
                let size = errors.abs()?;
                let near = size.minimum(width)?;
                let beyond = (size - &near)?;
                log_1p(&near, curvature)?.affine(width, 0.0)? + beyond
            }
            Self::SoftWing {
                inner,
                width,
                curvature,
            } => {
                let size = errors.abs()?;
                let near = size.minimum(inner)?;
                let far = size.maximum(inner)?;
                let edge = (inner / curvature).ln_1p();
                near + log_1p(&far, curvature)?.affine(width, -width * edge)?
            }
            Self::Nll | Self::AdaptiveWing { .. } => {
                candle_core::bail!("`{}` is not a loss of coordinates", self.name())
            }
        }
    }

    /// Refuses parameters that are not positive and finite.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the field's name, `train.loss.…`.
    pub fn validate(&self) -> Result<(), TrainError> {
        let parameters: &[(&str, f64)] = match *self {
            Self::Mae | Self::Mse | Self::Nll => &[],
            Self::SmoothL1 { beta } => &[("smooth_l1.beta", beta)],
            Self::Wing { width, curvature } => {
                &[("wing.width", width), ("wing.curvature", curvature)]
            }
            Self::SoftWing {
                inner,
                width,
                curvature,
            } => &[
                ("soft_wing.inner", inner),
                ("soft_wing.width", width),
                ("soft_wing.curvature", curvature),
            ],
            Self::AdaptiveWing {
                alpha,
                omega,
                epsilon,
                theta,
                foreground,
            } => &[
                // Above 1 more than a target can be.
                ("adaptive_wing.alpha - 2", alpha - 2.0),
                ("adaptive_wing.omega", omega),
                ("adaptive_wing.epsilon", epsilon),
                ("adaptive_wing.theta", theta),
                ("adaptive_wing.foreground", foreground),
            ],
        };
        for (field, value) in parameters {
            if !(value.is_finite() && *value > 0.0) {
                return Err(TrainError::Config {
                    field: format!("train.loss.{field}"),
                    problem: format!("must be positive and finite, got {value}"),
                });
            }
        }
        Ok(())
    }
}

/// ln(1 + size / curvature) of sizes from 0.
fn log_1p(size: &Tensor, curvature: f64) -> candle_core::Result<Tensor> {
    size.affine(1.0 / curvature, 1.0)?.log()
}

impl Serialize for Loss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrParameters)
    }
}

/// Takes `"wing"` for `{ wing = {} }`, which a derived implementation does not.
struct NameOrParameters;

impl<'de> Visitor<'de> for NameOrParameters {
    type Value = Loss;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "one of {}, alone or with parameters",
            Loss::NAMES.join(", ")
        )
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Loss, E> {
        Ok(match name {
            "mae" => Loss::Mae,
            "mse" => Loss::Mse,
            "smooth_l1" => Loss::smooth_l1(),
            "wing" => Loss::wing(),
            "soft_wing" => Loss::soft_wing(),
            "nll" => Loss::Nll,
            "adaptive_wing" => Loss::adaptive_wing(),
            _ => return Err(E::unknown_variant(name, Loss::NAMES)),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Loss, A::Error> {
        Loss::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    const ALL: [fn() -> Loss; 5] = [
        || Loss::Mae,
        || Loss::Mse,
        Loss::smooth_l1,
        Loss::wing,
        Loss::soft_wing,
    ];

    fn values_and_gradients(loss: Loss, errors: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let errors = Var::from_slice(errors, errors.len(), &Device::Cpu).unwrap();
        let each = loss.each(&errors).unwrap();
        let grads = each.sum_all().unwrap().backward().unwrap();
        let grad = grads.get(&errors).unwrap().to_vec1().unwrap();
        (each.to_vec1().unwrap(), grad)
    }

    /// The formulas as the papers write them, branch by branch.
    fn definition(loss: Loss, error: f64) -> f64 {
        let e = error.abs();
        match loss {
            Loss::Mae => e,
            Loss::Mse => e * e,
            Loss::SmoothL1 { beta } => match e < beta {
                true => 0.5 * e * e / beta,
                false => e - 0.5 * beta,
            },
            Loss::Wing { width, curvature } => match e < width {
                true => width * (1.0 + e / curvature).ln(),
                false => e - (width - width * (1.0 + width / curvature).ln()),
            },
            Loss::SoftWing {
                inner,
                width,
                curvature,
            } => match e < inner {
                true => e,
                false => {
                    let b = inner - width * (1.0 + inner / curvature).ln();
                    width * (1.0 + e / curvature).ln() + b
                }
            },
            Loss::Nll | Loss::AdaptiveWing { .. } => panic!("not of coordinates"),
        }
    }

    #[test]
    fn values_and_gradients_follow_the_definitions() {
        let errors: Vec<f64> = (-60..60).map(|i| f64::from(i) * 0.49 + 0.11).collect();
        for loss in ALL {
            let loss = loss();
            let (values, gradients) = values_and_gradients(loss, &errors);
            for ((&e, value), gradient) in errors.iter().zip(values).zip(gradients) {
                assert!((value - definition(loss, e)).abs() < 1e-12, "{loss:?} {e}");
                let h = 1e-6;
                let expected = (definition(loss, e + h) - definition(loss, e - h)) / (2.0 * h);
                assert!((gradient - expected).abs() < 1e-6, "{loss:?} {e}");
            }
        }
    }

    #[test]
    fn values_are_those_of_pytorch() {
        let text = include_str!("../tests/golden/golden.json");
        let golden: serde_json::Value = serde_json::from_str(text).unwrap();
        let list = |name: &str| -> Vec<f64> {
            serde_json::from_value(golden["losses"][name].clone()).unwrap()
        };
        let errors = list("errors");
        for (name, loss) in [
            ("l1", Loss::Mae),
            ("mse", Loss::Mse),
            ("smooth_l1", Loss::smooth_l1()),
            ("smooth_l1_3", Loss::SmoothL1 { beta: 3.0 }),
        ] {
            let (values, gradients) = values_and_gradients(loss, &errors);
            let expected = list(name).into_iter().zip(list(&format!("{name}.grad")));
            for (got, expected) in values.into_iter().zip(gradients).zip(expected) {
                assert!((got.0 - expected.0).abs() < 1e-12, "{name}");
                assert!((got.1 - expected.1).abs() < 1e-12, "{name}");
            }
        }
    }

    #[test]
    fn no_error_and_huge_errors_have_finite_gradients() {
        for loss in ALL {
            let (values, gradients) = values_and_gradients(loss(), &[0.0, -0.0, 1e12, -1e12]);
            assert_eq!(values[..2], [0.0, 0.0], "{:?}", loss());
            assert!(gradients.iter().all(|g| g.is_finite()), "{:?}", loss());
            // What is no number must not come out as one, or nobody would notice.
            let (values, _) = values_and_gradients(loss(), &[f64::NAN, f64::INFINITY]);
            assert!(values.iter().all(|v| !v.is_finite()), "{:?}", loss());
        }
    }

    #[test]
    fn a_name_is_enough_in_a_file() {
        let parse = |text: &str| serde_json::from_str::<Loss>(text);
        for loss in ALL.into_iter().chain([|| Loss::Nll, Loss::adaptive_wing]) {
            let loss = loss();
            let text = serde_json::to_string(&loss).unwrap();
            assert_eq!(parse(&text).unwrap(), loss);
        }
        assert_eq!(serde_json::to_string(&Loss::Mae).unwrap(), "\"mae\"");
        assert_eq!(parse("\"wing\"").unwrap(), Loss::wing());
        assert_eq!(parse("{\"soft_wing\": {}}").unwrap(), Loss::soft_wing());
        let wing = parse("{\"wing\": {\"width\": 5.0}}").unwrap();
        assert_eq!(
            wing,
            Loss::Wing {
                width: 5.0,
                curvature: 2.0
            }
        );
        for (text, part) in [
            ("\"wings\"", "unknown variant `wings`"),
            ("{\"wing\": {\"w\": 5.0}}", "unknown field `w`"),
            (
                "3",
                "one of mae, mse, smooth_l1, wing, soft_wing, nll, adaptive_wing",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let loss = Loss::Wing {
            width: 10.0,
            curvature: 0.0,
        };
        let error = loss.validate().unwrap_err().to_string();
        assert!(error.starts_with("train.loss.wing.curvature"), "{error}");
        assert!(Loss::SmoothL1 { beta: f64::NAN }.validate().is_err());
        assert!(ALL.iter().all(|loss| loss().validate().is_ok()));
    }
}
