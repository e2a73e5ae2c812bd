#!/usr/bin/env python3
"""Measures fkp beside PyTorch, Keras and ONNX Runtime, and writes the table into README.md.

    python3 docs/benchmarks/run.py [--rounds 5] [--venv FOLDER] [--bench PROGRAM] [--load-limit 0.5]
    python3 docs/benchmarks/run.py --only "mobile, prediction" --rounds 1
    python3 docs/benchmarks/run.py --train DATA [--epochs 50] [--rounds 1]

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
PACKAGES = ["torch", "tensorflow-cpu", "keras", "onnxruntime", "numpy",
            "albumentations==2.0.8", "opencv-python-headless"]
# The points of `kaggle15` that a mirror exchanges.
PAIRS = "0:1,2:4,3:5,6:8,7:9,11:12"

# PyTorch runs in both memory formats; the table has the faster.
TORCH = ["torch contiguous", "torch channels-last"]

# Work: (name, our arguments, peers).
WORK = [
    ("tutorial, training step, batch 32, 2 threads",
     ["step", "--network", "tutorial", "--batch", "32", "--threads", "2"],
     ["keras", *TORCH, "candle"]),
    ("tutorial, training step, batch 32, 1 thread",
     ["step", "--network", "tutorial", "--batch", "32", "--threads", "1"], [*TORCH, "keras"]),
    *((f"{network}, training step, batch 32, 2 threads",
       ["step", "--network", network, "--batch", "32", "--threads", "2"], TORCH)
      for network in ["residual", "mobile"]),
    ("conv 32→64 at 48², batch 32, 2 threads",
     ["conv", "--shape", "32,64,48", "--batch", "32", "--threads", "2"], ["torch contiguous"]),
    ("conv 64→128 at 24², batch 32, 2 threads",
     ["conv", "--shape", "64,128,24", "--batch", "32", "--threads", "2"], ["torch contiguous"]),
    *((f"{network}, prediction, batch {batch}, {threads} thread{'s' if threads > 1 else ''}",
       ["predict", "--network", network, "--batch", str(batch), "--threads", str(threads)],
       ["onnxruntime", *TORCH])
      for network in ["tutorial", "residual", "mobile"] for batch, threads in [(1, 1), (64, 2)]),
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


def measured(tool, arguments, python, bench):
    """The timings of a tool at one piece of work."""
    threads = arguments[arguments.index("--threads") + 1]
    if tool == "fkp":
        return ours(bench, arguments, threads)
    if tool == "candle":
        batch = arguments[arguments.index("--batch") + 1]
        return ours(bench, ["candle-step", "--batch", batch, "--threads", threads], threads)
    peer, *memory_format = tool.split()
    formats = {"contiguous": "contiguous_format", "channels-last": "channels_last"}
    options = [part for name in memory_format for part in ["--format", formats[name]]]
    command = [python, HERE / "peers.py", peer, *arguments, *options]
    return json.loads(run_json(command, threads).splitlines()[-1])


def wait_until_quiet(limit, patience=120):
    """A measurement beside a busy neighbor says nothing: wait a while for a quiet machine."""
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
    script = ("import importlib.metadata as m; have = {d.metadata['Name'] for d in "
              "m.distributions()}; print(', '.join(f'{p} {m.version(p)}' for p in "
              "['torch', 'tensorflow-cpu', 'keras', 'onnxruntime'] if p in have))")
    rust = subprocess.run(["rustc", "-V"], capture_output=True, text=True).stdout.strip()
    peers = subprocess.run([python, "-c", script], capture_output=True, text=True).stdout.strip()
    return f"{rust}; {peers}; candle 0.11.1"


def environment(folder, packages):
    """The interpreter of a Python environment in this folder, made with the packages if it is absent."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--bench", type=Path, help="a bench program that is already built")
    parser.add_argument("--load-limit", type=float, default=0.5)
    parser.add_argument("--only", metavar="NAME", action="append",
                        help="only the work whose name contains this; prints the table and writes "
                             "no file")
    parser.add_argument("--train", type=Path, metavar="DATA",
                        help="time a whole training on this data set instead")
    parser.add_argument("--epochs", type=int, default=50)
    a = parser.parse_args()
    work = [(name, arguments, peers) for name, arguments, peers in WORK
            if not a.only or any(part in name for part in a.only)]
    if not work:
        parser.error("--only: no work has this name; there are\n  "
                     + "\n  ".join(name for name, _, _ in WORK))

    with tempfile.TemporaryDirectory() as throw_away:
        folder = a.venv or Path(throw_away)
        python = environment(folder, PACKAGES)
        bench = a.bench
        if bench is None:
            command = ["cargo", "build", "--release", "-p", "fkp-examples", "--examples"]
            subprocess.run(command, cwd=ROOT, check=True)
            target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
            bench = target / "release" / "examples" / "bench"

        if a.train:
            train(a, python, bench)
            return
        results = {}
        for round_ in range(a.rounds):
            for name, arguments, peers in work:
                parts = PARTS.get(arguments[0], [""])
                for tool in ["fkp", *peers]:
                    wait_until_quiet(a.load_limit)
                    timings = measured(tool, arguments, python, bench)
                    for part, timing in zip(parts, timings):
                        results.setdefault(name + part, {}).setdefault(tool, []).append(timing)
                        print(f"{name + part}, {tool}: {timing['median_ms']:.2f} ms",
                              file=sys.stderr)
            # After each round, so that an interrupted run leaves what it has.
            about = {"machine": machine(), "versions": versions(python), "rounds": round_ + 1,
                     "date": time.strftime("%Y-%m-%d"), "load": os.getloadavg()}
            if not a.only:
                (HERE / "results.json").write_text(
                    json.dumps({"about": about, "results": results}, indent=1) + "\n")
                replace_between("table", table(about, results))
            print(f"round {round_ + 1} of {a.rounds} done", file=sys.stderr)
        if a.only:
            print("\n".join(table(about, results)))


