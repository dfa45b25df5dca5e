"""The verbs that say what to label next, `audit` and `pick`: their options, and what is printed."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

FORMATS = ("dlc", "sleap", "label-studio", "cvat", "coco")

Verb = Callable[..., argparse.ArgumentParser]


def add_verbs(verb: Verb) -> None:
    """Adds both to the command line; `verb` makes one from its name, function, description and example."""
    add = verb(
        "audit",
        audit,
        "a model's predictions on unlabelled images as a page, worst first by uncertainty and disagreement",
        "audit runs/dual --count 100 --out audit",
    ).add_argument
    _source(add)
    add("--count", type=int, default=48, help="how many the page shows; audit.json and audit.csv have all")
    add("--out", type=Path, default=Path("audit"), help="folder of audit.html, audit.json and audit.csv")

    add = verb(
        "pick",
        pick,
        "choose images to label next, uncertain and different ones, and write them with predictions filled in",
        "pick 20 runs/dual --format sleap --out next",
    ).add_argument
    add("count", type=int, metavar="N", help="how many")
    _source(add)
    add("--format", choices=FORMATS, default="dlc", help="of the tool to label in; dlc is DeepLabCut")
    add("--confidence", type=float, default=0.2, help="joints below it are left for you to place")
    add("--scorer", help="for DeepLabCut; by default that of the project which the labels are from")
    add("--out", type=Path, default=Path("picked"), help="a new folder for pictures and labels")


def _source(add: Callable[..., argparse.Action]) -> None:
    add("model", type=Path, metavar="MODEL", help="a run's folder, whose networks are all asked, or model.safetensors")
    add("data", nargs="?", metavar="DATA", help="a data.yaml, or images and videos; a run's own unlabelled by default")
    add("--frames", help="of videos: all, rate2 (two a second), uniform500 or diverse500")
    add("--boxes", help="a JSON of boxes, or people, found by a detector; without, each image or frame is one box")
    add("--device", default="auto", help="cpu, cuda, cuda:1, ...")
    add("--seed", type=int, default=0, help="of the views")


def audit(a: argparse.Namespace) -> None:
    from semipose.verbs.audit import audit

    found = audit(
        a.model, a.data, out=a.out, count=a.count, frames=a.frames, boxes=a.boxes, device=a.device, seed=a.seed
    )
    print(found["sentence"])
    for sample in found["samples"][:3]:
        joint = max(zip(sample["trouble"], found["joints"], strict=True))[1]
        print(f"{sample['score']:.2f}  {sample['id']}, worst joint {joint}")
    print(f"wrote {a.out}/audit.html, {a.out}/audit.json, {a.out}/audit.csv")


def pick(a: argparse.Namespace) -> None:
    from semipose.verbs.pick import pick

    how = {"form": a.format, "confidence": a.confidence, "scorer": a.scorer}
    source = {"frames": a.frames, "boxes": a.boxes, "device": a.device, "seed": a.seed}
    found = pick(a.count, a.model, a.data, out=a.out, **how, **source)
    if found.remark:
        print(f"{found.remark}, so images that are labelled already may be among these")
    print(
        f"{len(found.images)} images to label, with predictions; wrote {', '.join(str(file) for file in found.files)}"
    )
