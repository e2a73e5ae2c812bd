//! One convolution and its gradients.

use crate::timing::{Timing, measure, measure_part};
use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use fkp_kernels::Conv2dConfig;
use serde_json::json;
use std::hint::black_box;
use std::time::Instant;

pub(crate) fn conv(arguments: &Timing, shape: &[usize]) -> Result<Vec<serde_json::Value>> {
    let &[c_in, c_out, side] = shape else {
        anyhow::bail!("--shape is c_in,c_out,size");
    };
    let normal = |shape: &[usize]| Tensor::randn(0f32, 1.0, shape, &Device::Cpu);
    let x = Var::from_tensor(&normal(&[arguments.batch, c_in, side, side])?)?;
    let w = Var::from_tensor(&normal(&[c_out, c_in, 3, 3])?)?;
    let b = Var::from_tensor(&normal(&[c_out])?)?;
    let config = Conv2dConfig::new().padding(1);
    let forward = || fkp_kernels::conv2d(&x, &w, Some(&b), config);
    let mut timings = vec![
        measure(arguments, "conv forward", || {
            black_box(forward()?);
            Ok(())
        })?,
        measure_part(arguments, "conv backward", || {
            let sum = forward()?.sum_all()?;
            let start = Instant::now();
            black_box(sum.backward()?);
            Ok(start.elapsed())
        })?,
        measure(arguments, "conv forward and backward", || {
            black_box(forward()?.sum_all()?.backward()?);
            Ok(())
        })?,
    ];
    for timing in &mut timings {
        timing["shape"] = json!(shape);
    }
    Ok(timings)
}
