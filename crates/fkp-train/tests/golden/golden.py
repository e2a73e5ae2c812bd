"""Writes golden.json: learning rates and losses as PyTorch computes them, in float64.

    pip install torch && python golden.py golden.json
"""
import json
import sys
import warnings

import torch
from torch.optim import lr_scheduler as lrs

warnings.filterwarnings("ignore")  # a schedule is stepped here without its optimiser
STEPS, PER_EPOCH, WARM_UP = 40, 4, 7


def optimizer():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def factors(make, times=STEPS, each=1):
    """The rates of `times` steps with a schedule that moves after every `each` of them."""
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

with open(sys.argv[1], "w") as file:
    json.dump({"torch": torch.__version__, "schedules": schedules}, file, separators=(",", ":"))
    file.write("\n")