def train(a, python, bench):
    """A whole training, from starting the program to its end, in every tool in turn."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        subprocess.run([bench, "load", "--data", a.train, "--threads", "2", "--export", data],
                       check=True, stdout=subprocess.DEVNULL)
        results = {}
        for round_ in range(a.rounds):
            for tool in ["fkp", "keras", "torch"]:
                wait_until_quiet(a.load_limit)
                start = time.time()
                if tool == "fkp":
                    out = Path(folder) / f"run{round_}"
                    run_json([bench.parent / "train", "--data", a.train, "--epochs",
                              str(a.epochs), "--threads", "2", "--out", out], "2")
                    report = json.loads((out / "report.json").read_text())
                    last = report["progress"]["history"][-1]["mae_px"]
                else:
                    command = [python, HERE / "train_peers.py", tool, "--data", data,
                               "--pairs", PAIRS, "--epochs", str(a.epochs)]
                    last = json.loads(run_json(command, "2").splitlines()[-1])["val_mae_px"]
                timing = {"seconds": time.time() - start, "val_mae_px": last}
                results.setdefault(tool, []).append(timing)
                print(f"{tool}: {timing}", file=sys.stderr)
        about = {"machine": machine(), "versions": versions(python), "epochs": a.epochs,
                 "data": a.train.name, "date": time.strftime("%Y-%m-%d"), "rounds": a.rounds}
        (HERE / "training.json").write_text(
            json.dumps({"about": about, "results": results}, indent=1) + "\n")
        lines = [
            f"{about['machine']}; {about['versions']}; {about['date']}; `{a.train.name}`, "
            f"{a.epochs} epochs, 2 threads, {a.rounds} interleaved rounds.",
            "",
            "| tool | seconds, median | spread over rounds | last MAE, px | fkp is faster by |",
            "|---|---|---|---|---|",
        ]
        mine = statistics.median(t["seconds"] for t in results["fkp"])
        for tool, timings in results.items():
            seconds = [t["seconds"] for t in timings]
            median = statistics.median(seconds)
            mae = statistics.median(t["val_mae_px"] for t in timings)
            ratio = "" if tool == "fkp" else f"{median / mine:.2f}×"
            lines.append(f"| {tool} | {median:.0f} | {min(seconds):.0f} to {max(seconds):.0f} | "
                         f"{mae:.2f} | {ratio} |")
        replace_between("training table", lines)


def replace_between(name, lines):
    readme = HERE / "README.md"
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = readme.read_text()
    before, after = text.split(start)[0], text.split(end)[1]
    readme.write_text(before + start + "\n" + "\n".join(lines) + "\n" + end + after)


def median_ms(timings):
    return statistics.median(t["median_ms"] for t in timings)


def with_faster_torch(tools):
    """The tools without the slower memory format of PyTorch."""
    formats = [tool for tool in tools if tool in TORCH]
    slower = sorted(formats, key=lambda tool: median_ms(tools[tool]))[1:]
    return {tool: timings for tool, timings in tools.items() if tool not in slower}


def most_mib(timings, key):
    values = [t[key] for t in timings if t.get(key) is not None]
    return f"{max(values):.0f}" if values else ""


def table(about, results):
    lines = [
        f"{about['machine']}; {about['versions']}; {about['date']}; {about['rounds']} interleaved "
        f"rounds; load of the machine at the end {about['load'][0]:.1f}.",
        "",
        "| work | tool | median ms | spread over rounds | fastest ms | added MiB | peak MiB | "
        "fkp is faster by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, tools in results.items():
        mine = median_ms(tools["fkp"])
        for tool, timings in with_faster_torch(tools).items():
            medians = [t["median_ms"] for t in timings]
            median = median_ms(timings)
            fastest = min(t["min_ms"] for t in timings)
            ratio = "" if tool == "fkp" else f"{median / mine:.2f}×"
            spread = f"{min(medians):.2f} to {max(medians):.2f}"
            lines.append(
                f"| {name} | {tool} | {median:.2f} | {spread} | {fastest:.2f} | "
                f"{most_mib(timings, 'added_memory_mib')} | "
                f"{most_mib(timings, 'peak_memory_mib')} | {ratio} |")
    return lines


if __name__ == "__main__":
    main()
