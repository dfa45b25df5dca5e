"""The best supervised and a semi-supervised training on the same labels, with the same steps and seeds, and how many
more labels would do as much: what `semipose worth` trains and computes.

Supervised training is done twice: plainly, and as a control whose labelled images are seen as the method's student sees
the unlabelled ones. The better of the two is what the method is compared with (docs/protocols.md). Each seed draws its
own labels, where not all are used, its own weights and its own views; validation is the same. A finished run of the
same configuration and data is reused, an interrupted one goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semipose.augment import POLICIES, parts
from semipose.config import Config, to_dict
from semipose.config.schema import LossesConfig
from semipose.data.datasets import Sets, open_sets
from semipose.data.refs import Person, parse
from semipose.data.split import Split
from semipose.draws import permutation
from semipose.errors import UserError
from semipose.inference.boxes import finder_in
from semipose.methods import METHODS, needs, options, switched
from semipose.methods.consistency import hard_view
from semipose.metrics.pck import box_norm
from semipose.metrics.seeds import Estimate, estimate, labels_worth
from semipose.provenance import commit, machine
from semipose.training.once import Clock, train_once

if TYPE_CHECKING:
    from semipose.methods.base import Options

PLAIN, CONTROL = "supervised", "control"
"""The rows that have labels alone."""
USUAL = "guarded"
"""The method where the configuration has none with unlabelled images."""
PARTS = (0.25, 0.5, 1.0)
"""Of the labels that are compared with, the learning curve's; beyond them it doubles as long as there are labels."""
PCK, ERROR = "pck", "median_error_px"
UNSCORED = "no validation sample has two labelled joints apart from each other"
SUBSET = 11
"""Keys the draws of labels."""


@dataclass(frozen=True)
class Job:
    """One training; `row` is a method's name, or the control."""

    row: str
    labels: int
    seed: int


