//! Dropout: the masks are a function of the seed.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{ModuleT, VarBuilder};
use fkp_model::layers::Dropout;
use std::collections::HashMap;

/// A layer and the variable of its seed.
fn layer(p: f64) -> (Dropout, Var) {
    let seed = Var::new(0i64, &Device::Cpu).unwrap();
    let source = HashMap::from([("dropout_seed".to_owned(), seed.as_tensor().clone())]);
    let vb = VarBuilder::from_tensors(source, DType::F32, &Device::Cpu);
    (Dropout::new(p, vb).unwrap(), seed)
}

fn masked(layer: &Dropout, seed: &Var, value: i64) -> Vec<f32> {
    seed.set(&Tensor::new(value, &Device::Cpu).unwrap())
        .unwrap();
    let x = Tensor::ones((64, 1000), DType::F32, &Device::Cpu).unwrap();
    let y = layer.forward_t(&x, true).unwrap();
    y.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn a_seed_gives_the_same_mask_on_any_number_of_threads() {
    let on = |threads: usize, value: i64| {
        let pool = rayon::ThreadPoolBuilder::new();
        let pool = pool.num_threads(threads).build().unwrap();
        let (layer, seed) = layer(0.25);
        pool.install(|| masked(&layer, &seed, value))
    };
    let one = on(1, 7);
    assert_eq!(one, on(2, 7));
    assert_ne!(one, on(2, 8));
    assert_ne!(one, on(2, -7));
    let dropped = one.iter().filter(|v| **v == 0.0).count() as f64 / one.len() as f64;
    assert!((dropped - 0.25).abs() < 0.01, "{dropped}");
    assert!(
        one.iter()
            .all(|v| *v == 0.0 || (*v - 4.0 / 3.0).abs() < 1e-6)
    );
}

#[test]
fn evaluation_changes_nothing_and_needs_no_seed() {
    let x = Tensor::ones((2, 3), DType::F32, &Device::Cpu).unwrap();
    let none = VarBuilder::from_tensors(HashMap::new(), DType::F32, &Device::Cpu);
    let without = Dropout::new(0.5, none.clone()).unwrap();
    let (with, _) = layer(0.5);
    for layer in [&without, &with] {
        let y = layer.forward_t(&x, false).unwrap();
        assert_eq!(y.to_vec2::<f32>().unwrap(), x.to_vec2::<f32>().unwrap());
    }
    let message = without.forward_t(&x, true).unwrap_err().to_string();
    assert!(message.contains("no `dropout_seed`"), "{message}");
    // The seed is not set: otherwise every step would silently have the same mask.
    let message = with.forward_t(&x, true).unwrap_err().to_string();
    assert!(message.contains("the seed is not set"), "{message}");
    let message = Dropout::new(1.0, none).unwrap_err().to_string();
    assert!(message.contains("not in [0, 1)"), "{message}");
}
