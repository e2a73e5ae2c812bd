#!/usr/bin/env python3
"""Measures fkp beside PyTorch, Keras and ONNX Runtime, and writes the table into README.md.

    python3 docs/benchmarks/run.py [--rounds 5] [--venv FOLDER] [--bench PROGRAM] [--load-limit 0.5]

Makes a throw-away Python environment (kept if --venv names one), builds the bench example, and
runs every tool in turn, round after round, each in a process of its own, so that a slow minute of
the machine hits all of them. Only the standard library is needed to start it.
"""
import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PACKAGES = ["torch", "tensorflow-cpu", "keras", "onnxruntime", "onnx", "numpy"]

# Work: (name, our arguments, peers, which of the printed timings).
WORK = [
    ("training step, batch 32, 2 threads", ["step", "--batch", "32", "--threads", "2"],
     ["keras", "torch", "candle"]),
    ("training step, batch 32, 1 thread", ["step", "--batch", "32", "--threads", "1"],
     ["torch", "keras"]),
    ("conv 32→64 at 48², batch 32, 2 threads",
     ["conv", "--shape", "32,64,48", "--batch", "32", "--threads", "2"], ["torch"]),
    ("conv 64→128 at 24², batch 32, 2 threads",
     ["conv", "--shape", "64,128,24", "--batch", "32", "--threads", "2"], ["torch"]),
    ("prediction, batch 1, 1 thread", ["predict", "--batch", "1", "--threads", "1"],
     ["onnxruntime"]),
    ("prediction, batch 64, 2 threads", ["predict", "--batch", "64", "--threads", "2"],
     ["onnxruntime"]),
]
PARTS = {"conv": [", forward", ", backward", ", forward and backward"]}


def run_json(command, threads):
    environment = dict(os.environ, RAYON_NUM_THREADS=threads, OMP_NUM_THREADS=threads)
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    return done.stdout


def ours(bench, arguments, threads):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        run_json([bench, *arguments, "--json", file.name], threads)
        return json.loads(Path(file.name).read_text())


def wait_until_quiet(limit, patience=120):
    """A measurement beside a busy neighbour says nothing: wait a while for a quiet machine."""
    start = time.time()
    while os.getloadavg()[0] > limit + (os.cpu_count() or 1) and time.time() - start < patience:
        time.sleep(5)


def machine():
    model = "unknown processor"
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        model = found.group(1) if found else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def versions(python):
    script = ("import importlib.metadata as m; print(', '.join(f'{p} {m.version(p)}' for p in "
              "['torch', 'tensorflow-cpu', 'keras', 'onnxruntime']))")
    rust = subprocess.run(["rustc", "-V"], capture_output=True, text=True).stdout.strip()
    peers = subprocess.run([python, "-c", script], capture_output=True, text=True).stdout.strip()
    return f"{rust}; {peers}; candle 0.11.1"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--bench", type=Path, help="a bench program that is already built")
    parser.add_argument("--load-limit", type=float, default=0.5)
    a = parser.parse_args()

    with tempfile.TemporaryDirectory() as throw_away:
        folder = a.venv or Path(throw_away)
        python = folder / "bin" / "python"
        if not python.exists():
            venv.create(folder, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        bench = a.bench
        if bench is None:
            command = ["cargo", "build", "--release", "-p", "fkp-examples", "--example", "bench"]
            subprocess.run(command, cwd=ROOT, check=True)
            target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
            bench = target / "release" / "examples" / "bench"

        results = {}
        for round_ in range(a.rounds):
            for name, arguments, peers in WORK:
                threads = arguments[arguments.index("--threads") + 1]
                parts = PARTS.get(arguments[0], [""])
                for tool in ["fkp", *peers]:
                    wait_until_quiet(a.load_limit)
                    if tool == "fkp":
                        timings = ours(bench, arguments, threads)
                    elif tool == "candle":
                        timings = ours(bench, ["candle-step", *arguments[1:]], threads)
                    else:
                        command = [python, HERE / "peers.py", tool, *arguments]
                        timings = json.loads(run_json(command, threads).splitlines()[-1])
                    for part, timing in zip(parts, timings):
                        results.setdefault(name + part, {}).setdefault(tool, []).append(timing)
                        print(f"{name + part}, {tool}: {timing['median_ms']:.2f} ms",
                              file=sys.stderr)
            # After each round, so that an interrupted run leaves what it has.
            about = {"machine": machine(), "versions": versions(python), "rounds": round_ + 1,
                     "date": time.strftime("%Y-%m-%d"), "load": os.getloadavg()}
            (HERE / "results.json").write_text(
                json.dumps({"about": about, "results": results}, indent=1) + "\n")
            write_table(about, results)
            print(f"round {round_ + 1} of {a.rounds} done", file=sys.stderr)


def write_table(about, results):
    lines = [
        f"{about['machine']}; {about['versions']}; {about['date']}; {about['rounds']} interleaved "
        f"rounds; load of the machine at the end {about['load'][0]:.1f}.",
        "",
        "| work | tool | median ms | spread over rounds | fastest ms | peak MiB | fkp is faster by |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, tools in results.items():
        mine = statistics.median(t["median_ms"] for t in tools["fkp"])
        for tool, timings in tools.items():
            medians = [t["median_ms"] for t in timings]
            median = statistics.median(medians)
            fastest = min(t["min_ms"] for t in timings)
            peak = max(t["peak_memory_mib"] or 0 for t in timings)
            ratio = "" if tool == "fkp" else f"{median / mine:.2f}×"
            spread = f"{min(medians):.2f} to {max(medians):.2f}"
            lines.append(f"| {name} | {tool} | {median:.2f} | {spread} | {fastest:.2f} | "
                         f"{peak:.0f} | {ratio} |")
    readme = HERE / "README.md"
    text = readme.read_text()
    start, end = "<!-- table -->", "<!-- end of table -->"
    before, after = text.split(start)[0], text.split(end)[1]
    readme.write_text(before + start + "\n" + "\n".join(lines) + "\n" + end + after)


if __name__ == "__main__":
    main()
