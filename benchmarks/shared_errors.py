"""Whose are the errors: the network's, its random numbers', or its labels'?

    python benchmarks/promise.py mouse --row start2 --draws 0 1 2      # trains; `start` before it
    python benchmarks/shared_errors.py --root runs/promise             # collects

Of the joints that one network has wrong on validation, how many has another one wrong in the same place, no farther
from the first one's than counts as right? In %, the mean of both directions over all pairs that are there:

`same_labels`: two networks of one draw of labels, from other random weights and in another order of images (`start`,
`start2`); `other_labels`: networks of two draws. Of the errors of the start: `supervised`, `taught` (the protocol's
best method) and `oracle`, which went on from it or its like. `agree`: of all joints, where two networks of the same
labels are in one place, and `agree_wrong`: how many of those are wrong.
Pairs that the record has and the folder has not stay in it. Writes results/shared_errors.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np

from common import write
from promise import ORACLE, PROTOCOLS, START, START2, Protocol
from records import stored
from semipose.metrics.pck import box_norm
from semipose.reports.runs import parse_predictions

Found = dict[str, float]


def read(run: Path) -> tuple[np.ndarray, np.ndarray]:
    """(N, K, 3) a finished run's predictions on validation, and the truth."""
    predictions = parse_predictions((run / "predictions" / "val.json").read_text())
    assert predictions is not None
    return predictions.pred["a"], predictions.truth


def shared(first: Path, second: Path, threshold: float) -> Found:
    """Of two finished runs, in %: how many errors of the first the second has too, how often they are in one place, and
    how many of those are wrong."""
    (one, truth), (other, same) = read(first), read(second)
    assert np.array_equal(truth, same), f"{first} and {second} have other validation images"
    known, size = truth[..., 2] > 0, box_norm(truth)[:, None]

    def near(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        close: np.ndarray = np.linalg.norm(a[..., :2] - b[..., :2], axis=-1) <= threshold * size
        return close

    wrong, alike = known & ~near(one, truth), known & near(one, other)
    return {
        "errors": 100 * float(alike[wrong].mean()),
        "agree": 100 * float(alike[known].mean()),
        "agree_wrong": 100 * float(wrong[alike].mean()),
    }


def pairs(protocol: Protocol, root: Path) -> Iterator[tuple[str, Path, Path]]:
    """(what a pair is, the one, the other) of a protocol's finished runs."""
    n = protocol.labels
    draws = sorted(root.glob("draw[0-9]"))
    for folder in draws:
        start = folder / f"{START}-{n}"
        yield "same_labels", start, folder / f"{START2}-{n}"
        yield "same_labels", folder / f"{START2}-{n}", start
        for kind, row in (("supervised", f"supervised-{n}"), ("taught", f"{protocol.best}-{n}")):
            yield kind, start, folder / row
        yield "oracle", start, folder / f"{ORACLE}-{protocol.train}"
    for one, other in combinations(draws, 2):
        yield "other_labels", one / f"{START}-{n}", other / f"{START}-{n}"
        yield "other_labels", other / f"{START}-{n}", one / f"{START}-{n}"


def done(run: Path) -> bool:
    return (run / "summary.json").exists()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("runs/promise"))
    parser.add_argument("--protocols", nargs="*", default=["mouse", "people_drawn", "drawn"], choices=PROTOCOLS)
    asked = parser.parse_args()
    runs: dict[str, Found] = stored("shared_errors")
    for name in asked.protocols:
        protocol = PROTOCOLS[name]
        for kind, one, other in pairs(protocol, asked.root / (protocol.beside or name)):
            if done(one) and done(other):
                key = f"{name} {kind} {one.parent.name}/{one.name} {other.parent.name}/{other.name}"
                runs[key] = shared(one, other, protocol.config.threshold)
                print(key, json.dumps({measure: round(value, 1) for measure, value in runs[key].items()}))
    of: dict[tuple[str, str], list[Found]] = {}
    for key, found in runs.items():
        name, kind, _ = key.split(" ", 2)
        of.setdefault((name, kind), []).append(found)
    summary: Found = {}
    for (name, kind), each in of.items():
        summary[f"{name}_{kind}"] = statistics.mean(found["errors"] for found in each)
        summary[f"{name}_{kind}_pairs"] = len(each)
        if kind == "same_labels":
            for measure in ("agree", "agree_wrong"):
                summary[f"{name}_{measure}"] = statistics.mean(found[measure] for found in each)
    write("shared_errors", {key: round(value, 2) for key, value in summary.items()}, runs)


if __name__ == "__main__":
    main()
