"""Which public layout a file's tensors have, and what they are called in the plain ones.

Layouts, by the names of their tensors, after a `module.` that DataParallel puts before each:

- `pose_resnet` (SimpleBaseline's repository): torchvision's ResNet (`conv1`, `bn1`, `layer1` to `layer4`),
  `deconv_layers.0/3/6` with batch norms `1/4/7`, and `final_layer`.
- `pose_hrnet` (HRNet's repository): `conv1`, `bn1`, `conv2`, `bn2`, `layer1`, `transition1` to `3`, `stage2` to `4`,
  `final_layer`.
- `posedual` (Xie et al. 2021's released code): one of the former two twice, under `resnet.` and `resnet2.` whatever the
  backbone; the ResNet's head is `final_layer_1`. It has 24 channels, of which a data set uses its own. Their single
  network has `resnet.` alone.
- `mmpose_resnet`, `mmpose_hrnet` (MMPose's top-down heatmap models): the same under `backbone.`, and
  `deconv_layers` and `final_layer` under `keypoint_head.` (0.x) or `head.` (1.x).
- `vitpose_mmpose` (ViTPose's repository and MMPose 1.x): `backbone.patch_embed`, `backbone.pos_embed`,
  `backbone.blocks.N` and `backbone.last_norm` (1.x: `backbone.layers.N` and `backbone.ln1`), the head as in MMPose,
  with two deconvolutions or none.
- `vitpose_transformers` (transformers' VitPoseForPoseEstimation): `backbone.embeddings`, `backbone.encoder.layer.N`,
  `backbone.layernorm`, and `head.conv` after `head.deconv1/2` and `head.batchnorm1/2` or none.
- `deeplabcut_hrnet`, `deeplabcut_resnet` (DeepLabCut 3, SuperAnimal's among them): timm's network under
  `backbone.model.`, and `heads.bodypart.heatmap_head`. The location refinement beside it, `locref_head`, has no place.
- `lightning_pose` (Lightning Pose's ResNets): torchvision's children by number under `backbone.`, and
  `head.upsampling_layers`.

Names cannot tell what these were trained on. Taken as published: `pose_resnet` and `posedual` see blue first. Cell u
lies at pixel s u in them, in MMPose's and Lightning Pose's; at s u + s / 2 in DeepLabCut's; in ViTPose's, which aligns
corners, at its middle to within half a cell (s u + (s - 1) / 2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semipose.errors import UserError
from semipose.models.vit import divided

State = Mapping[str, Tensor]

RESNETS: dict[tuple[str, tuple[int, ...]], str] = {
    ("conv2", (2, 2, 2, 2)): "resnet18",
    ("conv2", (3, 4, 6, 3)): "resnet34",
    ("conv3", (3, 4, 6, 3)): "resnet50",
    ("conv3", (3, 4, 23, 3)): "resnet101",
    ("conv3", (3, 8, 36, 3)): "resnet152",
}
"""By the last convolution of a block and the blocks a layer."""

HEADS = {384: 12, 768: 12, 1024: 16, 1280: 16}
"""ViTPose's attention heads by channels; of others 64 channels have one."""

DLC_WIDTH = 2 * 17 / 3
"""Sigma of DeepLabCut's Gaussians, in pixels of the input."""

LP_SIGMA = 1.25
"""Of Lightning Pose's, in cells."""


@dataclass
class Public:
    """A file's networks under plain names, and how such a network is built.

    Attributes:
        layout: its name.
        states: of each network, its tensors.
        left_out: names of those that belong to none.
        settings: of `ModelConfig`.
        first_cell: at which pixel the first cell lies; None: at its middle.
    """

    layout: str
    states: list[dict[str, Tensor]]
    left_out: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    first_cell: float | None = 0.0

    @property
    def channels(self) -> int:
        """Of the head."""
        return len(self.states[0]["final_layer.weight"])


