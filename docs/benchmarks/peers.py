"""Times one peer at one piece of work and prints the numbers as JSON.

Called by run.py in the environment that it makes; see README.md. The network is the tutorial's:
96×96×1, three 3×3 convolutions of 32, 64 and 128 channels with ReLU and 2×2 max-pool, dense 500
with ReLU, dense 30; mean absolute error; Adam. Float32, data in memory.
"""
import argparse
import json
import os
import statistics
import time


def measure(step, seconds=3.0):
    def timed():
        start = time.perf_counter()
        step()
        return time.perf_counter() - start

    return measure_part(timed, seconds)


def measure_part(timed, seconds=3.0):
    """As measure, of the part of the work that it times itself."""
    timed()
    start = time.perf_counter()
    timed()
    timed()
    once = (time.perf_counter() - start) / 2
    ms = [timed() * 1e3 for _ in range(min(max(int(seconds / once), 5), 2000))]
    with open("/proc/self/status") as status:
        peak = next((line.split()[1] for line in status if line.startswith("VmHWM")), None)
    return {
        "median_ms": statistics.median(ms), "min_ms": min(ms), "max_ms": max(ms),
        "repetitions": len(ms), "peak_memory_mib": int(peak) / 1024 if peak else None,
    }


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
    convs = []
    for c_in, c_out in [(1, 32), (32, 64), (64, 128)]:
        convs += [nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*convs, nn.Flatten(), nn.Linear(18432, 500), nn.ReLU(), nn.Linear(500, 30))
    x, target = torch.rand(a.batch, 1, 96, 96), torch.rand(a.batch, 30)
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


def with_onnxruntime(a):
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    nodes, weights = [], []

    def weight(name, *shape):
        values = rng.standard_normal(shape).astype("float32") * 0.05
        weights.append(numpy_helper.from_array(values, name))
        return name

    last = "x"

    def node(op, inputs, **attributes):
        nonlocal last
        out = f"y{len(nodes)}"
        nodes.append(helper.make_node(op, [last, *inputs], [out], **attributes))
        last = out

    for i, (c_in, c_out) in enumerate([(1, 32), (32, 64), (64, 128)]):
        node("Conv", [weight(f"w{i}", c_out, c_in, 3, 3), weight(f"b{i}", c_out)],
             pads=[1, 1, 1, 1], kernel_shape=[3, 3])
        node("Relu", [])
        node("MaxPool", [], kernel_shape=[2, 2], strides=[2, 2])
    node("Flatten", [])
    node("Gemm", [weight("w3", 500, 18432), weight("b3", 500)], transB=1)
    node("Relu", [])
    node("Gemm", [weight("w4", 30, 500), weight("b4", 30)], transB=1)
    graph = helper.make_graph(
        nodes, "tutorial",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [a.batch, 1, 96, 96])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [a.batch, 30])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = rng.random((a.batch, 1, 96, 96), dtype="float32")
    return [measure(lambda: session.run(None, {"x": x}))]


parser = argparse.ArgumentParser()
parser.add_argument("peer", choices=["torch", "keras", "onnxruntime"])
parser.add_argument("work", choices=["step", "predict", "conv"])
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--shape", type=lambda s: [int(v) for v in s.split(",")], default=[32, 64, 48])
arguments = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
run = {"torch": with_torch, "keras": with_keras, "onnxruntime": with_onnxruntime}
print(json.dumps(run[arguments.peer](arguments)))
