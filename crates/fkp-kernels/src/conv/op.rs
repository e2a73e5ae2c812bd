//! The convolution as a candle operation: storage in, gradients out.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};

use super::backward::{Gradients, Saved, Wanted, backward};
use super::forward::{forward, winners_len};
use super::geometry::Geometry;
use super::{Conv2dConfig, Pooling};
use crate::host::{is_host_f32, values, with_values};

const NAME: &str = "conv2d";

pub(crate) struct Conv2d {
    geometry: Geometry,
    config: Conv2dConfig,
    /// Whether a backward pass may follow.
    tracked: bool,
    /// Which value won each pooling window, kept from the forward pass.
    winners: OnceLock<Vec<u8>>,
}

impl Conv2d {
    pub(crate) fn new(geometry: Geometry, config: Conv2dConfig, tracked: bool) -> Self {
        Self {
            geometry,
            config,
            tracked,
            winners: OnceLock::new(),
        }
    }

    fn run(&self, x: &[f32], w: &[f32], bias: Option<&[f32]>) -> Result<(CpuStorage, Shape)> {
        let g = &self.geometry;
        let (oh, ow) = g.out_size(self.config.pooling);
        let mut winners = (self.tracked && self.config.pooling == Pooling::Max2)
            .then(|| vec![0u8; winners_len(g, &self.config)]);
        let y = forward(g, &self.config, x, w, bias, winners.as_deref_mut());
        if let Some(winners) = winners {
            // The operation runs forward once; a second value could only be the same.
            let _ = self.winners.set(winners);
        }
        Ok((CpuStorage::F32(y), Shape::from((g.n, g.c_out, oh, ow))))
    }

    fn gradients(&self, x: &Tensor, w: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Gradients> {
        if !is_host_f32(&[x, w, y, grad]) {
            bail!("{NAME}: the gradient must be f32 on the CPU like the result");
        }
        let winners = match (self.config.pooling, self.winners.get()) {
            (Pooling::None, _) => &[],
            (Pooling::Max2, Some(winners)) => winners.as_slice(),
            (Pooling::Max2, None) => bail!("{NAME}: backward without a tracked forward"),
        };
        let wanted = if x.track_op() {
            Wanted::All
        } else {
            Wanted::Parameters
        };
        with_values(NAME, x, |x| {
            with_values(NAME, w, |w| {
                with_values(NAME, y, |y| {
                    with_values(NAME, grad, |grad| {
                        let saved = Saved { x, w, y, winners };
                        Ok(backward(&self.geometry, &self.config, &saved, grad, wanted))
                    })
                })
            })
        })
    }
}

fn tensor(values: Vec<f32>, like: &Tensor) -> Result<Tensor> {
    debug_assert_eq!(like.dtype(), DType::F32);
    Tensor::from_vec(values, like.shape(), like.device())
}

impl CustomOp2 for Conv2d {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (values(NAME, x, x_layout)?, values(NAME, w, w_layout)?);
        self.run(&x, &w, None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradients = self.gradients(x, w, y, grad)?;
        let dx = gradients.x.map(|dx| tensor(dx, x)).transpose()?;
        Ok((dx, Some(tensor(gradients.w, w)?)))
    }
}

impl CustomOp3 for Conv2d {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (values(NAME, x, x_layout)?, values(NAME, w, w_layout)?);
        let bias = values(NAME, bias, bias_layout)?;
        self.run(&x, &w, Some(&bias))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradients = self.gradients(x, w, y, grad)?;
        let dx = gradients.x.map(|dx| tensor(dx, x)).transpose()?;
        let (dw, db) = (tensor(gradients.w, w)?, tensor(gradients.bias, bias)?);
        Ok((dx, Some(dw), Some(db)))
    }
}
