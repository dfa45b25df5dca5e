"""`semipose show-mix`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from semipose.errors import UsageError


def show_mix(
    model: str | Path,
    *,
    data: str | Path | None = None,
    images: str | Path | None = None,
    seed: int = 0,
    step: int = 0,
    out: str | Path = "mix.png",
    **settings: Any,
) -> dict[str, Any]:
    """Draw a group of images as MUM and Pose-MUM mix them, with heatmaps before and after unmixing.

    Settings of the method can follow, as --method.mix_chance=1, and are laid over the run's. A run whose method
    does not mix is shown with Pose-MUM's.

    Args:
        model: A run's folder or a model.safetensors.
        data: Images, with boxes or labels; a run's own unlabelled ones by default.
        images: The image folder of a JSON.
        seed: Of which images, views and permutations.
        step: Another step of the same seed.
        out: The picture.

    Returns: {"out", "mixed": the stages that mixed, "unmixed": where, "moved": stage -> the share of tiles that are of
        another image then}.

    Raises:
        UserError: no such model or data, or the model does not fit the mixing.

    Example: semipose show-mix runs/pose_mum --out mix.png
    """
    from semipose.papers.configure import nested
    from semipose.reports.mixing import draw_group

    layer = nested(settings)
    method = layer.pop("method", {})
    if layer:
        raise UsageError(f"show-mix takes settings of the method, as --method.mix_chance=1, not {', '.join(layer)}")
    return draw_group(model, data, images, out, seed, step, method)


def _print(result: dict[str, Any], asked: SimpleNamespace) -> None:
    for name, share in result["moved"].items():
        print(f"{name:8s} {100 * share:3.0f} % of the tiles are of another image")
    print(f"unmixed after {result['unmixed']}; wrote {result['out']}")
