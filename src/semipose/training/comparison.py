"""Supervised and semi-supervised training on the same labels, with the same steps and seeds, and how many more labels
would do as much: what `semipose worth` trains and computes.

Each seed draws its own labels, where not all are used, its own weights and its own views; validation is the same. A
finished run of the same configuration and data is reused, an interrupted one goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from semipose.config import Config, to_dict
from semipose.data.datasets import Sets, open_sets
from semipose.data.split import Split
from semipose.draws import permutation
from semipose.errors import UserError
from semipose.inference.boxes import finder_of
from semipose.methods import METHODS, needs, switched
from semipose.metrics.pck import box_norm
from semipose.metrics.seeds import Estimate, estimate, labels_worth
from semipose.provenance import commit, machine
from semipose.training.once import Clock, train_once

BASE = "supervised"
PARTS = (0.25, 0.5, 1.0)
"""Of the labels that are compared with, the learning curve's; beyond them it doubles as long as there are labels."""
PCK, ERROR = "pck", "median_error_px"
UNSCORED = "no validation sample has two labelled joints apart from each other"
SUBSET = 11
"""Keys the draws of labels."""


@dataclass(frozen=True)
class Job:
    """One training."""

    method: str
    labels: int
    seed: int


def compare(
    base: Config,
    method: str = "dual",
    seeds: Sequence[int] = (0, 1, 2),
    labels: int | None = None,
    *,
    curve: bool = True,
    out: Path = Path("worth"),
    progress: bool = True,
) -> dict[str, Any]:
    """Train supervised and by `method` with the same labels, steps and seeds, and supervised with fewer and more
    labels. The runs are in `out`.

    Args:
        base: the configuration, but for method, labels and seed.
        method, seeds, labels, curve: as of `semipose.worth`.

    Returns: as `semipose.worth`, without the sentence.

    Raises:
        UserError: no validation or unlabelled data, too few labels, an unknown method, or a training failed.
        Stopped: a signal stopped a training, with its checkpoint saved; the same call goes on.
    """
    if not needs(method).unlabeled:
        able = ", ".join(name for name, entry in METHODS.items() if entry.unlabeled)
        raise UserError(f"worth compares supervised training with {able}, not {method!r}")
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError(f"worth needs seeds, each once, got {list(seeds)}; three or more give an interval")
    base = _prepared(base, method)
    sets = open_sets(base.data, True, finder_of)
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
    jobs = [Job(name, labels, seed) for seed in seeds for name in (BASE, method)]
    jobs += [Job(BASE, count, seed) for count in counts if count != labels for seed in seeds]
    clock = Clock([_passes(configured(base, job, sets, out)) for job in jobs], progress)
    runs = []
    for job in jobs:
        clock.begin(f"{job.method}, {job.labels} labels, seed {job.seed}")
        runs.append(_run(base, job, sets, out, progress))
        clock.end(runs[-1].pop("reused"))
    about = {
        "method": method,
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
    # The name tells data that has changed since: its runs are not reused.
    name = "all" if everything else f"{job.labels}-seed{job.seed}"
    file = folder.resolve() / "splits" / f"{name}-{sets.hash[:8]}.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        split.save(file)
    method = switched(base.method, job.method)
    peer = base.peer if needs(job.method).networks > 1 else {}
    return replace(base, method=method, peer=peer, seed=job.seed, data=replace(base.data, split=str(file)))


def compared(runs: Sequence[Mapping[str, Any]], method: str, labels: int, counts: Sequence[int]) -> dict[str, Any]:
    """What the runs say together; see `worth`."""

    def of(name: str, count: int) -> list[Mapping[str, Any]]:
        return [run for run in runs if run["method"] == name and run["labels"] == count]

    def values(name: str, key: str, count: int = labels) -> list[float]:
        return [run[key] for run in of(name, count) if run[key] is not None]

    def paired(key: str) -> Estimate | None:
        a, b = values(method, key), values(BASE, key)
        return estimate(np.subtract(a, b).tolist()) if a and len(a) == len(b) else None

    methods = {name: {key: _shown(values(name, key)) for key in (PCK, ERROR, "seconds")} for name in (BASE, method)}
    gain = paired(PCK)
    if gain is None:
        raise UserError(f"no validation sample could be scored: {UNSCORED}")
    scores = np.array([values(BASE, PCK, count) for count in counts]).T
    verdict = "unclear" if not gain.clear else "gain" if gain.mean > 0 else "loss"
    return {
        "verdict": verdict,
        "methods": methods,
        "difference": {PCK: gain._asdict(), ERROR: error._asdict() if (error := paired(ERROR)) else None},
        "joints": _joints(of(BASE, labels), of(method, labels), method),
        "curve": [{"labels": n, **{key: _shown(values(BASE, key, n)) for key in (PCK, ERROR)}} for n in counts],
        "more_labels": labels_worth(counts, scores, labels, gain)._asdict(),
        "warnings": [f"{run['run']}: {text}" for run in runs for text in run["warnings"]],
    }


def _joints(base: Sequence[Mapping], others: Sequence[Mapping], method: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for joint in base[0]["joints"]:
        each = {name: [run["joints"][joint] for run in runs] for name, runs in ((BASE, base), (method, others))}
        known = all(row[PCK] is not None for rows in each.values() for row in rows)
        gains = [b[PCK] - a[PCK] for a, b in zip(each[BASE], each[method], strict=True)] if known else []
        found[joint] = {name: {key: _mean(rows, key) for key in (PCK, ERROR)} for name, rows in each.items()}
        found[joint]["difference"] = _shown(gains)
    return found


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [row[key] for row in rows]
    return None if None in values else float(np.mean(values))


def _shown(values: Sequence[float]) -> dict[str, Any] | None:
    return estimate(values)._asdict() if values else None


def _run(base: Config, job: Job, sets: Sets, folder: Path, progress: bool) -> dict[str, Any]:
    """What is kept of one training: the mean of its networks, as Dual's are reported."""
    name = f"{job.method}-{job.labels}-seed{job.seed}"
    path, reused = train_once(folder / name, configured(base, job, sets, folder), progress=progress)
    summary = json.loads((path / "summary.json").read_text())
    mean = summary["val"]["mean"]
    joints = {j: {PCK: mean["per_joint"][j], ERROR: mean["per_joint_px"][j]} for j in mean["per_joint"]}
    record = {**vars(job), "run": path.name, PCK: mean["pck"], ERROR: mean[ERROR], "joints": joints}
    return {**record, "seconds": summary["seconds"], "warnings": summary["warnings"], "reused": reused}


def _prepared(base: Config, method: str) -> Config:
    """Evaluated at the end alone, so that time is time of training, and checked."""
    base = replace(base, method=switched(base.method, method), eval_every=0)
    base.method.check()
    return base


def _passes(config: Config) -> float:
    """What a step takes, in passes of one network."""
    wants = needs(config.method.name)
    return wants.networks * (2.3 if wants.unlabeled else 1)
