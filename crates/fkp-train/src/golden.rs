//! The reference values of the tests, which `tests/golden/golden.py` computed with PyTorch.

/// The lists of numbers in a section of the file, by name.
pub(crate) fn golden(section: &str) -> impl Fn(&str) -> Vec<f64> {
    let text = include_str!("../tests/golden/golden.json");
    let golden: serde_json::Value = serde_json::from_str(text).unwrap();
    let section = golden[section].clone();
    move |name| serde_json::from_value(section[name].clone()).unwrap()
}
