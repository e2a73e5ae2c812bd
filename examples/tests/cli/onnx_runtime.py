"""Checks an ONNX file and runs it with ONNX Runtime.

Arguments: the ONNX file, a file with the input and a file for the output, both float32.
"""

import sys

import numpy as np
import onnx
import onnxruntime

model, input_file, output_file = sys.argv[1:]
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(model)
[image] = session.get_inputs()
assert (image.name, image.shape[0]) == ("image", "batch"), (image.name, image.shape)
x = np.fromfile(input_file, "<f4").reshape(-1, *image.shape[1:])
y = session.run(None, {"image": x})[0]
# The batch can have any size.
one = session.run(None, {"image": x[:1]})[0]
assert one.shape == (1, *y.shape[1:]) and np.allclose(one, y[:1], atol=1e-5)
y.astype("<f4").tofile(output_file)
