"""Weights that others published, read into this package's own files.

Layouts, by the names of their tensors, after a `module.` that DataParallel puts before each:

- `pose_resnet` (SimpleBaseline's repository): torchvision's ResNet (`conv1`, `bn1`, `layer1` to `layer4`),
  `deconv_layers.0/3/6` with batch norms `1/4/7`, and `final_layer`.
- `pose_hrnet` (HRNet's repository): `conv1`, `bn1`, `conv2`, `bn2`, `layer1`, `transition1` to `3`, `stage2` to `4`,
  `final_layer`.
- `posedual` (Xie et al. 2021's released code): one of the former two twice, under `resnet.` and `resnet2.` whatever the
  backbone; the ResNet's head is `final_layer_1`. It has 24 channels, `UNION`, of which a data set uses its own. Their
  single network has `resnet.` alone.
- `mmpose_resnet`, `mmpose_hrnet` (MMPose's top-down heatmap models): the same under `backbone.`, and
  `deconv_layers` and `final_layer` under `keypoint_head.` (0.x) or `head.` (1.x).

Names cannot tell what these were trained on. Taken as published: `pose_resnet` and `posedual` see blue first; in all of
them cell u lies at pixel s u (UDP's variants put it elsewhere, and ResNets of Caffe's style stride in another
convolution: neither is told apart).
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from semipose.errors import UserError, reason_of
from semipose.models.build import build_model
from semipose.models.checkpoint import refuse_bomb
from semipose.models.config import ModelConfig
from semipose.models.weights import save_model
from semipose.skeleton import SKELETONS, Skeleton, joint_map

State = Mapping[str, Tensor]

UNION = Skeleton(
    "union",
    (
        *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
        *("belly", "thorax", "neck", "upper_neck", "nose", "head", "head_top"),
        *("left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist"),
        *("right_eye", "left_eye", "right_ear", "left_ear"),
    ),
)
"""PoseDual's 24 channels."""

BY_COUNT = {17: "coco", 16: "mpii", len(UNION): "coco"}
RESNETS: dict[tuple[str, tuple[int, ...]], str] = {
    ("conv2", (2, 2, 2, 2)): "resnet18",
    ("conv2", (3, 4, 6, 3)): "resnet34",
    ("conv3", (3, 4, 6, 3)): "resnet50",
    ("conv3", (3, 4, 23, 3)): "resnet101",
    ("conv3", (3, 8, 36, 3)): "resnet152",
}
"""By the last convolution of a block and the blocks a layer."""


LARGE, WIDE = 384, 3.0
"""Input height from which on the public networks are trained with heatmaps of this sigma, in cells; below, with 2."""


@dataclass(frozen=True)
class ImportedWeights:
    """What `import_weights` found and wrote.

    Attributes:
        layout: pose_resnet, pose_hrnet, posedual, mmpose_resnet or mmpose_hrnet.
        config: of the networks.
        skeleton: whose joints they predict.
        matched: tensors that were taken, over all networks.
        left_out: names of the file's tensors that no network has a place for.
        files: what was written, model.safetensors first.
    """

    layout: str
    config: ModelConfig
    skeleton: Skeleton
    matched: int
    left_out: tuple[str, ...]
    files: tuple[Path, ...]


