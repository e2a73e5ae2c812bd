//! Random tensors, and comparison of values and gradients with a reference.
use candle_core::{Device, Result, Tensor, Var};

/// Seeded random values in [-1, 1).
pub(crate) fn random(seed: u64, shape: &[usize]) -> Tensor {
    let mut state = seed;
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

pub(crate) fn var(seed: u64, shape: &[usize]) -> Var {
    Var::from_tensor(&random(seed, shape)).unwrap()
}

/// The value of `f` and the gradients of `Σ weight ⊙ f` with fixed random weights. They are
/// positive, so that fewer gradients are sums that cancel, whose relative error is large.
pub(crate) fn value_and_grads(
    vars: &[&Var],
    f: impl Fn() -> Result<Tensor>,
) -> Result<(Tensor, Vec<Tensor>)> {
    let y = f()?;
    let weight = random(99, y.dims()).affine(0.5, 0.5)?.to_dtype(y.dtype())?;
    let grads = (&y * weight)?.sum_all()?.backward()?;
    let grads = vars
        .iter()
        .map(|v| grads.get(v).expect("a gradient").clone())
        .collect();
    Ok((y.detach(), grads))
}

/// The largest difference relative to the largest value of the reference.
pub(crate) fn relative_error(got: &Tensor, reference: &Tensor) -> f64 {
    error_relative_to(got, reference, reference)
}

/// The largest difference relative to the largest value of `scale`.
fn error_relative_to(got: &Tensor, reference: &Tensor, scale: &Tensor) -> f64 {
    assert_eq!(got.dims(), reference.dims());
    let flat = |t: &Tensor| {
        let t = t.to_dtype(candle_core::DType::F64).unwrap();
        t.flatten_all().unwrap().to_vec1::<f64>().unwrap()
    };
    let (got, reference) = (flat(got), flat(reference));
    let scale = flat(scale).iter().fold(1e-12f64, |a, v| a.max(v.abs()));
    let differences = got.iter().zip(&reference).map(|(a, b)| (a - b).abs());
    differences.fold(
        0.0f64,
        |a, d| if d.is_nan() { f64::INFINITY } else { a.max(d) },
    ) / scale
}

/// A value and the gradients of each variable.
type ValueAndGrads = (Tensor, Vec<Tensor>);

/// Compares values and gradients of two implementations.
pub(crate) fn compare(
    what: &str,
    vars: &[&Var],
    ours: impl Fn() -> Result<Tensor>,
    reference: impl Fn() -> Result<Tensor>,
    tolerance: f64,
) {
    let ours = value_and_grads(vars, ours).unwrap();
    let reference = value_and_grads(vars, reference).unwrap();
    assert_close(what, &ours, &reference, &reference, tolerance);
}

/// Like [`compare`] for an operation that is linear in each of `vars`. The errors are relative to the sums of the
/// absolute products, which bound what rounding can do also where the products cancel.
pub(crate) fn compare_multilinear(
    what: &str,
    vars: &[&Var],
    ours: impl Fn() -> Result<Tensor>,
    reference: impl Fn() -> Result<Tensor>,
    tolerance: f64,
) {
    let ours = value_and_grads(vars, ours).unwrap();
    let expected = value_and_grads(vars, &reference).unwrap();
    for var in vars {
        var.set(&var.abs().unwrap()).unwrap();
    }
    let sums = value_and_grads(vars, &reference).unwrap();
    assert_close(what, &ours, &expected, &sums, tolerance);
}

fn assert_close(
    what: &str,
    (y, grads): &ValueAndGrads,
    (y_ref, grads_ref): &ValueAndGrads,
    (y_scale, grads_scale): &ValueAndGrads,
    tolerance: f64,
) {
    let error = error_relative_to(y, y_ref, y_scale);
    assert!(error <= tolerance, "{what}: value off by {error:.2e}");
    for (i, ((g, g_ref), scale)) in grads.iter().zip(grads_ref).zip(grads_scale).enumerate() {
        let error = error_relative_to(g, g_ref, scale);
        assert!(
            error <= tolerance,
            "{what}: gradient {i} off by {error:.2e}"
        );
    }
}
