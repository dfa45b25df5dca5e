"""Random policies that draw a view from a view.

A policy is a function `(view, draws, target=None) -> View`. It draws its random numbers, and adds a matrix or a
deterministic edit to the view; pixels are rendered later. `target` is the teacher's prediction, which Joint Cutout
reads.

Policies are named by words, joined by `+` and run from left to right: `affine30`, `affine60+jc5`. `parse` reads them.

| word | number | view |
|---|---|---|
| `none` | | as it is |
| `affineD` | 0 to below 120 | turned by up to D degrees, magnified by 1 +- D / 120; the paper's are 30 and 60 |
| `flipP` | 0 to 100 | mirrored with a chance of P % |
| `rotateD` | 0 to 180 | turned by up to D degrees either way |
| `scaleP` | 0 to below 100 | magnified by 1 +- P / 100 |
| `jcN` | whole, 0 to 100 | N joints masked, or all where there are fewer: Joint Cutout |
| `raM` | 0 to 30 | RandAugment of magnitude M |
| `joN` | whole, 0 to 100 | N joints covered by patches around joints of another image: joint cut-occlude |
| `coN` | whole, 0 to 100 | N holes at random places: cutout |
| `cmN` | whole, 0 to 100 | N holes filled with another image: cutmix |
| `mu` | | the mean with another image, of small weight: mixup |
| `joco`, `jccm` | | `jo2+co5` and `jc5+cm2` |
| `released-easy`, `released-hard` | | the affine views of Xie et al.'s released code |
| `released-jcN` | whole, 0 to 100 | Joint Cutout of that code |
| `released-raM` | 0 to 30 | RandAugment of that code |
| `released-joN` | whole, 0 to 100 | joint cut-occlude of the released code of Zhou et al. |

Turns and scales are uniform. A body seen from above in any direction is `rotate180+scale25+flip50`: the matrices are
multiplied, and pixels are sampled once. Up to sides of 4:3, `data.reach=35` cuts crops with pixels for all its corners.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from semipose.augment.affine import affine, afresh, onto, released_easy, released_hard
from semipose.augment.joint_cutout import joint_cutout, released_joint_cutout
from semipose.augment.occlusion import cutmix, cutout, joint_cut_occlude, mixup
from semipose.augment.photometric import STRONGEST, rand_augment, released_rand_augment
from semipose.augment.policy import Policy
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View
from semipose.target import Target

__all__ = [
    "Policy",
    "affine",
    "afresh",
    "compose",
    "joint_cutout",
    "moving",
    "onto",
    "parse",
    "parts",
    "rand_augment",
    "without_mirror",
]


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


@dataclass(frozen=True)
class Part:
    """A word of a policy's name.

    Attributes:
        make: the policy, of the word's number; 0 where it takes none.
        number: what its number is, with its unit; "" where it takes none.
        lowest, highest: the number's range; `highest` itself is refused where it is `below`.
        example: a usual number.
        moves: it only moves the image, and labels with it. `released-hard`, which goes on top of an easy view, does not
            count.
        mirrors: no mirror is to be added: it is one, or goes with the released easy view, which has one.
        masks: it masks joints that a teacher found, or labels, and can be part of a view of these alone.
    """

    make: Callable[[float], Policy]
    number: str = ""
    lowest: float = 0
    highest: float = 0
    example: float = 0
    below: bool = False
    whole: bool = False
    moves: bool = False
    mirrors: bool = False
    masks: bool = False

    def fits(self, number: float) -> bool:
        """Whether `number` is in the range."""
        top = number < self.highest if self.below else number <= self.highest
        return self.lowest <= number and top and not (self.whole and number % 1)

    @property
    def range(self) -> str:
        """The number and its range, in words."""
        kind = "a whole number, " if self.whole else ""
        return f"{self.number}, {kind}{self.lowest:g} to {'below ' if self.below else ''}{self.highest:g}"


DEGREES, PERCENT = "the largest turn in degrees", "the largest change of size in percent"
SQUARES, MAGNITUDE = "how many joints are masked", "a magnitude without unit"
PATCHES, HOLES = "how many joints are covered", "how many holes"
POLICIES: dict[str, Part] = {
    "none": Part(lambda _: identity),
    "affine": Part(lambda degrees: affine(degrees, degrees / 120), DEGREES, 0, 120, 30, below=True, moves=True),
    "flip": Part(
        lambda percent: affine(0, 0, flip=percent / 100), "a chance in percent", 0, 100, 50, moves=True, mirrors=True
    ),
    "rotate": Part(lambda degrees: affine(degrees, 0), DEGREES, 0, 180, 180, moves=True),
    "scale": Part(lambda percent: affine(0, percent / 100), PERCENT, 0, 100, 25, below=True, moves=True),
    "jc": Part(lambda count: joint_cutout(int(count)), SQUARES, 0, 100, 5, whole=True, masks=True),
    "ra": Part(rand_augment, MAGNITUDE, 0, STRONGEST, 20),
    "jo": Part(lambda count: joint_cut_occlude(int(count)), PATCHES, 0, 100, 2, whole=True, masks=True),
    "co": Part(lambda count: cutout(int(count)), HOLES, 0, 100, 5, whole=True),
    "cm": Part(lambda count: cutmix(int(count)), HOLES, 0, 100, 2, whole=True),
    "mu": Part(lambda _: mixup),
    "joco": Part(lambda _: compose(joint_cut_occlude(2), cutout(5)), masks=True),
    "jccm": Part(lambda _: compose(joint_cutout(5), cutmix(2)), masks=True),
    "released-easy": Part(lambda _: released_easy, moves=True, mirrors=True),
    "released-hard": Part(lambda _: released_hard, mirrors=True),
    "released-jc": Part(
        lambda count: released_joint_cutout(int(count)), SQUARES, 0, 100, 5, whole=True, mirrors=True, masks=True
    ),
    "released-ra": Part(released_rand_augment, MAGNITUDE, 0, STRONGEST, 20, mirrors=True),
    "released-jo": Part(
        lambda count: joint_cut_occlude(int(count), exchanged=True),
        *(PATCHES, 0, 100, 2),
        whole=True,
        mirrors=True,
        masks=True,
    ),
}
"""Name -> part. `affine30` turns by up to 30 degrees and scales by 1 +- 0.25, `affine60` by up to 60 and 1 +- 0.5 (Xie
et al. 2021, section 4.1); others lie on the same line. The masks of Joint Cutout take memory for each joint, hence a
highest number, far above what a body has."""


def parse(text: str) -> Policy:
    """The policy that a text such as `affine60+jc5` names.

    Raises:
        UserError: a word is unknown, has no number or one too many, or its number is out of range.
    """
    return compose(*(POLICIES[name].make(number) for name, number in parts(text)))


def parts(text: str) -> list[tuple[str, float]]:
    """The words of a policy's name, each with its number, or 0 where it takes none; raises as `parse` does."""
    return [_part(word.strip(), text) for word in text.split("+")]


