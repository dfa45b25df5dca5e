"""Weights that others published, read into this package's own files; `semipose.models.layouts` has their layouts."""

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

from semipose import limits
from semipose.errors import UserError, reason_of
from semipose.files import read_json, read_mapping
from semipose.models.build import build_model
from semipose.models.checkpoint import MAGIC, refuse_bomb
from semipose.models.config import ModelConfig
from semipose.models.layouts import Public, places, read_layout
from semipose.models.weights import save_model
from semipose.skeleton import COCO, SKELETONS, Skeleton, infer_pairs, joint_map

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


def _animal(name: str, joints: str) -> Skeleton:
    names = tuple(joints.split())
    return Skeleton(name, names, infer_pairs(names))


ANIMALS = {
    39: _animal(
        "superanimal_quadruped",
        "nose upper_jaw lower_jaw mouth_end_right mouth_end_left right_eye right_earbase right_earend right_antler_base"
        " right_antler_end left_eye left_earbase left_earend left_antler_base left_antler_end neck_base neck_end"
        " throat_base throat_end back_base back_end back_middle tail_base tail_end front_left_thai front_left_knee"
        " front_left_paw front_right_thai front_right_knee front_right_paw back_left_paw back_left_thai back_right_thai"
        " back_left_knee back_right_knee back_right_paw belly_bottom body_middle_right body_middle_left",
    ),
    27: _animal(
        "superanimal_topviewmouse",
        "nose left_ear right_ear left_ear_tip right_ear_tip left_eye right_eye neck mid_back mouse_center mid_backend"
        " mid_backend2 mid_backend3 tail_base tail1 tail2 tail3 tail4 tail5 left_shoulder left_midside left_hip"
        " right_shoulder right_midside right_hip tail_end head_midpoint",
    ),
}
"""SuperAnimal's joints, by their number."""


LARGE, WIDE = 384, 3.0
"""Input height from which on the public networks are trained with heatmaps of this sigma, in cells; below, with 2."""


@dataclass(frozen=True)
class ImportedWeights:
    """What `import_weights` found and wrote.

    Attributes:
        layout: see `semipose.models.layouts`.
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
    named = tuple(size) if size else _named_size(path)
    tensors, meta = _read(path)
    public = read_layout(tensors, path, (named[0], named[1]) if named else None)
    joints, rows = _skeleton(_asked(skeleton), public, meta, path)
    settings = {"size": [256, 192] if len(joints) == 17 else [256, 256], **public.settings}
    settings |= {} if named is None else {"size": list(named)}
    config = ModelConfig(**{"weights": "none", **settings})
    config.bgr = config.bgr if bgr is None else bgr
    config.sigma = WIDE if config.size[0] >= LARGE and "sigma" not in settings else config.sigma
    left_out = public.left_out
    files, matched = [], 0
    filled = [_filled(config, joints, rows, state, path) for state in public.states]
    folder.mkdir(parents=True, exist_ok=True)
    for stem, (network, count, extra) in zip(("model", "model-b"), filled, strict=False):
        save_model(folder / stem, network, config, joints, first_cell=public.first_cell)
        files += [folder / f"{stem}.safetensors", folder / f"{stem}.json"]
        matched, left_out = matched + count, left_out + extra
    return ImportedWeights(public.layout, config, joints, matched, tuple(left_out), tuple(files))


def _read(path: Path) -> tuple[dict[str, Tensor], Any]:
    """Names and tensors, without `module.`, and what the file says beside them."""
    if path.suffix.lower() in KERAS:
        raise UserError(
            f"{path} is a file of Keras, as SLEAP's and DeepLabCut's older networks, which is not read; {RETRAIN}"
        )
    content: Any
    try:
        plain = path.suffix == ".safetensors"
        with limits.opened(path) as file:
            content = b"" if plain else file.read()
        if content.startswith(MAGIC):
            raise UserError(f"{path} is a checkpoint of semipose, which needs no import; name its run's folder")
        if not plain:
            refuse_bomb(path, content)
        with torch.serialization.safe_globals([*_numbers(), *([] if plain else _settings(path))]):
            content = load_file(path) if plain else torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from None
    except UserError:
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UserError(f"{path} holds no plain tensors that torch can read ({_reason(error)})") from error
    meta = content.get("meta") if isinstance(content, Mapping) else None
    if isinstance(content, Mapping):
        content = next(
            (content[key] for key in ("state_dict", "model") if isinstance(content.get(key), Mapping)), content
        )
    tensors = {k: v for k, v in content.items() if isinstance(v, Tensor)} if isinstance(content, Mapping) else {}
    return {str(key).removeprefix("module."): value for key, value in tensors.items()}, meta


KERAS = (".h5", ".hdf5", ".keras")
RETRAIN = "train from the labels of that project, and start from other weights"
SETTINGS = ("omegaconf.", "lightning_pose.", "lightning.", "sleap_nn.", "attr.", "typing.", "collections.", "mmengine.")
KINDS = tuple(f"builtins.{kind}" for kind in ("bool", "dict", "float", "int", "list", "set", "str", "tuple"))
"""Modules whose values stand beside the tensors of checkpoints as settings, and kinds of values that settings name.
Nothing of them is made or run: whatever they name is read as something that is empty."""


class _Empty:
    """In place of a setting: takes whatever it is given and keeps nothing."""

    def __new__(cls, *_: Any, **__: Any) -> _Empty:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, value: Any) -> None: ...

    def extend(self, values: Any) -> None: ...


def _settings(path: Path) -> list[Any]:
    """An empty stand-in for each setting that a checkpoint names, each a class of its own."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    except Exception:  # of a file that is no zip of torch's; reading it says more
        return []
    return [(type("Empty", (_Empty,), {}), name) for name in names if name.startswith(SETTINGS) or name in KINDS]


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


