"""The papers' claims with a verdict each, from what `semipose reproduce` left and from this repository's record.

Needs no torch: a run is its record, RUN.json beside its folder, and the repository's is benchmarks/results/claims.json,
which has a few numbers of each run by the same keys.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from semipose.config import to_dict
from semipose.config.schema import FREE
from semipose.errors import UserError
from semipose.papers import PAPERS
from semipose.papers.claims import NOT_RUN, VERDICTS, Claim, Side, judge
from semipose.papers.find import find, paper
from semipose.papers.measures import part_of
from semipose.papers.results import measured_in, under
from semipose.papers.tables import MPJPE, Paper, Row

RECORD = Path("benchmarks", "results", "claims.json")
"""The repository's, from its root."""
Runs = dict[tuple[str, int], dict[str, float]]
"""(PAPER/PLAN, seed) -> number by key, as `keys_of` names them."""


def scoreboard(target: str | None, scale: str, out: Path | None) -> list[dict[str, Any]]:
    """Every claim of the papers, or those of a paper, or those that bear on a table or row.

    Args:
        out: the folder of a paper's runs; reproduce/PAPER/SCALE by default.

    Returns: as `judged`.

    Raises:
        UserError: no such target, a folder without a paper, or a record that cannot be read.
    """
    if out and not target:
        raise UserError(f"{out} holds the runs of one paper; name it: semipose reproduce xie2021 --claims --out {out}")
    plans = {row.plan for table in find(target)[1].values() for row in table.rows} if target else None
    names = [target.partition("/")[0]] if target else PAPERS
    runs = read_record(RECORD) if scale == "mini" and RECORD.exists() else {}
    for name in names:
        runs |= read_runs(out or Path("reproduce", name, scale), name, scale)
    board = board_of(runs, names, scale)
    return [one for one in board if plans is None or plans & set(one["rows"])]


def board_of(runs: Runs, names: Sequence[str] = PAPERS, scale: str = "mini") -> list[dict[str, Any]]:
    """Every claim of some papers by these runs, as `judged`."""
    return [judged(name, claim, runs, scale) for name in names for claim in paper(name).claims]


def judged(name: str, claim: Claim, runs: Runs, scale: str = "mini") -> dict[str, Any]:
    """A claim of a paper with its verdict.

    Returns: {"claim": PAPER/NAME, "source", "says", "rows": plans, "numbers": {side: mean over seeds or None},
        "margin": {"mean", "low", "high"} of the inequality that decides or None, "seeds", "verdict"}.
    """
    from semipose.metrics.seeds import estimate

    one = paper(name)

    def read(side: Side) -> dict[int, float]:
        return numbers(name, row_of(one, side), side, runs, scale)

    margins = [inequality.margins(read) for inequality in claim.holds]
    verdict, deciding = judge([list(by_seed.values()) for by_seed in margins])
    margin = None
    if verdict != NOT_RUN:
        found = estimate(list(margins[deciding].values()))
        margin = {"mean": found.mean, "low": found.low, "high": found.high}
    means = {name_of(row_of(one, side), side): read(side) for side in claim.sides}
    return {
        "claim": f"{name}/{claim.name}",
        "source": claim.source,
        "says": claim.says,
        "rows": list(dict.fromkeys(row_of(one, side).plan for side in claim.sides)),
        "numbers": {key: mean(by_seed.values()) if by_seed else None for key, by_seed in means.items()},
        "margin": margin,
        "seeds": list(margins[deciding]),
        "verdict": verdict,
    }


def row_of(one: Paper, side: Side) -> Row:
    """The row that a side names."""
    return next(row for row in one.tables[side.table].rows if row.label == side.label)


def name_of(row: Row, side: Side) -> str:
    """A side in a few words: its plan, and what of it."""
    kind = f"{side.response} response" if side.response else MPJPE if row.metric == MPJPE else ""
    return " ".join(filter(None, (row.plan, row.network, row.view, side.part, kind)))


def keys_of(row: Row, side: Side, scale: str = "mini") -> list[str]:
    """The keys of a run's numbers whose mean is a side's."""
    if side.response:
        return [f"response/{side.response}"]
    kind, network = measured_in(row, scale), row.network or "mean"
    if row.view:
        return [f"{under(kind)}/{row.view}"]
    parts = [side.part] if side.part else list(row.parts) if kind == MPJPE else []
    return [f"{kind}/{part_of(network, part)}" for part in parts or [""]]


def numbers(name: str, row: Row, side: Side, runs: Runs, scale: str) -> dict[int, float]:
    """Seed -> a side's number, of the runs that have it."""
    keys, found = keys_of(row, side, scale), {}
    for (plan, seed), run in runs.items():
        if plan == f"{name}/{row.plan}" and all(key in run for key in keys):
            found[seed] = mean(run[key] for key in keys)
    return found


