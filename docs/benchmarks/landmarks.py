"""Errors and times of MediaPipe and dlib from the whole image to 15 keypoints, for docs/comparison.md.

    python3 docs/benchmarks/landmarks.py ../shared/data [NUMBER OF IMAGES]

The folder has `ibug68` (photographs with .pts files, val.txt) and `ytf68` (images, val.csv). Needs
mediapipe==0.10.14, dlib-bin, face-recognition-models, "setuptools<80" and pillow in a Python up to 3.12.

The error is the mean distance divided by that of the outer eye corners. `found` is its mean over the faces
that were found, `all` counts a face that was not found, or an error above 50 %, as 100 %. Times are
milliseconds of processor time an image.
"""

import csv
import pathlib
import sys
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


def main():
    data = pathlib.Path(sys.argv[1])
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else None
    for name, read in (("ibug68", ibug68), ("ytf68", ytf68)):
        samples = [
            (np.asarray(Image.open(path).convert("RGB")), labels)
            for path, labels in list(read(data / name))[:limit]
        ]
        for system, run in (
            ("mediapipe", mediapipe()),
            ("dlib, doubled", dlib(1)),
            ("dlib", dlib(0)),
        ):
            run(samples[0][0])
            errors, without_brows, seconds = [], [], 0.0
            for image, labels in samples:
                start = time.process_time()
                found = run(image)
                seconds += time.process_time() - start
                if found is None:
                    continue
                eyes = np.linalg.norm(labels[36] - labels[45])
                distances = np.linalg.norm(found - means(labels, FROM_68), axis=1) / eyes
                if distances.mean() <= 0.5:
                    errors.append(distances.mean())
                    without_brows.append(np.delete(distances, BROWS).mean())
            missed = len(samples) - len(errors)
            print(
                f"{name} val, {system}: {len(errors)} of {len(samples)}, found {100 * np.mean(errors):.2f} %, "
                f"all {100 * (sum(errors) + missed) / len(samples):.2f} %, without brows "
                f"{100 * np.mean(without_brows):.2f} %, {1e3 * seconds / len(samples):.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
