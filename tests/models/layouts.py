"""Public layouts written from their definition: tensors under their names, and what the networks compute of them, in
plain functions, knowing nothing of the package's own modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Draw:
    """Tensors of a layout, drawn one after the other. `gain`, of the norms' weights, keeps what passes near 1 and
    dependent on the image: a deeper network, or one that sums more branches, needs less."""

    def __init__(self, seed: int, gain: float) -> None:
        self.state: State = {}
        self.gain = gain
        self.rng = torch.Generator().manual_seed(seed)

    def conv(self, name: str, out: int, into: int, kernel: int, bias: bool = False) -> None:
        weight = torch.randn(out, into, kernel, kernel, generator=self.rng) * (2 / (into * kernel**2)) ** 0.5
        self.state[f"{name}.weight"] = weight
        if bias:
            self.state[f"{name}.bias"] = torch.randn(out, generator=self.rng)

    def norm(self, name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            value = torch.rand(channels, generator=self.rng)
            self.state[f"{name}.{part}"] = value + {"running_var": 0.8}.get(part, -0.5)
        self.state[f"{name}.weight"] = self.gain * (0.4 + 0.6 * (self.state[f"{name}.weight"] + 0.5))
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def block(self, name: str, into: int, planes: int, bottleneck: bool, stride: int = 1) -> int:
        out = planes * 4 if bottleneck else planes
        widths = [(planes, into, 1), (planes, planes, 3), (out, planes, 1)]
        widths = widths if bottleneck else [(planes, into, 3), (planes, planes, 3)]
        for i, (after, before, kernel) in enumerate(widths, 1):
            self.conv(f"{name}.conv{i}", after, before, kernel)
            self.norm(f"{name}.bn{i}", after)
        if stride > 1 or into != out:
            self.conv(f"{name}.downsample.0", out, into, 1)
            self.norm(f"{name}.downsample.1", out)
        return out


def resnet(
    layers: Sequence[int] = (1, 2, 1, 1),
    channels: Sequence[int] = (8, 8, 16, 16),
    bottleneck: bool = True,
    deconv: Sequence[int] = (16, 8, 8),
    joints: int = 17,
    seed: int = 0,
    gain: float = 1.2,
) -> State:
    """pose_resnet."""
    draw = Draw(seed, gain)
    draw.conv("conv1", 64, 3, 7)
    draw.norm("bn1", 64)
    into = 64
    for layer, (blocks, planes) in enumerate(zip(layers, channels, strict=True), 1):
        for i in range(blocks):
            into = draw.block(f"layer{layer}.{i}", into, planes, bottleneck, 2 if layer > 1 and i == 0 else 1)
    for i, width in enumerate(deconv):
        draw.conv(f"deconv_layers.{3 * i}", into, width, 4)
        draw.norm(f"deconv_layers.{3 * i + 1}", width)
        into = width
    draw.conv("final_layer", joints, into, 1, bias=True)
    return draw.state


def hrnet(
    width: int = 4,
    planes: int = 8,
    blocks: int = 1,
    modules: Sequence[int] = (1, 2, 2),
    first: int = 2,
    joints: int = 17,
    seed: int = 0,
    gain: float = 0.9,
) -> State:
    """pose_hrnet; `first` blocks in layer1."""
    draw = Draw(seed, gain)
    for i, into in ((1, 3), (2, 64)):
        draw.conv(f"conv{i}", 64, into, 3)
        draw.norm(f"bn{i}", 64)
    before = [64]
    for i in range(first):
        before = [draw.block(f"layer1.{i}", before[0], planes, bottleneck=True)]
    for stage, count in zip((2, 3, 4), modules, strict=True):
        now = [width * 2**i for i in range(stage)]
        for i, channels in enumerate(now):
            name = f"transition{stage - 1}.{i}" + ("" if i < len(before) else ".0")
            if i >= len(before) or before[i] != channels:
                draw.conv(f"{name}.0", channels, before[min(i, len(before) - 1)], 3)
                draw.norm(f"{name}.1", channels)
        for m in range(count):
            for b, channels in enumerate(now):
                for i in range(blocks):
                    draw.block(f"stage{stage}.{m}.branches.{b}.{i}", channels, channels, bottleneck=False)
            fused = 1 if (stage, m) == (4, count - 1) else stage
            for i in range(fused):
                for j in range(stage):
                    name = f"stage{stage}.{m}.fuse_layers.{i}.{j}"
                    if j > i:
                        draw.conv(f"{name}.0", now[i], now[j], 1)
                        draw.norm(f"{name}.1", now[i])
                    for k in range(i - j):
                        after = now[i] if k == i - j - 1 else now[j]
                        draw.conv(f"{name}.{k}.0", after, now[j], 3)
                        draw.norm(f"{name}.{k}.1", after)
        before = now
    draw.conv("final_layer", joints, width, 1, bias=True)
    return draw.state


def normalised(image: Tensor, bgr: bool) -> Tensor:
    """RGB in [0, 1] as a published network is shown it: the same mean and deviation whatever the channels' order."""
    image = image[:, [2, 1, 0]] if bgr else image
    return (image - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]


