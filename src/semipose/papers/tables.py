"""What a paper's folder fills in: recipes, plans, rows and tables, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from semipose.config import Config
from semipose.papers.claims import Claim

Make = Callable[[int, Path | None], Config]
"""(seed, folder of the data sets or None) -> configuration. Where the folder is None, the user names the data."""

PCK, MPJPE, AP_DETECTED, PSEUDO = "PCK@0.1", "MPJPE mm", "AP, detected boxes", "pseudo PCK"
"""Metrics of rows, beside "AP", "PCKh@0.5" and "JDR"."""

SCALES = {
    "mini": "synthetic people and a small network (papers/mini.py), minutes a run on a CPU",
    "paper": "the paper's data, networks and length",
}


@dataclass(frozen=True)
class Plan:
    """How one model, or a pair of networks, is trained.

    Attributes:
        scales: "mini" or "paper" -> its configuration there; a scale that is left out has no such run.
        labels: at paper scale, how many labelled instances are drawn from the labelled data; all when None.
        by_image: `labels` counts images, with everyone in them.
        start: the plan whose networks this one's start from.
        teacher: the plan whose network `method.teacher` names.
    """

    scales: Mapping[str, Make]
    labels: int | None = None
    start: str | None = None
    teacher: str | None = None
    by_image: bool = False


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        label: as the paper has it.
        plan: what is trained for it; several rows may share one.
        paper: the paper's number, None where it prints none.
        metric: in which the paper measures.
        network: which of a pair's networks ("a" or "b"); their mean when None.
        view: a perturbation under which the model is measured (`semipose gap`).
        parts: the paper's further columns: a joint group or a measure of the same kind -> its number. MPJPE is the mean
            of these where there are any, as the paper's is.
    """

    label: str
    plan: str
    paper: float | None = None
    metric: str = "AP"
    network: str | None = None
    view: str | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table or figure.

    Attributes:
        title: what it shows.
        rows: its lines.
        remark: what a reader of the numbers has to know.
    """

    title: str
    rows: tuple[Row, ...]
    remark: str = ""


@dataclass(frozen=True)
class Recipe:
    """A plan without data, which the user names: what `semipose train --recipe NAME` trains.

    Attributes:
        plan: of the same paper.
        about: what it is, where no row of a table says it, or what becomes of it.
    """

    plan: str
    about: str = ""


@dataclass(frozen=True)
class Paper:
    """A paper: its recipes, its tables and the plans that both name.

    Attributes:
        short: the first author, before a number.
        sources: dotted key -> where a value comes from that is not the default; where nothing is said, it is the
            paper's.
        old: names that a recipe or plan had before, which go on working -> today's.
        claims: what it says of its rows (`semipose reproduce --claims`).
    """

    title: str
    short: str
    tables: Mapping[str, Table] = field(repr=False)
    plans: Mapping[str, Plan] = field(repr=False)
    recipes: Mapping[str, Recipe] = field(default_factory=dict, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)
    old: Mapping[str, str] = field(default_factory=dict, repr=False)
    claims: tuple[Claim, ...] = field(default=(), repr=False)
