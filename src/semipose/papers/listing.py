"""What can be trained, as text: `semipose recipes` lists every recipe and every row of the papers' tables, and shows a
configuration with where each constant comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from semipose.config import Config, to_dict
from semipose.errors import UserError
from semipose.methods import NEED_UNLABELED
from semipose.papers import mini
from semipose.papers.find import PAPERS, find, rows_of
from semipose.papers.measures import AP_DETECTED, MPJPE
from semipose.papers.recipes import RECIPES, recipe
from semipose.papers.sources import DEFAULTS, used
from semipose.papers.tables import Plan, Table

ROOT = Path("ROOT")
DATA = {"coco": "COCO", "mpii": "MPII", "aic": "AI Challenger", "h36m": "Human3.6M"}
"""Folders of `reproduce --data ROOT`."""
BOXES = "_boxes_"
"""In the name of a file of a detector's boxes."""


def recipes_text() -> str:
    """A line a recipe: its name, the paper's number and what it is."""
    lines = [f"{name:24s} {each.number:>8s}  {each.row}" for name, each in RECIPES.items()]
    return "\n".join([*lines, "trained by: semipose train --recipe NAME --data data.yaml"])


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
    config = plan.scales["paper"](0, ROOT)
    unlabeled = config.data.unlabeled if config.method.name in NEED_UNLABELED else None
    files = [Path(str(file)) for file in (config.data.labeled, unlabeled, config.data.val) if file]
    found = [DATA[folder] for folder in dict.fromkeys(file.relative_to(ROOT).parts[0] for file in files)]
    if plan.labels:
        found[0] += f" ({plan.labels:,} {'labelled images' if plan.by_image else 'labels'})"
    if unlabeled and BOXES in Path(str(unlabeled)).name:
        found.append("a detector's boxes of its unlabelled images")
    if metric in (AP_DETECTED, MPJPE):
        found.append("a detector's boxes of VAL" if metric == AP_DETECTED else "its cameras.pkl")
    if config.model.weights == "imagenet" or config.peer.get("weights") == "imagenet":
        found.append("ImageNet weights")
    for before in filter(None, (plan.teacher, plan.start)):
        found += [f"{before} (trained first)", *(each for each in needs(plans, before) if each not in found)]
    return found


def shown(name: str, scale: str = "paper") -> str:
    """A whole configuration as YAML, each constant with its source: a recipe's, or a row's, "paper/plan".

    Raises:
        UserError: no such recipe or row.
    """
    from semipose.models import size

    config, module, own, about = _of_row(name, scale) if "/" in name else _of_recipe(name)
    about.append(f"a network for 17 joints: {size(config.model, 17)}")
    at_mini = module is mini or ("/" in name and scale == "mini")
    changed: Mapping[str, str] = getattr(module, "SOURCES", {})

    def source(key: str, same: bool) -> str:
        if not used(config.method, key):
            return f"not of {config.method.name}"
        if same:
            return DEFAULTS.get(key, "")
        if at_mini and not key.startswith("method."):
            return mini.SOURCE
        return changed.get(key, own)

    lines = _annotated(to_dict(config), to_dict(Config()), source)
    return "\n".join([*(f"# {line}" for line in about), *lines])


def _of_recipe(name: str) -> tuple[Config, ModuleType, str, list[str]]:
    """Its configuration, the module that it is from, what it says of itself, and what to print above."""
    config, each = recipe(name), RECIPES[name]
    own = each.source.rstrip(".")
    return config, import_module(each.config.__module__), own, [_with_number(each.row, each.number), own]


def _of_row(name: str, scale: str) -> tuple[Config, ModuleType, str, list[str]]:
    of, _, wanted = name.partition("/")
    paper = find(of)[0]
    if wanted not in paper.plans:
        raise UserError(f"{name} is no row; semipose recipes lists them, such as xie2021/dual-jc-1k")
    rows = rows_of(paper, wanted)
    about = [_with_number(row.label, "" if row.paper is None else f"{row.paper:g} {row.metric}") for row in rows]
    wants = dict.fromkeys(each for row in rows for each in needs(paper.plans, wanted, row.metric))
    about.append(f"needs {', '.join(wants)}" if scale == "paper" else "the mini protocol")
    config = paper.plans[wanted].scales[scale](0, None)
    return config, import_module(f"semipose.papers.recipes.{of}"), rows[0].label, about


def _with_number(text: str, number: str) -> str:
    return f"{text} ({number})" if number else text


def _annotated(
    values: Mapping[str, Any], defaults: Mapping[str, Any], source: Callable[[str, bool], str], section: str = ""
) -> Iterator[str]:
    """Lines of YAML; `source` is told a key, and whether its value is the default."""
    for key, value in values.items():
        if not section and dataclasses.is_dataclass(getattr(Config(), key)):
            yield f"{key}:"
            yield from _annotated(value, defaults[key], source, f"{key}.")
            continue
        text = yaml.safe_dump([value], default_flow_style=True, width=1000).strip()[1:-1]
        said = source(section + key, value == defaults[key])
        line = f"{'  ' if section else ''}{key}: {text}"
        yield f"{line:40s}  # {said}" if said else line
