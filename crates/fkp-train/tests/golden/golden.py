"""Writes golden.json: learning rates and losses as PyTorch computes them, in float64.

    pip install torch && python golden.py golden.json
"""
import json
import math
import sys
import warnings

import torch
from torch.optim import lr_scheduler as lrs

warnings.filterwarnings("ignore")  # the schedules are stepped without their optimizer
STEPS, PER_EPOCH, WARM_UP = 40, 4, 7


def optimizer():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def factors(make, times=STEPS, each=1):
    """The rates of `times` steps with a schedule that is updated after every `each` steps."""
    o = optimizer()
    schedule, rates = make(o), []
    for step in range(times):
        rates.append(o.param_groups[0]["lr"])
        if (step + 1) % each == 0 and step + 1 < times:
            o.step()
            schedule.step()
    return rates


def warm_up(o):
    return lrs.LinearLR(o, start_factor=1 / WARM_UP, total_iters=WARM_UP - 1)


def plateau(losses, **options):
    o = optimizer()
    schedule, rates = lrs.ReduceLROnPlateau(o, **options), []
    for loss in losses:
        rates.append(o.param_groups[0]["lr"])
        schedule.step(loss)
    return rates


losses = [1.0, 0.8, 0.79, 0.791, 0.79, 0.7899999, 0.79, 0.7, 0.71, 0.72, 0.69, 0.689, 0.69, 0.69,
          0.69, 0.69, 0.69, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
schedules = {
    "constant_warmup": factors(warm_up),
    "cosine": factors(lambda o: lrs.CosineAnnealingLR(o, STEPS, eta_min=0.05)),
    "cosine_warmup": factors(lambda o: lrs.SequentialLR(
        o, [warm_up(o), lrs.CosineAnnealingLR(o, STEPS - WARM_UP, eta_min=0.05)], [WARM_UP])),
    "step": factors(lambda o: lrs.StepLR(o, 3), each=PER_EPOCH),
    "one_cycle": factors(lambda o: lrs.OneCycleLR(o, 1.0, STEPS)),
    "one_cycle_other": factors(lambda o: lrs.OneCycleLR(
        o, 1.0, STEPS, pct_start=0.45, div_factor=10.0, final_div_factor=100.0)),
    "plateau_losses": losses,
    "plateau": plateau(losses, factor=0.5, patience=2),
    "plateau_floor": plateau(losses, factor=0.3, patience=0, threshold=0.05, min_lr=0.02),
}

F = torch.nn.functional
torch.manual_seed(20261122)
torch.set_default_dtype(torch.float64)


def flat(v):
    return v.detach().flatten().tolist()


def rounded(*shape):
    return torch.round(torch.randn(*shape) * 1000).div(1000)


errors = (rounded(60) * 4).requires_grad_()
losses = {"errors": flat(errors)}
zero = torch.zeros(60)
for name, loss in [("l1", F.l1_loss), ("mse", F.mse_loss), ("smooth_l1", F.smooth_l1_loss),
                   ("smooth_l1_3", lambda *a, **k: F.smooth_l1_loss(*a, beta=3.0, **k))]:
    each = loss(errors, zero, reduction="none")
    losses[name] = flat(each)
    losses[f"{name}.grad"] = flat(torch.autograd.grad(each.sum(), errors)[0])

# Two samples of two keypoints: coordinates, then the raw scale of each keypoint.
output, values = rounded(2, 6).requires_grad_(), rounded(2, 4)
weights = torch.tensor([[1, 1, 0.5, 0.5], [0, 0, 2, 2]], dtype=torch.float64)
scale = (-2 + 5 * torch.tanh((output[:, 4:] + 2) / 5)).exp().repeat_interleave(2, dim=1)
gaussian = F.gaussian_nll_loss(output[:, :4], values, scale**2, eps=0.0, reduction="none")
laplace = torch.distributions.Laplace(output[:, :4], scale)
laplacian = -laplace.log_prob(values) - math.log(2)
uncertain = {"output": flat(output), "values": flat(values), "weights": flat(weights)}
for name, each in [("gaussian", gaussian), ("laplacian", laplacian)]:
    total = (each * weights).sum()
    uncertain[name] = flat(total)
    uncertain[f"{name}.grad"] = flat(torch.autograd.grad(total, output, retain_graph=True)[0])

# Two samples of two maps of 5 rows and 7 columns.
output, values = rounded(2, 2, 5, 7).requires_grad_(), rounded(2, 4).clamp(-1, 1)
p = output.flatten(2).softmax(-1).reshape(output.shape)
x, y = (2 * torch.arange(7) + 1) / 7 - 1, (2 * torch.arange(5) + 1) / 5 - 1
means = torch.stack([(p.sum(2) * x).sum(-1), (p.sum(3) * y).sum(-1)], dim=2)
at = values.reshape(2, 2, 2)
square = ((x * 3.5 - at[..., None, :1] * 3.5)**2 + (y[:, None] * 2.5 - at[..., None, 1:] * 2.5)**2)
q = (-square / (2 * 1.2**2)).exp()
q = q / q.sum((2, 3), keepdim=True)
mean = (p + q) / 2
divergence = sum(F.kl_div(mean.log(), d, reduction="none").sum((2, 3)) for d in (p, q)) / 2
total = (F.mse_loss(means.flatten(1), values, reduction="none") * weights).sum()
total = total + 0.6 * (divergence * weights.reshape(2, 2, 2).sum(2)).sum()
soft_argmax = {"output": flat(output), "values": flat(values), "weights": flat(weights),
               "means": flat(means), "loss": flat(total),
               "grad": flat(torch.autograd.grad(total, output)[0])}

with open(sys.argv[1], "w") as file:
    json.dump({"torch": torch.__version__, "schedules": schedules, "losses": losses,
               "uncertain": uncertain, "soft_argmax": soft_argmax}, file, separators=(",", ":"))
    file.write("\n")
