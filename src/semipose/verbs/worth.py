"""`semipose worth`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from semipose.config import Config
from semipose.errors import UsageError
from semipose.files import refuse_foreign, write_atomically


def worth(
    data: str | Path | Mapping[str, Any] | None = None,
    *,
    config: str | Path | Config | None = None,
    method: str | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    labels: int | None = None,
    curve: bool = True,
    out: str | Path = "worth",
    progress: bool = True,
    **settings: Any,
) -> dict[str, Any]:
    """Compare semi-supervised training with the best supervised one on the same labels: is it worth it?

    Supervised training is trained plainly and as a control, its labelled images seen as the method's student sees the
    unlabelled ones; the better is compared with, and trained with fewer and more labels, to say how many more labels
    would do as much. All take the same number of steps of as many labelled images. A finished run of the same
    configuration and data is reused, an interrupted one goes on. Any setting can follow as --section.key=value.

    Args:
        data: A data.yaml, as of train.
        config: A YAML file of settings, such as a run's config.yaml.
        method: The semi-supervised one; the configuration's where it is left out, as of train, or guarded.
        seeds: Three or more give an interval.
        labels: How many to compare with; fewer than there are leave room for other draws.
        curve: The best supervised training with fewer and more labels.
        out: Folder of runs, worth.json, worth.md and worth.html.

    Returns: the content of worth.json: {"sentence", "verdict": "gain", "loss" or "unclear",
        "base": "supervised" or "control", "control": its view of labelled images (null: not trained),
        "methods": {name: {"pck", "median_error_px", "seconds": ESTIMATE}},
        "difference": {"pck", "median_error_px": ESTIMATE of method - base},
        "kept": {"taught", "runs"} of guarded (null of others): how often the network taught with unlabelled images,
        "joints": {joint: {name: {"pck", "median_error_px": mean}, "difference": ESTIMATE of PCK}},
        "curve": [{"labels", "pck", "median_error_px": ESTIMATE}] of base,
        "more_labels": {"about", "low", "high", "why"}, ...},
        ESTIMATE = {"mean", "spread", "low", "high"} over seeds; fractions, and pixels of the images.

    Raises:
        UserError: no validation or unlabelled data, too few labels, an unknown method, or a training failed.
        Stopped: a signal stopped a training, with its checkpoint saved; the same call goes on.

    Example: semipose worth data.yaml --seeds 0 1 2 --labels 50
    """
    from semipose.config.resolve import read_yaml
    from semipose.papers.configure import configure, has_settings, nested
    from semipose.reports.html import PAGE
    from semipose.reports.worth import markdown, page, sentence
    from semipose.training.comparison import compare

    if data is None and config is None:
        raise UsageError("name a data.yaml; semipose init writes one for a folder")
    base = config if isinstance(config, Config) else None if config or has_settings(data) else "auto"
    layers = [read_yaml(Path(config))] if isinstance(config, str | Path) else []
    laid = nested(settings)
    if method is not None:  # in one layer with its options, which are kept whatever the method before has by default
        laid["method"] = {**laid.get("method", {}), "name": method}
    chosen = configure(base, data, *layers, laid)
    for suffix, mark in {"json": rb'^{\s*"sentence": ', "md": b"^# Is it worth it", "html": PAGE}.items():
        refuse_foreign(Path(out, f"worth.{suffix}"), mark)
    result = compare(chosen, method, seeds, labels, curve=curve, out=Path(out), progress=progress)
    result = {"sentence": sentence(result), **result}
    text = json.dumps(result, indent=1, allow_nan=False)
    write_atomically(Path(out, "worth.json"), f"{text}\n".encode())
    write_atomically(Path(out, "worth.md"), markdown(result).encode())
    page(result, Path(out, "worth.html"))
    return result


def _print(result: dict[str, Any], asked: SimpleNamespace) -> None:
    print(result["sentence"])
    print(f"wrote {asked.out}/worth.json, {asked.out}/worth.md, {asked.out}/worth.html")
