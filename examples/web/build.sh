#!/usr/bin/env bash
# Builds the web page into the folder of static files target/page, and the package that the page uses, with its
# TypeScript types, into target/fkp-web: `bash examples/web/build.sh`.
#
# Needs a Rust toolchain by rustup. Adds the target wasm32-unknown-unknown to it, and installs the program
# wasm-bindgen into target/tools.
set -euo pipefail
cd "$(dirname "$0")/../.."
page=target/page
package=target/fkp-web
tools=$PWD/target/tools

rustup target list --installed | grep -q wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown

# The program and the library must have the same version.
version=$(cargo pkgid wasm-bindgen | sed 's/.*[#@]//')
if [ "$("$tools/bin/wasm-bindgen" --version 2>/dev/null)" != "wasm-bindgen $version" ]; then
  cargo install wasm-bindgen-cli --version "$version" --root "$tools" --target-dir "$tools/build" --debug --quiet
  rm -rf "$tools/build"
fi

env -u RUSTFLAGS CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C target-feature=+simd128" \
  cargo build --target-dir target --locked -p fkp-web --profile web --target wasm32-unknown-unknown
rm -rf "$package"
"$tools/bin/wasm-bindgen" --target web --remove-name-section --remove-producers-section --out-dir "$package" target/wasm32-unknown-unknown/web/fkp_web.wasm
cat >"$package/package.json" <<EOF
{
  "name": "fkp-web",
  "version": "$(cargo pkgid fkp-web | sed 's/.*[#@]//')",
  "license": "MIT",
  "type": "module",
  "main": "fkp_web.js",
  "types": "fkp_web.d.ts",
  "sideEffects": false
}
EOF

rm -rf "$page"
mkdir -p "$page"
cp examples/web/{index.html,style.css,app.js,draw.js} "$package/fkp_web.js" "$page"
# Half the size; the page unpacks it.
gzip -9 -n -c "$package/fkp_web_bg.wasm" >"$page/fkp_web_bg.wasm.gz"
echo "The page, $(cat "$page"/* | wc -c) bytes, is in $page. To open it on http://localhost:8000:"
echo "python3 -m http.server -d $page"