def import_weights(
    file: str | Path,
    out: str | Path,
    size: Sequence[int] | None = None,
    skeleton: str | Skeleton | None = None,
    bgr: bool | None = None,
) -> ImportedWeights:
    """Read a public checkpoint, and write `model.safetensors` and `model.json` (PoseDual: also `model-b`) to a folder.

    Args:
        file: a checkpoint of one of the module's layouts.
        out: the folder to write to.
        size: input height and width; by default from the file's name (`256x192`), else 256x192 for COCO and 256x256.
        skeleton: the joints, or the name of a known skeleton; by default COCO for 17 joints and for PoseDual, MPII for
            16.
        bgr: the networks see blue first; by default as the layout was published.

    Raises:
        UserError: the file cannot be read, its layout is not known, tensors are missing or of another shape, the
            skeleton has another number of joints, or `out` holds a model already.
    """
    path, folder = Path(file), Path(out)
    if (folder / "model.safetensors").exists():
        raise UserError(f"{folder} holds a model.safetensors already; choose another folder")
    layout, states, left_out = _networks(_read(path), path)
    joints, rows = _skeleton(skeleton, len(states[0]["final_layer.weight"]), path)
    try:
        backbone, options = (_hrnet if "stage4.0.fuse_layers.0.1.0.weight" in states[0] else _resnet)(states[0])
    except KeyError as error:
        raise UserError(f"{path} has the layout {layout} but lacks {error.args[0]}; it was cut or edited") from None
    config = ModelConfig(
        backbone=backbone,
        options=options,
        weights="none",
        size=list(size or _size(path, joints)),
        deconv=[w.shape[1] for name, w in states[0].items() if name.startswith("deconv_layers.") and w.ndim == 4],
        bgr=layout in ("pose_resnet", "posedual") if bgr is None else bgr,
    )
    config.sigma = WIDE if config.size[0] >= LARGE else config.sigma
    files, matched = [], 0
    filled = [_filled(config, joints, rows, state, path) for state in states]
    folder.mkdir(parents=True, exist_ok=True)
    for stem, (network, count, extra) in zip(("model", "model-b"), filled, strict=False):
        save_model(folder / stem, network, config, joints, first_cell=0.0)
        files += [folder / f"{stem}.safetensors", folder / f"{stem}.json"]
        matched, left_out = matched + count, left_out + extra
    return ImportedWeights(layout, config, joints, matched, tuple(left_out), tuple(files))


def _read(path: Path) -> dict[str, Tensor]:
    """Names and tensors, without `module.`."""
    try:
        with torch.serialization.safe_globals(_numbers()):
            plain = path.suffix == ".safetensors"
            if not plain:
                refuse_bomb(path, path.read_bytes())
            content: Any = load_file(path) if plain else torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from None
    except UserError:
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UserError(f"{path} holds no plain tensors that torch can read ({_reason(error)})") from error
    if isinstance(content, Mapping):
        content = next(
            (content[key] for key in ("state_dict", "model") if isinstance(content.get(key), Mapping)), content
        )
    tensors = {k: v for k, v in content.items() if isinstance(v, Tensor)} if isinstance(content, Mapping) else {}
    return {str(key).removeprefix("module."): value for key, value in tensors.items()}


def _numbers() -> list[Any]:
    """What pickles of numpy's arrays and numbers name, in its versions 1 and 2. They stand beside the tensors: the
    joints' colours and sigmas in MMPose 1.x's files, the best score in those that HRNet's repository trains."""
    makers: list[Any] = [np.empty(0).__reduce__()[0], np.float64(0).__reduce__()[0]]
    named = [(each, f"numpy.{core}.multiarray.{each.__name__}") for each in makers for core in ("core", "_core")]
    return [*named, np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in "?bBhHiIlLefd")]


def _reason(error: Exception) -> str:
    """Why torch does not read a file, in a line, and what to do."""
    foreign = re.search(r"(?:GLOBAL|class) ([\w.]+)", str(error))
    if foreign:
        return (
            f"loading it would run {foreign[1]}; where you trust it, save its state_dict alone, with"
            " torch.save(torch.load(FILE, weights_only=False)['state_dict'], OTHER)"
        )
    if isinstance(error, pickle.UnpicklingError):
        return "it is no checkpoint of torch, or was cut short"
    return f"{reason_of(error)[:100]}; was it cut short? fetch it again"


def _networks(tensors: dict[str, Tensor], path: Path) -> tuple[str, list[dict[str, Tensor]], list[str]]:
    """The layout, its networks under the plain layouts' names, and what belongs to none."""
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
            return plain, states, left_out
    shown = ", ".join(list(tensors)[:3]) or "nothing"
    raise UserError(
        f"{path} has none of the known layouts (pose_resnet, pose_hrnet, PoseDual, MMPose's heatmap ResNet and HRNet);"
        f" its tensors begin with {shown}"
    )


def _renamed(tensors: State, group: Mapping[str, str]) -> dict[str, Tensor]:
    found = {}
    for key, value in tensors.items():
        for prefix, name in group.items():
            if key.startswith(prefix):
                found[name + key.removeprefix(prefix).replace("final_layer_1.", "final_layer.")] = value
    return found


