"""Runs `bench augment` and `peer.py` in turn and prints a table of ratios."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
CASES = [
    ("warp", "96x96x1", "one `cv2.warpAffine`", "warp"),
    ("warp", "256x256x3", "one `cv2.warpAffine`", "warp"),
    ("warp_perspective", "96x96x1", "one `cv2.warpPerspective`", "warp_perspective"),
    ("warp_perspective", "256x256x3", "one `cv2.warpPerspective`", "warp_perspective"),
    ("warp", "96x96x1", "`imageproc` warp", None),
    ("warp", "256x256x3", "`imageproc` warp", None),
    ("flip_affine", "96x96x1", "albumentations", "flip_affine"),
    ("flip_affine", "256x256x3", "albumentations", "flip_affine"),
    ("perspective", "96x96x1", "albumentations", "perspective"),
    ("perspective", "256x256x3", "albumentations", "perspective"),
    ("faces", "96x96x1", "albumentations", "faces"),
    ("faces", "256x256x3", "albumentations", "faces"),
]


def figures(command, rounds):
    """Best and median round in µs."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "figure.json"
        arguments = [*command, "--rounds", str(rounds), "--json", str(path)]
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
        figure = json.loads(path.read_text())[0]
        return figure["min_us"], figure["median_us"]


def in_turns(commands, turns, rounds):
    """For each command the best round, the median over turns of the median round, and its range."""
    found = [[] for _ in commands]
    for _ in range(turns):
        for figure, command in zip(found, commands):
            figure.append(figures(command, rounds))
    return [
        (
            min(best for best, _ in runs),
            statistics.median(median for _, median in runs),
            (min(median for _, median in runs), max(median for _, median in runs)),
        )
        for runs in found
    ]


def row(work, size, one, name, other):
    def cells(figure):
        best, median, (low, high) = figure
        return f"{best:.1f} | {median:.1f} ({low:.1f}–{high:.1f})"

    ratios = f"{other[0] / one[0]:.1f} | {other[1] / one[1]:.1f}"
    print(f"| {work} | {size} | {cells(one)} | {name} | {cells(other)} | {ratios} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    turns, rounds = arguments.turns, arguments.rounds

    def ours(recipe, size, *more):
        return [arguments.bench, "augment", "--recipe", recipe, "--size", size, *more]

    def theirs(recipe, size):
        return [sys.executable, "-W", "ignore", str(HERE / "peer.py"), "--recipe", recipe, "--size", size]

    print("| work | size | best µs | median µs (range) | other | best µs | median µs (range) | ratio of bests | of medians |")
    print("|---|---|---|---|---|---|---|---|---|")
    for recipe, size, name, peer in CASES:
        other = theirs(peer, size) if peer else ours("warp_imageproc", size)
        one, other = in_turns([ours(recipe, size), other], turns, rounds)
        row(recipe, size, one, name, other)
    for size in ("96x96x1", "256x256x3"):
        batches = [ours("flip_affine", size, "--batch", "--threads", str(n)) for n in (2, 1)]
        two, one = in_turns(batches, turns, rounds)
        row("flip_affine batch, 2 threads", size, two, "1 thread", one)


if __name__ == "__main__":
    main()
