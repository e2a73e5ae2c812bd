#!/usr/bin/env bash
# One command: builds the Rust side, makes a throw-away Python environment, runs both in turn and
# prints the table. Run from anywhere; needs cargo, python3 and the network for the packages.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
python3 -m venv "$venv"
"$venv/bin/pip" -q install albumentations==2.0.8 opencv-python-headless==5.0.0.93
root=$(cd "$here/../../.." && pwd)
cargo build --release --manifest-path "$root/Cargo.toml" -p fkp-examples --example bench
bench=${CARGO_TARGET_DIR:-$root/target}/release/examples/bench
exec "$venv/bin/python" -W ignore "$here/compare.py" --bench "$bench" "$@"