REFUSED = (
    (r"(head|keypoint_head|heads\.bodypart)\.(\w+\.)*cls_[xy]\.", "RTMPose and other SimCC heads classify coordinates"
     " and draw no heatmaps; take a heatmap network: MMPose's ResNet, HRNet or ViTPose, or SuperAnimal's HRNet-w32"),
    (r".*\.experts\.", "ViTPose+ has experts for several data sets in one network; take a plain ViTPose"),
    (r"model\.(backbone\.(enc|dec|encoder|decoder)|head_layers)\.|backbone\.(enc|dec)\.", "SLEAP's UNets are no"
     " backbones that are pre-trained on anything else; train from SLEAP's labels, which a .slp has, and start from"
     " another network"),
    (r"backbone\.vision_encoder\.", "Lightning Pose's transformers are not read; take one of its ResNets, or begin"
     " with model.backbone=vit_small_patch16_dinov3 and others of timm's"),
    (r"(head\.)?(crnn|unnormalized_weights|head_mf|head_sf)|head\.head_", "Lightning Pose's context networks read five"
     " frames at once; take a heatmap network of single frames"),
    (r"heads\.bodypart\.(paf|center|offset)", "DeepLabCut's networks for several animals at once are not read; take a"
     " top-down one, such as SuperAnimal's HRNet-w32"),
)  # fmt: skip
"""Names of tensors of layouts that are known and cannot be taken, and why."""


def read_layout(tensors: Mapping[str, Tensor], path: Path, size: tuple[int, int] | None) -> Public:
    """
    Args:
        tensors: of a file, without `module.`.
        size: of the input, where it is known.

    Raises:
        UserError: no known layout, one that cannot be taken, or a tensor that tells how large the network is is
            missing.
    """
    for names, why in REFUSED:
        first = next((key for key in tensors if re.match(names, key)), None)
        if first is not None:
            raise UserError(f"{path} ({first}): {why}")
    for read in (_deeplabcut, _lightning, _vitpose, _transformers):
        public = _complete(read, tensors, path, size)
        if public is not None:
            return public
    return _classic(tensors, path)


def _complete(read: Any, tensors: State, path: Path, size: tuple[int, int] | None) -> Public | None:
    try:
        public: Public | None = read(tensors, path, size)
    except KeyError as error:
        raise _lacking(read.__name__.removeprefix("_"), path, error) from None
    return public


def _lacking(layout: str, path: Path, error: KeyError) -> UserError:
    return UserError(f"{path} has the layout {layout} but lacks {error.args[0]}; it was cut or edited")


# ---- SimpleBaseline, HRNet, PoseDual, MMPose


def _classic(tensors: State, path: Path) -> Public:
    released = [p for p in ("resnet.", "resnet2.") if f"{p}conv1.weight" in tensors]
    head = next((p for p in ("keypoint_head.", "head.") if f"{p}final_layer.weight" in tensors), "")
    if released:
        groups = [{p: ""} for p in released]
    elif head and "backbone.conv1.weight" in tensors:
        groups = [{"backbone.": "", f"{head}deconv_layers.": "deconv_layers.", f"{head}final_layer.": "final_layer."}]
    else:
        groups = [{"": ""}]
    states = [_renamed(tensors, group) for group in groups]
    taken = [prefix for group in groups for prefix in group]
    left_out = [key for key in tensors if not key.startswith(tuple(taken))]
    kinds = (
        ("resnet", "layer4.0.conv1.weight", "deconv_layers.0.weight"),
        ("hrnet", "stage4.0.fuse_layers.0.1.0.weight"),
    )
    for kind, *needed in kinds:
        if all(name in state for state in states for name in ("conv1.weight", "final_layer.weight", *needed)):
            plain = "posedual" if released else f"mmpose_{kind}" if head else f"pose_{kind}"
            try:
                backbone, options = (hrnet_of if kind == "hrnet" else resnet_of)(states[0])
            except KeyError as error:
                raise _lacking(plain, path, error) from None
            settings = {"backbone": backbone, "options": options, "deconv": _deconv(states[0])}
            return Public(plain, states, left_out, {**settings, "bgr": plain in ("pose_resnet", "posedual")})
    shown = ", ".join(list(tensors)[:3]) or "nothing"
    raise UserError(
        f"{path} has none of the known layouts (pose_resnet, pose_hrnet, PoseDual; heatmap ResNets, HRNets and ViTPose"
        " of MMPose, ViTPose of transformers, heatmap networks of DeepLabCut 3, ResNets of Lightning Pose);"
        f" its tensors begin with {shown}"
    )


