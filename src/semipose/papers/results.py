"""A paper's table of what was trained: each row measured as the paper does, beside its numbers; JSON and Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from semipose.files import ready, write_atomically
from semipose.papers.measures import SCORES, part_of
from semipose.papers.tables import MPJPE, PCK, PSEUDO, Row, Table

HEAD = ("row", "paper", "here", "response, labelled", "response, unlabelled")


@dataclass(frozen=True)
class Setting:
    """What one call of `semipose reproduce` asks for, beside the tables: `scale`, "mini" or "paper"; `root`, at paper
    scale the folder of the data sets, without which `overrides` name the data; `overrides`, sections laid over every
    row's configuration; `dry_run`, so many steps only; `train`, False to leave out rows that have no finished run."""

    scale: str
    out: Path
    root: Path | None
    overrides: Mapping[str, Any]
    dry_run: int
    progress: bool
    train: bool = True


def write_table(
    key: str, table: Table, records: Mapping[tuple[str, int], Mapping[str, Any]], asked: Setting, seeds: Sequence[int]
) -> dict[str, Any]:
    """Write <out>/<key>.json and .md of what there is.

    Args:
        records: (plan, seed) -> its record; rows without one have no scores.

    Returns: what `semipose.reproduce` says of a table, and "files".
    """
    views = [row.view for row in table.rows if row.view]
    rows = []
    for row in table.rows:
        found = {seed: records[row.plan, seed] for seed in seeds if (row.plan, seed) in records}
        measured = {seed: _measured(row, record, asked, views) for seed, record in found.items()}
        scores = {seed: round(score, 2) for seed, (each, _) in measured.items() if (score := each[""]) is not None}
        rows.append(
            {
                "label": row.label,
                "plan": row.plan,
                "paper": row.paper,
                "metric": row.metric,
                "measured": next((kind for _, kind in measured.values()), None),
                "mean": round(mean(scores.values()), 2) if scores else None,
                "spread": round(stdev(scores.values()), 2) if len(scores) > 1 else None,
                "scores": scores,
                "parts": {
                    part: {"paper": number, "mean": _mean(each.get(part) for each, _ in measured.values())}
                    for part, number in row.parts.items()
                },
                "labeled": _last(found.values(), "response/labeled"),
                "student": _last(found.values(), "response/student"),
                "runs": [record["run"] for record in found.values()],
            }
        )
    content: dict[str, Any] = {"table": key, "title": table.title, "remark": table.remark, "scale": asked.scale}
    content |= {"seeds": list(seeds), "dry_run": asked.dry_run, "rows": rows}
    files = [asked.out / f"{key}.json", asked.out / f"{key}.md"]
    ready(files[0], rb'"dry_run": ')
    write_atomically(files[0], (json.dumps(content, indent=1) + "\n").encode())
    write_atomically(files[1], markdown(content).encode())
    return {**content, "files": files}


def _measured(
    row: Row, record: Mapping[str, Any], asked: Setting, views: Sequence[str]
) -> tuple[dict[str, float | None], str]:
    """A row's score under "", those of its parts, and in what: the paper's measure at paper scale; at mini scale PCK,
    MPJPE or the pseudo-heatmaps' PCK. Measured once and kept in the run's record."""
    from semipose.inference.perturbation import perturbed

    file, folder = asked.out / f"{record['run']}.json", asked.out / record["run"]
    kind = measured_in(row, asked.scale)
    key = under(kind) if row.view else kind
    network = row.network or "mean"
    wanted = set(views) if row.view else {part_of(network, part) for part in row.parts}
    content = json.loads(file.read_text())
    known = content["scores"].get(key)
    if known is None or not wanted <= set(known):
        if row.view:
            draws = 2 if asked.dry_run else 5
            found = perturbed(folder, views=views, draws=draws, count=1000, progress=asked.progress)["views"]
            known = {name: 100 * each["pck"] for name, each in found.items()}
        else:
            known = SCORES[kind](folder, record["summary"])
        if known:  # what cannot be measured of it is measured once too
            content["scores"][key] = known = {**dict.fromkeys(wanted), **known}
            write_atomically(file, (json.dumps(content, indent=1) + "\n").encode())
    parts = {part: known.get(part_of(network, part)) for part in row.parts}
    whole = known.get(row.view or network)
    if kind == MPJPE and parts:
        whole = _mean(parts.values(), digits=None)  # the papers' means are of the columns they print
    return {"": whole, **parts}, kind


def measured_in(row: Row, scale: str) -> str:
    """The measure of a row at a scale: a key of a run's scores."""
    own = row.metric in SCORES and not row.view and (scale == "paper" or row.metric in (MPJPE, PSEUDO))
    return row.metric if own else PCK


def under(kind: str) -> str:
    """The key of a run's scores under perturbations, by view."""
    return f"{kind} under"


def _mean(values: Iterable[float | None], digits: int | None = 2) -> float | None:
    """None where one is missing, or there is none."""
    given = list(values)
    known = [value for value in given if value is not None]
    if not known or len(known) < len(given):
        return None
    return mean(known) if digits is None else round(mean(known), digits)


def _last(records: Iterable[Mapping[str, Any]], column: str) -> float | None:
    """The mean over runs of a column's last value."""
    values = [[row[column] for row in record["curves"] if column in row] for record in records]
    ends = [each[-1] for each in values if each]
    return round(mean(ends), 3) if ends else None


def cells(content: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A table's rows as text, in the order of `HEAD`."""
    found = []
    for row in content["rows"]:
        spread = f" ± {row['spread']:.1f}" if row["spread"] is not None else ""
        here = "-" if row["mean"] is None else f"{row['mean']:.1f}{spread} {row['measured']}"
        paper = "-" if row["paper"] is None else f"{row['paper']:g} {row['metric']}"
        responses = ("-" if row[key] is None else f"{row[key]:.2f}" for key in ("labeled", "student"))
        found.append((row["label"], paper, here, *responses))
    return found


def part_cells(content: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The table's further columns, a heading and a line a row; "PAPER / HERE" in each cell. Empty where it has none."""
    names = list(dict.fromkeys(part for row in content["rows"] for part in row["parts"]))
    if not names:
        return []
    lines = [("paper / here", *names), ("---",) * (len(names) + 1)]
    for row in content["rows"]:
        of_row = (row["parts"].get(name, {"paper": None, "mean": None}) for name in names)
        lines.append((row["label"], *(f"{_short(each['paper'])} / {_short(each['mean'])}" for each in of_row)))
    return lines


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def markdown(content: Mapping[str, Any]) -> str:
    """A table for people."""
    seeds = ", ".join(map(str, content["seeds"]))
    dry = f", a dry run of {content['dry_run']} steps: its numbers mean nothing" if content["dry_run"] else ""
    lines = [f"## {content['table']}: {content['title']}", "", f"Scale {content['scale']}, seeds {seeds}{dry}."]
    lines += [content["remark"]] if content["remark"] else []
    for rows in ([HEAD, ("---",) * len(HEAD), *cells(content)], part_cells(content)):
        lines += ["", *(f"| {' | '.join(row)} |" for row in rows)] if rows else []
    return "\n".join(lines) + "\n"
