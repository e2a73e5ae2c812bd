"""Writes golden.json: random faces and detections with their average precision, computed with numpy by
a second implementation, which counts at every threshold anew.

    pip install numpy && python golden.py golden.json
"""
import json
import sys

import numpy as np

rng = np.random.default_rng(7)


def quarter(values):
    """Multiples of 1/4, which have few digits."""
    return (np.round(np.asarray(values) * 4) / 4).tolist()


def image():
    """Faces as x, y, width, height, ignore; detections as x, y, width, height, score."""
    faces, found = [], []
    for _ in range(rng.integers(0, 9)):
        height = np.exp(rng.uniform(np.log(6), np.log(80)))
        ignore = int(rng.random() < 0.2)
        size = [height * rng.uniform(0.6, 0.9) * (1 + 4 * ignore), height]
        box = quarter([*rng.uniform(0, 200, 2), *size])
        faces.append([*box, ignore])
        for _ in range(rng.choice(4, p=[0.15, 0.65, 0.15, 0.05])):
            shift = np.array([*rng.normal(0, 0.07, 2) * height, *rng.normal(0, 0.07, 2) * height])
            near = np.maximum(np.array(box) + shift, 1)
            found.append([*quarter(near), round(rng.beta(5, 2), 2)])
    for _ in range(rng.integers(0, 4)):
        box = [*rng.uniform(0, 200, 2), *rng.uniform(5, 60, 2)]
        found.append([*quarter(box), round(rng.beta(2, 4), 2)])
    order = rng.permutation(len(found))
    return {"faces": faces, "detections": [found[i] for i in order]}


def intersections(a, b):
    """[len(a), len(b)]"""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:4])[:, None], (b[:, :2] + b[:, 2:4])[None])
    return np.clip(high - low, 0, None).prod(-1)


def count(image, threshold, min_iou, min_height):
    """Hits and false positives of the detections with at least a score."""
    faces = np.array(image["faces"]).reshape(-1, 5)
    found = np.array(image["detections"]).reshape(-1, 5)
    found = found[found[:, 4] >= threshold]
    found = found[np.argsort(-found[:, 4], kind="stable")]
    inside = intersections(found, faces)
    areas = found[:, 2] * found[:, 3], faces[:, 2] * faces[:, 3]
    iou = inside / (areas[0][:, None] + areas[1][None] - inside)
    overlaps = iou >= min_iou
    ignored = faces[:, 4] == 1
    counts = ~ignored & (faces[:, 3] >= min_height)
    free = counts.copy()
    hits = false = 0
    for i, detection in enumerate(found):
        candidates = np.flatnonzero(overlaps[i] & free)
        if len(candidates):
            free[candidates[np.argmax(iou[i, candidates])]] = False
            hits += 1
        elif detection[3] < min_height:
            pass
        elif (overlaps[i] & counts).any():
            false += 1
        elif (overlaps[i] & ~counts).any() or (inside[i, ignored] > areas[0][i] / 2).any():
            pass
        else:
            false += 1
    return hits, false


def number_of_faces(images, min_height):
    return sum(not f[4] and f[3] >= min_height for image in images for f in image["faces"])


def curve(images, min_iou, min_height):
    """Score, recall and precision of every score of a detection that counts."""
    scores = {d[4] for image in images for d in image["detections"]}
    points, before = [], 0
    for score in sorted(scores, reverse=True):
        hits, false = np.sum([count(i, score, min_iou, min_height) for i in images], axis=0)
        if hits + false > before:
            recall = hits / number_of_faces(images, min_height)
            points.append((score, recall, hits / (hits + false)))
        before = hits + false
    return points


def average_precision(points):
    """The integral of the best precision at this recall or more, at each step of the recall."""
    recalls = np.array([0, *(recall for _, recall, _ in points)])
    best = [max(p for _, r, p in points if r >= recall) for recall in recalls[1:]]
    return float(np.sum(np.diff(recalls) * best))


images = [image() for _ in range(14)]
results = []
for min_iou, min_height in [(0.5, 0), (0.5, 20), (0.3, 12), (0.75, 0)]:
    points = curve(images, min_iou, min_height)
    precise = [point for point in points if point[2] >= 0.8]
    results.append({
        "min_iou": min_iou,
        "min_height_px": min_height,
        "faces": number_of_faces(images, min_height),
        "ap": average_precision(points),
        "at_precision_80": [float(v) for v in precise[-1]],
        "at_threshold_50": [float(v) for v in [p for p in points if p[0] >= 0.5][-1]],
    })
with open(sys.argv[1], "w") as file:
    lines = ",\n".join(json.dumps(image) for image in images)
    rules = ",\n".join(json.dumps(result) for result in results)
    file.write(f'{{"images": [\n{lines}\n], "results": [\n{rules}\n]}}\n')
