"""What a job of the browser runs, as a process of its own: `python -m semipose.browser.work RECORD VERB ...` is
`semipose VERB ...`, and leaves its exit code in RECORD; `queue` is `pick` with the pictures' predictions beside it.
"""

from __future__ import annotations

import csv
import json
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from semipose.files import read_json, write_atomically

QUEUE = "queue.json"


def main(words: Sequence[str]) -> int:
    """Run a job; its exit code."""
    record, verb, *rest = words
    code = 1
    try:
        if verb == "queue":
            make_queue(*rest)
            code = 0
        else:
            code = _verb([verb, *rest])
    finally:
        write_atomically(Path(record), json.dumps({"code": code}).encode())
    return code


def _verb(words: Sequence[str]) -> int:
    """The command line itself; it lies above this."""
    sys.argv = ["semipose", *words]
    try:
        runpy.run_module("semipose", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def make_queue(run: str, data: str, count: str, folder: str) -> None:
    """Choose pictures to label next, and write queue.json: which they are, first choice first, and what is predicted in
    them, with error bars where the model has them."""
    from semipose.inference.files import predict_files
    from semipose.inference.next_labels import choose_images

    out = Path(folder)
    picked = choose_images(int(count), run, data, "coco", out / "picked", progress=False)
    predict_files(run, out / "picked" / "images", out / "predicted", None, False, formats=["csv"], progress=False)
    document = read_json(out / "picked" / "annotations.json")
    with (out / "picked" / "picked.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [row["file_name"] for row in document["images"]]
    items = [
        {"ref": ref, "file": name.removeprefix("images/"), "score": float(row["score"]), "joint": row["worst_joint"]}
        for ref, name, row in zip(picked.images, names, rows, strict=True)
    ]
    write_atomically(out / QUEUE, json.dumps({"run": run, "items": items}).encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
