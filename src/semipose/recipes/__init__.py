"""Recipes: functions that hold a paper's constants and return a full configuration, listed by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from semipose.config import Config
from semipose.errors import UserError
from semipose.recipes import mini, xie2021

__all__ = ["RECIPES", "Recipe", "recipe"]


@dataclass(frozen=True)
class Recipe:
    """A named configuration.

    Attributes:
        config: makes it.
        row: which row of which table it is, or what it is for.
        number: the paper's result there, with its unit; empty where the paper gives none.
    """

    config: Callable[[], Config]
    row: str
    number: str = ""

    @property
    def source(self) -> str:
        """The function's first line of documentation: where its constants come from."""
        return (self.config.__doc__ or "").splitlines()[0]


RECIPES: dict[str, Recipe] = {
    "supervised": Recipe(xie2021.supervised, "Xie 2021, Table 1: Supervised, A, 1K labels", "31.5 AP"),
    "naive": Recipe(xie2021.naive, "Xie 2021, Figure 3 top: both sides learn; collapses", "0.9 AP"),
    "single": Recipe(xie2021.single, "Xie 2021, Table 1: Ours (Single), A, 1K labels", "38.5 AP"),
    "single-jc": Recipe(xie2021.single_jc, "Xie 2021, Table 1: Ours (Single), A+JC, 1K labels", "42.1 AP"),
    "dual-a": Recipe(xie2021.dual_a, "Xie 2021, Table 1: Ours (Dual), A, 1K labels", "41.5 AP"),
    "dual-ra": Recipe(xie2021.dual_ra, "Xie 2021, Table 1: Ours (Dual), A+RA, 1K labels", "43.7 AP"),
    "dual": Recipe(xie2021.dual, "Xie 2021, Table 1: Ours (Dual), A+JC, 1K labels", "44.6 AP"),
    "released-single": Recipe(xie2021.released_single, "as single-jc, with the released code's settings"),
    "released-dual": Recipe(xie2021.released_dual, "as dual, with the released code's settings"),
    "mini-supervised": Recipe(mini.supervised, "embedded people, a small network, minutes on a CPU"),
    "mini-naive": Recipe(mini.naive, "as mini-supervised: both sides learn"),
    "mini-single": Recipe(mini.single, "as mini-supervised, Single"),
    "mini-dual": Recipe(mini.dual, "as mini-supervised, Dual; what the demo trains"),
}


def recipe(name: str) -> Config:
    """The configuration that a recipe's name stands for."""
    if name not in RECIPES:
        raise UserError(f"there is no recipe {name!r}; semipose recipes lists them: {', '.join(RECIPES)}")
    return RECIPES[name].config()
