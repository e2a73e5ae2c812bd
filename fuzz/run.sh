#!/usr/bin/env bash
# Runs fuzz targets: `./run.sh EXECUTIONS [TARGET…]`. The model and state targets build candle.
set -euo pipefail
cd "$(dirname "$0")"
executions=$1
shift
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(cd fuzz_targets && ls ./*.rs | sed 's|./||; s|.rs$||')
fi
# One thread, so that an execution is the same each time.
export RAYON_NUM_THREADS=1
for target in "${targets[@]}"; do
  features=()
  case $target in model | state) features=(--features models) ;; esac
  echo "== $target"
  cargo +nightly fuzz run --sanitizer "${SANITIZER:-address}" "${features[@]}" "$target" -- \
    -runs="$executions" -timeout=1 -max_len=65536 -rss_limit_mb=4096 -print_final_stats=1 2>&1 |
    grep -E "^(SUMMARY|stat::number_of_executed_units|stat::average_exec_per_sec|ERROR|.*panicked)" || true
  rm -rf /dev/shm/fkp-fuzz-*
done
