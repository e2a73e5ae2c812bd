"""Writes the images that `golden.rs` compares with: OpenCV and albumentations.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install opencv-python-headless==5.0.0.93 \
        albumentations==2.0.8
    /tmp/golden/bin/python make.py > golden.json

The source is the smooth image of `support::texture`. The matrices mean `dst = M * src`, so they do not
depend on a library's definition of the image center.
"""

import json
import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import cv2
import numpy as np

W, H, OUT_W, OUT_H = 48, 40, 44, 46


def texture(width, height, channels):
    y, x, c = np.meshgrid(
        np.arange(height, dtype=float),
        np.arange(width, dtype=float),
        np.arange(channels, dtype=float),
        indexing="ij",
    )
    wave = np.sin(x * 0.31 + c) + np.cos(y * 0.23 - c) + np.sin(x * y * 0.011)
    return (127.5 + 42.0 * wave).astype(np.uint8)


def opencv(kind, matrix, channels):
    src = texture(W, H, channels)
    src = src[:, :, 0] if channels == 1 else src
    warp = cv2.warpAffine if kind == "affine" else cv2.warpPerspective
    flags = cv2.INTER_LINEAR
    out = warp(src, matrix, (OUT_W, OUT_H), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return {
        "kind": kind,
        "channels": channels,
        "matrix": np.asarray(matrix).tolist(),
        "pixels": out.reshape(-1).tolist(),
    }


def conventions():
    """The keypoints of albumentations, by transform."""
    src = texture(W, H, 1)
    points = np.array([[0, 0], [W - 1, 0], [10, 20], [30.5, 7.25]], np.float32)
    steps = {
        "flip_horizontal": A.HorizontalFlip(p=1),
        "flip_vertical": A.VerticalFlip(p=1),
        "affine_20": A.Affine(rotate=(20, 20), p=1),
        "affine_shift": A.Affine(translate_px={"x": (3, 3), "y": (-2, -2)}, p=1),
        "affine_scale": A.Affine(scale=(1.5, 1.5), p=1),
        "resize_half": A.Resize(H // 2, W // 2, p=1),
    }
    found = {}
    for name, step in steps.items():
        keypoints = A.KeypointParams(format="xy", remove_invisible=False)
        out = A.Compose([step], keypoint_params=keypoints)(image=src, keypoints=points)
        found[name] = np.asarray(out["keypoints"], float).tolist()
    return {"keypoints": points.tolist(), "moved": found}


def main():
    turned = cv2.getRotationMatrix2D(((W - 1) / 2, (H - 1) / 2), 17.0, 1.2)
    turned[:, 2] += (1.3, -2.6)
    shrunk = np.array([[0.8, 0.1, 3.2], [-0.05, 0.9, 1.7]])
    src = np.float32([[0, 0], [W - 1, 0], [W - 1, H - 1], [0, H - 1]])
    dst = np.float32([[3, 1], [42, 4], [40, 44], [1, 38]])
    tilted = cv2.getPerspectiveTransform(src, dst)
    images = [
        opencv(kind, matrix, channels)
        for kind, matrix in [("affine", turned), ("affine", shrunk), ("perspective", tilted)]
        for channels in (1, 3)
    ]
    print(
        json.dumps(
            {
                "opencv": cv2.__version__,
                "albumentations": A.__version__,
                "source": [W, H],
                "size": [OUT_W, OUT_H],
                "images": images,
                "conventions": conventions(),
            },
            separators=(",", ":"),
        )
    )


if __name__ == "__main__":
    main()