def _asked(wanted: str | Skeleton | None) -> str | Skeleton | None:
    """A skeleton that is named by a file: DeepLabCut's config.yaml or pytorch_config.yaml, Lightning Pose's."""
    if isinstance(wanted, str) and Path(wanted).suffix in (".yaml", ".yml"):
        names = _names_in(Path(wanted))
        if names is None:
            raise UserError(f"{wanted} names no joints (bodyparts, keypoint_names or joints); name a file that does")
        return _listed(names, wanted)
    return wanted


def _names_in(file: Path) -> list[str] | None:
    """Joints in the settings of another program, or a list `joints`."""
    content = read_mapping(file)
    for section, key in (("metadata", "bodyparts"), ("data", "keypoint_names"), ("", "bodyparts"), ("", "joints")):
        names = (content.get(section) or {}) if section else content
        names = names.get(key) if isinstance(names, Mapping) else None
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return names
    return None


def _listed(names: Sequence[str], where: object) -> Skeleton:
    try:
        return Skeleton("weights", tuple(names), infer_pairs(names))
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None


def _said(meta: Any, public: Public, path: Path) -> Skeleton | None:
    """The joints that the file itself names (MMPose 1.x), or settings of the same program that lie where it puts
    them: beside the file, or of Lightning Pose four folders above it."""
    dataset = meta.get("dataset_meta") if isinstance(meta, Mapping) else None
    named = dataset.get("keypoint_id2name") if isinstance(dataset, Mapping) else None
    if isinstance(named, Mapping) and len(named) == public.channels and {*named} == {*range(len(named))}:
        names = [str(named[i]) for i in range(len(named))]
        same = next((s for s in SKELETONS.values() if list(s.joints) == names), None)
        return same or _listed(names, path)
    above = path.absolute().parents
    files = {
        "deeplabcut": [path.parent / "pytorch_config.yaml"],
        "lightning": [path.parent / "config.yaml", *(folder / "config.yaml" for folder in above[1:5])],
        "vitpose": [path.parent / "config.json"],
    }.get(public.layout.partition("_")[0], [])
    for file in files:
        if not file.is_file():
            continue
        if file.suffix == ".json":
            labels = read_json(file)
            labels = labels.get("id2label") if isinstance(labels, Mapping) else None
            numbers = [str(i) for i in range(public.channels)]
            names_ = (
                [str(labels[i]) for i in numbers] if isinstance(labels, Mapping) and {*labels} == {*numbers} else None
            )
            if names_ and not names_[0].startswith("LABEL_") and _plain(names_) != list(COCO.joints):
                return _listed(names_, file)
        elif (found := _names_in(file)) is not None and len(found) == public.channels:
            return _listed(found, file)
    return ANIMALS.get(public.channels) if public.layout.startswith("deeplabcut") else None


def _plain(names: Sequence[str]) -> list[str]:
    """As COCO writes them: L_Eye is left_eye."""
    sides = {"l": "left", "r": "right"}
    words = (name.lower().replace(" ", "_").replace("-", "_").split("_") for name in names)
    return ["_".join(sides.get(word, word) for word in each) for each in words]


def _skeleton(wanted: str | Skeleton | None, public: Public, meta: Any, path: Path) -> tuple[Skeleton, list[int]]:
    """The joints, and which of the head's channels they are."""
    channels = public.channels
    every = {**SKELETONS, **{skeleton.name: skeleton for skeleton in ANIMALS.values()}}
    known = f"known are {', '.join(f'{s.name} ({len(s)})' for s in every.values())}; or a YAML file with their names"
    said = _said(meta, public, path) if wanted is None else None
    of_people = not public.layout.startswith(("deeplabcut", "lightning_pose"))  # those are of any animal
    name = said or (BY_COUNT.get(channels) if wanted is None and of_people else wanted)
    skeleton = name if isinstance(name, Skeleton) else every.get(name or "")
    if skeleton is None:
        what = f"there is no skeleton {wanted!r}" if wanted else f"{path} predicts {channels} joints; name its skeleton"
        raise UserError(f"{what}; {known}")
    rows = list(range(channels))
    if channels == len(UNION) != len(skeleton) and public.layout == "posedual":
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


def _named_size(path: Path) -> tuple[int, int] | None:
    named = re.search(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)", path.name)
    return (int(named[1]), int(named[2])) if named else None


def _moved(name: str, moves: Mapping[str, str]) -> str:
    return next((new + name.removeprefix(old) for old, new in moves.items() if name.startswith(old)), name)


def _filled(
    config: ModelConfig, skeleton: Skeleton, rows: list[int], state: dict[str, Tensor], path: Path
) -> tuple[torch.nn.Module, int, list[str]]:
    """The network with the file's tensors in it, how many those are, and the names of those it has no place for."""
    network = build_model(config, len(skeleton))
    kind = next((kind for kind in ("hrnet", "vit") if config.backbone.startswith(kind)), "resnet")
    mine, moves = network.state_dict(), places(kind, config.options.get("depth", 0))
    names = {_moved(name, moves): name for name in state}
    theirs = {ours: state[name] for ours, name in names.items() if ours in mine}
    for name in {"head.weight", "head.bias"} & theirs.keys():
        theirs[name] = theirs[name][rows]
    needed = [name for name in mine if not name.endswith("num_batches_tracked")]
    wrong = [name for name in needed if name not in theirs or theirs[name].shape != mine[name].shape]
    if wrong:
        first = _moved(wrong[0], {ours: theirs for theirs, ours in moves.items()})
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
