//! The Python code of the page about the dataset format, run by a real Python with `safetensors`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use fkp_core::{Dataset, Image, InMemory, Keypoint, Keypoints, Sample, Schema};
use fkp_data::{ImageEncoding, PackInput, PackOptions, pack};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const PAGE: &str = include_str!("../../../docs/dataset-format.md");

/// The code blocks of the page, one after the other.
fn code() -> String {
    let blocks = PAGE.split("```python\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    blocks.collect()
}

fn set() -> InMemory {
    let sample = |index: u8| {
        let image = Image::new(3, 2, 1, (0..6).map(|i| 10 * i + index).collect()).unwrap();
        let keypoints = vec![
            Keypoint::new(f32::from(index) + 0.5, 1.0),
            Keypoint::unlabeled(),
        ];
        Sample::new(format!("sample {index}"), image, Keypoints::new(keypoints))
    };
    let schema = Schema::numbered("two", 2).unwrap();
    InMemory::new(schema, (0..4).map(sample).collect()).unwrap()
}

#[test]
fn the_code_of_the_page_reads_a_packed_file() {
    let Some(python) = std::env::var_os("FKP_SAFETENSORS_PYTHON") else {
        let line = "SKIPPED: FKP_SAFETENSORS_PYTHON names no Python with safetensors, numpy and \
                    pillow, so the page about the dataset format was not tried";
        // The test harness hides the output of `eprintln!` in a test that passes.
        let _ = writeln!(std::io::stderr(), "{line}");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let set = set();
    let first = set.get(0).unwrap().image;
    for images in [ImageEncoding::Pixels, ImageEncoding::Files] {
        let options = PackOptions {
            images,
            ..PackOptions::default()
        };
        let input = PackInput::new("set", Arc::new(set.clone()));
        pack(&[input], dir.path().join("faces.fkp"), &options).unwrap();
        let check = format!(
            "import numpy as np\n\
             assert keypoints.shape == (4, 2, 2) and visibility.shape == (4, 2)\n\
             assert keypoints[3, 0].tolist() == [3.5, 1.0] and np.isnan(keypoints[:, 1]).all()\n\
             assert visibility.tolist() == [[2, 0]] * 4\n\
             assert np.asarray(first).reshape(-1).tolist() == {:?}\n\
             from safetensors.numpy import load_file\n\
             tensors = load_file('faces.fkp')\n\
             assert tensors['groups'].tolist() == [2**32 - 1] * 4\n\
             offsets = tensors['id_offsets']\n\
             assert bytes(tensors['id_bytes'][offsets[1]:offsets[2]]) == b'sample 1'\n",
            first.as_bytes()
        );
        run(Path::new(&python), dir.path(), &(code() + &check));
    }
}

fn run(python: &Path, folder: &Path, code: &str) {
    let output = Command::new(python)
        .args(["-c", code])
        .current_dir(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{code}");
}