def _renamed(tensors: State, group: Mapping[str, str]) -> dict[str, Tensor]:
    found = {}
    for key, value in tensors.items():
        for prefix, name in group.items():
            if key.startswith(prefix):
                found[name + key.removeprefix(prefix).replace("final_layer_1.", "final_layer.")] = value
    return found


def _deconv(state: State) -> list[int]:
    return [w.shape[1] for name, w in state.items() if name.startswith("deconv_layers.") and w.ndim == 4]


def resnet_of(state: State) -> tuple[str, dict[str, Any]]:
    """timm's name and options of the ResNet whose tensors these are."""
    layers = tuple(_count(state, rf"layer{i}\.(\d+)\.") for i in (1, 2, 3, 4))
    channels = [len(state[f"layer{i}.0.conv1.weight"]) for i in (1, 2, 3, 4)]
    last = "conv3" if "layer1.0.conv3.weight" in state else "conv2"
    if (last, layers) in RESNETS and channels == [64, 128, 256, 512]:
        return RESNETS[last, layers], {}
    return ("resnet50" if last == "conv3" else "resnet18"), {"layers": list(layers), "channels": channels}


def hrnet_of(state: State) -> tuple[str, dict[str, Any]]:
    """timm's name and options of the HRNet whose tensors these are."""
    from timm.models.hrnet import cfg_cls

    stages: dict[str, Any] = {"stage1": _stage("BOTTLENECK", 1, [_count(state, r"layer1\.(\d+)\.")], [
        len(state["layer1.0.conv1.weight"])])}  # fmt: skip
    for stage in ("stage2", "stage3", "stage4"):
        branches = range(_count(state, rf"{stage}\.0\.branches\.(\d+)\."))
        blocks = [_count(state, rf"{stage}\.0\.branches\.{i}\.(\d+)\.") for i in branches]
        channels = [len(state[f"{stage}.0.branches.{i}.0.conv1.weight"]) for i in branches]
        stages[stage] = _stage("BASIC", _count(state, rf"{stage}\.(\d+)\."), blocks, channels)
    for name, theirs in cfg_cls.items():
        if all(_listed(theirs[stage]) == mine for stage, mine in stages.items()):
            return name, {}
    return "hrnet_w18", stages


def _stage(block: str, modules: int, blocks: list[int], channels: list[int]) -> dict[str, Any]:
    return {
        "num_modules": modules,
        "num_branches": len(blocks),
        "block_type": block,
        "num_blocks": blocks,
        "num_channels": channels,
        "fuse_method": "SUM",
    }


def _listed(stage: Any) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in stage.items()}


def _count(state: State, pattern: str) -> int:
    """One more than the highest number that stands in the names' place."""
    return 1 + max((int(found[1]) for name in state if (found := re.match(pattern, name))), default=-1)


# ---- ViTPose


