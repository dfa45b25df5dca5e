"""Papers, tables, rows and recipes by name."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module

from semipose.config.schema import Config
from semipose.errors import UserError
from semipose.papers import OURS, PAPERS
from semipose.papers.tables import Paper, Row, Table


@dataclass(frozen=True)
class RecipeEntry:
    """A recipe, and the name of the paper's folder that it is from."""

    name: str
    folder: str
    plan: str
    about: str

    @property
    def config(self) -> Callable[[], Config]:
        """Makes its configuration, whose data the user names; of ours, on synthetic people."""
        scales = paper(self.folder).plans[self.plan].scales
        make = scales["paper"] if "paper" in scales else scales["mini"]
        return lambda: make(0, None)

    @property
    def row(self) -> Row:
        """The first row of the paper's tables that this trains."""
        return rows_of(paper(self.folder), self.plan)[0]

    @property
    def number(self) -> str:
        """The paper's result there, with its unit; empty where it gives none."""
        return "" if self.row.paper is None else f"{self.row.paper:g} {self.row.metric.partition(',')[0]}"

    @property
    def text(self) -> str:
        """Which row it is, and what becomes of it."""
        named = [self.row.label] if self.row.label != self.plan else []
        return "; ".join([*named, *([self.about] if self.about else [])])


def paper(name: str) -> Paper:
    """By its folder's name."""
    if name not in (*PAPERS, OURS):
        raise UserError(f"there is no paper {name!r} to reproduce; there are {', '.join(PAPERS)}")
    found: Paper = import_module(f"semipose.papers.{name}").PAPER
    return found


@cache
def recipes() -> dict[str, RecipeEntry]:
    """Every recipe by its name, the papers' first."""
    return {
        name: RecipeEntry(name, folder, one.plan, one.about)
        for folder in (*PAPERS, OURS)
        for name, one in paper(folder).recipes.items()
    }


def recipe(name: str) -> Config:
    """The configuration that a recipe's name stands for.

    Raises:
        UserError: there is no such recipe; names the nearest.
    """
    name = today(name, recipes(), *PAPERS)
    if name not in recipes():
        near = difflib.get_close_matches(name, recipes(), 1, 0.6)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"there is no recipe {name!r}; {hint}semipose recipes lists them")
    return recipes()[name].config()


def find(target: str) -> tuple[Paper, dict[str, Table]]:
    """A paper and those of its tables that "paper/table" or "paper" names; "paper/plan" is a table of that plan's rows.

    Raises:
        UserError: there is no such paper, table or plan.
    """
    name, _, wanted = target.partition("/")
    one = paper(name)
    wanted = today(wanted, {**one.tables, **one.plans}, name)
    tables = {key: table for key, table in one.tables.items() if wanted in ("", key)}
    if not tables and wanted in one.plans:
        tables = {wanted: Table(f"rows of {wanted}", rows_of(one, wanted))}
    if not tables:
        there = f"{', '.join(one.tables)}, and the rows that semipose recipes {name} lists"
        there = there if one.tables else f"rows alone: {', '.join(one.plans)}"
        raise UserError(f"{name} has no {repr(wanted) if wanted else 'tables'}; it has {there}")
    return one, tables


def today(name: str, names: object, *folders: str) -> str:
    """Today's name of a recipe or row that had another until the last release, with a line about it."""
    if name in names:  # type: ignore[operator]
        return name
    for folder in folders:
        if name in (old := paper(folder).old):
            print(f"semipose: {name} is called {old[name]} now", file=sys.stderr)
            return old[name]
    return name


def rows_of(one: Paper, plan: str) -> tuple[Row, ...]:
    """A plan's rows of all tables, or one of its own where only others build on it."""
    rows = [
        replace(row, label=f"{key}: {row.label}")
        for key, table in one.tables.items()
        for row in table.rows
        if row.plan == plan
    ]
    return tuple(rows) or (Row(plan, plan),)
