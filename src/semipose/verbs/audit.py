"""`semipose audit`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from semipose.errors import UserError
from semipose.files import ready, write_parts

_MARKS = {"json": rb'"formula": "trouble = mean', "csv": rb"^sample,score,joint,x,y,confidence,doubt"}
"""In every file of this command, by its ending."""


def audit(
    model: str | Path,
    data: str | Path | None = None,
    *,
    count: int = 48,
    frames: str | None = None,
    boxes: str | None = None,
    device: str = "auto",
    seed: int = 0,
    out: str | Path = "audit",
    progress: bool = True,
) -> dict[str, Any]:
    """List a model's predictions on unlabelled images, worst first, as a page.

    Worst is where the networks are unsure, and where they and the views disagree; what the numbers are is in
    semipose.inference.uncertainty.

    Args:
        model: A run's folder, whose networks are all asked, or a model.safetensors.
        data: A data.yaml, or images and videos; a run's own unlabelled by default.
        count: How many the page shows; audit.json and audit.csv have all.
        frames: Of videos: all, rate2 (two a second), uniform500 or diverse500.
        boxes: A JSON of boxes, or people, found by a detector; without, what the run's finder finds, and of a run that
            has none each image or frame is one box.
        device: cpu, cuda, cuda:1, ...
        seed: Of the views.
        out: Folder of audit.html, audit.json and audit.csv.

    Returns: the content of audit.json: {"sentence", "formula", "joints": {joint: {"confidence", "doubt",
        "disagreement", "trouble": means, "worst": share of the samples that it is the worst joint of}}, "samples":
        [{"id", "image", "box", "score", "keypoints": (K, 3) x, y, confidence in image pixels, "doubt", "disagreement",
        "trouble": (K,)}], worst first, "unfound": ids of images in which the finder finds no body, ...}.

    Raises:
        UserError: there are no unlabelled images, the model or the images cannot be read, or `out` not written.

    Example: semipose audit runs/dual --count 100 --out audit
    """
    import numpy as np

    from semipose.inference.uncertainty import FORMULA, judge, open_both, unfound_in
    from semipose.reports.audit import document, page, summary, table
    from semipose.reports.html import PAGE

    if count < 1:
        raise UserError(f"audit shows {count} images; ask for one or more with --count")
    folder = Path(out)
    opened = open_both(model, data, frames, boxes)
    for suffix, mark in {**_MARKS, "html": PAGE}.items():
        ready(folder / f"audit.{suffix}", mark)
    judgement = judge(opened, device, seed, progress)
    order = np.argsort(-judgement.score, kind="stable").tolist()
    unfound = {"unfound": list(opened.unlabeled.unfound), "remark": unfound_in(opened.unlabeled)}
    content = {"model": str(model), "formula": FORMULA, **unfound, **summary(judgement, order)}
    write_parts(folder / "audit.json", document(content))
    write_parts(folder / "audit.csv", table(judgement, order))
    page(content, judgement, order[:count], folder / "audit.html")
    return content


def _print(result: dict[str, Any], asked: SimpleNamespace) -> None:
    print(result["sentence"])
    if result["remark"]:
        print(result["remark"])
    for sample in result["samples"][:3]:
        joint = max(zip(sample["trouble"], result["joints"], strict=True))[1]
        print(f"{sample['score']:.2f}  {sample['id']}, worst joint {joint}")
    print(f"wrote {asked.out}/audit.html, {asked.out}/audit.json, {asked.out}/audit.csv")
