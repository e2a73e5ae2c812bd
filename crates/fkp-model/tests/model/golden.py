"""Writes golden.json: what PyTorch's BatchNorm2d computes over several training steps.

    python golden.py golden.json

Needs torch. Everything is float64; the layer under test is float32.
"""

import json
import sys

import torch

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)

norm = torch.nn.BatchNorm2d(3)
with torch.no_grad():
    norm.weight.copy_(torch.randn(3))
    norm.bias.copy_(torch.randn(3))
out = {"weight": norm.weight, "bias": norm.bias}
# The last batch is smaller, as the last one of an epoch is.
for step, n in enumerate([4, 4, 4, 2]):
    x = 3 * torch.randn(n, 3, 5, 6) + torch.tensor([5.0, -1.0, 0.0]).view(1, 3, 1, 1)
    out[f"x{step}"] = x.float().double()
    out[f"y{step}"] = norm(out[f"x{step}"])
    out[f"running_mean{step}"] = norm.running_mean.clone()
    out[f"running_var{step}"] = norm.running_var.clone()
norm.eval()
out["evaluated"] = norm(out["x0"])


def entry(v):
    return {"shape": list(v.shape), "values": [float(f"{x:.9g}") for x in v.flatten().tolist()]}


golden = {"torch": torch.__version__, "tensors": {k: entry(v) for k, v in sorted(out.items())}}
with open(sys.argv[1], "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
