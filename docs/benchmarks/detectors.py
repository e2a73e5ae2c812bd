#!/usr/bin/env python3
"""Compares face detectors on photographs of WIDER FACE and prints a Markdown table.

    python3 docs/benchmarks/detectors.py DATA [--fkp FILE] [--venv FOLDER] [--detections FOLDER]

DATA has `val/` and `train/`, each with `images/` and `boxes.csv` (image, x, y, width, height, ignore;
pixels, x and y from the outer edge of the image). Makes a throw-away Python environment with the peers
from PyPI (kept if --venv names one) and runs each detector in a process of its own, on one core.
--detections keeps what the peers found, as one file per detector, and uses the files that are there.
Only the standard library is needed to start it.

--fkp adds a row of ours from a file of the format of --detections: a JSON list with one object per
photograph, {"file", "width", "height", "ms", "faces": [{"box": [x, y, width, height], "score"}]}, matched
by file name. The milliseconds are optional, and so are those of the photograph scaled to 640×480,
"ms_640x480". The photographs of `val/` must be there; with the first 200 of `train/` as well, our boxes
are adjusted like those of the peers.

Protocol: a detection matches a label at an intersection over union of 0.5. Labels that are marked ignore
or shorter than the limit are neither hits nor misses: detections that match them, or of which more than
half lies within one that is marked, do not count, nor do unmatched detections shorter than the limit. A
second detection of a face is a false positive. Average precision is the area under the monotone
envelope of precision over recall, at all recalls; its interval is the percentile bootstrap over
photographs.

Detectors define the box of a face differently: some give a square around eyes and mouth, WIDER FACE
labels the face from chin to forehead. The adjusted columns score the boxes after four numbers per
detector: factors of width and height, and shifts of the center as fractions of width and height. They
maximize average precision on the first 200 photographs of `train/`.
"""
import argparse
import csv
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run import environment, machine

try:
    import numpy as np
except ImportError:
    np = None  # Only the environment needs it.

# The newest versions that agree with one another and still have what is measured: later MediaPipe has no
# `solutions`, and its models are not in the package; OpenCV 5 has no cascades.
PACKAGES = ["mediapipe==0.10.21", "dlib-bin==19.24.6", "facenet-pytorch==2.6.0"]
VERSIONS = ["opencv-contrib-python", "dlib-bin", "mediapipe", "facenet-pytorch", "torch"]
LIMITS = (16, 32)
TRAIN_PHOTOGRAPHS = 200
RESAMPLES = 1000
# The second timing: the first photographs, scaled to this size.
TIMED_SIZE = (640, 480)
SCALED_PHOTOGRAPHS = 30


# The detectors. Each function returns one that maps a photograph (RGB, uint8) to the boxes
# [n, 4] (x, y, width, height from the outer edge) and their scores [n].