MMPOSE_1 = (
    (r"patch_embed\.projection\.", "patch_embed.proj."),
    (r"layers\.(\d+)\.ln(\d)\.", r"blocks.\1.norm\2."),
    (r"layers\.(\d+)\.ffn\.layers\.0\.0\.", r"blocks.\1.mlp.fc1."),
    (r"layers\.(\d+)\.ffn\.layers\.1\.", r"blocks.\1.mlp.fc2."),
    (r"layers\.(\d+)\.", r"blocks.\1."),
    (r"(last_norm|ln1)\.", "norm."),
)
TRANSFORMERS = (
    (r"embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"embeddings\.position_embeddings$", "pos_embed"),
    (r"encoder\.layer\.(\d+)\.layernorm_before\.", r"blocks.\1.norm1."),
    (r"encoder\.layer\.(\d+)\.layernorm_after\.", r"blocks.\1.norm2."),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.", r"blocks.\1.attn.proj."),
    (r"encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.", r"blocks.\1.attn.\2."),
    (r"encoder\.layer\.(\d+)\.mlp\.", r"blocks.\1.mlp."),
    (r"layernorm\.", "norm."),
)
DECODER = (
    (r"deconv1\.", "deconv_layers.0."),
    (r"batchnorm1\.", "deconv_layers.1."),
    (r"deconv2\.", "deconv_layers.3."),
    (r"batchnorm2\.", "deconv_layers.4."),
    (r"conv\.", "final_layer."),
)


def _called(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, new in rules:
        if re.match(pattern, name):
            return re.sub(pattern, new, name, count=1)
    return name


def _vitpose(tensors: State, path: Path, size: tuple[int, int] | None) -> Public | None:
    if not ("backbone.pos_embed" in tensors and any(key.startswith("backbone.patch_embed.") for key in tensors)):
        return None
    head = next((p for p in ("keypoint_head.", "head.") if f"{p}final_layer.weight" in tensors), "keypoint_head.")
    state, left_out = {}, []
    for key, value in tensors.items():
        if key.startswith("backbone."):
            state[_called(key.removeprefix("backbone."), MMPOSE_1)] = value
        elif key.startswith((f"{head}deconv_layers.", f"{head}final_layer.")):
            state[key.removeprefix(head)] = value
        else:
            left_out.append(key)
    return _vit("vitpose_mmpose", state, left_out, path, size)


def _transformers(tensors: State, path: Path, size: tuple[int, int] | None) -> Public | None:
    if "backbone.embeddings.position_embeddings" not in tensors:
        return None
    state, left_out = {}, []
    for key, value in tensors.items():
        if key.startswith("backbone."):
            state[_called(key.removeprefix("backbone."), TRANSFORMERS)] = value
        elif key.startswith("head."):
            state[_called(key.removeprefix("head."), DECODER)] = value
        else:
            left_out.append(key)
    for i in range(_count(state, r"blocks\.(\d+)\.")):
        for part in ("weight", "bias"):
            three = [state.pop(f"blocks.{i}.attn.{name}.{part}") for name in ("query", "key", "value")]
            state[f"blocks.{i}.attn.qkv.{part}"] = torch.cat(three)
    return _vit("vitpose_transformers", state, left_out, path, size)


def _vit(
    layout: str, state: dict[str, Tensor], left_out: list[str], path: Path, size: tuple[int, int] | None
) -> Public:
    patches, positions = state["patch_embed.proj.weight"], state["pos_embed"]
    channels, patch = patches.shape[0], patches.shape[-1]
    at = _grid(positions.shape[1], patch, path, size)
    if positions.shape[1] > at[0] * at[1]:  # the first is a class token's, which each patch has as well
        state["pos_embed"] = positions[:, 1:] + positions[:, :1]
    options = {
        "patch_size": patch,
        "embed_dim": channels,
        "depth": _count(state, r"blocks\.(\d+)\."),
        "num_heads": HEADS.get(channels, max(1, channels // 64)),
        "mlp_ratio": len(state["blocks.0.mlp.fc1.weight"]) / channels,
        "class_token": False,
        "global_pool": "avg",
        "fc_norm": False,
        "img_size": [at[0] * patch, at[1] * patch],
        "patch_padding": 2,
    }
    deconv = _deconv(state)
    drawn = {"deconv": deconv} if deconv else {"decoder": "light"}
    settings = {"backbone": "vit_base_patch16_224.mae", "options": options, "size": options["img_size"], **drawn}
    return Public(layout, [state], left_out, settings, first_cell=None)


def _grid(tokens: int, patch: int, path: Path, size: tuple[int, int] | None) -> tuple[int, int]:
    """Rows and columns of patches."""
    sizes = [*([size] if size else []), (256, 192), (256, 256), (384, 288), (224, 224), (384, 384)]
    for h, w in sizes:
        if h // patch * (w // patch) in (tokens, tokens - 1):
            return h // patch, w // patch
    asked = f"{size[0]}x{size[1]}" if size else "256x192"
    raise UserError(
        f"{path} has {tokens} positions of patches, which is no {asked}; give --size as it was trained with"
    )


# ---- DeepLabCut


def _deeplabcut(tensors: State, path: Path, size: tuple[int, int] | None) -> Public | None:
    body, head = "backbone.model.", "heads.bodypart.heatmap_head."
    if not (f"{body}conv1.weight" in tensors and any(key.startswith(head) for key in tensors)):
        return None
    state = {key.removeprefix(body): value for key, value in tensors.items() if key.startswith(body)}
    convolutions = [key for key in tensors if key.startswith(head) and key.endswith(".weight")]
    if len(convolutions) != 1:
        raise UserError(f"{path} has {len(convolutions)} layers in its heatmap head; networks with one are read")
    name = convolutions[0].removesuffix(".weight")
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    if ".deconv_layers." in name:  # a transposed convolution: inputs before outputs
        weight = weight.transpose(0, 1)
    state |= {"final_layer.weight": weight, "final_layer.bias": bias}
    left_out = [key for key in tensors if not key.startswith((body, head))]
    doubled = weight.shape[-1] == 3
    if "stage4.0.fuse_layers.0.1.0.weight" in state:
        kind, (backbone, options), stride = "hrnet", hrnet_of(state), 4
    else:
        kind, (backbone, options), stride = "resnet", resnet_of(state), 16
        options = {**options, "output_stride": stride}
        if "bn1.running_mean" not in state:  # group norm
            backbone = f"{backbone}_gn"
    stride //= 2 if doubled else 1
    drawn: dict[str, Any] = {"decoder": "deeplabcut"} if doubled else {"deconv": []}
    settings = {"backbone": backbone, "options": options, "sigma": round(DLC_WIDTH / stride, 3), "size": [256, 256]}
    return Public(f"deeplabcut_{kind}", [state], left_out, {**settings, **drawn}, first_cell=stride / 2)


# ---- Lightning Pose


def _lightning(tensors: State, path: Path, size: tuple[int, int] | None) -> Public | None:
    layers = sorted(
        {int(m[2]) for key in tensors if (m := re.match(r"(head\.)?upsampling_layers\.(\d+)\.weight", key))}
    )
    if not layers:
        return None
    if "backbone.4.0.conv1.weight" not in tensors:
        raise UserError(f"{path} is of Lightning Pose with a backbone that is no ResNet; take one with a ResNet")
    numbered = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
    state: dict[str, Tensor] = {}
    left_out = []
    for key, value in tensors.items():
        first, _, rest = key.removeprefix("backbone.").partition(".")
        layer = re.match(r"(?:head\.)?upsampling_layers\.(\d+)\.(weight|bias)$", key)
        if key.startswith("backbone.") and first in numbered:
            state[f"{numbered[first]}.{rest}"] = value
        elif layer:
            place = "final_layer" if int(layer[1]) == layers[-1] else f"deconv_layers.{layer[1]}"
            state[f"{place}.{layer[2]}"] = value.transpose(0, 1) if value.ndim == 4 else value
        else:
            left_out.append(key)
    backbone, options = resnet_of(state)
    widths = [len(state[f"deconv_layers.{i}.weight"]) for i in layers[:-1]]
    settings = {"backbone": backbone, "options": options, "decoder": "lightning_pose", "deconv": widths}
    return Public("lightning_pose", [state], left_out, {**settings, "sigma": LP_SIGMA, "size": [256, 256]})


# ---- places in this package's networks


def places(kind: str, blocks: int = 0) -> dict[str, str]:
    """How names begin in the plain layouts, and in this package's networks. `kind`: hrnet, resnet or vit; `blocks`: of
    a transformer."""
    stages = "backbone.stages"
    found = {"final_layer.": "head.", "deconv_layers.": "decoder."}
    if kind == "vit":
        found |= {"patch_embed.": f"{stages}.stem.net.patch_embed.", "pos_embed": f"{stages}.stem.net.pos_embed"}
        return found | _block_places(blocks)
    found |= {"conv1.": f"{stages}.stem.0.", "bn1.": f"{stages}.stem.1."}
    if kind == "resnet":
        return found | {f"layer{i}.": f"{stages}.layer{i}.{int(i == 1)}." for i in (1, 2, 3, 4)}
    found |= {"conv2.": f"{stages}.stem.3.", "bn2.": f"{stages}.stem.4.", "layer1.": f"{stages}.layer1."}
    for i in (2, 3, 4):
        found |= {f"transition{i - 1}.": f"{stages}.layer{i}.transition.", f"stage{i}.": f"{stages}.layer{i}.stage."}
    return found


def _block_places(blocks: int) -> dict[str, str]:
    found, number = {}, 0
    groups = divided(list(range(blocks)))
    for layer, group in enumerate(groups, 1):
        for i in range(len(group)):
            found[f"blocks.{number}."] = f"backbone.stages.layer{layer}.blocks.{i}."
            number += 1
    return {**found, "norm.": f"backbone.stages.layer{len(groups)}.last."}
