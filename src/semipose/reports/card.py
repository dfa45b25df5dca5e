"""The model card of a run: what its network is, what it learnt from, how good it is and where that ends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semipose.errors import UserError, boundary
from semipose.files import read_json, read_mapping
from semipose.reports.runs import SOURCES, bare, duration, wilson


def card(run: Path, name: str) -> str:
    """Markdown for a hub's README.md, from a run's summary.json, config.yaml and model.json. Files of data are named
    without their folders.

    Raises:
        UserError: the run has not finished.
    """
    if not (run / "summary.json").is_file():
        raise UserError(f"{run} has no summary.json: it has not finished; go on with semipose train --resume {run}")
    with boundary(run, "the folder of a run"):
        summary, description = read_json(run / "summary.json"), read_json(run / "model.json")
        config = read_mapping(run / "config.yaml")
        split = read_json(run / "split.json")["hash"] if (run / "split.json").is_file() else None
        return _text(name, summary, description, config, split)


def _text(
    name: str,
    summary: Mapping[str, Any],
    description: Mapping[str, Any],
    config: Mapping[str, Any],
    split: str | None,
) -> str:
    model, joints = description["model"], description["skeleton"]["joints"]
    data = {key: bare(config.get("data", {}).get(key)) for key in SOURCES}
    took = summary.get("seconds")
    rows = [
        ("network", f"{model['backbone']}, {summary['parameters'][0] / 1e6:.1f} M parameters"),
        ("decoder", model.get("decoder", "deconv")),
        ("input", f"{model['size'][0]}x{model['size'][1]} pixels (height, width), padding {model['padding']:g}"),
        ("method", f"{summary['method']}, {summary['steps']} steps, seed {summary['seed']}"),
        ("labelled samples", f"{summary['labels']} ({data['labeled']})"),
        ("unlabelled samples", f"{summary['unlabeled']} ({data['unlabeled']})"),
        ("validation samples", f"{summary['val_images']} ({_held_back(data['val'])})"),
        ("samples, boxes and labels", f"hash {split}" if split else "not told"),
        ("began from", bare(config.get("model", {}).get("weights"))),
        ("trained with", f"semipose {summary['commit']}"),
        ("on", summary["machine"]),
        ("for", duration(None if took is None else float(took))),
    ]
    facts = "\n".join(f"| {key} | {value} |" for key, value in rows)
    warned = "".join(f"- While it trained: {line}\n" for line in summary.get("warnings", ()))
    return f"""---
library_name: semipose
tags: [pose-estimation, keypoints, semipose]
---

# {name}

A 2D pose network for {len(joints)} keypoints: {", ".join(joints)}.

    semipose predict MODEL photos
    semipose train data.yaml --from hf://{name}

| | |
|---|---|
{facts}

## Scores

{_scores(summary, config)}

## Limits

- The scores are of the validation samples above and of images like them; of others nothing is known.
- Joints that an image does not show are predicted all the same; their score is low.
{warned}"""


def _scores(summary: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    mean = (summary.get("val") or {}).get("mean")
    if not mean:
        return "It was not validated."
    n, share = int(summary["val_images"]), float(mean["pck"])
    low, high = wilson(share, n)
    median = f"; median error {mean['median_error_px']:.2f} pixels" if mean.get("median_error_px") is not None else ""
    measure = f"{str(config.get('measure', 'pck')).upper()}@{config.get('threshold', 0.1):g}"
    return (
        f"{measure} {100 * share:.1f} % on {n} validation samples, 95 % interval {100 * low:.1f} to {100 * high:.1f} %"
        f" (Wilson's, each sample counting once; of one seed, and others differ){median}."
    )


def _held_back(name: str) -> str:
    return "of the labelled data" if name == "none" else name
