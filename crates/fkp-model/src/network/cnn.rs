//! The tutorial's network: convolution blocks, then dense layers, or a map for each keypoint.

use crate::ModelError;
use crate::layers::{BatchNorm2d, Conv2d, Dropout, Linear, max_pool2d};
use candle_core::{Result, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder};
use fkp_core::{InputSpec, Task};
use fkp_kernels::{Activation, Conv2dConfig};
use serde::{Deserialize, Serialize};

/// What a convolution sees beyond the edge; Keras' `padding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Zeros, so that the map keeps its size.
    Same,
    /// Nothing: the map shrinks by `kernel_size − 1`.
    Valid,
}

/// What normalizes the output of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Nothing; the convolution has a bias.
    #[default]
    None,
    /// Batch normalization, before the ReLU; the convolution has no bias.
    Batch,
}

impl Norm {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Sizes of a [`Cnn`]. The default is the published one: 32-64-128 channels, dense 500.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CnnConfig {
    /// Output channels of each convolution + ReLU + 2×2 max-pool block.
    pub conv_channels: Vec<usize>,
    /// Side of the convolution kernels, odd.
    pub kernel_size: usize,
    /// What a convolution sees beyond the edge.
    pub padding: Padding,
    /// Units of each hidden dense layer + ReLU.
    pub dense: Vec<usize>,
    /// What normalizes the output of each convolution.
    #[serde(skip_serializing_if = "Norm::is_none")]
    pub norm: Norm,
    /// Probability with which dropout sets an output of a hidden dense layer to 0 in training.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropout: f64,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Default for CnnConfig {
    fn default() -> Self {
        Self {
            conv_channels: vec![32, 64, 128],
            kernel_size: 3,
            padding: Padding::Same,
            dense: vec![500],
            norm: Norm::None,
            dropout: 0.0,
        }
    }
}

impl CnnConfig {
    /// Refuses sizes that make no network for this task, naming the field.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the first field that is wrong.
    pub fn validate(&self, task: &Task) -> std::result::Result<(), ModelError> {
        let input = &task.input;
        let refuse = |field: &str, problem: String| {
            Err(ModelError::Config {
                field: format!("network.{field}"),
                problem,
            })
        };
        for (field, problem) in [
            ("input", input.problem()),
            ("output", task.output.problem()),
        ] {
            if let Some(problem) = problem {
                return Err(ModelError::Config {
                    field: field.to_owned(),
                    problem,
                });
            }
        }
        if self.conv_channels.is_empty() {
            return refuse("conv_channels", "needs at least one block".to_owned());
        }
        if !matches!(self.kernel_size, 1 | 3 | 5 | 7) {
            let problem = format!("must be 1, 3, 5 or 7, got {}", self.kernel_size);
            return refuse("kernel_size", problem);
        }
        for (field, sizes) in [
            ("conv_channels", &self.conv_channels),
            ("dense", &self.dense),
        ] {
            if let Some(size) = sizes.iter().find(|size| !(1..=65_536).contains(*size)) {
                return refuse(field, format!("each must be in 1..=65536, got {size}"));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("dropout", format!("must be in 0..1, got {}", self.dropout));
        }
        if self.final_side(input).is_none() {
            let blocks = self.conv_channels.len();
            let problem = format!("{blocks} blocks leave nothing of {} pixels", input.size);
            return refuse("conv_channels", problem);
        }
        if task.output.values_per_keypoint().is_none() {
            if !self.dense.is_empty() {
                let kind = task.output.kind();
                let problem = format!("must be [] for the output `{kind}`, which is a map");
                return refuse("dense", problem);
            }
            if self.final_side(input).is_none_or(|side| side < 2) {
                let problem = "the last map must be 2×2 at least to hold keypoints".to_owned();
                return refuse("conv_channels", problem);
            }
        }
        if self
            .parameters(input)
            .is_none_or(|count| count > Self::MAX_PARAMETERS)
        {
            let problem = format!(
                "the network would have over {} parameters",
                Self::MAX_PARAMETERS
            );
            return refuse("dense", problem);
        }
        Ok(())
    }

    /// Refusing more than this keeps a slip of the keyboard from taking all memory.
    const MAX_PARAMETERS: usize = 1 << 28;

    /// Number of weights before the last layer; `None` on overflow.
    fn parameters(&self, input: &InputSpec) -> Option<usize> {
        let (mut sum, mut channels) = (0usize, input.channels);
        for &out in &self.conv_channels {
            let area = self.kernel_size * self.kernel_size;
            sum = sum.checked_add(channels.checked_mul(out)?.checked_mul(area)?)?;
            channels = out;
        }
        let side = self.final_side(input)?;
        let mut features = channels.checked_mul(side * side)?;
        for &units in &self.dense {
            sum = sum.checked_add(features.checked_mul(units)?)?;
            features = units;
        }
        Some(sum)
    }

    /// Side of the map after the last block; `None` if nothing is left.
    fn final_side(&self, input: &InputSpec) -> Option<usize> {
        let shrink = match self.padding {
            Padding::Same => 0,
            Padding::Valid => self.kernel_size - 1,
        };
        let block = |side: usize, _: &usize| Some(side.checked_sub(shrink)? / 2);
        let side = self.conv_channels.iter().try_fold(input.size, block)?;
        (side > 0).then_some(side)
    }
}

/// Several convolution + ReLU + 2×2 max-pool blocks; then dense + ReLU layers and a dense layer to
/// the numbers of each keypoint, or, for outputs that are maps, a 1×1 convolution to a map for each
/// keypoint of the size that the last block leaves.
#[derive(Debug, Clone)]
pub struct Cnn {
    blocks: Vec<Block>,
    head: Head,
}

#[derive(Debug, Clone)]
enum Head {
    Dense { hidden: Vec<Hidden>, output: Linear },
    Maps(Conv2d),
}

/// A convolution with ReLU and 2×2 max-pool.
#[derive(Debug, Clone)]
enum Block {
    /// All in one pass.
    Fused(Conv2d),
    Normalized(Conv2d, BatchNorm2d),
}

/// A hidden dense layer.
#[derive(Debug, Clone)]
struct Hidden {
    dense: Linear,
    dropout: Option<Dropout>,
}

impl Cnn {
    /// Builds the network. Parameters are named `conv0.weight`, …, `dense0.weight`, …; those of a
    /// batch normalization `norm0.weight`, …; those of an output of maps `maps.weight`, ….
    ///
    /// # Errors
    /// If the sizes leave nothing of the input, or `vb` does not have the weights.
    pub fn new(config: &CnnConfig, task: &Task, vb: VarBuilder) -> Result<Self> {
        let (input, n_keypoints) = (&task.input, task.schema.len());
        let Some(side) = config.final_side(input) else {
            candle_core::bail!("the blocks leave nothing of {} pixels", input.size);
        };
        let mut blocks = Vec::new();
        let mut channels = input.channels;
        for (i, &out) in config.conv_channels.iter().enumerate() {
            blocks.push(Block::new(config, i, channels, out, &vb)?);
            channels = out;
        }
        let Some(numbers) = task.output.values_per_keypoint() else {
            let maps = Conv2d::new(channels, n_keypoints, 1, Conv2dConfig::new(), vb.pp("maps"))?;
            let head = Head::Maps(maps);
            return Ok(Self { blocks, head });
        };
        let mut hidden = Vec::new();
        let mut features = channels * side * side;
        for (i, &units) in config.dense.iter().enumerate() {
            let dropout = match config.dropout > 0.0 {
                true => Some(Dropout::new(config.dropout, vb.pp(format!("dropout{i}")))?),
                false => None,
            };
            let vb = vb.pp(format!("dense{i}"));
            let dense = Linear::new(features, units, Activation::Relu, vb)?;
            hidden.push(Hidden { dense, dropout });
            features = units;
        }
        let vb = vb.pp(format!("dense{}", config.dense.len()));
        let output = Linear::new(features, numbers * n_keypoints, Activation::Identity, vb)?;
        let head = Head::Dense { hidden, output };
        Ok(Self { blocks, head })
    }
}

impl Block {
    fn new(
        config: &CnnConfig,
        i: usize,
        channels_in: usize,
        channels_out: usize,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let padding = match config.padding {
            Padding::Same => config.kernel_size / 2,
            Padding::Valid => 0,
        };
        let (kernel, plain) = (config.kernel_size, Conv2dConfig::new().padding(padding));
        let vb_conv = vb.pp(format!("conv{i}"));
        Ok(match config.norm {
            Norm::None => {
                let fused = plain.relu().max_pool2();
                let conv = Conv2d::new(channels_in, channels_out, kernel, fused, vb_conv)?;
                Self::Fused(conv)
            }
            Norm::Batch => {
                let conv = Conv2d::no_bias(channels_in, channels_out, kernel, plain, vb_conv)?;
                let vb = vb.pp(format!("norm{i}"));
                Self::Normalized(conv, BatchNorm2d::new(channels_out, Activation::Relu, vb)?)
            }
        })
    }
}

impl ModuleT for Block {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        match self {
            Self::Fused(conv) => conv.forward(x),
            Self::Normalized(conv, norm) => {
                max_pool2d(&norm.forward_t(&conv.forward(x)?, train)?, 2, 2)
            }
        }
    }
}

impl ModuleT for Hidden {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.dense.forward(x)?;
        match &self.dropout {
            Some(dropout) => dropout.forward_t(&x, train),
            None => Ok(x),
        }
    }
}

