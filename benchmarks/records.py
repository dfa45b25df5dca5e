"""The records of the studies, benchmarks/results/*.json: small, and still all that the documentation says.

A record has `summary` (plain numbers), `commit`, `machine`, `common` and `runs`. `common` holds the settings that the
runs share, by dotted key, without those that are empty; a run's `config` holds the others. A run's `curves` are a list
of tables, one for each set of steps, with columns as arrays: what the figures draw, at most 9 points a column, 3
digits. Scores are of the whole and of the joints; PCK over thresholds and the bins of a calibration stay with the run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
DRAWN = ("val/pck", "response/labeled", "response/teacher", "response/student", "pseudo/pck")
"""The columns of metrics.csv that a figure draws."""
POINTS, CURVE_DIGITS, DIGITS, WIDTH = 9, 3, 5, 200
EMPTY: tuple[Any, ...] = (None, [], {})
LEFT_OUT = {"thresholds", "curve", "count", "per_joint_px", "report", "backbones", "labeled_joints"}
"""Parts of scores that no page reads."""
ROW = {
    **dict.fromkeys(("paper", "measured", "mean", "spread", "labeled", "student")),
    "scores": {},
    "parts": {},
    "runs": [],
}
"""What a row of a table has where a record leaves it out."""


def load(name: str) -> dict[str, Any]:
    """A record by its name, such as "lspet"; rows of its tables are whole."""
    record: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return record | _with_rows(record, lambda row: {**ROW, **row})


def stored(name: str) -> dict[str, Any]:
    """The runs of a record, each with all that the record says once for many; none where there is no record."""
    if not (RESULTS / f"{name}.json").exists():
        return {}
    record = load(name)
    head = {key: record[key] for key in ("commit", "machine")}
    common = record.get("common", {})
    return {
        key: {**head, **run, **({"config": {**common, **run["config"]}} if "config" in run else {})}
        for key, run in record["runs"].items()
    }


def save(name: str, content: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write <folder>/<name>.json, compact."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(layout(compact(content)) + "\n")
    return path


def columns(rows: Iterable[Mapping[str, Any]], names: Sequence[str] = DRAWN) -> list[dict[str, list[float]]]:
    """Tables of columns from rows with a "step": columns that were measured at the same steps share a table."""
    rows = list(rows)
    tables: dict[tuple[float, ...], dict[str, list[float]]] = {}
    for name in names:
        measured = [row for row in rows if row.get(name) not in (None, "")]
        steps = tuple(float(row["step"]) for row in measured)
        if steps:
            tables.setdefault(steps, {"step": list(steps)})[name] = [float(row[name]) for row in measured]
    return list(tables.values())


def curve(run: Mapping[str, Any], column: str) -> tuple[list[float], list[float]]:
    """Steps and values of one column of a run's curves; both empty where it was not measured."""
    table = next((table for table in run["curves"] if column in table), {"step": [], column: []})
    return table["step"], table[column]


def compact(content: Mapping[str, Any]) -> dict[str, Any]:
    """A record as it is stored. `summary` and `tables`, which the pages show, stay as they are, but for what a row has
    not."""
    settings = [flat(config) for config in _configs(content["runs"])]
    common = _shared(settings)
    whole = {key: content.get(key) for key in ("commit", "machine")}
    runs = {name: _run(run, common, whole) for name, run in content["runs"].items()}
    head = {key: value for key, value in content.items() if key != "runs"}
    head |= _with_rows(head, lambda row: {key: value for key, value in row.items() if value not in EMPTY})
    return {**head, **({"common": common} if common else {}), "runs": runs}