def read_record(path: Path) -> Runs:
    """The runs of a record: {"runs": {PAPER/PLAN: {"seeds": [0, ...], key: [number, ...]}}}, columns by seed. What
    has no "/" in its key, as "seconds", is no number of a claim."""
    found: Runs = {}
    try:
        for plan, columns in _content(path)["runs"].items():
            for index, seed in enumerate(columns["seeds"]):
                values = {key: _finite(column[index]) for key, column in columns.items() if "/" in key}
                found[plan, seed] = {key: value for key, value in values.items() if value is not None}
    except (KeyError, TypeError, IndexError, AttributeError):
        raise UserError(f"{path} is no record of claims; benchmarks/claims.py writes it") from None
    return found


def read_runs(folder: Path, name: str, scale: str) -> Runs:
    """The finished runs of a paper's rows in a folder of `semipose reproduce`, those of other settings left out."""
    one, found = paper(name), {}
    for path in sorted(folder.glob("*.json")):
        content = _content(path)
        try:
            if "plan" not in content:  # a table
                continue
            plan, seed = one.old.get(content["plan"], content["plan"]), content["seed"]
            if plan in one.plans and scale in one.plans[plan].scales and _as_asked(content, one, plan, scale):
                found[f"{name}/{plan}", seed] = numbers_of(content)
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"{path} is no record of semipose reproduce; move it elsewhere") from None
    return found


def numbers_of(record: Mapping[str, Any]) -> dict[str, float]:
    """What a run's record says, flat: "PCK@0.1/mean", "MPJPE mm/a/Elbow", "response/student" at its end."""
    ends = {key: value for row in record["curves"] for key, value in row.items() if key.startswith("response/")}
    scores = {f"{kind}/{key}": value for kind, each in record["scores"].items() for key, value in each.items()}
    return {key: number for key, value in {**ends, **scores}.items() if (number := _finite(value)) is not None}


def _as_asked(record: Mapping[str, Any], one: Paper, plan: str, scale: str) -> bool:
    """Whether a run has the settings of its row; at paper scale the data are the user's own."""
    free = {*FREE, "method.teacher", *(["data"] if scale == "paper" else [])}
    return _agree(record["config"], to_dict(one.plans[plan].scales[scale](record["seed"], None)), free)


def _agree(there: Mapping[str, Any], asked: Mapping[str, Any], free: set[str], prefix: str = "") -> bool:
    """Of what is recorded; a setting that came later had its default."""
    for key, value in there.items():
        if prefix + key in free:
            continue
        other = asked.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            if not _agree(value, other, free, f"{prefix}{key}."):
                return False
        elif value != (list(other) if isinstance(other, tuple) else other):
            return False
    return True


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check the path") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); move it elsewhere") from None
    return content if isinstance(content, dict) else {}


def _finite(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def totals(board: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many claims have each verdict, and "total"."""
    counts = Counter(one["verdict"] for one in board)
    return {verdict: counts[verdict] for verdict in VERDICTS} | {"total": len(board)}


def board_text(board: Sequence[Mapping[str, Any]]) -> str:
    """The claims for people, and the totals last."""
    lines = [line for one in board for line in _claim_lines(one)]
    lines.append(
        "A margin is by how much the tightest comparison holds, in points, mm or of a response, with its 95 % interval"
        " over seeds; below 0 it does not hold. Runs are paired by seed; fewer than three seeds decide nothing."
    )
    lines.append("A row is trained by: semipose reproduce PAPER/ROW --seeds 0 1 2")
    return "\n".join([*lines, ", ".join(f"{name} {count}" for name, count in totals(board).items())])


def _claim_lines(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['verdict']:13s} {one['claim']} ({one['source']})"
    yield f"{'':13s} {one['says']}"
    shown = ", ".join(f"{name} {_short(value)}" for name, value in one["numbers"].items())
    yield f"{'':13s} {shown}; {margin_text(one)}\n"


def margin_text(one: Mapping[str, Any]) -> str:
    """A claim's margin with its interval, and of which seeds."""
    margin, seeds = one["margin"], one["seeds"]
    if margin is None:
        return "no seed has all of it"
    interval = "" if margin["low"] is None else f" [{_short(margin['low'], '+')}, {_short(margin['high'], '+')}]"
    of = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    return f"margin {_short(margin['mean'], '+')}{interval}, {of}"


def _short(value: float | None, sign: str = "") -> str:
    """Responses with more digits than points."""
    return "-" if value is None else f"{value:{sign}.{2 if abs(value) < 1 else 1}f}"
