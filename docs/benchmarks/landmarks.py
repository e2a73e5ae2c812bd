"""Errors and times of MediaPipe and dlib, and the errors of fkp, from the whole image to 15 keypoints, for
docs/comparison.md.

    python3 docs/benchmarks/landmarks.py ../shared/data [--predict FILE] [--limit IMAGES]

The folder has `ibug68` (photographs with .pts files, val.txt) and `ytf68` (images, val.csv). Needs
mediapipe==0.10.14, dlib-bin, face-recognition-models, "setuptools<80" and pillow in a Python up to 3.12.
--predict is fkp's program `predict`: its default and its research weights (where it has them) find the
keypoints of the same images, and the differences to MediaPipe are printed with their 95 % intervals: paired
percentile bootstrap over photographs (`ibug68`) or persons (`ytf68`).

The error is the mean distance divided by that of the outer eye corners. `found` is its mean over the faces
that were found, `all` counts a face that was not found, or an error above 50 %, as 100 %. Of several faces that
fkp or dlib finds, it is that with the highest score or the largest box around the center of the labels. Times
are milliseconds of processor time an image.
"""

import argparse
import csv
import json
import pathlib
import re
import subprocess
import tempfile
import time

import numpy as np
from PIL import Image

# The 15 keypoints of Kaggle as means of the 68 of iBUG, and of MediaPipe's mesh.
FROM_68 = [
    range(42, 48), range(36, 42), [42], [45], [39], [36], [22], [26], [21], [17], [30], [54], [48], [51], [57],
]
FROM_MESH = [
    [362, 263, 386, 374, 385, 380, 387, 373], [33, 133, 159, 145, 160, 144, 158, 153], [362], [263], [133], [33],
    [336, 285], [300, 276], [107, 55], [70, 46], [1, 4], [291], [61], [0], [17],
]
BROWS = [6, 7, 8, 9]
RESAMPLES = 10_000


def means(points, groups):
    return np.array([points[list(group)].mean(0) for group in groups])


def ibug68(folder):
    for name in (folder / "val.txt").read_text().split():
        lines = [line.split() for line in (folder / f"{name}.pts").read_text().splitlines()]
        numbers = [line for line in lines if len(line) == 2 and line[0][0] in "-0123456789."]
        # The format counts pixels from 1.
        yield folder / f"{name}.jpg", np.array(numbers, float) - 1


def ytf68(folder):
    with open(folder / "val.csv", newline="") as table:
        for row in list(csv.reader(table))[1:]:
            yield folder / "images" / row[0], np.array(row[1:], float).reshape(68, 2)


def mediapipe():
    import mediapipe as mp

    mesh = mp.solutions.face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.2
    )

    def run(image):
        faces = mesh.process(image).multi_face_landmarks
        if not faces:
            return None
        height, width = image.shape[:2]
        points = [[p.x * width - 0.5, p.y * height - 0.5] for p in faces[0].landmark]
        return means(np.array(points), FROM_MESH)

    return run


def dlib(doubled):
    import dlib
    import face_recognition_models

    predictor = dlib.shape_predictor(face_recognition_models.pose_predictor_model_location())
    detector = dlib.get_frontal_face_detector()

    def run(image):
        boxes = detector(image, doubled)
        if not boxes:
            return None
        shape = predictor(image, max(boxes, key=lambda box: box.area()))
        return means(np.array([[p.x, p.y] for p in shape.parts()], float), FROM_68)

    return run


def fkp(program, model, detector, images):
    """The faces that fkp finds in each of the images."""
    with tempfile.TemporaryDirectory() as out:
        command = [program, *images, "--schema", "kaggle15", "--out", out]
        command += ["--model", model, "--detector", detector]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [image["faces"] for image in json.loads((pathlib.Path(out) / "predictions.json").read_text())]


def around_labels(faces, labels):
    """The keypoints of the face with the highest score around the center of the labels."""
    x, y = (labels.min(0) + labels.max(0)) / 2
    for face in faces:
        left, top, width, height = face["box"]
        if left <= x <= left + width and top <= y <= top + height:
            return np.array([[p["x"], p["y"]] for p in face["keypoints"]])
    return None


class Errors:
    """The errors of a system on the images of a set, 1 for a face that was not found."""

    def __init__(self):
        self.all, self.found, self.without_brows = [], [], []

    def add(self, found, labels):
        eyes = np.linalg.norm(labels[36] - labels[45])
        if found is not None:
            distances = np.linalg.norm(found - means(labels, FROM_68), axis=1) / eyes
            if distances.mean() <= 0.5:
                self.all.append(distances.mean())
                self.found.append(distances.mean())
                self.without_brows.append(np.delete(distances, BROWS).mean())
                return
        self.all.append(1.0)

    def __str__(self):
        mean = lambda errors: f"{100 * np.mean(errors):.2f} %" if errors else "–"
        return (f"{len(self.found)} of {len(self.all)}, found {mean(self.found)}, all {mean(self.all)}, "
                f"without brows {mean(self.without_brows)}")


def difference(errors, reference, groups):
    """The mean difference of paired errors in percent, and its interval by resampling whole groups."""
    differences = 100 * (np.array(errors) - np.array(reference))
    numbers = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(numbers, differences)
    counts = np.bincount(numbers)
    chosen = np.random.default_rng(0).integers(len(sums), size=(RESAMPLES, len(sums)))
    means = sums[chosen].sum(1) / counts[chosen].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{differences.mean():+.2f} ({low:+.2f} to {high:+.2f})"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("data", type=pathlib.Path)
    arguments.add_argument("--predict")
    arguments.add_argument("--limit", type=int)
    arguments = arguments.parse_args()
    for name, read in (("ibug68", ibug68), ("ytf68", ytf68)):
        labeled = list(read(arguments.data / name))[:arguments.limit]
        samples = [(np.asarray(Image.open(path).convert("RGB")), labels) for path, labels in labeled]
        # Frames of a person are alike: they are resampled together.
        person = lambda path: re.sub(r"^test_|_\d+$", "", path.stem)
        groups = [person(path) if name == "ytf68" else str(path) for path, _ in labeled]
        reference = None
        for system, run in (
            ("mediapipe", mediapipe()),
            ("dlib, doubled", dlib(1)),
            ("dlib", dlib(0)),
        ):
            run(samples[0][0])
            errors, seconds = Errors(), 0.0
            for image, labels in samples:
                start = time.process_time()
                found = run(image)
                seconds += time.process_time() - start
                errors.add(found, labels)
            reference = reference or errors.all
            print(f"{name} val, {system}: {errors}, {1e3 * seconds / len(samples):.1f} ms", flush=True)
        for model, detector in (("fast", "faces"), ("research-accurate", "research-faces")):
            if not arguments.predict:
                break
            try:
                faces = fkp(arguments.predict, model, detector, [path for path, _ in labeled])
            except subprocess.CalledProcessError as error:
                print(f"{name} val, fkp, {model}: not measured, {error}", flush=True)
                continue
            errors = Errors()
            for found, (_, labels) in zip(faces, labeled):
                errors.add(around_labels(found, labels), labels)
            against = difference(errors.all, reference, groups)
            print(f"{name} val, fkp, {detector} and {model}: {errors}; less MediaPipe's: {against} points",
                  flush=True)


if __name__ == "__main__":
    main()