def without_mirror(text: str) -> str:
    """A policy's name without its mirrors; `none` where nothing else is in it."""
    words = zip(text.split("+"), parts(text), strict=True)
    return "+".join(word.strip() for word, (name, _) in words if name != "flip") or "none"


def moving(text: str) -> str:
    """A policy's name without what is no mere move; `none` where nothing else is in it."""
    words = zip(text.split("+"), parts(text), strict=True)
    return "+".join(word.strip() for word, (name, _) in words if POLICIES[name].moves) or "none"


def masked(text: str) -> bool:
    """Whether a policy masks joints."""
    return any(POLICIES[name].masks for name, _ in parts(text))


def without_masks(text: str) -> str:
    """A policy's name without what masks joints; `none` where nothing else is in it."""
    words = zip(text.split("+"), parts(text), strict=True)
    return "+".join(word.strip() for word, (name, _) in words if not POLICIES[name].masks) or "none"


def _part(word: str, text: str) -> tuple[str, float]:
    where = f"augmentation {word!r}" if word == text.strip() else f"augmentation {word!r} of {text!r}"
    match = re.fullmatch(r"([a-z-]+?)-?(\d+(?:\.\d+)?)?", word)
    part = POLICIES.get(match[1]) if match else None
    if match is None or part is None or (match[2] is None) == bool(part.number):
        bare = ", ".join(sorted(name for name, part in POLICIES.items() if not part.number))
        raise UserError(
            f"{where} is not understood; join any of {', '.join(POLICIES)} by +, each but {bare} with its number, as in"
            f" affine60+jc5{_nearest(word)}"
        )
    name, number = match[1], float(match[2] or 0)
    if not part.fits(number):
        raise UserError(f"{where} is impossible; {name} takes {part.range}, as in {_example(name)}")
    return name, number


def _nearest(word: str) -> str:
    name = re.sub(r"-?\d.*", "", word.lower())
    near = difflib.get_close_matches(name, POLICIES, 1, 0.5)
    return f"; did you mean {_example(near[0])}?" if near else ""


def _example(name: str) -> str:
    return f"{name}{POLICIES[name].example:g}" if POLICIES[name].number else name