def haar():
    import cv2

    cv2.setNumThreads(1)
    cascade = cv2.CascadeClassifier(
        cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def detect(image):
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        boxes, _, weights = cascade.detectMultiScale3(
            gray, scaleFactor=1.1, minNeighbors=1, outputRejectLevels=True)
        return boxes, weights

    return detect


def dlib_hog(upsample):
    import dlib

    detector = dlib.get_frontal_face_detector()

    def detect(image):
        # The default threshold is 0; a lower one gives more of the curve.
        found, scores, _ = detector.run(image, upsample, -1.0)
        return [(r.left(), r.top(), r.width(), r.height()) for r in found], scores

    return detect


def mediapipe(model):
    from mediapipe.python.solution_base import SolutionBase
    from mediapipe.python.solutions import face_detection

    # What `solutions.FaceDetection` makes, except for the threshold: its `min_detection_confidence` has
    # no effect (MediaPipe's issue 3896), so that the threshold is always 0.5 or 0.6.
    graph = {"short": face_detection._SHORT_RANGE_GRAPH_FILE_PATH,
             "full": face_detection._FULL_RANGE_GRAPH_FILE_PATH}[model]
    threshold = (f"facedetection{model}range__facedetection__TensorsToDetectionsCalculator"
                 ".min_score_thresh")
    # A lower one gives more of the curve, but the suppression averages boxes of low score too: with the
    # short-range model, a threshold of 0.05 gives worse boxes on the training part.
    value = {"short": 0.2, "full": 0.05}[model]
    detector = SolutionBase(binary_graph_path=graph, calculator_params={threshold: value},
                            outputs=["detections"])

    def detect(image):
        height, width = image.shape[:2]
        found = detector.process({"image": image}).detections or []
        boxes = [d.location_data.relative_bounding_box for d in found]
        return ([(b.xmin * width, b.ymin * height, b.width * width, b.height * height)
                 for b in boxes], [d.score[0] for d in found])

    return detect


def mtcnn(min_face_size):
    import torch
    from facenet_pytorch import MTCNN

    torch.set_num_threads(1)
    # The default thresholds are 0.6, 0.7 and 0.7; a lower last one gives more of the curve.
    detector = MTCNN(keep_all=True, min_face_size=min_face_size, thresholds=[0.6, 0.7, 0.02],
                     device="cpu")

    def detect(image):
        corners, scores = detector.detect(image)
        if corners is None:
            return [], []
        # MTCNN counts pixels from 1 and includes the last.
        return [(x0 - 1, y0 - 1, x1 - x0 + 1, y1 - y0 + 1) for x0, y0, x1, y1 in corners], scores

    return detect


DETECTORS = {
    "OpenCV Haar cascade": haar,
    "dlib HOG": lambda: dlib_hog(0),
    "dlib HOG, image doubled": lambda: dlib_hog(1),
    "MediaPipe short range": lambda: mediapipe("short"),
    "MediaPipe full range": lambda: mediapipe("full"),
    "MTCNN, from 20 px": lambda: mtcnn(20),
    "MTCNN, from 16 px": lambda: mtcnn(16),
}


def run_detector(name, files):
    """The detections in the photographs, with the milliseconds of each, decoding excluded."""
    import cv2

    detect = DETECTORS[name]()

    def timed(image):
        start = time.perf_counter()
        boxes, scores = detect(image)
        return (time.perf_counter() - start) * 1e3, boxes, scores

    results = []
    for file in files:
        image = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
        if not results:
            detect(image)  # The first call allocates.
        ms, boxes, scores = timed(image)
        result = {
            "file": file.name, "width": image.shape[1], "height": image.shape[0], "ms": ms,
            "faces": [{"box": [float(v) for v in box], "score": float(score)}
                      for box, score in zip(boxes, np.ravel(scores))],
        }
        if len(results) < SCALED_PHOTOGRAPHS:
            result["ms_640x480"] = timed(covering(image, *TIMED_SIZE))[0]
        results.append(result)
    return results


def covering(image, width, height):
    """The center of the photograph, scaled to fill the size."""
    import cv2

    scale = max(width / image.shape[1], height / image.shape[0])
    scaled = cv2.resize(image, None, fx=scale, fy=scale)
    scaled = cv2.copyMakeBorder(  # A rounded size can be one pixel short.
        scaled, 0, max(height - scaled.shape[0], 0), 0, max(width - scaled.shape[1], 0),
        cv2.BORDER_REPLICATE)
    x, y = (scaled.shape[1] - width) // 2, (scaled.shape[0] - height) // 2
    return np.ascontiguousarray(scaled[y:y + height, x:x + width])


def use_one_core():
    """Before the libraries start their threads."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


# Labels and detections.

def read_labels(folder):
    """By the name of the photograph, in the order of the file: boxes [n, 4] and ignore [n]."""
    rows = {}
    with open(folder / "boxes.csv", newline="") as file:
        for row in csv.DictReader(file):
            box = [float(row[key]) for key in ("x", "y", "width", "height", "ignore")]
            rows.setdefault(Path(row["image"]).name, []).append(box)
    labels = {}
    for name, boxes in rows.items():
        boxes = np.array(boxes)
        labels[name] = boxes[:, :4], boxes[:, 4] > 0
    return labels


def read_detections(file):
    """By the name of the photograph: boxes [n, 4], scores [n]; and the timings."""
    found = {}
    for entry in json.loads(file.read_text()):
        boxes = np.array([face["box"] for face in entry["faces"]], float).reshape(-1, 4)
        scores = np.array([face["score"] for face in entry["faces"]], float)
        found[Path(entry["file"]).name] = {
            "boxes": boxes, "scores": scores,
            "ms": entry.get("ms"), "ms_640x480": entry.get("ms_640x480")}
    return found


# Scores.

def overlap(a, b):
    """Of each box of `a` with each box of `b`: intersection over union, and over the area of a."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    area_a, area_b = a[:, 2:].prod(1), b[:, 2:].prod(1)
    union = area_a[:, None] + area_b[None] - shared
    return shared / np.maximum(union, 1e-9), shared / np.maximum(area_a, 1e-9)[:, None]


def judge(boxes, scores, labels, ignore, limit):
    """Which detections count [n], and which of them hit a face [n]; as `fkp_metrics::MatchRule`."""
    iou, within = overlap(boxes, labels)
    ignored = ignore | (labels[:, 3] < limit)
    faces = np.where(ignored, 0, iou)
    overlaps_face = (faces >= 0.5).any(1)
    hidden = (iou >= 0.5)[:, ignored].any(1) | (within > 0.5)[:, ignore].any(1)
    hits = np.zeros(len(boxes), bool)
    for i in np.argsort(-scores, kind="stable"):
        if overlaps_face[i] and faces[i].max() >= 0.5:
            hits[i] = True
            faces[:, faces[i].argmax()] = 0
    return hits | (boxes[:, 3] >= limit) & (overlaps_face | ~hidden), hits


class Judged:
    """All detections that count, sorted by falling score, ready for average precision."""

    def __init__(self, found, all_labels, limit, adjustment):
        scores, hits, photographs, self.faces = [], [], [], []
        for index, (name, (labels, ignore)) in enumerate(all_labels.items()):
            boxes = adjusted(found[name]["boxes"], adjustment)
            counts, hit = judge(boxes, found[name]["scores"], labels, ignore, limit)
            scores.append(found[name]["scores"][counts])
            hits.append(hit[counts])
            photographs.append(np.full(counts.sum(), index))
            self.faces.append((~ignore & (labels[:, 3] >= limit)).sum())
        self.faces = np.array(self.faces)
        scores = np.concatenate(scores)
        order = np.argsort(-scores, kind="stable")
        self.hits = np.concatenate(hits)[order]
        self.photographs = np.concatenate(photographs)[order]
        # Detections of equal score enter the curve together.
        scores = scores[order]
        self.last_of_score = np.append(scores[1:] != scores[:-1], True)[:len(scores)]

    def average_precision(self, weights):
        """With a weight per photograph: how often it occurs."""
        weight = weights[self.photographs]
        hits = np.cumsum(weight * self.hits)[self.last_of_score]
        all_ = np.cumsum(weight)[self.last_of_score]
        recall = hits / max((weights * self.faces).sum(), 1)
        envelope = np.maximum.accumulate((hits / np.maximum(all_, 1))[::-1])[::-1]
        return (np.diff(recall, prepend=0) * envelope).sum()

    def with_interval(self):
        n = len(self.faces)
        random = np.random.default_rng(0)
        samples = [self.average_precision(np.bincount(random.integers(0, n, n), minlength=n))
                   for _ in range(RESAMPLES)]
        low, high = np.percentile(samples, [2.5, 97.5])
        value = self.average_precision(np.ones(n))
        return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


# The adjustment of boxes: factors of width and height, shifts of the center in widths and heights.

NO_ADJUSTMENT = (1.0, 1.0, 0.0, 0.0)


def adjusted(boxes, adjustment):
    scale, shift = np.array(adjustment[:2]), np.array(adjustment[2:])
    center = boxes[:, :2] + boxes[:, 2:] * (0.5 + shift)
    size = boxes[:, 2:] * scale
    return np.concatenate([center - size / 2, size], 1)


def fit_adjustment(found, all_labels):
    """Maximizes average precision for the smallest limit, one number at a time."""
    def score(adjustment):
        judged = Judged(found, all_labels, LIMITS[0], adjustment)
        return judged.average_precision(np.ones(len(all_labels)))

    best, fitted = score(NO_ADJUSTMENT), NO_ADJUSTMENT
    for step in (0.16, 0.08, 0.04, 0.02):
        improved = True
        while improved:
            improved = False
            for i in range(len(fitted)):
                for change in (step, -step):
                    candidate = tuple(v + change * (i == j) for j, v in enumerate(fitted))
                    value = score(candidate)
                    if value > best:
                        best, fitted, improved = value, candidate, True
    return fitted


# The comparison.

def row(name, found, val, train):
    missing = [photograph for photograph in val if photograph not in found]
    if missing:
        sys.exit(f"{name}: no detections for {missing[0]} ({len(missing)} of {len(val)} missing)")
    cells = [Judged(found, val, limit, NO_ADJUSTMENT).with_interval() for limit in LIMITS]
    if all(photograph in found for photograph in train):
        fitted = fit_adjustment(found, train)
        cells += [Judged(found, val, limit, fitted).with_interval() for limit in LIMITS]
        cells.append("{:.2f}, {:.2f}, {:+.2f}, {:+.2f}".format(*fitted))
    else:
        cells += [""] * (len(LIMITS) + 1)
    for key in ("ms", "ms_640x480"):
        ms = [found[photograph][key] for photograph in val]
        ms = [value for value in ms if value is not None]
        cells.append(f"{statistics.median(ms):.1f}" if ms else "")
    return f"| {name} | " + " | ".join(cells) + " |"


def report(rows, val, train):
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in VERSIONS)
    faces = [sum(int((~ignore & (boxes[:, 3] >= limit)).sum()) for boxes, ignore in val.values())
             for limit in LIMITS]
    ap = " | ".join(f"AP, from {limit} px" for limit in LIMITS)
    adjusted_ap = " | ".join(f"adjusted AP, from {limit} px" for limit in LIMITS)
    print("\n".join([
        f"{machine()}; {versions}; {time.strftime('%Y-%m-%d')}; load of the machine at the end "
        f"{os.getloadavg()[0]:.1f}.",
        "",
        f"{len(val)} photographs of WIDER FACE; "
        + ", ".join(f"{n} faces from {limit} px tall" for n, limit in zip(faces, LIMITS))
        + ". Average precision in percent at an intersection over union of 0.5, with the 95 % interval "
        f"of a bootstrap over photographs. In the adjusted columns each detector's boxes are changed by "
        f"four numbers fitted on {len(train)} photographs of the training part (factors of width and "
        "height, shifts of the center in widths and heights), since detectors define the box of a face "
        "differently. Median ms per photograph on one core, decoding excluded; trust them only if the "
        "machine had nothing else to do.",
        "",
        f"| detector | {ap} | {adjusted_ap} | adjustment | ms | ms at 640×480 |",
        "|---|" + "---|" * (2 * len(LIMITS) + 3),
        *rows,
    ]))


