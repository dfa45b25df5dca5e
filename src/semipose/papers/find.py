"""The papers whose tables `semipose reproduce` knows, by name."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from semipose.errors import UserError
from semipose.papers.tables import Paper, Row, Table

PAPERS = {
    "xie2021": "semipose.papers.xie2021.tables",
    "pose_mum": "semipose.papers.pose_mum.tables",
    "yu2024": "semipose.papers.yu2024.tables",
}
"""Name -> the module that holds its `PAPER`. A new paper is one line here."""


def find(target: str) -> tuple[Paper, dict[str, Table]]:
    """A paper and those of its tables that "paper/table" or "paper" names; "paper/plan" is a table of that plan's rows.

    Raises:
        UserError: there is no such paper, table or plan.
    """
    name, _, wanted = target.partition("/")
    if name not in PAPERS:
        raise UserError(f"there is no paper {name!r} to reproduce; there are {', '.join(PAPERS)}")
    paper: Paper = import_module(PAPERS[name]).PAPER
    tables = {key: table for key, table in paper.tables.items() if wanted in ("", key)}
    if not tables and wanted in paper.plans:
        tables = {wanted: Table(f"rows of {wanted}", rows_of(paper, wanted))}
    if not tables:
        raise UserError(
            f"{name} has no {wanted!r}; it has {', '.join(paper.tables)}, and the rows that semipose recipes lists"
        )
    return paper, tables


def rows_of(paper: Paper, plan: str) -> tuple[Row, ...]:
    """A plan's rows of all tables, or one of its own where only others build on it."""
    rows = [
        replace(row, label=f"{key}: {row.label}")
        for key, table in paper.tables.items()
        for row in table.rows
        if row.plan == plan
    ]
    return tuple(rows) or (Row(plan, plan),)
