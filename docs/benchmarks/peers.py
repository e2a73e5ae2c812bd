"""Times one peer at one piece of work and prints the numbers as JSON.

Called by run.py in the environment that it makes; see README.md. The networks are those of
networks.py; mean absolute error; Adam. Float32, data in memory.
"""
import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path


def measure(step, seconds=3.0):
    def timed():
        start = time.perf_counter()
        step()
        return time.perf_counter() - start

    return measure_part(timed, seconds)


def measure_part(timed, seconds=3.0):
    """As measure, of the part of the work that it times itself."""
    idle = idle_memory_mib()
    timed()
    start = time.perf_counter()
    timed()
    timed()
    once = (time.perf_counter() - start) / 2
    ms = [timed() * 1e3 for _ in range(min(max(int(seconds / once), 5), 2000))]
    peak = memory_mib("VmHWM")
    return {
        "median_ms": statistics.median(ms), "min_ms": min(ms), "max_ms": max(ms),
        "repetitions": len(ms), "peak_memory_mib": peak,
        "added_memory_mib": peak - idle if peak and idle else None,
    }


def memory_mib(field):
    """A field of the process's status, where the system reports it (Linux)."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), None)


def idle_memory_mib():
    """The resident memory before the work; the peak starts again from it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass
    return memory_mib("VmRSS")


def with_torch(a):
    import torch
    from torch import nn

    torch.set_num_threads(a.threads)
    if a.work == "conv":
        c_in, c_out, side = a.shape
        layer = nn.Conv2d(c_in, c_out, 3, padding=1)
        x = torch.randn(a.batch, c_in, side, side, requires_grad=True)

        def total():
            layer.zero_grad()
            x.grad = None
            return layer(x).sum()

        def backward():
            loss = total()
            start = time.perf_counter()
            loss.backward()
            return time.perf_counter() - start

        with torch.no_grad():
            forward = measure(lambda: layer(x))
        return [forward, measure_part(backward), measure(lambda: total().backward())]
    import networks

    side, outputs = networks.SIZES[a.network]
    memory_format = getattr(torch, a.format)
    net = networks.BUILD[a.network]().to(memory_format=memory_format)
    x = torch.rand(a.batch, 1, side, side).to(memory_format=memory_format)
    target = torch.rand(a.batch, outputs)
    if a.work == "predict":
        net.eval()
        with torch.inference_mode():
            return [measure(lambda: net(x))]
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)

    def step():
        optimizer.zero_grad()
        nn.functional.l1_loss(net(x), target).backward()
        optimizer.step()

    return [measure(step)]


def with_keras(a):
    import keras
    import numpy as np
    import tensorflow as tf
    from keras import layers

    tf.config.threading.set_intra_op_parallelism_threads(a.threads)
    tf.config.threading.set_inter_op_parallelism_threads(a.threads)
    net = keras.Sequential([keras.Input((96, 96, 1))])
    for channels in (32, 64, 128):
        net.add(layers.Conv2D(channels, 3, padding="same", activation="relu"))
        net.add(layers.MaxPool2D())
    net.add(layers.Flatten())
    net.add(layers.Dense(500, activation="relu"))
    net.add(layers.Dense(30))
    net.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mae")
    x = tf.constant(np.random.rand(a.batch, 96, 96, 1).astype("float32"))
    target = tf.constant(np.random.rand(a.batch, 30).astype("float32"))
    return [measure(lambda: net.train_on_batch(x, target))]


def export_onnx(file, network, batch):
    import networks
    import torch

    side, _ = networks.SIZES[network]
    x = torch.rand(batch, 1, side, side)
    # In evaluation the exporter folds batch normalization into the convolution before it.
    torch.onnx.export(networks.BUILD[network]().eval(), (x,), file, dynamo=False,
                      input_names=["x"])


def onnx_model(a):
    """The bytes of the ONNX model: those of --onnx, otherwise the PyTorch network's.

    PyTorch runs in a process of its own, so that its memory does not count.
    """
    if a.onnx:
        return a.onnx.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        fork = multiprocessing.get_context("fork")
        process = fork.Process(target=export_onnx, args=(str(file), a.network, a.batch))
        process.start()
        process.join()
        model = file.read_bytes()
    assert b"BatchNormalization" not in model, "batch normalization is not folded"
    return model


def with_onnxruntime(a):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model(a), options, providers=["CPUExecutionProvider"])
    [image] = session.get_inputs()
    # The batch may have a name instead of a size.
    x = np.random.default_rng(0).random((a.batch, *image.shape[1:]), dtype="float32")
    return [measure(lambda: session.run(None, {image.name: x}))]


parser = argparse.ArgumentParser()
parser.add_argument("peer", choices=["torch", "keras", "onnxruntime"])
parser.add_argument("work", choices=["step", "predict", "conv"])
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--shape", type=lambda s: [int(v) for v in s.split(",")], default=[32, 64, 48])
parser.add_argument("--network", choices=["tutorial", "residual", "mobile"], default="tutorial")
parser.add_argument("--format", choices=["contiguous_format", "channels_last"],
                    default="contiguous_format", help="memory format of PyTorch's tensors")
parser.add_argument("--onnx", type=Path, help="the model for ONNX Runtime; PyTorch's if absent")
arguments = parser.parse_args()
if arguments.peer == "keras" and (arguments.network, arguments.work) != ("tutorial", "step"):
    parser.error("keras is measured at the tutorial's training step only")
if arguments.peer == "onnxruntime" and arguments.work != "predict":
    parser.error("onnxruntime is measured at predictions only")
os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
run = {"torch": with_torch, "keras": with_keras, "onnxruntime": with_onnxruntime}
print(json.dumps(run[arguments.peer](arguments)))
