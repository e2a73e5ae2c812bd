//! What a variable of a network is for, by its name.

/// What a variable is for, by its name as in candle and PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Trained by the optimizer.
    Weight,
    /// `running_mean` or `running_var`: a statistic of a batch normalization, which its layer
    /// updates in each forward pass of the training. Part of the model: saved, resumed, averaged
    /// and loaded with the weights.
    RunningStatistic,
    /// `dropout_seed`: the seed of the next mask of a dropout layer. A function of the step, so it
    /// is set before each forward pass and not saved.
    DropoutSeed,
}

impl Role {
    pub(super) fn of(name: &str) -> Self {
        if name.ends_with("running_mean") || name.ends_with("running_var") {
            Self::RunningStatistic
        } else if name.ends_with(fkp_kernels::DROPOUT_SEED) {
            Self::DropoutSeed
        } else {
            Self::Weight
        }
    }
}
