"""`semipose evaluate`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

_BARE = {"flip_test": "plain"}


def evaluate(
    run: str | Path,
    *,
    data: str | Path | None = None,
    images: str | Path | None = None,
    threshold: float | None = None,
    decode: Literal["argmax", "quarter", "dark"] | None = None,
    flip_test: Literal["none", "plain", "shift"] | None = None,
    measure: Literal["pck", "pckh", "jdr"] | None = None,
    boxes: str | Path | None = None,
    views: str = "none",
) -> dict[str, Any]:
    """Score a run's networks on labelled data, and write evaluation.json there.

    Joints that the data lacks, by name, are not scored.

    Args:
        run: A run's folder, a model.safetensors, or a folder of imported weights.
        data: Labelled data; the run's validation set by default.
        images: The image folder of a JSON.
        threshold: Of PCK; the run's by default, or with another measure than the run's the usual one: 0.1 for pck, 0.5
            for pckh and jdr.
        decode: How a heatmap's peak becomes a position; the run's by default.
        flip_test: Average with the mirrored image: plain, or shift for cells at corners (SimpleBaseline's and HRNet's
            weights); the run's by default.
        measure: The run's by default; MPII has pckh, Human3.6M jdr.
        boxes: A JSON of a detector's boxes, for AP with them.
        views: Average over views of each crop, as in flip+turn15+scale10: mirrored, turned 15 degrees either way, 10 %
            larger and smaller, beside the plain one.

    Returns: `semipose.metrics.summary.evaluate_predictions`' content, under "coco" each network's AP and AR by
        pycocotools with the data's own boxes, under "error_bars" how often the error bars hold the truth (of a run's
        own validation set, each fifth by bars made from the others), under "detected" AP and AR with `boxes`, under
        "data" on what it was scored, and under "taught" how many of other data's images taught the run.

    Raises:
        UserError: the run has not finished, or the data cannot be read or has none of its joints.

    Example: semipose evaluate runs/dual
    """
    from semipose.inference.evaluate import evaluate_run

    return evaluate_run(run, data, images, threshold, decode, flip_test, measure, boxes, views)


def _print(scores: dict[str, Any], asked: SimpleNamespace) -> None:
    from semipose.metrics.summary import ENSEMBLE, label_of

    alone = len(scores["networks"]) < 2
    rows = {label_of(name, alone): row for name, row in scores["networks"].items()}
    rows |= {} if alone else {"mean": scores["mean"]}
    rows |= {ENSEMBLE: scores[ENSEMBLE]} if ENSEMBLE in scores else {}
    coco_of = {label_of(name, alone): row for name, row in scores["coco"].items()}
    measured = f"{scores['measure'].upper()}@{scores['threshold']:g}"
    print(f"{'network':10s} {measured:>9s} {'swapped':>8s} {'AP':>6s} {'AR':>6s} {'median error':>13s}")
    for name, row in rows.items():
        coco = coco_of.get(name, {})
        pck, swap, ap, ar = map(_percent, (row["pck"], row["swap"], coco.get("AP"), coco.get("AR")))
        middle = "-" if row["median_error_px"] is None else f"{row['median_error_px']:.2f} px"
        print(f"{name:10s} {pck:>9s} {swap:>8s} {ap:>6s} {ar:>6s} {middle:>13s}")
    joints = _listed(scores["mean"]["per_joint"])
    print(f"per joint: {joints}" if joints else f"no {measured}: no sample shows the size that it is a part of")
    mean = scores["mean"]
    if mean.get("occluded") is not None:
        print(f"visible joints alone {_percent(mean['visible'])}, occluded ones {_percent(mean['occluded'])}")
    if "table" in scores["mean"]:
        print(_listed(scores["mean"]["table"]))
    for name, row in scores.get("detected", {}).items():
        print(f"{label_of(name, alone)}, detected boxes: AP {_percent(row['AP'])}, AR {_percent(row['AR'])}")
    if (row := scores.get("found")) is not None:
        middle = "-" if row["median_error_px"] is None else f"{row['median_error_px']:.2f} px"
        finds = f"{row['missed']} of {row['bodies']} bodies without a find, {row['false']} false finds"
        print(f"in boxes that the finder finds: {measured} {_percent(row['pck'])}, median error {middle}; {finds}")
    for name, row in scores.get("error_bars", {}).items():
        within = f"{_percent(row['coverage'])} % of joints within theirs (90 % expected)"
        print(f"{label_of(name, alone)}, error bars: {within}, median radius {row['median_radius_px']:.2f} px")
    if (taught := scores.get("taught")) and taught["images"]:
        print(
            f"{taught['images']} of these {taught['of']} images taught the run with their labels: the scores are better"
            " than on new ones"
        )
    path = Path(asked.run)
    print(f"wrote {path.parent if path.is_file() else path}/evaluation.json")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _listed(values: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {100 * value:.1f}" for name, value in values.items() if value is not None)