impl ModuleT for Cnn {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = x.clone();
        for block in &self.blocks {
            x = block.forward_t(&x, train)?;
        }
        match &self.head {
            Head::Dense { hidden, output } => {
                x = x.flatten_from(1)?;
                for layer in hidden {
                    x = layer.forward_t(&x, train)?;
                }
                output.forward(&x)
            }
            Head::Maps(maps) => maps.forward(&x),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};
    use candle_nn::VarMap;
    use fkp_core::{OutputSpec, Schema};

    fn three(size: usize) -> Task {
        Task::new(Schema::numbered("three", 3).unwrap(), InputSpec::gray(size))
    }

    fn task(size: usize) -> Task {
        Task::new(Schema::kaggle15(), InputSpec::gray(size))
    }

    #[test]
    fn default_is_the_published_network() {
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let network = Cnn::new(&CnnConfig::default(), &task(96), vb).unwrap();
        let x = Tensor::zeros((2, 1, 96, 96), DType::F32, &Device::Cpu).unwrap();
        let y = network.forward_t(&x, false).unwrap();
        assert_eq!(y.dims(), &[2, 30]);
        let parameters: usize = vars.all_vars().iter().map(|v| v.elem_count()).sum();
        // 320 + 18,496 + 73,856 + 18432·500 + 500 + 500·30 + 30
        assert_eq!(parameters, 9_324_202);
    }

