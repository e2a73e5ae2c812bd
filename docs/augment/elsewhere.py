"""How torchvision, kornia and imgaug transform a keypoint: a dot at pixel (10, 20) of a 100×100 image
and a keypoint on it are transformed, and both positions are printed.

    python3 -m venv venv
    venv/bin/pip install torchvision==0.29.2 kornia==0.9.0
    venv/bin/python elsewhere.py torch
    venv/bin/pip install imgaug==0.4.0 'numpy<1.24'
    venv/bin/python elsewhere.py imgaug
"""

import sys

SIDE, X, Y = 100, 10, 20


def peak(image):
    index = int(image.reshape(-1).argmax())
    return index % image.shape[-1], index // image.shape[-1]


def show(name, dot, points):
    points = [tuple(round(float(v), 2) for v in point) for point in points]
    print(f"{name:32} dot at {dot}, keypoint at {points}")


def torch_libraries():
    import kornia.augmentation as K
    import torch
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    image = torch.zeros(1, SIDE, SIDE)
    image[0, Y, X] = 1

    for name, transform in {
        "flip": v2.RandomHorizontalFlip(p=1),
        "rotate 90": v2.RandomRotation((90, 90)),
        "resize to half": v2.Resize((SIDE // 2, SIDE // 2)),
        "shift out of the image": v2.RandomAffine(0, translate=(0.9, 0.9)),
        "erase": v2.RandomErasing(p=1, scale=(0.9, 0.9), ratio=(1, 1)),
        "reflected pad": v2.Pad(20, padding_mode="reflect"),
    }.items():
        point = tv_tensors.KeyPoints(torch.tensor([[float(X), float(Y)]]), canvas_size=(SIDE, SIDE))
        try:
            moved, points = transform(tv_tensors.Image(image), point)
            show(f"torchvision {name}", peak(moved), points.tolist())
        except ValueError as error:
            print(f"torchvision {name}: {error}")

    for name, transform in {
        "flip": K.RandomHorizontalFlip(p=1.0),
        "rotate 90": K.RandomRotation((90.0, 90.0), p=1.0),
        "resize to half": K.Resize((SIDE // 2, SIDE // 2)),
        "shift": K.RandomAffine(0.0, translate=(0.9, 0.9), p=1.0),
        "erase": K.RandomErasing(scale=(0.9, 0.9), ratio=(1.0, 1.0), p=1.0),
        "elastic": K.RandomElasticTransform(alpha=(20.0, 20.0), sigma=(8.0, 8.0), p=1.0),
        "thin plate": K.RandomThinPlateSpline(scale=0.3, p=1.0),
    }.items():
        chain = K.AugmentationSequential(transform, data_keys=["input", "keypoints"])
        moved, points = chain(image[None], torch.tensor([[[float(X), float(Y)]]]))
        show(f"kornia {name}", peak(moved), points[0].tolist())


def imgaug():
    import numpy as np

    np.bool = bool  # NumPy has removed this name, imgaug 0.4 uses it
    import imgaug.augmenters as iaa
    from imgaug.augmentables import Keypoint, KeypointsOnImage

    image = np.zeros((SIDE, SIDE, 1), np.uint8)
    image[Y, X] = 255
    for name, transform in {
        "flip": iaa.Fliplr(1.0),
        "rotate 90": iaa.Rot90(1),
        "resize to half": iaa.Resize(SIDE // 2),
        "shift out of the image": iaa.Affine(translate_px=95),
        "cutout": iaa.Cutout(nb_iterations=1, size=0.9, position=(0.5, 0.5)),
        "reflected pad": iaa.Pad(px=20, pad_mode="reflect", keep_size=False),
    }.items():
        points = KeypointsOnImage([Keypoint(X, Y)], shape=image.shape)
        moved, points = transform(image=image, keypoints=points)
        show(f"imgaug {name}", peak(moved[..., 0]), [(p.x, p.y) for p in points.keypoints])


if __name__ == "__main__":
    torch_libraries() if sys.argv[1:] == ["torch"] else imgaug()