def compare(a):
    val = read_labels(a.data / "val")
    train = dict(list(read_labels(a.data / "train").items())[:TRAIN_PHOTOGRAPHS])
    rows = []
    if a.fkp:
        rows.append(row("fkp", read_detections(a.fkp), val, train))
    with tempfile.TemporaryDirectory() as throw_away:
        folder = a.detections or Path(throw_away)
        folder.mkdir(parents=True, exist_ok=True)
        for name in DETECTORS:
            file = folder / f"{name}.json"
            if not file.exists():
                print(name, file=sys.stderr)
                command = [sys.executable, __file__, a.data, "--run", name, "--output", file]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    sys.exit(f"{name} failed:\n{done.stderr}")
            rows.append(row(name, read_detections(file), val, train))
    report(rows, val, train)


def detect(a):
    use_one_core()
    val = [a.data / "val" / "images" / name for name in read_labels(a.data / "val")]
    train = [a.data / "train" / "images" / name for name in read_labels(a.data / "train")]
    results = run_detector(a.run, val + train[:TRAIN_PHOTOGRAPHS])
    a.output.write_text(json.dumps(results) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--fkp", type=Path, metavar="FILE", help="our detections")
    parser.add_argument("--venv", type=Path, metavar="FOLDER")
    parser.add_argument("--detections", type=Path, metavar="FOLDER",
                        help="keep the peers' detections here, and use those that are here")
    # How the script calls itself.
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--run", choices=DETECTORS, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.run:
        detect(a)
    elif a.inside:
        compare(a)
    else:
        with tempfile.TemporaryDirectory() as throw_away:
            folder = a.venv or Path(throw_away)
            python = environment(folder, PACKAGES)
            command = [python, __file__, *sys.argv[1:], "--inside"]
            sys.exit(subprocess.run(command).returncode)


if __name__ == "__main__":
    main()