def _with_rows(content: Mapping[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The tables of a record, if it has any, each row changed."""
    tables = content.get("tables")
    return (
        {} if tables is None else {"tables": [{**each, "rows": [change(r) for r in each["rows"]]} for each in tables]}
    )


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by dotted key. Where the crop cache lay is nobody's concern."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and key.rpartition(".")[2] not in ("options", "peer"):
            found |= flat(value, f"{prefix}{key}.")
        elif f"{prefix}{key}" != "data.cache":
            found[f"{prefix}{key}"] = value
    return found


def _configs(value: Any) -> list[Mapping[str, Any]]:
    """All that is called config, at any depth."""
    if not isinstance(value, Mapping):
        return []
    inner = [config for key, part in value.items() if key != "config" for config in _configs(part)]
    return ([value["config"]] if "config" in value else []) + inner


def _shared(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the keys that all have, the value of most."""
    keys = [key for key in settings[0] if all(key in each for each in settings)] if settings else []
    common = {}
    for key in keys:
        ((most, _),) = Counter(json.dumps(each[key]) for each in settings).most_common(1)
        common[key] = json.loads(most)
    return {key: value for key, value in common.items() if value not in EMPTY}


def _run(value: Any, common: Mapping[str, Any], whole: Mapping[str, Any]) -> Any:
    """A run, or any part of one, with less: nothing that is empty, or said for the whole record."""
    if isinstance(value, float):
        return significant(value, DIGITS)
    if isinstance(value, list):
        return [_run(each, common, whole) for each in value]
    if not isinstance(value, Mapping):
        return value
    kept: dict[str, Any] = {}
    if "scores" in value and "val" in value.get("summary", {}):  # which have the joints that tables show
        val = value["summary"]["val"]
        bare = {**val, "mean": {key: each for key, each in val["mean"].items() if key != "per_joint"}}
        value = {**value, "summary": {**value["summary"], "val": bare}}
    for key, part in value.items():
        if key == "config":
            kept[key] = {
                name: each
                for name, each in flat(part).items()
                if common.get(name) != each and not (name not in common and each in EMPTY)
            }
        elif key in ("curves", "losses"):
            kept[key] = [thinned(table) for table in part]
        elif key == "pseudo":
            kept[key] = _run({name: each for name, each in part.items() if name != "per_joint"}, common, whole)
        elif key == "calibration":
            kept[key] = {name: significant(_correlation(each), DIGITS) for name, each in part.items()}
        elif key == "scores":
            kept[key] = {measure: _run(_means(each), common, whole) for measure, each in part.items()}
        elif key == "val":
            kept[key] = _run(_without_repeats(part), common, whole)
        elif key not in LEFT_OUT and part != whole.get(key) and part not in EMPTY:
            kept[key] = _run(part, common, whole)
    return kept


def _without_repeats(val: Mapping[str, Any]) -> dict[str, Any]:
    """Scores of a run: of its joints only the mean over networks, and of a single network nothing beside the mean."""

    def whole(scores: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in scores.items() if key != "per_joint"}

    kept = {key: value for key, value in val.items() if key not in ("joints", "networks", "ensemble")}
    if len(val.get("networks", ())) > 1:
        kept["networks"] = {name: whole(scores) for name, scores in val["networks"].items()}
    return kept | ({"ensemble": whole(val["ensemble"])} if "ensemble" in val else {})


def _correlation(calibration: Any) -> float:
    """Also of a record's own, which has kept nothing else."""
    return float(calibration["correlation"] if isinstance(calibration, Mapping) else calibration)


def _means(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Scores by network and part ("a", "a/Knee", "mean/Knee"), without a single network's, which are the means."""
    single = scores.get("a") == scores.get("mean")
    return {key: value for key, value in scores.items() if not (single and (key == "a" or key.startswith("a/")))}


def thinned(table: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """The first row and every n-th up to the last, at most `POINTS`, rounded."""
    count = len(table["step"])
    pace = -(-count // (POINTS - 1))
    rows = sorted({0, *range(count - 1, -1, -pace)}) if count > POINTS else range(count)
    return {
        name: [int(values[i]) if name == "step" else significant(values[i], CURVE_DIGITS) for i in rows]
        for name, values in table.items()
    }


def significant(value: float, digits: int) -> float:
    """Rounded to so many significant digits."""
    return float(f"{value:.{digits}g}")


def layout(value: Any, depth: int = 0) -> str:
    """JSON in which plain values and lists of them fill lines, and all else has lines of its own."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    inner = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
    nested = any(isinstance(each, Mapping | list) for each in inner)
    if not inner or (not nested and (isinstance(value, list) or len(text) < WIDTH)):
        return text
    named = isinstance(value, Mapping)
    names = [f"{json.dumps(key, ensure_ascii=False)}:" for key in value] if named else [""] * len(inner)
    lines: list[str] = []
    for name, each in zip(names, inner, strict=True):
        part = name + layout(each, depth + 1)
        if lines and "\n" not in part + lines[-1] and len(lines[-1]) + len(part) + depth + 4 <= WIDTH:
            lines[-1] += f",{part}"
        else:
            lines.append(part)
    opening, closing = "{}" if named else "[]"
    if len(lines) == 1 and "\n" not in lines[0]:
        return f"{opening}{lines[0]}{closing}"
    indent = " " * (depth + 1)
    return f"{opening}\n{indent}" + f",\n{indent}".join(lines) + f"\n{' ' * depth}{closing}"
