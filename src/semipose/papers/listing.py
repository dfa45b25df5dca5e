"""What can be trained, as text: recipes, the rows of the papers' tables, and whole configurations with the source of
each constant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from semipose.config.schema import Config, to_dict
from semipose.errors import UserError
from semipose.methods import needs as needs_of_method
from semipose.options import sources
from semipose.papers import OURS, PAPERS, mini
from semipose.papers.datasets import BOXES, NAMES
from semipose.papers.find import find, paper, recipe, recipes, rows_of, today
from semipose.papers.tables import AP_DETECTED, MPJPE, Plan, Table

ROOT = Path("ROOT")


def recipes_text() -> str:
    """The first page: the papers' tables by name, and every recipe with the paper's number."""
    lines = ["Papers and their tables (semipose recipes PAPER or PAPER/TABLE lists the rows):"]
    for name in PAPERS:
        lines.append(f"  {name:10s} {paper(name).title}: {', '.join(paper(name).tables)}")
    lines += ["", "Recipes (semipose recipes show NAME prints one whole):"]
    for name, one in recipes().items():
        lines.append(f"  {name:24s} {one.number:>8s}  {one.folder}: {one.text}")
    return "\n".join([*lines, "", "trained by: semipose train data.yaml --recipe NAME"])


def rows_text(target: str = "") -> str:
    """Every row of the papers' tables, or of those of "paper" or "paper/table": the paper's number, the command that
    trains it, and what it needs."""
    lines: list[str] = []
    for name in [target.partition("/")[0]] if target else PAPERS:
        for key, table in find(target or name)[1].items():
            lines += _table_text(name, key, table)
    lines.append("A command as it stands trains at mini scale: synthetic people, in minutes, with no data of yours.")
    lines.append("With --scale paper --data ROOT it trains at the paper's, and needs what is named.")
    return "\n".join(lines)


def _table_text(name: str, key: str, table: Table) -> Iterator[str]:
    plans = find(name)[0].plans
    yield f"{name}/{key}: {table.title}"
    for row in table.rows:
        number = "" if row.paper is None else f"{row.paper:g} {row.metric.partition(',')[0]}"
        yield f"  {number:>16s}  {row.label:45s}  semipose reproduce {name}/{row.plan}"
        yield f"{'':20s}needs {', '.join(needs(plans, row.plan, row.metric))}"


def needs(plans: Mapping[str, Plan], name: str, metric: str = "") -> list[str]:
    """What a plan needs at paper scale: data sets, how many of the labels, boxes, weights, and the plans that it builds
    on with what those need."""
    plan = plans[name]
    if "paper" not in plan.scales:
        return ["no data of yours; it has no run at the paper's scale"]
    config = plan.scales["paper"](0, ROOT)
    unlabeled = config.data.unlabeled if needs_of_method(config.method.name).unlabeled else None
    files = [Path(str(file)) for file in (config.data.labeled, unlabeled, config.data.val) if file]
    folders = dict.fromkeys(file.relative_to(ROOT).parts[0] for file in files)
    lines = [NAMES.get(folder, folder) for folder in folders]
    if plan.labels:
        lines[0] += f" ({plan.labels:,} {'labelled images' if plan.by_image else 'labels'})"
    if unlabeled and BOXES in Path(str(unlabeled)).name:
        lines.append("a detector's boxes of its unlabelled images")
    if metric in (AP_DETECTED, MPJPE):
        lines.append("a detector's boxes of VAL" if metric == AP_DETECTED else "its cameras.pkl")
    if config.model.weights == "imagenet" or config.peer.get("weights") == "imagenet":
        lines.append("ImageNet weights")
    for before in filter(None, (plan.teacher, plan.start)):
        lines += [f"{before} (trained first)", *(line for line in needs(plans, before) if line not in lines)]
    return lines


def shown(name: str, scale: str = "paper") -> str:
    """A whole configuration as YAML, each constant with its source: a recipe's, or a row's, "paper/plan".

    Raises:
        UserError: no such recipe or row.
    """
    from semipose.models.size import size

    config, folder, own, about = _of_row(name, scale) if "/" in name else _of_recipe(name)
    about.append(f"a network for 17 joints: {size(config.model, 17)}")
    at_mini = folder == OURS or ("/" in name and scale == "mini")
    changed = paper(folder).sources

    def source(key: str, same: bool, default: str) -> str:
        if same:
            return default
        if at_mini and not key.startswith("method."):
            return mini.SOURCE
        return changed.get(key, own)

    return "\n".join([*(f"# {line}" for line in about), *_annotated(config, source)])


def _of_recipe(name: str) -> tuple[Config, str, str, list[str]]:
    """Its configuration, its paper, what it says of itself, and what to print above."""
    config = recipe(name)
    one = recipes()[today(name, recipes(), *PAPERS)]
    own = f"{paper(one.folder).short}, {one.row.label}" if one.row.label != one.plan else one.about
    return config, one.folder, own, [_with_number(f"{paper(one.folder).title}, {one.text}", one.number)]


def _of_row(name: str, scale: str) -> tuple[Config, str, str, list[str]]:
    of, _, wanted = name.partition("/")
    one = paper(of)
    wanted = today(wanted, one.plans, of)
    if wanted not in one.plans:
        raise UserError(f"{name} is no row; semipose recipes {of} lists them, such as xie2021/dual-jc-1k")
    scales = one.plans[wanted].scales
    if scale not in scales:
        raise UserError(f"{of}/{wanted} has no run at scale {scale}; it has {', '.join(scales)}")
    rows = rows_of(one, wanted)
    about = [_with_number(row.label, "" if row.paper is None else f"{row.paper:g} {row.metric}") for row in rows]
    wants = dict.fromkeys(want for row in rows for want in needs(one.plans, wanted, row.metric))
    about.append(f"needs {', '.join(wants)}" if scale == "paper" else "the mini protocol")
    return scales[scale](0, None), of, rows[0].label, about


def _with_number(text: str, number: str) -> str:
    return f"{text} ({number})" if number else text


def _annotated(section: Any, source: Callable[[str, bool, str], str], prefix: str = "") -> Iterator[str]:
    """Lines of YAML; `source` is told a key, whether its value is the default, and where that comes from."""
    values, plain = to_dict(section), to_dict(type(section)())
    defaults = sources(type(section))
    for key, value in values.items():
        inner = getattr(section, key)
        if dataclasses.is_dataclass(inner):
            yield f"{key}:"
            yield from _annotated(inner, source, f"{key}.")
            continue
        text = yaml.safe_dump([value], default_flow_style=True, width=1000).strip()[1:-1]
        said = source(prefix + key, value == plain[key], defaults[key])
        line = f"{'  ' if prefix else ''}{key}: {text}"
        yield f"{line:40s}  # {said}" if said else line