def _skeleton(wanted: str | Skeleton | None, channels: int, path: Path) -> tuple[Skeleton, list[int]]:
    """The joints, and which of the head's channels they are."""
    name = BY_COUNT.get(channels) if wanted is None else wanted
    known = f"known are {', '.join(f'{s.name} ({len(s)})' for s in SKELETONS.values())}"
    skeleton = name if isinstance(name, Skeleton) else SKELETONS.get(name or "")
    if skeleton is None:
        what = f"there is no skeleton {wanted!r}" if wanted else f"{path} predicts {channels} joints; name its skeleton"
        raise UserError(f"{what}; {known}")
    rows = list(range(channels))
    if channels == len(UNION) != len(skeleton):
        found = joint_map(UNION, skeleton)
        lacking = [joint for joint, row in zip(skeleton.joints, found, strict=True) if row is None]
        if lacking:
            raise UserError(f"{path}: PoseDual's 24 channels lack {', '.join(lacking)} of skeleton {skeleton.name!r}")
        rows = [row for row in found if row is not None]
    if len(rows) != len(skeleton):
        raise UserError(
            f"{path} predicts {channels} joints, but skeleton {skeleton.name!r} has {len(skeleton)}; {known}"
        )
    return skeleton, rows


def _size(path: Path, skeleton: Skeleton) -> list[int]:
    named = re.search(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)", path.name)
    if named:
        return [int(named[1]), int(named[2])]
    return [256, 192] if len(skeleton) == 17 else [256, 256]


def _resnet(state: State) -> tuple[str, dict[str, Any]]:
    """timm's name and options of the ResNet whose tensors these are."""
    layers = tuple(_count(state, rf"layer{i}\.(\d+)\.") for i in (1, 2, 3, 4))
    channels = [len(state[f"layer{i}.0.conv1.weight"]) for i in (1, 2, 3, 4)]
    last = "conv3" if "layer1.0.conv3.weight" in state else "conv2"
    if (last, layers) in RESNETS and channels == [64, 128, 256, 512]:
        return RESNETS[last, layers], {}
    return ("resnet50" if last == "conv3" else "resnet18"), {"layers": list(layers), "channels": channels}


def _hrnet(state: State) -> tuple[str, dict[str, Any]]:
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


def _places(hrnet: bool) -> dict[str, str]:
    """How names begin in the plain layouts, and in this package's networks."""
    stages = "backbone.stages"
    found = {"final_layer.": "head.", "deconv_layers.": "decoder."}
    found |= {"conv1.": f"{stages}.stem.0.", "bn1.": f"{stages}.stem.1."}
    if not hrnet:
        return found | {f"layer{i}.": f"{stages}.layer{i}.{int(i == 1)}." for i in (1, 2, 3, 4)}
    found |= {"conv2.": f"{stages}.stem.3.", "bn2.": f"{stages}.stem.4.", "layer1.": f"{stages}.layer1."}
    for i in (2, 3, 4):
        found |= {f"transition{i - 1}.": f"{stages}.layer{i}.transition.", f"stage{i}.": f"{stages}.layer{i}.stage."}
    return found


def _moved(name: str, places: Mapping[str, str]) -> str:
    return next((new + name.removeprefix(old) for old, new in places.items() if name.startswith(old)), name)


def _filled(
    config: ModelConfig, skeleton: Skeleton, rows: list[int], state: dict[str, Tensor], path: Path
) -> tuple[torch.nn.Module, int, list[str]]:
    """The network with the file's tensors in it, how many those are, and the names of those it has no place for."""
    network = build_model(config, len(skeleton))
    mine, places = network.state_dict(), _places(config.backbone.startswith("hrnet"))
    names = {_moved(name, places): name for name in state}
    theirs = {ours: state[name] for ours, name in names.items() if ours in mine}
    for name in {"head.weight", "head.bias"} & theirs.keys():
        theirs[name] = theirs[name][rows]
    needed = [name for name in mine if not name.endswith("num_batches_tracked")]
    wrong = [name for name in needed if name not in theirs or theirs[name].shape != mine[name].shape]
    if wrong:
        first = _moved(wrong[0], {ours: theirs for theirs, ours in places.items()})
        raise UserError(
            f"{path} does not fit {config.backbone}: {len(needed) - len(wrong)} of {len(needed)} tensors match,"
            f" {len(wrong)} are missing or of another shape, first {first}"
        )
    broken = [name for name in theirs if theirs[name].is_floating_point() and not theirs[name].isfinite().all()]
    if broken:
        raise UserError(
            f"{path}: {len(broken)} tensors have values that are not finite, first {broken[0]}; get it again"
        )
    network.load_state_dict({**mine, **theirs})
    return network, len(theirs), [name for ours, name in names.items() if ours not in mine]
