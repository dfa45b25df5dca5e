"""`semipose import-weights`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from semipose.skeleton import Skeleton

if TYPE_CHECKING:
    from semipose.models.public import ImportedWeights


def import_weights(
    file: str | Path,
    out: str | Path,
    *,
    size: tuple[int, int] | None = None,
    skeleton: str | Skeleton | None = None,
    bgr: bool | None = None,
) -> ImportedWeights:
    """Read a public checkpoint of SimpleBaseline, HRNet, PoseDual, MMPose, ViTPose, DeepLabCut or Lightning Pose.

    Args:
        file: The checkpoint.
        out: Folder for model.safetensors and model.json; of PoseDual also model-b.
        size: The input's height and width; from the file's name by default.
        skeleton: coco, mpii, superanimal_quadruped, ..., or a YAML file that names the joints; by default as the file,
            what lies beside it, or the number of joints says.
        bgr: Blue first; as the layout was published by default.

    Returns: the layout, the network's configuration and skeleton, what was taken and left out, and the files.

    Raises:
        UserError: the file cannot be read, its layout is not known, tensors are missing or of another shape, the
            skeleton has another number of joints, or the folder holds a model already.

    Example: semipose import-weights pose_resnet_50_256x192.pth.tar weights/resnet50
    """
    from semipose.models.public import import_weights as read

    return read(file, out, size, skeleton, bgr)


def _print(result: ImportedWeights, asked: SimpleNamespace) -> None:
    from semipose.models.size import size

    config, joints = result.config, result.skeleton
    print(
        f"{result.layout}: {config.backbone} ({size(config, len(joints))}) for {len(joints)} joints ({joints.name}),"
        f" input {config.size[0]}x{config.size[1]}, {'BGR' if config.bgr else 'RGB'}"
    )
    rest = f": {', '.join(_grouped(result.left_out))}" if result.left_out else ""
    print(f"{result.matched} tensors matched, {len(result.left_out)} of the file have no place{rest}")
    print(f"wrote {', '.join(map(str, result.files))}")


def _grouped(names: Sequence[str]) -> list[str]:
    """Names of tensors; of many, how they begin, with how many do."""
    if len(names) <= 5:
        return [*names]
    begin = Counter(".".join(name.split(".")[:3]) for name in names)
    return [f"{start} ({count})" for start, count in begin.items()]
