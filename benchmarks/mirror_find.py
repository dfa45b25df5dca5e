"""A mouse that a mirror shows twice: one body of 17 joints in whole frames, or two bodies that a finder finds.

    python benchmarks/mirror_find.py --data ../shared/data/mirror_mouse --row one --seeds 0 1 2
    python benchmarks/mirror_find.py --data ../shared/data/mirror_mouse --row two --seeds 0 1 2
    python benchmarks/mirror_find.py --data ../shared/data/mirror_mouse --collect

Both learn from the same 20 labelled frames of a seed, 800 steps of labels alone, with what `semipose init` writes
else; all other labelled frames are for validation. `one`: whole frames at 192x192. `two`: each view is a body, the
joints that both show have one name, and a network at 128x128 looks in the boxes that the finder finds; so both see
about as many pixels of a frame. Median errors are in pixels of the video: `one_px`; `found_px` of two bodies from the
frame to the pose, `own_boxes_px` in the boxes of the validation labels; `missed` and `false` bodies of the finder over
all seeds. A run that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from common import begun, found_errors, write
from semipose.config import Config
from semipose.data.open import open_labeled
from semipose.data.split import Split
from semipose.methods import switched
from semipose.training.once import train_once

LABELS, STEPS, BATCH = 20, 800, 8
SIZES = {"one": [192, 192], "two": [128, 128]}
VIEWS = ("top", "bot")


def parts(joints: Sequence[str]) -> tuple[list[str], dict[str, list[tuple[int, int]]]]:
    """The joints of a body in one view, and of each view (place there, place among all 17): paws, tail and nose have
    one name in both."""
    named = [joint.rpartition("_") for joint in joints]
    both = {stem for stem, _, _ in named if sum(stem == other for other, _, _ in named) == len(VIEWS)}
    names = list(
        dict.fromkeys(stem if stem in both else joint for joint, (stem, _, _) in zip(joints, named, strict=True))
    )
    of: dict[str, list[tuple[int, int]]] = {view: [] for view in VIEWS}
    for place, (joint, (stem, _, view)) in enumerate(zip(joints, named, strict=True)):
        of[view].append((names.index(stem if stem in both else joint), place))
    return names, of


def as_two(project: Path, folder: Path) -> Path:
    """The project as a COCO file, each view an instance, beside a copy of its images."""
    file = folder / "two.json"
    if file.exists():
        return file
    data = open_labeled(str(project))
    assert data.skeleton is not None
    shutil.copytree(project / "labeled-data", folder / "labeled-data", dirs_exist_ok=True)
    names, of = parts(data.skeleton.joints)
    images, annotations = [], []
    for number, sample in enumerate(data):
        height, width = sample.size or (0, 0)
        name = Path(sample.image).relative_to(project.resolve()).as_posix()
        images.append({"id": number, "file_name": name, **({"height": height, "width": width} if height else {})})
        for view in VIEWS:
            points = np.zeros((len(names), 3))
            for there, here in of[view]:
                points[there] = sample.keypoints[here] if sample.keypoints is not None else 0
            if (points[:, 2] > 0).any():
                row = {"id": len(annotations), "image_id": number, "category_id": 1, "iscrowd": 0}
                annotations.append({**row, "keypoints": points.ravel().tolist()})
    category = {"id": 1, "name": "mouse", "keypoints": names, "skeleton": []}
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    return file


def config(row: str, seed: int, asked: argparse.Namespace) -> Config:
    """What init writes for labels alone; both rows have the same labelled frames."""
    split = asked.root / f"one-split{seed}.json"
    base = begun(asked.data.resolve(), asked.root / "one" / "data.yaml", split, LABELS, seed)
    if row == "two":
        chosen, file = Split.load(split), as_two(asked.data, asked.root)
        base = begun(file, asked.root / "two" / "data.yaml", asked.root / f"two-any{seed}.json", LABELS, seed)
        base = replace(base, data=replace(base.data, split=str(same_frames(chosen, file, asked.root, seed))))
    return replace(
        base,
        data=replace(base.data, unlabeled=None),
        model=replace(base.model, size=SIZES[row]),
        method=switched(base.method, "supervised"),
        optim=replace(base.optim, batch=BATCH),
        steps=STEPS,
        seed=seed,
        eval_every=0,
        save_every=200,
        threads=asked.threads,
    )


def same_frames(chosen: Split, file: Path, root: Path, seed: int) -> Path:
    """The split of instances with the frames of another split."""
    out = root / f"two-split{seed}.json"
    data = open_labeled(str(file))

    def of(ids: Sequence[str]) -> tuple[str, ...]:
        frames = {Path(each.partition("#")[0]).name for each in ids}
        return tuple(sample.id for sample in data if Path(sample.image).name in frames)

    Split(data.name, of(chosen.labeled), (), of(chosen.val), seed, "random").save(out)
    return out.resolve()


def record(row: str, seed: int, asked: argparse.Namespace, train: bool) -> dict[str, Any] | None:
    """A run's errors and seconds; None where it is not there, and nothing is to be trained."""
    folder = asked.root / f"{row}-seed{seed}"
    if train:
        folder, _ = train_once(folder, config(row, seed, asked))
    return found_errors(folder) if (folder / "summary.json").exists() else None


def summary(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Means over seeds."""
    one, two = ([run for name, run in runs.items() if name.startswith(row)] for row in ("one", "two"))
    numbers: dict[str, float] = {"seeds": len(one)}
    for name, some, box in (("one", one, "own"), ("found", two, "found"), ("own_boxes", two, "own")):
        numbers[f"{name}_px"] = statistics.mean(run[box]["median_error_px"] for run in some)
        numbers[f"{name}_pck"] = 100 * statistics.mean(run[box]["pck"] for run in some)
    return numbers | {key: sum(run["found"][key] for run in two) for key in ("bodies", "missed", "false")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mirror_mouse"))
    parser.add_argument("--root", type=Path, default=Path("runs/mirror_find"))
    parser.add_argument("--row", action="append", choices=("one", "two"))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--collect", action="store_true", help="write the record of what is finished")
    asked = parser.parse_args()
    asked.root = asked.root.resolve()
    asked.root.mkdir(parents=True, exist_ok=True)
    runs: dict[str, Any] = {}
    for seed in asked.seeds:
        for row in asked.row or ("one", "two"):
            if (run := record(row, seed, asked, not asked.collect)) is not None:
                runs[f"{row}-seed{seed}"] = run
                print(f"{row}-seed{seed}", json.dumps(run), flush=True)
    if asked.collect:
        write("mirror_find", {key: round(value, 3) for key, value in summary(runs).items()}, runs)


if __name__ == "__main__":
    main()
