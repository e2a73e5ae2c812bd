//! The commands of the pages that no test of the pages runs, each with the reason.

const TESTS: &str = "the tests, of which this is one";
/// What only a person starts, because it installs programs or needs some that CI does not have.
const BROWSER: &str = "installs wasm-bindgen and npm packages, and needs Node.js and Chromium; CI checks the \
                       library for WebAssembly";
const PEERS: &str = "installs the other libraries, and measures for minutes; a test checks the syntax of the script";
const NARROWER: &str = "the tests of the kernels again with other vectors, which takes minutes";
const TARGET: &str = "needs a target that is not installed by default";
const NIGHTLY: &str = "needs a nightly toolchain, and takes minutes to hours";
const MPI: &str = "needs an MPI library; a test of fkp-mpi trains on several ranks, and CI runs the program on two";
const RELEASE: &str = "a step of a release, for the person who makes it";
const IN_CI: &str = "CI runs it in a step of its own";
const MEASURES: &str = "measures for minutes, on a quiet machine";

/// Command, reason.
pub(crate) const NOT_RUN: &[(&str, &str)] = &[
    ("cargo test --workspace", TESTS),
    ("bash examples/web/build.sh", BROWSER),
    (
        "bash examples/web/build.sh && (cd tests/web && npm install && npm test)",
        BROWSER,
    ),
    (
        "bash examples/web/build.sh && (cd docs/benchmarks/web && npm install && node bench.mjs)",
        BROWSER,
    ),
    (
        "python3 -m http.server -d target/page",
        "serves the page until it is stopped",
    ),
    (
        "tensorboard --logdir runs",
        "serves a page until it is stopped; a test of fkp-train reads the event files with a real TensorBoard",
    ),
    (
        "pip install onnxruntime pillow",
        "CI installs them, and runs the program of the page with them",
    ),
    (
        "python3 docs/benchmarks/landmarks.py ../shared/data --predict target/release/examples/predict",
        PEERS,
    ),
    ("python3 docs/benchmarks/run.py", PEERS),
    (
        "python3 docs/benchmarks/run.py --only \"mobile, prediction\" --rounds 1",
        PEERS,
    ),
    ("python3 docs/benchmarks/run.py --train FOLDER", PEERS),
    ("python3 docs/benchmarks/load_kaggle.py training.zip", PEERS),
    (
        "python3 docs/benchmarks/detectors.py ../shared/data/wider --fkp faces.json",
        PEERS,
    ),
    ("bash docs/benchmarks/augment/compare.sh", PEERS),
    ("cargo bench -p fkp-augment", MEASURES),
    ("cargo bench -p fkp-kernels -- tiny", MEASURES),
    ("cargo bench -p fkp-kernels", MEASURES),
    ("cargo bench -p fkp-synth --bench render -- parts", MEASURES),
    ("cargo test -p fkp-kernels", TESTS),
    ("FKP_SIMD=avx2 cargo test -p fkp-kernels", NARROWER),
    ("FKP_SIMD=portable cargo test -p fkp-kernels", NARROWER),
    (
        "cargo check -p fkp-kernels --target aarch64-unknown-linux-gnu",
        TARGET,
    ),
    (
        "cargo check -p fkp-kernels --target wasm32-unknown-unknown",
        "CI checks the library of the web page, which depends on the kernels, for this target",
    ),
    (
        "rustup component add miri rust-src --toolchain nightly",
        NIGHTLY,
    ),
    (
        "MIRIFLAGS=\"-Zmiri-disable-isolation -Zmiri-tree-borrows -Zmiri-ignore-leaks\" \
         RAYON_NUM_THREADS=1 cargo +nightly miri test -p fkp-kernels --lib",
        NIGHTLY,
    ),
    (
        "RUSTFLAGS=-Zsanitizer=address cargo +nightly test -p fkp-kernels --lib --tests --target \
         x86_64-unknown-linux-gnu",
        NIGHTLY,
    ),
    (
        "cargo tree -p fkp-model",
        "a test of the dependencies runs it and compares the number that the page states",
    ),
    (
        "apt-get install libopenmpi-dev openmpi-bin libclang-dev",
        MPI,
    ),
    ("cargo build --release --features mpi --example train", MPI),
    (
        "mpirun -n 2 target/release/examples/train --communicator mpi --data my-faces --out runs/two",
        MPI,
    ),
    (
        "mpirun -n 4 target/release/examples/train --communicator mpi --resume runs/two",
        MPI,
    ),
    (
        "cargo check --workspace",
        "CI runs clippy, which checks more",
    ),
    ("bash .ci/run", "CI is this script, and runs this test"),
    ("cargo run -p fkp-release -- check", IN_CI),
    ("cargo run -p fkp-release -- update", RELEASE),
    ("cargo run -p fkp-release -- order", RELEASE),
    ("cargo run -p fkp-release -- publish", RELEASE),
    ("cargo run -p fkp-release -- publish --execute", RELEASE),
    ("cargo publish -p", RELEASE),
    (
        "cargo deny check",
        "CI runs it where cargo-deny is installed",
    ),
    (
        "cargo deny check advisories",
        "needs a connection to the RustSec database; CI runs it where it has one",
    ),
    (
        "mdbook build docs",
        "mdBook is a program that CI does not have; a test proves that docs/SUMMARY.md has every page",
    ),
];