    #[test]
    fn normalization_and_dropout_have_variables_of_their_own() {
        let config: CnnConfig =
            serde_json::from_str(r#"{"conv_channels": [4, 4], "norm": "batch", "dropout": 0.5}"#)
                .unwrap();
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let network = Cnn::new(&config, &three(16), vb).unwrap();
        let x = Tensor::rand(0f32, 1.0, (2, 1, 16, 16), &Device::Cpu).unwrap();
        assert_eq!(network.forward_t(&x, false).unwrap().dims(), &[2, 6]);
        let vars = vars.data().lock().unwrap();
        assert!(vars.contains_key("norm1.running_var") && !vars.contains_key("conv1.bias"));
        // This source of variables has no dropout seed.
        let error = network.forward_t(&x, true).unwrap_err().to_string();
        assert!(error.contains("no `dropout_seed`"), "{error}");
    }

    /// Model files of networks without them are the same bytes as before there were any.
    #[test]
    fn the_default_is_written_without_normalization_and_dropout() {
        let text = serde_json::to_string(&CnnConfig::default()).unwrap();
        let expected =
            r#"{"conv_channels":[32,64,128],"kernel_size":3,"padding":"same","dense":[500]}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn valid_padding_shrinks_the_maps() {
        let config = CnnConfig {
            padding: Padding::Valid,
            dense: vec![],
            ..CnnConfig::default()
        };
        // 96 → 94 → 47 → 45 → 22 → 20 → 10
        assert_eq!(config.final_side(&InputSpec::gray(96)), Some(10));
        assert_eq!(config.final_side(&InputSpec::gray(20)), None);
    }

    #[test]
    fn impossible_sizes_are_refused_by_name() {
        let refused =
            |config: CnnConfig, size: usize| config.validate(&task(size)).unwrap_err().to_string();
        let default = CnnConfig::default;
        let even = CnnConfig {
            kernel_size: 4,
            ..default()
        };
        assert!(refused(even, 96).starts_with("network.kernel_size"));
        let none = CnnConfig {
            conv_channels: vec![],
            ..default()
        };
        assert!(refused(none, 96).starts_with("network.conv_channels"));
        let zero = CnnConfig {
            dense: vec![0],
            ..default()
        };
        assert!(refused(zero, 96).starts_with("network.dense"));
        let huge = CnnConfig {
            dense: vec![65_536, 65_536],
            ..default()
        };
        assert!(refused(huge, 96).contains("parameters"));
        assert!(refused(default(), 4).contains("leave nothing of 4 pixels"));
        for dropout in [-0.1, 1.0, f64::NAN] {
            let config = CnnConfig {
                dropout,
                ..default()
            };
            assert!(refused(config, 96).starts_with("network.dropout"));
        }
    }

    /// Each output has the shape that reading it asks for.
    #[test]
    fn outputs_have_the_shape_of_their_meaning() {
        let outputs = [
            OutputSpec::Coordinates,
            OutputSpec::CoordinatesWithScale {
                likelihood: fkp_core::Likelihood::Laplace,
            },
            OutputSpec::Heatmap { sigma_px: 1.0 },
            OutputSpec::SoftArgmax,
        ];
        for output in outputs {
            let task = Task { output, ..task(32) };
            let is_map = output.values_per_keypoint().is_none();
            let config = CnnConfig {
                conv_channels: vec![4, 4],
                dense: if is_map { vec![] } else { vec![8] },
                ..CnnConfig::default()
            };
            config.validate(&task).unwrap();
            let vars = VarMap::new();
            let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
            let network = Cnn::new(&config, &task, vb).unwrap();
            let x = Tensor::zeros((2, 1, 32, 32), DType::F32, &Device::Cpu).unwrap();
            let y = network.forward_t(&x, false).unwrap();
            output.check_shape(&y.dims()[1..], 15).unwrap();
            let dense = CnnConfig {
                dense: vec![8],
                ..config
            };
            assert_eq!(dense.validate(&task).is_err(), is_map, "{output:?}");
        }
    }
}
