"""What several runs say together: one sentence, and what stands in the way of comparing them. The best supervised run,
whatever it saw of its labelled images, is what others are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from semipose.config.schema import FREE
from semipose.metrics.summary import ENSEMBLE
from semipose.reports.runs import Run, number

SUPERVISED = "supervised"
RESAMPLES = 2000


def headline(runs: Sequence[Run]) -> str:
    """The result in one sentence, or two; no verdict where the runs were not given the same task."""
    groups = _groups(runs)
    if not groups:
        return "No evaluation yet: none of these runs holds a PCK."
    if len(runs) == 1:
        return _one(runs[0])
    ranked = sorted(groups.values(), key=lambda group: -_mean_pck(group))
    others = [group for group in ranked if group[0].method != SUPERVISED]
    base = [group for group in ranked if group[0].method == SUPERVISED]
    scores = ", ".join(_named(group) for group in ranked)
    if unlike := differing([run for group in ranked for run in group]):
        return f"No verdict, since the runs differ in {_joined(list(unlike))}: {scores}."
    if not base or not others:
        return f"PCK: {scores}."
    return _verdict(others[0], base[0]) + _kept(others[0])


def _groups(runs: Sequence[Run]) -> dict[tuple[str, ...], list[Run]]:
    """The runs that have a PCK, those of one kind together."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        if run.pck is not None:
            groups.setdefault(_kind(run), []).append(run)
    return groups


def _kind(run: Run) -> tuple[str, ...]:
    """The method with all settings but data and seed: runs of one kind are averaged."""
    kept = ((key, value) for key, value in run.config_values.items() if not key.startswith("data."))
    return run.method, *(f"{key}={value}" for key, value in kept if key not in OF_A_RUN)


OF_A_RUN = {"seed", *FREE, "eval_every", "log_every"}
"""Settings in which runs of one kind may differ: seeds are averaged over, and no number depends on the others."""


def cautions(runs: Sequence[Run]) -> list[str]:
    """Ways in which the runs were not given the same task."""
    return [
        f"Compare with care: the runs differ in {what}{f' ({values})' if values else ''}."
        for what, values in differing(runs).items()
    ]


def differing(runs: Sequence[Run]) -> dict[str, str]:
    """What runs must share to be compared, and these do not: what it is, and its values where they say something. What
    a run does not tell is not compared. Of several seeds each may have samples of its own, the same for all methods."""
    values: dict[str, set[Any]] = {
        "labelled images": {number(run.summary.get("labels")) for run in runs},
        "validation images": {number(run.summary.get("val_images")) for run in runs},
        "measure": {run.measure for run in runs},
        "skeleton": {run.predictions and run.predictions.skeleton.joints for run in runs},
    }
    counts = {what: value - {None} for what, value in values.items()}
    unlike = {
        what: "" if what == "skeleton" else ", ".join(f"{v:,.0f}" if what != "measure" else v for v in sorted(value))
        for what, value in counts.items()
        if len(value) > 1
    }
    groups = list(_groups(runs).values())
    if "labelled images" not in unlike and _apart(groups, _labels):
        unlike["which images are labelled"] = ""
    if not {"validation images", "skeleton"} & set(unlike) and _apart(groups, _truth):
        unlike["validation samples or their labels"] = ""
    scored = [run for group in groups for run in group]
    truths = {_truth(run) for run in scored}
    if not unlike and len({_sources(run) for run in scored} - {None}) > 1 and (len(truths) > 1 or None in truths):
        unlike["the data that they name"] = ""
    return unlike


def _apart(groups: Sequence[Sequence[Run]], samples: Callable[[Run], Any]) -> bool:
    """Whether groups of runs have other samples than one another; those of which a run does not tell are left out."""
    told = [{samples(run) for run in group} for group in groups]
    told = [each for each in told if None not in each]
    return any(each != told[0] for each in told)


def _labels(run: Run) -> tuple[str, frozenset[str]] | None:
    """The labelled data's own name, wherever it lies, and which samples of it."""
    source = run.config_values.get("data.labeled", "").rsplit("/", 1)[-1]
    return None if run.labeled is None else (source, run.labeled)


def _sources(run: Run) -> tuple[str, ...] | None:
    """What a run names as labels and for validation, wherever it lies."""
    values = run.config_values
    names = [values.get(f"data.{key}", "") for key in ("labeled", "val")]
    return tuple("/".join(name.split("/")[-2:]) for name in names) if any(names) else None


