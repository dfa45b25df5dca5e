"""`semipose gap`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from semipose.files import ready, write_atomically

_MARK = rb'"scored": '
"""In every file of this command."""


def gap(
    model: str | Path,
    *,
    val: str | Path | None = None,
    images: str | Path | None = None,
    split: str | Path | None = None,
    views: Sequence[str] | None = None,
    draws: int = 5,
    count: int = 0,
    seed: int = 0,
    threshold: float = 0.1,
    decode: Literal["argmax", "quarter", "dark"] = "quarter",
    device: str = "auto",
    out: str | Path = "gap.json",
    progress: bool = True,
) -> dict[str, Any]:
    """Measure a model under perturbations, and list the pairs that qualify as easy-hard.

    A pair of views is easy-hard when the model is more accurate on the one than on the other (Xie et al. 2021, section
    4.1). What counts is in semipose.inference.perturbation.

    Args:
        model: A run's folder or a model.safetensors.
        val: Labelled data; a run's own validation set by default.
        images: The image folder of a JSON.
        split: A manifest, whose validation samples of --val are used.
        views: Perturbations, as in method.hard: affine45 ra20 affine60+jc5; many by default.
        draws: How often each is drawn; two at least.
        count: How many samples, drawn at random; all by default.
        seed: Of the draws.
        threshold: Of PCK.
        decode: How a heatmap's peak becomes a position.
        device: cpu, cuda, cuda:1, ...
        out: What train --pair takes.

    Returns: the content of `out`: {"views": {name: {"pck", "draws"}}, from easy to hard, "pairs": [{"easy", "hard",
        "gap", "noise", "arguments"}], best first, "method": the first pair as settings, or {} where none qualifies,
        "scored": the share of labelled joints that is in sight of every view, ...}; fractions.

    Raises:
        UserError: data and model have other joints, a view is not understood, or fewer than two draws are asked for.

    Example: semipose gap runs/supervised --val annotations/val.json --out gap.json
    """
    from semipose.inference.perturbation import perturbed

    file = ready(Path(out), _MARK)
    how: dict[str, Any] = {"threshold": threshold, "decode": decode, "device": device, "progress": progress}
    result = perturbed(model, val, images, split, views=views, draws=draws, count=count, seed=seed, **how)
    write_atomically(file, (json.dumps(result, indent=1) + "\n").encode())
    return result


def _print(result: dict[str, Any], asked: SimpleNamespace) -> None:
    measure = f"PCK@{asked.threshold:g}"
    print(f"{'perturbation':16s} {measure:>8s}   lowest and highest of {asked.draws} draws")
    for name, view in result["views"].items():
        low, high = 100 * min(view["draws"]), 100 * max(view["draws"])
        print(f"{name:16s} {100 * view['pck']:7.1f}%   {low:.1f} to {high:.1f}")
    print(f"on {result['images']} samples, the {100 * result['scored']:.0f} % of their joints that every view shows")
    for pair in result["pairs"][:5]:
        print(f"{pair['arguments']}   gap {100 * pair['gap']:.1f}, noise {100 * pair['noise']:.1f} points")
    if not result["pairs"]:
        print("no pair qualifies: no view that only moves the image keeps 90 % of the accuracy and leads beyond noise")
    print(f"{len(result['pairs'])} pairs qualify, best first; wrote {asked.out}")
