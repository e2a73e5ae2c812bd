"""The same work as `bench augment`, done by OpenCV and albumentations in one thread."""

import argparse
import json
import os
import statistics
import time

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import cv2
import numpy as np

cv2.setNumThreads(1)
cv2.ocl.setUseOpenCL(False)


def rounds_of(call, rounds):
    """Microseconds per call in short rounds, as the Rust side measures."""

    def one():
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < 0.002:
            call()
            calls += 1
        return (time.perf_counter() - start) * 1e6 / calls

    one()
    return [one() for _ in range(rounds)]


def composed(steps):
    keypoints = A.KeypointParams(format="xy", remove_invisible=False)
    return A.Compose(steps, keypoint_params=keypoints)


def flip_affine():
    affine = A.Affine(
        rotate=(-10, 10),
        translate_percent=(-0.1, 0.1),
        scale=(0.8, 1.2),
        border_mode=cv2.BORDER_REPLICATE,
        p=1,
    )
    return composed([A.HorizontalFlip(p=0.5), affine])


def perspective():
    return composed([A.Perspective(scale=(0.1, 0.1), border_mode=cv2.BORDER_REPLICATE, p=1)])


def faces():
    """`Recipe::faces()`, step by step."""
    affine = A.Affine(
        rotate=(-15, 15),
        translate_percent=(-0.06, 0.06),
        scale=(0.87, 1.18),
        border_mode=cv2.BORDER_REPLICATE,
        p=1,
    )
    light = A.Sequential(
        [
            A.RandomBrightnessContrast(brightness_limit=0.15, contrast_limit=0.3, p=1),
            A.RandomGamma(gamma_limit=(75, 130), p=1),
        ],
        p=0.6,
    )
    shade = A.OneOf(
        [
            A.RandomShadow(num_shadows_limit=(1, 1), shadow_intensity_range=(0.1, 0.5), p=1),
            A.Illumination(mode="linear", intensity_range=(0.1, 0.2), p=1),
        ],
        p=0.25,
    )
    camera = A.OneOf(
        [
            A.GaussianBlur(sigma_limit=(0.3, 1.2), blur_limit=0, p=1),
            A.MotionBlur(blur_limit=(3, 5), p=1),
            A.ImageCompression(quality_range=(30, 90), p=1),
            A.Downscale(scale_range=(0.5, 0.9), p=1),
        ],
        p=0.25,
    )
    noise = A.GaussNoise(std_range=(0.005, 0.04), p=0.25)
    cover = A.CoarseDropout(
        num_holes_range=(2, 2),
        hole_height_range=(0.1, 0.3),
        hole_width_range=(0.1, 0.3),
        fill="random",
        p=0.3,
    )
    return composed([A.HorizontalFlip(p=0.5), affine, light, shade, camera, noise, cover])


def call_for(recipe, image):
    height, width = image.shape[:2]
    if recipe == "warp":
        m = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 8, 1.1)
        return lambda: cv2.warpAffine(
            image, m, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    if recipe == "warp_perspective":
        w, h = width, height
        src = np.float32([[0, 0], [w, 0], [w, h], [0, h]])
        dst = np.float32([[0.05 * w, 0], [w, 0.08 * h], [0.9 * w, h], [0, 0.95 * h]])
        m = cv2.getPerspectiveTransform(src, dst)
        return lambda: cv2.warpPerspective(
            image, m, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    transform = {"flip_affine": flip_affine, "perspective": perspective, "faces": faces}[recipe]()
    points = np.array([[20 + 4 * i, 30 + 2 * i] for i in range(15)], np.float32)
    return lambda: transform(image=image, keypoints=points)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--size", default="96x96x1")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    width, height, channels = map(int, arguments.size.split("x"))
    wave = 127 + 80 * np.sin(0.37 * np.arange(width * height * channels))
    image = wave.astype(np.uint8).reshape(height, width, channels)
    # RandomShadow and others want an axis for the channel, OpenCV is quicker without.
    if channels == 1 and arguments.recipe.startswith("warp"):
        image = image[:, :, 0]
    times = rounds_of(call_for(arguments.recipe, image), arguments.rounds)
    median, best = statistics.median(times), min(times)
    print(f"{arguments.recipe} {arguments.size}: median {median:.2f} µs, best {best:.2f} µs")
    if arguments.json:
        with open(arguments.json, "w") as out:
            json.dump([{"median_us": median, "min_us": best}], out)


if __name__ == "__main__":
    main()
