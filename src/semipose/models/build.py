"""Networks from their configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from semipose.errors import UserError, reason_of
from semipose.models.config import ModelConfig
from semipose.models.decoders import default_deconv
from semipose.models.depthwise import learn_sooner
from semipose.models.hrnet import HRNet
from semipose.models.lite import DEVIATION, LITE, MEAN, load_lite
from semipose.models.own import OWN
from semipose.models.pose import SimpleBaseline
from semipose.models.stages import Backbone, Staged, refuse_sources
from semipose.models.tensors import load_weights
from semipose.models.vit import NAMES, ViT


def build_model(config: ModelConfig, joints: int, seed: int = 0) -> SimpleBaseline:
    """A network for K joints; `seed` draws what no weights file gives. The global generator is left as it was.

    Raises:
        UserError: timm cannot make the backbone, or its name or options would load something.
    """
    refuse_sources(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone, colors = _backbone(config)
        deconv = config.deconv
        if deconv is None:
            deconv = default_deconv(config.decoder, backbone.reduction, joints, len(backbone.levels))
        further: dict[str, Any] = {"decoder": config.decoder, "sigma": config.sigma, **colors}
        model = SimpleBaseline(backbone, joints, (config.size[0], config.size[1]), deconv, bgr=config.bgr, **further)
        if config.options:
            refuse_misfit(model, joints)
    if config.weights not in ("none", "imagenet", *OWN):  # whose own begin by joints' names, where these are known
        load_weights(model, Path(config.weights))
    stride_by_view(model)
    learn_sooner(model)
    backbone.freeze(config.freeze, config.backbone)
    return model.to(memory_format=torch.channels_last)


def _backbone(config: ModelConfig) -> tuple[Staged, dict[str, Any]]:
    """With its weights, and mean and deviation of the colours that it expects, where they are its own."""
    name, pretrained = config.backbone, config.weights == "imagenet"
    options = {**config.options, "pretrained": True} if pretrained and name not in LITE else config.options
    if name.startswith("hrnet"):
        return HRNet(name, **options), {}
    if NAMES.match(name):
        vit = ViT(name, **options)
        return vit, {"mean": vit.mean, "deviation": vit.deviation}
    backbone = Backbone(name, **options)
    if name not in LITE:
        return backbone, {}
    if pretrained:
        load_lite(backbone, name)
    return backbone, {"mean": MEAN, "deviation": DEVIATION}


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
