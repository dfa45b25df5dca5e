"""Which joints are left and right of each other, read from their names and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

Reading = tuple[str, str]
"""A side, and the name without it."""

OTHER = {"left": "right", "right": "left"}


class Sides(NamedTuple):
    """(left, right) index pairs, and a line on each name that says a side and got no partner."""

    pairs: tuple[tuple[int, int], ...]
    remarks: tuple[str, ...]


def find_sides(joints: Sequence[str]) -> Sides:
    """Pairs by name: two joints are one where their names are the same but for the side. A side is surely meant by

    * a word: `left_ear`, `Right Wrist`, `paw_L`, `lEye`, `LEar`;
    * the start of a word: `leftear`;

    and perhaps, so that a name without partner is one like another, by

    * the end of a word: `earleft`;
    * the first or last letter of a code: `LH`, `paw_fl`, `LHP`, `L1`;
    * a capital before a word: `Lhip`.

    Where no name is the same but for the side, numbers are not compared: paw1LH and paw4RH are a pair if there is one
    such of each. A name with both sides, or with two possible partners, has no partner and is remarked on, and so is
    one that surely means a side and finds no other.
    """
    sure = [_sure(_spaced(name)) for name in joints]
    readings = [found or _perhaps(_spaced(name)) for found, name in zip(sure, joints, strict=True)]
    remarks = []
    for i, name in enumerate(joints):
        if len({side for side, _ in sure[i]}) > 1:
            remarks.append(f"{name!r} says left and right at once: no pair")
            sure[i] = readings[i] = set()
    pairs: list[tuple[int, int]] = []
    for numbers in (True, False):
        paired = {i for pair in pairs for i in pair}
        shown = [_shown(found, numbers) if i not in paired else set() for i, found in enumerate(readings)]
        partners = [
            {j for j, other in enumerate(shown) if {(OTHER[side], rest) for side, rest in found} & other}
            for found in shown
        ]
        for i, found in enumerate(partners):
            rivals = {k for j in found for k in partners[j]} - {i}
            if len(found) > 1 or rivals:
                names = ", ".join(repr(joints[j]) for j in sorted(found | rivals | {i}))
                remarks.append(f"{names} are not clearly one pair: none of them is")
                sure[i] = readings[i] = set()
            elif found and any(side == "left" for side, rest in shown[i] if ("right", rest) in shown[min(found)]):
                pairs.append((i, min(found)))
    paired = {i for pair in pairs for i in pair}
    for i, said in enumerate(sure):
        if said and i not in paired:
            side = min(said)[0]
            remarks.append(f"{joints[i]!r} is {side} and there is no {OTHER[side]} one: no pair")
    return Sides(tuple(sorted(pairs)), tuple(dict.fromkeys(remarks)))


def words(name: str) -> list[str]:
    """A name's words in lower case, cut at separators and camel case."""
    return [word.lower() for word in _spaced(name)]


def _spaced(name: str) -> list[str]:
    cut = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word for word in re.split(r"[\W_]+", cut) if word]


def _sure(parts: list[str]) -> set[Reading]:
    found = set()
    for i, part in enumerate(part.lower() for part in parts):
        for side in OTHER:
            if part in (side, side[0]):
                found.add((side, _rest(parts, i, "*")))
            elif part.startswith(side):
                found.add((side, _rest(parts, i, "*" + part[len(side) :])))
    return found


def _perhaps(parts: list[str]) -> set[Reading]:
    found = set()
    for i, part in enumerate(parts):
        low = part.lower()
        code = len(part) == 2 or (len(part) == 3 and part.isupper())
        for side in OTHER:
            if low.endswith(side):
                found.add((side, _rest(parts, i, low[: -len(side)] + "*")))
            if low[0] == side[0] and (code or (part[0].isupper() and part[1:].islower() and len(part) > 3)):
                found.add((side, _rest(parts, i, "*" + low[1:])))
            if low[-1] == side[0] and code:
                found.add((side, _rest(parts, i, low[:-1] + "*")))
    return found


def _rest(parts: list[str], i: int, part: str) -> str:
    return "_".join([*(p.lower() for p in parts[:i]), part, *(p.lower() for p in parts[i + 1 :])])


def _shown(readings: set[Reading], numbers: bool) -> set[Reading]:
    return readings if numbers else {(side, re.sub(r"\d+", "", rest)) for side, rest in readings}