def compare(
    base: Config,
    method: str | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    labels: int | None = None,
    *,
    curve: bool = True,
    out: Path = Path("worth"),
    progress: bool = True,
) -> dict[str, Any]:
    """Train supervised, the control, and by `method` with the same labels, steps and seeds; and the better of the first
    two with fewer and more labels. The runs are in `out`.

    Args:
        base: the configuration, but for labels and seed.
        method, seeds, labels, curve: as of `semipose.worth`.

    Returns: as `semipose.worth`, without the sentence.

    Raises:
        UserError: no validation or unlabelled data, too few labels, an unknown method, or a training failed.
        Stopped: a signal stopped a training, with its checkpoint saved; the same call goes on.
    """
    method = method or (base.method.name if needs(base.method.name).unlabeled else USUAL)
    if not needs(method).unlabeled:
        able = ", ".join(name for name, entry in METHODS.items() if entry.unlabeled)
        raise UserError(f"worth compares supervised training with {able}, not {method!r}")
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError(f"worth needs seeds, each once, got {list(seeds)}; three or more give an interval")
    base = _prepared(base, method)
    sets = open_sets(base.data, True, finder_in(None))
    if sets.val is None:
        raise UserError("worth needs validation data: set data.val or data.split; semipose init makes one")
    if base.measure == "pck" and np.isnan(box_norm(np.stack([s.keypoints for s in sets.val]))).all():  # type: ignore
        raise UserError(
            f"worth compares by PCK, and {UNSCORED}; label a second joint, or train both"
            " and compare the median errors that semipose evaluate prints"
        )
    total = len(sets.labeled)
    labels = total if labels is None else labels
    if not 0 < labels <= total:
        raise UserError(f"labels is {labels}; there are {total} to train with, besides the validation samples")
    assert sets.unlabeled is not None
    steps = base.steps or -(-base.epochs * len(sets.unlabeled) // (base.optim.unlabeled_batch or base.optim.batch))
    base = replace(base, steps=steps)
    counts = label_counts(labels, total) if curve else [labels]
    view = student_view(base.method)
    rows = [PLAIN, *([CONTROL] if view else []), method]
    jobs = [Job(row, labels, seed) for seed in seeds for row in rows]
    others = [count for count in counts if count != labels]
    costs = [_passes(configured(base, job, sets, out)) for job in jobs]
    clock = Clock([*costs, *[1.0] * len(others) * len(seeds)], progress)
    runs = [_run(base, job, sets, out, progress, clock) for job in jobs]
    best = strongest(runs, labels)
    more = [Job(best, count, seed) for count in others for seed in seeds]
    runs += [_run(base, job, sets, out, progress, clock) for job in more]
    about = {
        "method": method,
        "control": view,
        "labels": labels,
        "available": total,
        "unlabeled": len(sets.unlabeled),
        "validation": len(sets.val),
        "steps": steps,
        "seeds": list(seeds),
        "measure": f"{base.measure.upper()}@{base.threshold:g}",
    }
    result = {**about, **compared(runs, method, labels, counts), "commit": commit(), "machine": machine()}
    return {**result, "config": to_dict(base), "runs": runs}


def student_view(method: Options) -> str | None:
    """The policy by which a control's labelled images are seen as the method's student sees unlabelled ones: its hard
    view without what masks joints. Nor are mixed tiles in it: labelled images that are mixed, or whose joints are
    covered, were measured to teach less. None where there is no hard view, or labelled images are seen so anyway."""
    hard = hard_view(method)
    words = zip(hard.split("+"), parts(hard), strict=True) if hard else ()
    seen = [word.strip() for word, (name, _) in words if not POLICIES[name].masks]
    view = "+".join(seen)
    return view if seen and parts(view) != parts(method.labeled or method.easy) else None


def label_counts(labels: int, total: int) -> list[int]:
    """The label counts of the learning curve, ascending."""
    counts = {max(1, round(part * labels)) for part in PARTS}
    while 2 * max(counts) <= total:
        counts.add(2 * max(counts))
    return sorted(counts)


def configured(base: Config, job: Job, sets: Sets, folder: Path) -> Config:
    """A training's configuration, and its split written down, of which a smaller one of the same seed is part."""
    order = permutation(len(sets.labeled), job.seed, SUBSET).tolist()
    everything = job.labels == len(sets.labeled)
    chosen = sets.labeled.ids if everything else tuple(sets.labeled.ids[i] for i in sorted(order[: job.labels]))
    unlabeled = () if base.data.unlabeled or sets.unlabeled is None else sets.unlabeled.ids
    val = () if base.data.val or sets.val is None else sets.val.ids
    split = Split(sets.labeled.name, chosen, unlabeled, val, job.seed, "random")
    # The name tells data that has changed since, its pictures too: its runs are not reused.
    name = "all" if everything else f"{job.labels}-seed{job.seed}"
    file = folder.resolve() / "splits" / f"{name}-{_data_of(sets)}.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        split.save(file)
    method = _options(base.method, job.row)
    peer = base.peer if needs(method.name).networks > 1 else {}
    losses = LossesConfig() if job.row in (PLAIN, CONTROL) else base.losses
    return replace(
        base, method=method, losses=losses, peer=peer, seed=job.seed, data=replace(base.data, split=str(file))
    )


@lru_cache(maxsize=2)
def _data_of(sets: Sets) -> str:
    """Eight digits of samples, labels, and sizes and times of the files of pictures and videos."""
    parts = [part for part in (sets.labeled, sets.unlabeled, sets.val) if part]
    refs = (parse(image) for part in parts for image in part.images)
    files = dict.fromkeys(str(ref.file) for ref in refs if not isinstance(ref, Person) and ref.file is not None)
    states = [os.stat(file) for file in files if os.path.exists(file)]
    told = [(state.st_size, state.st_mtime_ns) for state in states]
    return sha256(repr((sets.hash, told)).encode()).hexdigest()[:8]


def _options(method: Options, row: str) -> Options:
    """What a row's method reads; `method` is that of the comparison."""
    if row == CONTROL:
        return options(PLAIN, easy=method.easy, labeled=student_view(method))
    return options(PLAIN, easy=method.easy, labeled=method.labeled) if row == PLAIN else switched(method, row)


def strongest(runs: Sequence[Mapping[str, Any]], labels: int) -> str:
    """The row of labels alone whose mean PCK over the seeds is higher; the plain one where they are equal.

    Raises:
        UserError: nothing was scored.
    """
    scores = {row: [run[PCK] for run in _of(runs, row, labels) if run[PCK] is not None] for row in (PLAIN, CONTROL)}
    means = {row: float(np.mean(values)) for row, values in scores.items() if values}
    if not means:
        raise UserError(f"no validation sample could be scored: {UNSCORED}")
    return max(means, key=lambda row: means[row])


def compared(runs: Sequence[Mapping[str, Any]], method: str, labels: int, counts: Sequence[int]) -> dict[str, Any]:
    """What the runs say together; see `worth`."""
    base = strongest(runs, labels)

    def values(row: str, key: str, count: int = labels) -> list[float]:
        return [run[key] for run in _of(runs, row, count) if run[key] is not None]

    def paired(key: str) -> Estimate | None:
        a, b = values(method, key), values(base, key)
        return estimate(np.subtract(a, b).tolist()) if a and len(a) == len(b) else None

    rows = [row for row in (PLAIN, CONTROL, method) if _of(runs, row, labels)]
    methods = {row: {key: _shown(values(row, key)) for key in (PCK, ERROR, "seconds")} for row in rows}
    gain = paired(PCK)
    if gain is None:
        raise UserError(f"no validation sample could be scored: {UNSCORED}")
    scores = np.array([values(base, PCK, count) for count in counts]).T
    kept = [run["kept"] for run in _of(runs, method, labels) if run["kept"]]
    verdict = "unclear" if not gain.clear else "gain" if gain.mean > 0 else "loss"
    if verdict == "gain" and kept and "taught" not in kept:
        verdict = "unclear"  # labels alone are compared with labels alone
    return {
        "verdict": verdict,
        "base": base,
        "methods": methods,
        "difference": {PCK: gain._asdict(), ERROR: error._asdict() if (error := paired(ERROR)) else None},
        "kept": {"taught": kept.count("taught"), "runs": len(kept)} if kept else None,
        "joints": _joints({row: _of(runs, row, labels) for row in rows}, base, method),
        "curve": [{"labels": n, **{key: _shown(values(base, key, n)) for key in (PCK, ERROR)}} for n in counts],
        "more_labels": labels_worth(counts, scores, labels, gain)._asdict(),
        "warnings": [f"{run['run']}: {text}" for run in runs for text in run["warnings"]],
    }


def _of(runs: Sequence[Mapping[str, Any]], row: str, labels: int) -> list[Mapping[str, Any]]:
    return [run for run in runs if run["row"] == row and run["labels"] == labels]


def _joints(rows: Mapping[str, Sequence[Mapping[str, Any]]], base: str, method: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for joint in rows[base][0]["joints"]:
        scores = {row: [run["joints"][joint] for run in runs] for row, runs in rows.items()}
        scored = all(one[PCK] is not None for row in (base, method) for one in scores[row])
        pairs = zip(scores[base], scores[method], strict=True) if scored else ()
        means = {row: {key: _mean(ones, key) for key in (PCK, ERROR)} for row, ones in scores.items()}
        result[joint] = {**means, "difference": _shown([b[PCK] - a[PCK] for a, b in pairs])}
    return result


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [row[key] for row in rows]
    return None if None in values else float(np.mean(values))


def _shown(values: Sequence[float]) -> dict[str, Any] | None:
    return estimate(values)._asdict() if values else None


def _run(base: Config, job: Job, sets: Sets, folder: Path, progress: bool, clock: Clock) -> dict[str, Any]:
    """What is kept of one training: the mean of its networks, as Dual's are reported."""
    clock.begin(f"{job.row}, {job.labels} labels, seed {job.seed}")
    name = f"{job.row}-{job.labels}-seed{job.seed}"
    path, reused = train_once(folder / name, configured(base, job, sets, folder), progress=progress)
    clock.end(reused)
    summary = json.loads((path / "summary.json").read_text())
    mean, kept = summary["val"]["mean"], summary.get("guard", {}).get("kept")
    joints = {j: {PCK: mean["per_joint"][j], ERROR: mean["per_joint_px"][j]} for j in mean["per_joint"]}
    record = {**vars(job), "run": path.name, "kept": kept, PCK: mean["pck"], ERROR: mean[ERROR], "joints": joints}
    return {**record, "seconds": summary["seconds"], "warnings": summary["warnings"]}


def _prepared(base: Config, method: str) -> Config:
    """Evaluated at the end alone, so that time is time of training, and checked."""
    base = replace(base, method=switched(base.method, method), eval_every=0)
    base.method.check()
    return base


def _passes(config: Config) -> float:
    """What a step takes on average, in passes of one network over as many images."""
    wants, alone = needs(config.method.name), getattr(config.method, "burn_in", 0.0)
    students = wants.networks - wants.twins
    return alone * students + (1 - alone) * (students * (2.3 if wants.unlabeled else 1) + wants.twins)
