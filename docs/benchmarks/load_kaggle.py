#!/usr/bin/env python3
"""Measures how long Kaggle's table takes to load in fkp and in pandas with numpy, side by side.

    python3 docs/benchmarks/load_kaggle.py training.zip [--rounds 7] [--venv FOLDER]
                                           [--loader PROGRAM] [--load-limit 0.5]

Every tool runs in turn, round after round, each in a process of its own, and measures itself: from the
path to all pixels and coordinates in memory, without the start of the process and imports. Makes a
throw-away Python environment (kept if --venv names one), builds the example `load_time` of fkp-data and
replaces the table in README.md. Only the standard library is needed to start it.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run import ROOT, environment, machine, replace_between, wait_until_quiet

# How tutorials and notebooks convert the column `Image`.
PEERS = {
    "np.array(text.split())":
        lambda np, text: np.array(text.split(), dtype=np.uint8),
    "np.fromstring(text, sep=' ')":
        lambda np, text: np.fromstring(text, sep=" "),
    "np.fromstring(text, dtype=np.uint8, sep=' ')":
        lambda np, text: np.fromstring(text, dtype=np.uint8, sep=" "),
}


def peer(convert, path):
    """Loads the table by pandas and prints the measurement."""
    import warnings

    import numpy as np
    import pandas as pd

    warnings.simplefilter("ignore")
    start, processor = time.perf_counter(), time.process_time()
    frame = pd.read_csv(path)
    images = np.stack([PEERS[convert](np, text) for text in frame["Image"]])
    keypoints = frame.drop(columns="Image").to_numpy(np.float32)
    measured = {"seconds": time.perf_counter() - start,
                "processor_s": time.process_time() - processor,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    assert len(images) == len(keypoints)
    print(json.dumps({**measured, "samples": len(images),
                      "versions": f"pandas {pd.__version__}, numpy {np.__version__}"}))


def measured(command, threads):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True,
                          env=dict(os.environ, RAYON_NUM_THREADS=threads))
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of the whole process, which for fkp does nothing else.
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"processor_s": whole, **json.loads(done.stdout)}


def build():
    command = ["cargo", "build", "--release", "-p", "fkp-data", "--example", "load_time"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "examples" / "load_time"


def table(results, rounds, threads):
    fkp = results[f"fkp, {threads} threads"]
    mine = statistics.median(result["seconds"] for result in fkp)
    versions = next(result["versions"] for result in results["np.array(text.split())"])
    rust = subprocess.run(["rustc", "-V"], capture_output=True, text=True).stdout.strip()
    lines = [
        f"{machine()}; {rust}; {versions}; {time.strftime('%Y-%m-%d')}; {fkp[0]['samples']} images, "
        f"{fkp[0]['pixel_mib']:.1f} MiB of pixels; {rounds} interleaved rounds; load of the machine at "
        f"the end {os.getloadavg()[0]:.1f}.",
        "",
        "| tool | median s | spread over rounds | fastest s | processor s | peak MiB | "
        "fkp is faster by |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool, found in results.items():
        seconds = [result["seconds"] for result in found]
        median = statistics.median(seconds)
        name = tool if tool.startswith("fkp") else f"pandas, `{tool}`"
        ratio = "" if found is fkp else f"{median / mine:.1f}×"
        processor = statistics.median(result["processor_s"] for result in found)
        lines.append(f"| {name} | {median:.3f} | {min(seconds):.3f} to {max(seconds):.3f} | "
                     f"{min(seconds):.3f} | {processor:.2f} | "
                     f"{max(result['peak_mib'] for result in found):.0f} | {ratio} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="training.zip or training.csv")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", default="2", help="threads of fkp")
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--loader", type=Path, help="a load_time program that is already built")
    parser.add_argument("--load-limit", type=float, default=0.5)
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.peer:
        peer(a.peer, a.table)
        return
    loader = a.loader or build()
    with tempfile.TemporaryDirectory() as throw_away:
        python = environment(a.venv or Path(throw_away), ["pandas", "numpy"])
        results = {}
        for _ in range(a.rounds):
            for tool in [f"fkp, {a.threads} threads", *PEERS]:
                command = [python, __file__, "--peer", tool, a.table]
                wait_until_quiet(a.load_limit)
                is_fkp = tool.startswith("fkp")
                result = measured([loader, a.table] if is_fkp else command, a.threads)
                results.setdefault(tool, []).append(result)
                print(f"{tool}: {result['seconds']:.3f} s", file=sys.stderr)
    lines = table(results, a.rounds, a.threads)
    replace_between("kaggle table", lines)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