def _truth(run: Run) -> frozenset[tuple[str, bytes]] | None:
    """The validation samples with their labels."""
    scored = run.predictions
    if scored is None:
        return None
    return frozenset((name, truth.tobytes()) for name, truth in zip(scored.ids, scored.truth, strict=True))


def guard_sentence(guard: Mapping[str, Any]) -> str:
    """Which network a guarded run kept, and by how much it is better."""
    ahead, behind = max(guard["taught"], guard["labels"]), min(guard["taught"], guard["labels"])
    how = "with unlabelled images" if guard["kept"] == "taught" else "with labels alone: unlabelled images did not help"
    return (
        f"kept the network trained {how} ({100 * ahead:.1f} % beside {100 * behind:.1f} %, chosen on the"
        f" {guard['images']} validation samples)"
    )


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"


def points(difference: float) -> str:
    """A difference of two fractions in percentage points, with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def interval(ours: Sequence[Run], theirs: Sequence[Run]) -> tuple[float, float, int] | None:
    """95 % bootstrap interval of the difference in PCK over the N validation images: (low, high, N).

    Images are drawn with replacement and both sides scored on the same draw; what another training seed would change
    is not in it. None where the two sides were not predicted on the same images, or are measured by what predictions do
    not tell (heads).
    """
    a, b = _hits(ours), _hits(theirs)
    if a is None or b is None or a[0] != b[0] or not np.array_equal(a[2], b[2]) or not a[2].any():
        return None
    n = len(a[0])
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)
    counts = weights @ a[2]
    differences = (weights @ (a[1] - b[1]))[counts > 0] / counts[counts > 0]
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(low), float(high), n


def _one(run: Run) -> str:
    ensemble = number(run.of(ENSEMBLE).get("pck"))
    text = f"{run.name}: {percent(run.pck)} {run.measure or f'PCK@{run.threshold:g}'}"
    if ensemble is not None:
        text += f" (mean of its networks; their ensemble {percent(ensemble)})"
    given = [("labels", "labelled"), ("unlabeled", "unlabelled")]
    fed = [f"{int(n):,} {what}" for key, what in given if (n := number(run.summary.get(key))) is not None]
    return text + (f", trained with {' and '.join(fed)} images." if fed else ".") + _kept([run])


def _verdict(ours: Sequence[Run], theirs: Sequence[Run]) -> str:
    difference = _mean_pck(ours) - _mean_pck(theirs)
    spread = interval(ours, theirs)
    if all(run.guard and run.guard["kept"] == "labels" for run in ours):
        opening = "Unlabelled images did not help"
    elif spread is not None and spread[0] <= 0 <= spread[1]:
        opening = "No clear effect of unlabelled images"
    else:
        opening = "Unlabelled images helped" if difference > 0 else "Unlabelled images did not help"
    text = f"{opening}: {_named(ours)}, {_named(theirs)}, {points(difference)} points"
    if spread is not None:
        text += f" (95 % interval {points(spread[0])} to {points(spread[1])} over {spread[2]:,} validation images)"
    return text + "."


def _kept(group: Sequence[Run]) -> str:
    """Which network guarded runs kept, as a further sentence."""
    guards = [run.guard for run in group if run.guard]
    if len(guards) == 1:
        return f" {group[0].name} {guard_sentence(guards[0])}."
    taught = sum(guard["kept"] == "taught" for guard in guards)
    text = f" {taught} of {len(guards)} runs kept the network trained with unlabelled images, the others that of labels"
    return f"{text} alone." if guards else ""


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _named(group: Sequence[Run]) -> str:
    name = group[0].name if len(group) == 1 else f"{group[0].method} (mean of {len(group)} runs)"
    return f"{name} {percent(_mean_pck(group))}"


def _mean_pck(group: Sequence[Run]) -> float:
    return float(np.mean([run.pck for run in group if run.pck is not None]))


def _hits(group: Sequence[Run]) -> tuple[tuple[str, ...], np.ndarray, np.ndarray] | None:
    """Sample ids, right joints of each (mean over networks and runs) and scored joints of each."""
    found = [run.predictions for run in group]
    first = found[0]
    if first is None or any(p is None or p.ids != first.ids for p in found):
        return None
    threshold = group[0].threshold
    distances = [p.distance(n) for p in found if p is not None for n in p.pred if n != ENSEMBLE]
    if not distances or any(run.threshold != threshold or run.norm != "pck" for run in group):
        return None
    right = np.mean([(d <= threshold).sum(1) for d in distances], axis=0)
    return first.ids, right, (~np.isnan(distances[0])).sum(1)