def _parts(state: State) -> tuple[Callable[..., Tensor], Callable[[str, Tensor], Tensor]]:
    def conv(name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, state.get(f"{name}.bias"), stride, weight.shape[-1] // 2)

    def norm(name: str, x: Tensor) -> Tensor:
        mean, variance, scale, shift = (state[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, variance, scale, shift, eps=1e-5)

    return conv, norm


def _block(state: State, name: str, x: Tensor, stride: int = 1) -> Tensor:
    conv, norm = _parts(state)
    strided, count = (2, 3) if f"{name}.conv3.weight" in state else (1, 2)
    y = x
    for i in range(1, count + 1):
        y = norm(f"{name}.bn{i}", conv(f"{name}.conv{i}", y, stride if i == strided else 1))
        y = y.relu() if i < count else y
    if f"{name}.downsample.0.weight" in state:
        x = norm(f"{name}.downsample.1", conv(f"{name}.downsample.0", x, stride))
    return (x + y).relu()


def run_resnet(state: State, x: Tensor) -> Tensor:
    """Normalised images -> heatmaps of pose_resnet."""
    conv, norm = _parts(state)
    x = F.max_pool2d(norm("bn1", conv("conv1", x, 2)).relu(), 3, 2, 1)
    for layer in (1, 2, 3, 4):
        i = 0
        while f"layer{layer}.{i}.conv1.weight" in state:
            x = _block(state, f"layer{layer}.{i}", x, 2 if layer > 1 and i == 0 else 1)
            i += 1
    for i in (0, 3, 6):
        x = F.conv_transpose2d(x, state[f"deconv_layers.{i}.weight"], stride=2, padding=1)
        x = norm(f"deconv_layers.{i + 1}", x).relu()
    return conv("final_layer", x)


def run_hrnet(state: State, x: Tensor) -> Tensor:
    """Normalised images -> heatmaps of pose_hrnet."""
    conv, norm = _parts(state)
    for i in (1, 2):
        x = norm(f"bn{i}", conv(f"conv{i}", x, 2)).relu()
    i = 0
    while f"layer1.{i}.conv1.weight" in state:
        x = _block(state, f"layer1.{i}", x)
        i += 1
    branches = [x]
    for stage in (2, 3, 4):
        name, last = f"transition{stage - 1}", branches[-1]
        for i in range(stage):
            if f"{name}.{i}.0.weight" in state:
                branches[i : i + 1] = [norm(f"{name}.{i}.1", conv(f"{name}.{i}.0", branches[i])).relu()]
            elif f"{name}.{i}.0.0.weight" in state:
                branches.append(norm(f"{name}.{i}.0.1", conv(f"{name}.{i}.0.0", last, 2)).relu())
        m = 0
        while f"stage{stage}.{m}.branches.0.0.conv1.weight" in state:
            branches = _module(state, f"stage{stage}.{m}", branches)
            m += 1
    return conv("final_layer", branches[0])


def _module(state: State, name: str, branches: list[Tensor]) -> list[Tensor]:
    conv, norm = _parts(state)
    through = []
    for b, y in enumerate(branches):
        i = 0
        while f"{name}.branches.{b}.{i}.conv1.weight" in state:
            y = _block(state, f"{name}.branches.{b}.{i}", y)
            i += 1
        through.append(y)
    fused = []
    for i in range(len(branches)):
        if i and f"{name}.fuse_layers.{i}.0.0.0.weight" not in state:
            break
        total = through[i]
        for j, y in enumerate(through):
            path = f"{name}.fuse_layers.{i}.{j}"
            if j > i:
                y = norm(f"{path}.1", conv(f"{path}.0", y))
                total = total + F.interpolate(y, scale_factor=2 ** (j - i), mode="nearest")
            for k in range(i - j):
                y = norm(f"{path}.{k}.1", conv(f"{path}.{k}.0", y, 2))
                y = y if k == i - j - 1 else y.relu()
            total = total + y if j < i else total
        fused.append(total.relu())
    return fused


def in_layout(name: str, *states: State) -> State:
    """The tensors of plain layouts under the names of another."""
    if name == "posedual":
        found = {}
        for prefix, state in zip(("resnet", "resnet2"), states, strict=False):
            head = "final_layer_1." if "deconv_layers.0.weight" in state else "final_layer."
            found |= {f"module.{prefix}.{key.replace('final_layer.', head)}": value for key, value in state.items()}
        return found
    if name.startswith("mmpose"):
        head = "keypoint_head." if name == "mmpose_resnet" else "head."
        of_head = ("final_layer.", "deconv_layers.")
        return {(head if key.startswith(of_head) else "backbone.") + key: v for key, v in states[0].items()}
    return states[0]
