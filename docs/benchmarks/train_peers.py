"""Trains the tutorial network with PyTorch or Keras, the idiomatic way, and prints the wall time.

Called by run.py --train; see README.md. The crops come from `bench load --export`, so the peers
have nothing to decode. Augmentation is the tutorial's (rotation 10 degrees, shifts 0.1, zoom 0.2
per axis, mirror with exchanged labels), done by albumentations in the loader's workers. Missing
labels have no weight. After each epoch the validation set is scored.
"""
import argparse
import json
import os
import time

START = time.perf_counter()
parser = argparse.ArgumentParser()
parser.add_argument("peer", choices=["torch", "keras"])
parser.add_argument("--data", required=True)
parser.add_argument("--pairs", required=True, help="indices of points that a mirror exchanges")
parser.add_argument("--epochs", type=int, default=50)
parser.add_argument("--threads", type=int, default=2)
a = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(a.threads)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations as A
import cv2
import numpy as np

cv2.setNumThreads(1)
SIDE, BATCH = 96, 32
file = np.load(a.data)
train_x, val_x = file["train_x"][:, 0], file["selection_x"][:, 0]
train_y, val_y = (file[k].reshape(len(file[k]), -1, 2) for k in ("train_y", "selection_y"))
order = np.arange(train_y.shape[1])
for pair in a.pairs.split(","):
    left, right = map(int, pair.split(":"))
    order[[left, right]] = right, left
warp = A.Compose(
    [A.Affine(rotate=(-10, 10), translate_percent=(-0.1, 0.1), scale={"x": (0.8, 1.2), "y": (0.8, 1.2)},
              border_mode=cv2.BORDER_REPLICATE, p=1)],
    keypoint_params=A.KeypointParams(format="xy", remove_invisible=False))


def target(points):
    """Coordinates in [-1, 1] and how much each counts."""
    known = ~np.isnan(points)
    value = (np.nan_to_num(points) + 0.5) / (SIDE / 2) - 1
    return np.where(known, value, 0).reshape(-1).astype("float32"), known.reshape(-1).astype("float32")


def augmented(index):
    image, points = train_x[index], train_y[index]
    if np.random.rand() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
        points = points[order] * (-1, 1) + (SIDE - 1, 0)
    missing = np.isnan(points)
    out = warp(image=image, keypoints=np.nan_to_num(points))
    points = np.where(missing, np.nan, out["keypoints"])
    return out["image"].astype("float32") / 255, *target(points)


def plain(index):
    return val_x[index].astype("float32") / 255, *target(val_y[index])


def with_torch():
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Dataset

    torch.set_num_threads(a.threads)

    class Faces(Dataset):
        def __init__(self, get, count):
            self.get, self.count = get, count

        def __len__(self):
            return self.count

        def __getitem__(self, index):
            image, value, weight = self.get(index)
            return torch.from_numpy(image)[None], torch.from_numpy(value), torch.from_numpy(weight)

    options = {"batch_size": BATCH, "num_workers": 2, "persistent_workers": True}
    train = DataLoader(Faces(augmented, len(train_x)), shuffle=True, **options)
    val = DataLoader(Faces(plain, len(val_x)), **options)
    convs = []
    for c_in, c_out in [(1, 32), (32, 64), (64, 128)]:
        convs += [nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*convs, nn.Flatten(), nn.Linear(18432, 500), nn.ReLU(),
                        nn.Linear(500, 2 * len(order)))
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)

    def masked(x, value, weight):
        return ((net(x) - value).abs() * weight).sum(), weight.sum()

    for _ in range(a.epochs):
        net.train()
        for batch in train:
            optimizer.zero_grad()
            total, count = masked(*batch)
            (total / count).backward()
            optimizer.step()
        net.eval()
        with torch.inference_mode():
            sums = [masked(*batch) for batch in val]
        mae = float(sum(s for s, _ in sums) / sum(n for _, n in sums))
    return mae * SIDE / 2


def with_keras():
    import keras
    import tensorflow as tf
    from keras import layers

    tf.config.threading.set_intra_op_parallelism_threads(a.threads)
    tf.config.threading.set_inter_op_parallelism_threads(a.threads)

    class Faces(keras.utils.PyDataset):
        def __init__(self, get, count, shuffle):
            super().__init__(workers=2, use_multiprocessing=True)
            self.get, self.count, self.shuffle = get, count, shuffle
            self.on_epoch_end()

        def on_epoch_end(self):
            self.order = np.random.permutation(self.count) if self.shuffle else np.arange(self.count)

        def __len__(self):
            return -(-self.count // BATCH)

        def __getitem__(self, index):
            samples = [self.get(i) for i in self.order[index * BATCH:][:BATCH]]
            image, value, weight = (np.stack(part) for part in zip(*samples))
            return image[..., None], np.stack([value, weight], -1)

    def masked(truth, predicted):
        value, weight = truth[..., 0], truth[..., 1]
        return keras.ops.sum(keras.ops.abs(predicted - value) * weight) / keras.ops.sum(weight)

    net = keras.Sequential([keras.Input((SIDE, SIDE, 1))])
    for channels in (32, 64, 128):
        net.add(layers.Conv2D(channels, 3, padding="same", activation="relu"))
        net.add(layers.MaxPool2D())
    net.add(layers.Flatten())
    net.add(layers.Dense(500, activation="relu"))
    net.add(layers.Dense(2 * len(order)))
    net.compile(optimizer=keras.optimizers.Adam(1e-3), loss=masked)
    history = net.fit(Faces(augmented, len(train_x), True), epochs=a.epochs, verbose=0,
                      validation_data=Faces(plain, len(val_x), False))
    return history.history["val_loss"][-1] * SIDE / 2


if __name__ == "__main__":
    mae = with_torch() if a.peer == "torch" else with_keras()
    print(json.dumps({"seconds": time.perf_counter() - START, "epochs": a.epochs, "val_mae_px": mae}))
