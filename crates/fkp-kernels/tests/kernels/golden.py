"""Writes golden.json: inputs, outputs and gradients computed by PyTorch in float64.

    pip install torch && python golden.py golden.json

The inputs are rounded to three decimals and then to float32, so that both sides start from the
same numbers.
"""
import json
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(20261122)
out = {}


def rounded(v):
    return torch.round(v.double() * 1000).div(1000).float().double()


def keep(name, inputs, f):
    leaves = [rounded(v).requires_grad_() for v in inputs]
    y = f(*leaves)
    g = rounded(torch.randn_like(y))
    y.backward(g)
    out[f"{name}.y"], out[f"{name}.g"] = y.detach(), g
    for i, leaf in enumerate(leaves):
        out[f"{name}.x{i}"], out[f"{name}.d{i}"] = leaf.detach(), leaf.grad


r = torch.randn
keep("conv_relu_pool", [r(2, 8, 7, 6), r(9, 8, 3, 3), r(9)],
     lambda x, w, b: F.max_pool2d(F.relu(F.conv2d(x, w, b, padding=1)), 2))
keep("conv_stride2", [r(2, 3, 7, 6), r(4, 3, 5, 5), r(4)],
     lambda x, w, b: F.conv2d(x, w, b, padding=2, stride=2))
keep("conv_winograd", [r(2, 8, 6, 9), r(10, 8, 3, 3), r(10)],
     lambda x, w, b: F.conv2d(x, w, b, padding=1))
keep("max_pool_3_2", [r(2, 3, 9, 8)], lambda x: F.max_pool2d(x, 3, 2))
keep("avg_pool_3_2", [r(2, 3, 9, 8)], lambda x: F.avg_pool2d(x, 3, 2))
keep("linear_relu", [r(5, 37), r(11, 37), r(11)], lambda x, w, b: F.relu(F.linear(x, w, b)))
keep("batch_norm", [r(4, 3, 5, 6), r(3), r(3)],
     lambda x, w, b: F.relu(F.batch_norm(x, None, None, w, b, training=True)))
keep("silu", [r(50) * 3], F.silu)
keep("gelu", [r(50) * 3], F.gelu)

for name, make in [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]:
    p = rounded(r(20)).float()
    out[f"{name}.p0"] = p.double()
    p = p.clone().requires_grad_()
    o = make([p], lr=0.02, weight_decay=0.1)
    for _ in range(5):
        o.zero_grad()
        (p**4).sum().backward()
        o.step()
    out[f"{name}.p5"] = p.detach().double()

# Clipped as well: the gradients of p⁴ begin well above the limit.
for name, options in [("sgd", {}), ("sgd_momentum", {"momentum": 0.9}),
                      ("sgd_nesterov", {"momentum": 0.9, "nesterov": True})]:
    p = rounded(r(20)).float()
    out[f"{name}.p0"] = p.double()
    p = p.clone().requires_grad_()
    o = torch.optim.SGD([p], lr=0.02, weight_decay=0.1, **options)
    for _ in range(5):
        o.zero_grad()
        (p**4).sum().backward()
        torch.nn.utils.clip_grad_norm_([p], 2.0)
        o.step()
    out[f"{name}.p5"] = p.detach().double()

# A seed of their own, so that the values above do not change.
torch.manual_seed(20261128)
keep("max_pool_2_2", [r(2, 2, 5, 7)], lambda x: F.max_pool2d(x, 2, 2))
keep("avg_pool_2_2", [r(2, 2, 5, 7)], lambda x: F.avg_pool2d(x, 2, 2))
for s in [2, 3, 4]:
    keep(f"upsample_nearest_{s}", [r(1, 2, 3, 4)],
         lambda x: F.interpolate(x, scale_factor=s, mode="nearest"))
    keep(f"upsample_bilinear_{s}", [r(1, 2, 3, 4)],
         lambda x: F.interpolate(x, scale_factor=s, mode="bilinear", align_corners=False))
keep("conv_transpose_4_2_1", [r(3, 5, 4, 3), r(5, 4, 4, 4), r(4)],
     lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1))
keep("conv_transpose_3_2_1_1", [r(2, 3, 4, 5), r(3, 4, 3, 3), r(4)],
     lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1))
keep("conv_transpose_3_1_1", [r(2, 3, 4, 5), r(3, 4, 3, 3), r(4)],
     lambda x, w, b: F.conv_transpose2d(x, w, b, padding=1))
keep("global_avg_pool", [r(3, 2, 4, 5)], lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1))
keep("scale_channels", [r(3, 2, 4, 5), r(3, 2)], lambda x, s: x * s[:, :, None, None])
keep("prelu", [r(3, 2, 4, 5), r(2)], F.prelu)


def soft_argmax(maps):
    p = (2.5 * maps).flatten(2).softmax(2).unflatten(2, maps.shape[2:])
    x, y = (torch.arange(n, dtype=maps.dtype) for n in (maps.shape[3], maps.shape[2]))
    return torch.stack([(p.sum(2) * x).sum(2), (p.sum(3) * y).sum(2)], 2)


keep("soft_argmax", [r(2, 3, 6, 17)], soft_argmax)


def entry(v):
    return {"shape": list(v.shape), "values": [float(f"{x:.9g}") for x in v.flatten().tolist()]}


golden = {"torch": torch.__version__, "tensors": {k: entry(v) for k, v in sorted(out.items())}}
with open(sys.argv[1], "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
