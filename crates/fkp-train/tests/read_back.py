"""Prints as JSON what TensorBoard reads from a folder of event files. Needs `pip install tensorboard`."""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator as reader

# 0 is no limit; by default TensorBoard keeps a sample.
folder = reader.EventAccumulator(
    sys.argv[1], size_guidance={reader.SCALARS: 0, reader.IMAGES: 0}
)
folder.Reload()
tags = folder.Tags()
scalars = {
    tag: [[event.step, event.value] for event in folder.Scalars(tag)]
    for tag in tags[reader.SCALARS]
}
images = {
    tag: [
        {
            "step": event.step,
            "width": event.width,
            "height": event.height,
            "png": event.encoded_image_string.hex(),
        }
        for event in folder.Images(tag)
    ]
    for tag in tags[reader.IMAGES]
}
json.dump({"scalars": scalars, "images": images}, sys.stdout)
