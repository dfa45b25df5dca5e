"""What an option of a configuration is: a dataclass field with its limit and its source beside it.

Each part of the package declares its own options where it reads them: networks in `models/config.py`, a method in its
family's file, the rest in `config/schema.py`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, NamedTuple

from semipose.errors import UsageError, UserError


class Limit(NamedTuple):
    """Which values an option can have, and the same in words: "it ..."."""

    fits: Callable[[Any], bool]
    words: str


def option(default: Any, limit: Limit | None = None, source: str = "") -> Any:
    """A dataclass field. A list or dictionary is copied for each configuration.

    Args:
        source: where the default comes from: a paper's section, its released code, or "ours".
    """
    metadata = {"limit": limit, "source": source}
    if isinstance(default, list | dict):
        return field(default_factory=lambda: default.copy(), metadata=metadata)
    return field(default=default, metadata=metadata)


def at_least(lowest: float, words: str) -> Limit:
    """Finite numbers from `lowest` on."""
    return Limit(lambda value: lowest <= value < math.inf, words)


def whole(low: int, high: int, words: str) -> Limit:
    """Whole numbers from `low` to `high`, both included."""
    return Limit(lambda value: type(value) is int and low <= value <= high, words)


def above_zero(words: str) -> Limit:
    """Finite numbers above 0."""
    return Limit(lambda value: 0 < value < math.inf, words)


def within(low: float, high: float, words: str) -> Limit:
    """Numbers from `low` to `high`, both included."""
    return Limit(lambda value: low <= value <= high, words)


def number(words: str) -> Limit:
    """Any number, infinite ones too."""
    return Limit(lambda value: not math.isnan(value), words)


def one_of(*names: str | None) -> Limit:
    """These names; None is written null."""
    return Limit(lambda value: value in names, f"it can be {', '.join(name or 'null' for name in names)}")


def every(limit: Limit, count: int | None = None) -> Limit:
    """Lists whose entries fit, `count` of them where it is given."""

    def fits(values: Sequence[Any]) -> bool:
        return count in (None, len(values)) and all(map(limit.fits, values))

    return Limit(fits, limit.words)


def or_null(limit: Limit) -> Limit:
    """The same, or null."""
    return Limit(lambda value: value is None or limit.fits(value), limit.words)


def check_limits(section: Any, prefix: str = "") -> None:
    """That each option of a configuration's section is within its limit, those of sections in it too.

    Raises:
        UsageError: one is not; says which, and what it can be.
    """
    for one in dataclasses.fields(section):
        value, limit = getattr(section, one.name), one.metadata.get("limit")
        if dataclasses.is_dataclass(value):
            check_limits(value, f"{prefix}{one.name}.")
        if limit is not None and not _fits(limit, value):
            raise UsageError(f"{prefix}{one.name} is {'null' if value is None else repr_of(value)}; {limit.words}")


def _fits(limit: Limit, value: Any) -> bool:
    try:
        return limit.fits(value)
    except TypeError:  # null, or text where a number is needed
        return False


def refuse_negative(*key: int) -> None:
    """
    Raises:
        UserError: a seed is negative.
    """
    least = min(key, default=0)
    if least < 0:
        raise UserError(f"the seed is {least}; it can be 0 or more")


def repr_of(value: Any) -> str:
    """A value as one who writes YAML would recognise it."""
    return repr(value) if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def sources(section: type) -> dict[str, str]:
    """Option -> where its default comes from."""
    return {one.name: one.metadata.get("source", "") for one in dataclasses.fields(section)}
