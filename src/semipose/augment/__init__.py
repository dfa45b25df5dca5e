"""Random policies that draw a view from a view.

A policy is a function `(view, draws, target=None) -> View`. It draws its random numbers, and adds a matrix or a
deterministic edit to the view; pixels are rendered later. `target` is the teacher's prediction, which Joint Cutout
reads.

Policies have the papers' names, joined by `+`: `affine30`, `affine60+jc5`, `affine60+ra20`. `parse` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from semipose.augment.affine import affine, afresh, onto, released_easy, released_hard
from semipose.augment.joint_cutout import joint_cutout, released_joint_cutout
from semipose.augment.photometric import rand_augment, released_rand_augment
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View

if TYPE_CHECKING:
    from semipose.methods.target import Target

__all__ = ["Policy", "affine", "afresh", "compose", "joint_cutout", "onto", "parse", "rand_augment"]


class Policy(Protocol):
    """Draws a view from a view."""

    def __call__(self, view: View, draws: Draws, target: Target | None = None) -> View: ...


def identity(view: View, draws: Draws, target: Target | None = None) -> View:
    """The view as it is."""
    return view


def compose(*policies: Policy) -> Policy:
    """One policy after the other."""

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        for each in policies:
            view = each(view, draws, target)
        return view

    return policy


def whole(count: float) -> int:
    """A number of squares, as an integer."""
    if count % 1:
        raise UserError(f"Joint Cutout of {count:g} squares is impossible; give a whole number, as in jc5")
    return int(count)


POLICIES: dict[str, Callable[[float], Policy]] = {
    "none": lambda _: identity,
    "affine": lambda degrees: affine(degrees, degrees / 120),
    "flip": lambda percent: affine(0, 0, flip=percent / 100),
    "jc": lambda count: joint_cutout(whole(count)),
    "ra": lambda magnitude: rand_augment(magnitude),
    "released-easy": lambda _: released_easy,
    "released-hard": lambda _: released_hard,
    "released-jc": lambda count: released_joint_cutout(whole(count)),
    "released-ra": lambda magnitude: released_rand_augment(magnitude),
}
"""Name -> policy of its number. `affine30` turns by up to 30 degrees and scales by 1 +- 0.25, `affine60` by up to 60
and 1 +- 0.5 (Xie et al. 2021, section 4.1); others lie on the same line."""

NUMBERLESS = frozenset({"none", "released-easy", "released-hard"})


def parse(text: str) -> Policy:
    """The policy that a text such as `affine60+jc5` names."""
    parts = [re.fullmatch(r"([a-z-]+?)-?(\d+(?:\.\d+)?)?", part.strip()) for part in text.split("+")]
    names = [part.group(1) if part else None for part in parts]
    numbered = [part is not None and part.group(2) is not None for part in parts]
    if any(
        name not in POLICIES or number == (name in NUMBERLESS) for name, number in zip(names, numbered, strict=True)
    ):
        raise UserError(
            f"augmentation {text!r} is not understood; join any of {', '.join(POLICIES)} by +, each but"
            f" {', '.join(sorted(NUMBERLESS))} with its number, as in affine60+jc5"
        )
    return compose(*(POLICIES[part.group(1)](float(part.group(2) or 0)) for part in parts if part))
