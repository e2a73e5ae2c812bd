"""The three networks in PyTorch, as `fkp-model` builds them; see README.md."""
from torch import nn

# Side of the gray images, and number of outputs.
SIZES = {"tutorial": (96, 30), "residual": (96, 136), "mobile": (112, 136)}


def conv_norm(c_in, c_out, kernel=3, stride=1, groups=1, relu=True):
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), *([nn.ReLU()] if relu else []))


class Added(nn.Module):
    """x + layers(x)."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        return x + self.layers(x)


def tutorial():
    layers = []
    for c_in, c_out in [(1, 32), (32, 64), (64, 128)]:
        layers += [nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 12 * 12, 500), nn.ReLU(),
                         nn.Linear(500, 30))


def residual():
    layers, channels = [], 1
    for width, adds, pools in [(24, False, True), (48, False, True), (96, True, True),
                               (128, True, True), (192, False, False)]:
        layers.append(conv_norm(channels, width))
        layers += [Added(conv_norm(width, width))] if adds else []
        layers += [nn.MaxPool2d(2)] if pools else []
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(192 * 6 * 6, 256), nn.ReLU(),
                         nn.Linear(256, 136))


def inverted_residual(c_in, c_out, stride, expansion=4):
    wide = c_in * expansion
    layers = nn.Sequential(conv_norm(c_in, wide, 1), conv_norm(wide, wide, 3, stride, wide),
                           conv_norm(wide, c_out, 1, relu=False))
    return Added(layers) if stride == 1 and c_in == c_out else layers


def mobile():
    layers, channels = [], 1
    for width, blocks, stride in [(16, 1, 2), (24, 2, 2), (32, 3, 2), (64, 3, 2), (96, 2, 1)]:
        for block in range(blocks):
            layers.append(inverted_residual(channels, width, stride if block == 0 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 136))


BUILD = {"tutorial": tutorial, "residual": residual, "mobile": mobile}
