"""A project of one's own: how much a video without labels adds to a few labelled frames.

    python benchmarks/bring_your_own.py openfield --data ../shared/data/openfield/project
    python benchmarks/bring_your_own.py openfield_large --data ../shared/data/openfield/project
    python benchmarks/bring_your_own.py openfield_crops --data ../shared/data/openfield/project
    python benchmarks/bring_your_own.py mirror_mouse --data ../shared/data/mirror_mouse
    python benchmarks/bring_your_own.py openfield_muon --data ../shared/data/openfield/project
    python benchmarks/bring_your_own.py mirror_mouse_muon --data ../shared/data/mirror_mouse

The last two have the guarded method, which keeps the better of MUM and of labels alone, and learn by Muon. The others
were recorded when init chose Single; they are described here as they were.

`openfield`: DeepLabCut's example (Mathis et al. 2018), a mouse in a box, 4 joints: 20 labelled frames, and a video of
another mouse. `semipose init` writes the settings, its method among them (Single, with affine and one Joint Cutout, for
half of the steps with labels alone; `openfield_large` was recorded before that was so, and has no such burn-in); here
the batch is smaller, and the whole frames are 128x96, half of init's width. `openfield_large`: at init's own
256x192. `openfield_crops`: a box around the mouse, of the labels' extent, and in the frames without labels of what the
supervised run of `openfield` with the same labels finds there. `mirror_mouse`: Lightning Pose's example, a mouse seen
twice through a mirror, 17 joints, some missing: 30 labelled frames, and a video, whole frames at 96x96.

Batch, rate and steps were settled by the time of a step and by supervised training on the small frames alone (tries
that were not recorded: 24.7, 12.8 and 10.6 px after 300, 800 and 1,600 steps; a rate of 3e-3 was worse), before a
semi-supervised run was scored; the other sizes take them as they are. Supervised and Single take the same steps of the
same labels; each seed draws other labelled frames, and all the others are for validation. Frames of one video are
alike, so these scores say nothing of other animals.

Two things in what `init` writes were chosen with other labelled frames (seed 10): milder views than Affine 30 and 60
for a held body, by supervised training first, and the burn-in, of crops. `--tried` trains what was tried there, and
writes <study>_tried.json.

The median error is of a run's validation joints, in pixels of the video. Then means over seeds. Beside it, by run, the
error on the frames that it was trained with, and for crops the validation error in boxes that were found, not those of
the labels. `--try 3` trains three steps of everything and records nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common import run_once, write
from figures import comparison_picture
from semipose import init
from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.data.datasets import open_pool, open_sets
from semipose.data.images import read_image
from semipose.data.split import make_split
from semipose.inference.boxes import Finder, finder_of
from semipose.inference.predictor import Boxes, Predictor
from semipose.methods import switched
from semipose.metrics.seeds import estimate
from semipose.papers.configure import configure

STEPS, BATCH, FRAMES = 800, 4, "uniform500"
"""A step of 4 + 4 images of 96x128 takes a core 0.24 s supervised and 0.5 s by Single."""


class Study(NamedTuple):
    """How many frames are labelled, the network's input (height, width; `init`'s where it is None), of crops the study
    whose supervised runs find the boxes, and the method beside supervised training."""

    labels: int
    size: tuple[int, int] | None = None
    finds: str | None = None
    method: str = "single"


STUDIES = {
    "openfield": Study(20, (96, 128)),
    "openfield_large": Study(20),
    "openfield_crops": Study(20, (128, 128), "openfield"),
    "mirror_mouse": Study(30, (96, 96)),
    "openfield_muon": Study(20, (96, 128), method="guarded"),
    "mirror_mouse_muon": Study(30, (96, 96), method="guarded"),
}


REFINED = {"burn_in": 0.5, "teach": "refined0.4"}
TRIED: dict[str, tuple[str, int, int, int, dict[str, Any]]] = {
    "supervised_affine30": ("supervised", 30, 60, 5, {}),
    "single_affine60_refined": ("single", 30, 60, 5, REFINED),
    "supervised_affine10": ("supervised", 10, 30, 1, {}),
    "single_affine30": ("single", 10, 30, 1, {}),
    "single_affine30_refined": ("single", 10, 30, 1, REFINED),
    "single_affine60_burn_in": ("single", 30, 60, 1, {"burn_in": 0.5}),
}
"""Method, affine range of the easy view and of the hard one, cutouts, and more; refined: after half of the steps with
labels alone, taught by threshold-and-refine."""
TRIED_SEED = 10


def config(name: str, method: str, seed: int, options: argparse.Namespace, root: Path) -> Config:
    """One run: what `semipose init` wrote, with another size, or boxes."""
    study, file, split = STUDIES[name], root / "data.yaml", root / f"split{seed}.json"
    if not file.exists():
        init(options.data, out=file)
    base = configure(None, file)
    if not split.exists():
        pool = open_pool(base.data)
        make_split(pool, study.labels, len(pool) - study.labels, seed=seed).save(split)
    base = replace(
        base,
        data=replace(base.data, split=str(split.resolve()), frames=FRAMES, cache=str(root / "cache")),
        model=replace(base.model, size=list(study.size or base.model.size)),
        method=switched(base.method, method),
        optim=replace(base.optim, batch=BATCH, unlabeled_batch=BATCH),
        steps=options.dry or STEPS,
        seed=seed,
        eval_every=0,
        save_every=100,
        threads=options.threads,
    )
    if study.method == "guarded":
        muon = replace(base.optim, name="muon", lr=0.02, schedule="cosine", restart=0.5)
        base = replace(base, optim=muon, model=replace(base.model, deconv=[128, 128, 128]))
    if study.finds is None:
        return base
    boxes = {"boxes": "labels", "unlabeled_boxes": str(first(study.finds, seed, options, root))}
    return replace(base, data=replace(base.data, **boxes), model=replace(base.model, padding=1.25))


def first(name: str, seed: int, options: argparse.Namespace, root: Path) -> Path:
    """The supervised run of another study, with the same labels, which is trained where it is missing."""
    there = (options.finds or root.parent / name).resolve()
    there.mkdir(parents=True, exist_ok=True)
    run = f"supervised-seed{seed}"
    run_once(run, config(name, "supervised", seed, options, there), there)
    return there / run


def errors_px(folder: Path, part: str, finder: Finder | None = None) -> float:
    """A run's median error in pixels of the video on one part of its data, `labeled` or `val`: in the boxes that it has
    there, or in those that `finder` finds, in the whole frame where it finds none."""
    settings = resolve(Config(), read_yaml(folder / "config.yaml"))
    samples = list(getattr(open_sets(settings.data, False, finder_of), part))
    boxes: list[Boxes | None] = [[sample.box] for sample in samples]
    if finder is not None:
        detect = finder.load()
        boxes = [[row[:4] for row in detect(read_image(sample.image))[:1]] or None for sample in samples]
    poses = Predictor.load(folder).pairs((s.image, box) for s, box in zip(samples, boxes, strict=True))
    errors = []
    for sample, (pose,) in zip(samples, poses, strict=True):
        seen = sample.keypoints[:, 2] > 0
        errors += np.linalg.norm(pose.xy - sample.keypoints[:, :2], axis=1)[seen].tolist()
    return round(float(np.median(errors)), 2)


def study(name: str, options: argparse.Namespace, root: Path) -> None:
    """Train what is missing, then write the result and a picture."""
    root.mkdir(parents=True, exist_ok=True)
    runs, methods = {}, ("supervised", STUDIES[name].method)
    for seed in options.seeds:
        for method in methods:
            run = f"{method}-seed{seed}"
            runs[run] = run_once(run, config(name, method, seed, options, root), root)

    def scores(method: str, key: str) -> list[float]:
        return [runs[f"{method}-seed{seed}"]["val"]["mean"][key] for seed in options.seeds]

    errors, pck = ({m: scores(m, key) for m in methods} for key in ("median_error_px", "pck"))
    supervised, semi = (float(np.mean(errors[method])) for method in methods)
    summary = {
        "supervised_median_error_px": round(supervised, 3),
        "semi_median_error_px": round(semi, 3),
        "error_ratio": round(semi / supervised, 4),
        "supervised_pck": round(100 * float(np.mean(pck["supervised"])), 2),
        "semi_pck": round(100 * float(np.mean(pck[methods[1]])), 2),
    }
    about: dict[str, Any] = {
        "labels": STUDIES[name].labels,
        "labelled_frames_error_px": {run: errors_px(root / run, "labeled") for run in runs},
        "error_difference_px": estimate(np.subtract(errors[methods[1]], errors["supervised"]).tolist())._asdict(),
        "pck_difference": estimate(np.subtract(pck[methods[1]], pck["supervised"]).tolist())._asdict(),
    }
    if finds := STUDIES[name].finds:
        finders = {seed: finder_of(first(finds, seed, options, root)) for seed in options.seeds}
        about["found_boxes_error_px"] = {
            run: errors_px(root / run, "val", finders[record["config"]["seed"]]) for run, record in runs.items()
        }
    if STUDIES[name].method == "guarded":
        about["guard"] = {run: record["guard"] for run, record in runs.items() if "guard" in record}
    picture = (root if options.dry else Path(__file__).parents[1] / "docs" / "results") / f"{name}.jpg"
    shown = [root / f"{method}-seed{options.seeds[0]}" for method in methods]
    if STUDIES[name].method == "single":
        comparison_picture(*shown, picture, count=5)
    if options.dry:
        print(summary, {run: record["seconds"] for run, record in runs.items()}, picture)
    else:
        write(name, summary, runs, **about)


def tried(name: str, options: argparse.Namespace, root: Path) -> None:
    """Train what was tried and is missing, with other labelled frames than the study's, and write the results."""
    root.mkdir(parents=True, exist_ok=True)
    runs, own = {}, {}
    for run in options.tried or TRIED:
        method, easy, hard, cutouts, more = TRIED[run]
        base = config(name, method, TRIED_SEED, options, root)
        flip = "+flip50" if "flip" in base.method.easy else ""
        views = {"easy": f"affine{easy}{flip}", "hard": f"affine{hard}{flip}+jc{cutouts}"}
        runs[run] = run_once(run, replace(base, method=replace(base.method, **views, **{"burn_in": 0.0, **more})), root)
        own[run] = errors_px(root / run, "labeled")
    summary = {f"{run}_median_error_px": round(runs[run]["val"]["mean"]["median_error_px"], 3) for run in runs}
    write(f"{name}_tried", summary, runs, labelled_frames_error_px=own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--data", type=Path, required=True, help="the project's folder")
    parser.add_argument("--root", type=Path, help="runs/<study> by default")
    parser.add_argument("--finds", type=Path, help="the folder of the study that finds boxes, beside --root by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--try", dest="dry", type=int, default=0, metavar="STEPS", help="print, and record nothing")
    parser.add_argument("--tried", nargs="*", choices=TRIED, help="train these, or all that was tried, instead")
    options = parser.parse_args()
    if options.tried is not None:
        tried(options.study, options, options.root or Path("runs") / f"{options.study}_tried")
    elif options.dry:
        with tempfile.TemporaryDirectory() as folder:
            study(options.study, options, Path(folder) / options.study)
    else:
        study(options.study, options, options.root or Path("runs") / options.study)


if __name__ == "__main__":
    main()
