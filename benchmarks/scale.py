"""How time and memory grow from a thousand images to a million: opening, the first step, check, split, pick, audit.

    python benchmarks/scale.py                          # into a temporary folder, removed at the end
    python benchmarks/scale.py --sizes 1000 10000 --dry # nothing is recorded
    python benchmarks/scale.py --parts check pick       # these alone; the rest stays as it is recorded

The images are hard links to a few small pictures. Each measurement is a process of its own: its processor time, and the
most memory it had. `step` is a training up to its first step, crops cut and written (`cold`) or there (`warm`).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

SIZES = (1_000, 10_000, 100_000, 1_000_000)
PARTS = {
    "folder": 10**6,
    "list": 10**5,
    "json": 10**5,
    "boxes": 10**6,
    "split": 10**6,
    "cold": 10**6,
    "warm": 10**6,
    "check": 10**6,
    "choose": 10**5,
    "pick": 10**5,
    "audit": 10**5,
}
"""What is measured, and up to how many images."""
LINKS, A_FOLDER = 50_000, 10_000
"""Links to one picture, and names in one folder."""
COUNT = 200
"""Images that are picked."""


def names(count: int) -> list[str]:
    return [f"{n // A_FOLDER:03d}/frame{n % A_FOLDER:05d}.bmp" for n in range(count)]


def make(root: Path, count: int) -> None:
    """A folder of pictures, a list of them, a JSON of them, and one of a box in each."""
    import cv2
    import numpy as np

    rng, base = np.random.default_rng(0), root / f"{count}"
    every = names(count)
    for folder in dict.fromkeys(name.split("/")[0] for name in every):
        (base / "images" / folder).mkdir(parents=True)
    for start in range(0, count, LINKS):
        first = base / f"picture{start}.bmp"
        noise = cv2.resize(rng.integers(0, 255, (8, 6, 3), np.uint8), (48, 64), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(first), noise)
        for name in every[start : start + LINKS]:
            os.link(first, base / "images" / name)
    (base / "list.txt").write_text("\n".join(f"images/{name}" for name in every))
    (base / "images.json").write_text(json.dumps({"images": [{"file_name": name} for name in every]}))
    boxes = [{"image_id": name, "bbox": [1.5, 2.5, 40.25, 50.75], "score": 0.875} for name in every]
    (base / "boxes.json").write_text(json.dumps(boxes))


def opened(root: Path, count: int, source: str = "images", images: str | None = None) -> Any:
    from semipose.data.open import open_unlabeled

    base = root / str(count)
    data = open_unlabeled(base / source, base / images if images else None)
    assert len(data) == count
    return data


def config(root: Path, count: int, labeled: int = 16) -> Any:
    """What is trained: labelled synthetic people, and the folder."""
    from semipose.config import Config
    from semipose.config.resolve import resolve

    people = f"synth:studio?count={labeled}"
    data = {"labeled": people, "unlabeled": str(root / str(count) / "images"), "store": "jpeg"}
    layer = {
        "data": {**data, "cache": str(root / str(count) / "cache"), "reach": 10.0},
        "model": {"backbone": "tf_efficientnet_lite0", "weights": "none", "size": [64, 64], "deconv": [64, 64, 64]},
        "method": {"name": "single"},
        "optim": {"batch": 16, "unlabeled_batch": 16},
        "steps": 3,
        "threads": 1,
        "accelerator": "cpu",
    }
    return resolve(Config(), layer)


def step(root: Path, count: int) -> dict[str, float]:
    """A training up to its first step, and three steps."""
    from semipose.training.loop import Training, run_training
    from semipose.training.rundir import RunDir

    began, stepped, past = time.monotonic(), list[float](), Training._after

    def noted(self: Training, *due: Any) -> None:
        stepped.append(time.monotonic() - began)
        past(self, *due)

    Training._after = noted  # type: ignore[method-assign]
    shutil.rmtree(root / str(count) / "run", ignore_errors=True)
    run_training(config(root, count), RunDir.create(root / str(count) / "run"), progress=False)
    return {"first_step": round(stepped[0], 2)}


def check(root: Path, count: int) -> None:
    from semipose.data.checks.check import check as look
    from semipose.data.open import open_labeled

    report = look(None, opened(root, count), open_labeled("synth:wild?count=100"), progress=False)
    assert report.sets[0].images == count


def split(root: Path, count: int) -> None:
    """Of labelled samples that are in memory."""
    import numpy as np

    from semipose.data.sample import PoseData, Sample
    from semipose.data.split import make_split
    from semipose.skeleton import Skeleton

    points = np.ones((1, 3), np.float32)
    samples = (Sample(name, f"/data/{name}", (0, 0, 9, 9), points) for name in names(count))
    data = PoseData("data", Skeleton("one", ("nose",)), samples)
    made = make_split(data, count // 10, count // 10)
    made.save(root / str(count) / "split.json")
    assert sum(map(len, made.apply(data))) == count


def choose(root: Path, count: int) -> None:
    """The choice among images that networks have looked at, the labelled a hundredth."""
    import numpy as np

    from semipose.data.checks.duplicates import Print
    from semipose.inference.next_labels import Looks
    from semipose.inference.next_labels import choose as choose_among

    rng = np.random.default_rng(0)

    def looks(n: int) -> Looks:
        features = rng.normal(size=(n, 320)).astype(np.float32)
        marks = zip(rng.integers(0, 255, (n, 8), np.uint8), rng.integers(0, 255, (n, 32, 32), np.uint8), strict=True)
        return Looks(features / np.linalg.norm(features, axis=1, keepdims=True), [Print(*mark) for mark in marks])

    many, labeled = looks(count), looks(max(1, count // 100))
    assert len(choose_among(many, rng.uniform(size=count), COUNT, [labeled])) == COUNT


def network(root: Path, count: int) -> Path:
    """A run of a small untrained network."""
    import yaml

    from semipose.config import to_dict
    from semipose.config.resolve import resolve
    from semipose.models.weights import save_model
    from semipose.skeleton import LSP
    from semipose.training.networks import build_networks

    small = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "output_stride": 16}
    model = {"backbone": "resnet18", "options": small, "size": [64, 48], "deconv": [8, 8, 8]}
    made, run = resolve(config(root, count), {"model": model}), root / str(count) / "small"
    run.mkdir(exist_ok=True)
    (run / "config.yaml").write_text(yaml.safe_dump(to_dict(made)))
    save_model(run / "model", build_networks(made, LSP)[0], made.model, LSP)
    return run


def pick(root: Path, count: int) -> None:
    """The whole command; most pictures are copies of others, so one is picked."""
    from semipose.verbs.pick import pick as verb

    out = root / str(count) / "picked"
    shutil.rmtree(out, ignore_errors=True)
    assert len(verb(network(root, count), count=1, format="coco", device="cpu", out=out, progress=False).images) == 1


def audit(root: Path, count: int) -> None:
    from semipose.verbs.audit import audit as verb

    found = verb(network(root, count), count=8, device="cpu", out=root / str(count) / "audit", progress=False)
    assert len(found["samples"]) == count


MEASURED: dict[str, Callable[[Path, int], Any]] = {
    "folder": opened,
    "list": lambda root, count: opened(root, count, "list.txt"),
    "json": lambda root, count: opened(root, count, "images.json", "images"),
    "boxes": lambda root, count: opened(root, count, "boxes.json", "images"),
    "split": split,
    "cold": step,
    "warm": step,
    "check": check,
    "choose": choose,
    "pick": pick,
    "audit": audit,
}


def child(part: str, root: Path, count: int) -> None:
    """Measure one thing, and print it."""
    import torch  # that all have in common

    torch.set_num_threads(1)
    start, wall = time.process_time(), time.monotonic()
    more = MEASURED[part](root, count)
    seconds = {"seconds": round(time.process_time() - start, 2), "wall": round(time.monotonic() - wall, 2)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps({**seconds, "rss_mb": peak, **(more if isinstance(more, dict) else {})}))


def measured(part: str, root: Path, count: int) -> dict[str, float]:
    words = [sys.executable, __file__, "--child", part, "--root", str(root), "--sizes", str(count)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{part} of {count}: {done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{part:7s} {count:9,d} {found}", flush=True)
    return found


def exponent(runs: dict[str, dict[str, float]]) -> float:
    """The steepest growth of processor time from one size to the next, at most ten times as many, where it takes a
    second."""
    rows = [(int(n), run["seconds"]) for n, run in runs.items()]
    pairs = pairwise(rows)
    return max((math.log(t / s) / math.log(n / m) for (m, s), (n, t) in pairs if t >= 1 and n <= 10 * m), default=0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--root", type=Path, help="an empty folder to work in")
    parser.add_argument("--dry", action="store_true", help="record nothing")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.root, options.sizes[0])
        return
    runs: dict[str, dict[str, Any]] = {part: {} for part in options.parts}
    with tempfile.TemporaryDirectory(dir=options.root) as folder:
        for count in options.sizes:
            make(Path(folder), count)
            for part in options.parts:
                if count <= PARTS[part]:
                    runs[part][str(count)] = measured(part, Path(folder), count)
            shutil.rmtree(Path(folder) / str(count))
    record(runs, options.dry)


def record(runs: dict[str, dict[str, Any]], dry: bool = False, **more: str) -> None:
    """Print how things grow, and write scale.json: what is measured beside what is recorded of other parts and sizes,
    which keeps the commit that it is of."""
    from common import write
    from records import load
    from semipose.provenance import commit

    if not dry:
        before = load("scale")
        for part, rows in before["runs"].items():
            kept = {count: {"commit": before["commit"], **run} for count, run in rows.items()}
            now = {count: {"commit": commit(), **run} for count, run in runs.get(part, {}).items()}
            runs[part] = dict(sorted((kept | now).items(), key=lambda row: int(row[0])))
        runs = {part: runs[part] for part in PARTS if part in runs}
    growth = {part: round(exponent(each), 3) for part, each in runs.items()}
    print(growth)
    if not dry:
        sizes = [int(n) for each in runs.values() for n in each]
        low, high = str(min(sizes)), str(max(sizes))
        both = [rows for rows in runs.values() if {low, high} <= rows.keys()]
        summary = {
            "rss_mb_1k": max(runs[part][low]["rss_mb"] for part in ("cold", "warm")),
            "rss_mb_1m": max(runs[part][high]["rss_mb"] for part in ("cold", "warm")),
            "first_step_s_1m": runs["cold"][high]["first_step"],
            "first_step_warm_s_1m": runs["warm"][high]["first_step"],
            "pick_s_100k": runs["choose"]["100000"]["seconds"],
            "rss_ratio_max": round(max(rows[high]["rss_mb"] / rows[low]["rss_mb"] for rows in both), 3),
            "growth_exponent_max": max(growth.values()),
        }
        write("scale", summary, runs, growth=growth, **more)


if __name__ == "__main__":
    main()
