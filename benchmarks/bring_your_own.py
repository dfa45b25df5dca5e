"""A project of one's own: how much a video without labels adds to a few labelled frames.

    python benchmarks/bring_your_own.py openfield --data ../shared/data/openfield/project
    python benchmarks/bring_your_own.py mirror_mouse --data ../shared/data/mirror_mouse

`openfield`: DeepLabCut's example (Mathis et al. 2018), a mouse in a box, 4 joints: 20 labelled frames, and a video of
another mouse. `mirror_mouse`: Lightning Pose's example, a mouse seen twice through a mirror, 17 joints, some missing:
30 labelled frames, and a video. `semipose init` writes the settings, its method among them (Single, with affine and one
Joint Cutout); here only the network's input and the batch are smaller, so that both methods take half an hour with
three seeds on one core. Batch, rate and steps were settled by the time of a step and by supervised training on
openfield alone (tries that were not recorded: 24.7, 12.8 and 10.6 px after 300, 800 and 1,600 steps; a rate of 3e-3 was
worse), before a semi-supervised run was scored. Supervised and Single take the same steps of the same labels; each seed
draws other labelled frames, and all the others are for validation. Frames of one video are alike, so these scores say
nothing of other animals.

The median error is of a run's validation joints, in pixels of the video. Then means over seeds. Beside it, by run, the
error on the frames that it was trained with. `--try 3` trains three steps of everything and records nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common import run_once, write
from figures import comparison_picture
from semipose.bring import init
from semipose.config import Config
from semipose.data.split import make_split
from semipose.engine.sets import open_pool, open_sets
from semipose.metrics.seeds import estimate
from semipose.predictor import Predictor
from semipose.settings import read_yaml, resolve
from semipose.training import configure

METHODS = ("supervised", "single")
STEPS, BATCH, FRAMES = 800, 4, "uniform500"
"""A step of 4 + 4 images of 96x128 takes a core 0.24 s supervised and 0.5 s by Single."""


class Study(NamedTuple):
    """How many frames are labelled, and the network's input (height, width)."""

    labels: int
    size: tuple[int, int]


STUDIES = {"openfield": Study(20, (96, 128)), "mirror_mouse": Study(30, (96, 96))}


def config(name: str, method: str, seed: int, options: argparse.Namespace, root: Path) -> Config:
    """One run: what `semipose init` wrote, smaller."""
    study, file, split = STUDIES[name], root / "data.yaml", root / f"split{seed}.json"
    if not file.exists():
        init(options.data, file)
    base = configure(None, file)
    if not split.exists():
        pool = open_pool(base.data)
        make_split(pool, study.labels, len(pool) - study.labels, seed=seed).save(split)
    return replace(
        base,
        data=replace(base.data, split=str(split.resolve()), frames=FRAMES, cache=str(root / "cache")),
        model=replace(base.model, size=list(study.size)),
        method=replace(base.method, name=method),
        optim=replace(base.optim, batch=BATCH),
        steps=options.dry or STEPS,
        seed=seed,
        eval_every=0,
        save_every=100,
        threads=options.threads,
    )


def own_error(folder: Path) -> float:
    """A network's median error on the labelled frames it was trained with, in pixels of the video."""
    settings = resolve(Config(), read_yaml(folder / "config.yaml"))
    samples = list(open_sets(settings.data, needs_unlabeled=False).labeled)
    poses = Predictor.load(folder).pairs((s.image, [s.box]) for s in samples)
    errors = []
    for sample, (pose,) in zip(samples, poses, strict=True):
        seen = sample.keypoints[:, 2] > 0
        errors += np.linalg.norm(pose.xy - sample.keypoints[:, :2], axis=1)[seen].tolist()
    return round(float(np.median(errors)), 2)


def study(name: str, options: argparse.Namespace, root: Path) -> None:
    """Train what is missing, then write the result and a picture."""
    root.mkdir(parents=True, exist_ok=True)
    runs = {}
    for seed in options.seeds:
        for method in METHODS:
            run = f"{method}-seed{seed}"
            runs[run] = run_once(run, config(name, method, seed, options, root), root)

    def scores(method: str, key: str) -> list[float]:
        return [runs[f"{method}-seed{seed}"]["val"]["mean"][key] for seed in options.seeds]

    errors, pck = ({m: scores(m, key) for m in METHODS} for key in ("median_error_px", "pck"))
    supervised, semi = (float(np.mean(errors[method])) for method in METHODS)
    summary = {
        "supervised_median_error_px": round(supervised, 3),
        "semi_median_error_px": round(semi, 3),
        "error_ratio": round(semi / supervised, 4),
        "supervised_pck": round(100 * float(np.mean(pck["supervised"])), 2),
        "semi_pck": round(100 * float(np.mean(pck["single"])), 2),
    }
    about = {
        "labels": STUDIES[name].labels,
        "labelled_frames_error_px": {run: own_error(root / run) for run in runs},
        "error_difference_px": estimate(np.subtract(errors["single"], errors["supervised"]).tolist())._asdict(),
        "pck_difference": estimate(np.subtract(pck["single"], pck["supervised"]).tolist())._asdict(),
    }
    picture = (root if options.dry else Path(__file__).parents[1] / "docs") / f"{name}.jpg"
    first = options.seeds[0]
    comparison_picture(root / f"supervised-seed{first}", root / f"single-seed{first}", picture, count=5)
    if options.dry:
        print(summary, {run: record["seconds"] for run, record in runs.items()}, picture)
    else:
        write(name, summary, runs, **about)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--data", type=Path, required=True, help="the project's folder")
    parser.add_argument("--root", type=Path, help="runs/<study> by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--try", dest="dry", type=int, default=0, metavar="STEPS", help="print, and record nothing")
    options = parser.parse_args()
    if options.dry:
        with tempfile.TemporaryDirectory() as folder:
            study(options.study, options, Path(folder))
    else:
        study(options.study, options, options.root or Path("runs") / options.study)


if __name__ == "__main__":
    main()
