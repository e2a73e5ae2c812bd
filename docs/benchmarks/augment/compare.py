"""Runs `bench augment` and `peer.py` in turn and prints a table of ratios."""

import argparse
import json
import pathlib
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


def figure(command, rounds):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "figure.json"
        arguments = [*command, "--rounds", str(rounds), "--json", str(path)]
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
        return json.loads(path.read_text())[0]["min_us"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()

    def ours(recipe, size, *more):
        return [arguments.bench, "augment", "--recipe", recipe, "--size", size, *more]

    def theirs(recipe, size):
        return [sys.executable, "-W", "ignore", str(HERE / "peer.py"), "--recipe", recipe, "--size", size]

    print("| work | size | fkp-augment µs | other | other µs | ratio |")
    print("|---|---|---|---|---|---|")
    for recipe, size, name, peer in CASES:
        other = theirs(peer, size) if peer else ours("warp_imageproc", size)
        best = [float("inf"), float("inf")]
        for _ in range(arguments.turns):
            for i, command in enumerate((ours(recipe, size), other)):
                best[i] = min(best[i], figure(command, arguments.rounds))
        ratio = best[1] / best[0]
        print(f"| {recipe} | {size} | {best[0]:.1f} | {name} | {best[1]:.1f} | {ratio:.1f} |", flush=True)
    one, two = (
        min(
            figure(ours("flip_affine", "96x96x1", "--batch", "--threads", str(n)), arguments.rounds)
            for _ in range(arguments.turns)
        )
        for n in (1, 2)
    )
    print(f"| flip_affine batch, 2 threads | 96x96x1 | {two:.1f} | 1 thread | {one:.1f} | {one / two:.1f} |")


if __name__ == "__main__":
    main()
