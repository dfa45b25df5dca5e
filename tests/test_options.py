"""Limits, by what they are said to let through; and that every option has one, or a reason."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from semipose.config import Config, DataConfig, OptimConfig
from semipose.errors import UsageError
from semipose.methods import METHODS, options_class
from semipose.models.config import ModelConfig
from semipose.options import (
    Limit,
    above_zero,
    at_least,
    check_limits,
    every,
    number,
    one_of,
    option,
    or_null,
    repr_of,
    sources,
    within,
)

NUMBERS = st.floats() | st.integers(-(10**6), 10**6)
ENDS = st.floats(-1e6, 1e6)


@given(NUMBERS, ENDS)
@example(math.inf, 0.0)
@example(0.0, 0.0)
@example(math.nan, 0.0)
def test_from_a_lowest_number_on(value: float, lowest: float) -> None:
    assert at_least(lowest, "").fits(value) == (math.isfinite(value) and value >= lowest)
    assert above_zero("").fits(value) == (math.isfinite(value) and value > 0)
    assert number("").fits(value) == (value == value)


@given(NUMBERS, ENDS, ENDS)
def test_between_two_numbers_with_both(value: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    limit = within(low, high, "")
    assert limit.fits(low) and limit.fits(high) and limit.fits(value) == (value == value and low <= value <= high)
    assert not limit.fits(math.nextafter(low, -math.inf)) and not limit.fits(math.nextafter(high, math.inf))


LIMITS = st.sampled_from([at_least(0, "a"), above_zero("b"), within(0, 1, "c"), number("d")])


@given(LIMITS, st.lists(NUMBERS, max_size=4), st.none() | st.integers(0, 4))
def test_of_a_list_every_entry_fits_and_their_number(limit: Limit, values: list[float], count: int | None) -> None:
    made = every(limit, count)
    assert made.fits(values) == (all(limit.fits(value) for value in values) and count in (None, len(values)))
    assert made.words == limit.words


@given(LIMITS, NUMBERS)
def test_null_is_one_value_more(limit: Limit, value: float) -> None:
    made = or_null(limit)
    assert made.fits(None) and made.fits(value) == limit.fits(value) and made.words == limit.words


def test_names_and_null() -> None:
    limit = one_of(None, "batch", "sigma")
    assert [limit.fits(name) for name in (None, "batch", "sigma", "null", "", "Batch")] == [True] * 3 + [False] * 3
    assert limit.words == "it can be null, batch, sigma"


@dataclass
class Inner:
    rate: float = option(0.5, within(0, 1, "it is 0 to 1"), "somebody")


@dataclass
class Outer:
    inner: Inner = dataclasses.field(default_factory=Inner)
    size: list[int] = option([2, 3], every(at_least(1, "two numbers"), 2))
    names: dict[str, int] = option({})
    plain: str = "any"


def test_a_value_out_of_its_limit_is_named_in_one_line() -> None:
    check_limits(Outer())
    for changed, message in (
        (Outer(Inner(1.5)), "inner.rate is 1.5; it is 0 to 1"),
        (Outer(Inner(None)), "inner.rate is null; it is 0 to 1"),  # type: ignore[arg-type]
        (Outer(Inner("much")), "inner.rate is 'much'; it is 0 to 1"),  # type: ignore[arg-type]
        (Outer(size=[2]), "size is [2]; two numbers"),
        (Outer(size=[2, 0]), "size is [2, 0]; two numbers"),
    ):
        with pytest.raises(UsageError) as error:
            check_limits(changed)
        assert str(error.value) == message
    with pytest.raises(UsageError, match=r"^method\.inner\.rate is nan;"):
        check_limits(Outer(Inner(math.nan)), "method.")


def test_lists_and_dictionaries_are_each_configuration_s_own() -> None:
    one, other = Outer(), Outer()
    one.size.append(4)
    one.names["a"] = 1
    assert other.size == [2, 3] and other.names == {}


def test_sources_are_those_that_are_given() -> None:
    assert sources(Inner) == {"rate": "somebody"}
    assert sources(Outer) == {"inner": "", "size": "", "names": "", "plain": ""}


def test_values_are_shown_as_yaml_has_them() -> None:
    assert [repr_of(value) for value in (2.0, 1e-3, 3, "a", [1, 2], True)] == [
        "2",
        "0.001",
        "3",
        "'a'",
        "[1, 2]",
        "True",
    ]


SECTIONS: dict[str, type] = {
    "": Config,
    "data.": DataConfig,
    "model.": ModelConfig,
    "optim.": OptimConfig,
    **{f"{name}: ": options_class(name) for name in METHODS},
}
UNLIMITED = {
    "steps": "0 or less: by epochs",
    "epochs": "only where steps are 0",
    "devices": "Lightning Fabric's, which says what it can be (tests/training/test_launch.py)",
    "num_nodes": "Lightning Fabric's",
}
"""Numbers, or lists of them, without a limit -> why."""


def options_of(section: type) -> dict[str, tuple[Any, dataclasses.Field]]:
    hints = get_type_hints(section, localns={"Options": object})
    return {one.name: (hints[one.name], one) for one in dataclasses.fields(section)}


def numeric(kind: Any) -> bool:
    """Whether a type is of numbers, lists of them too; true and false are none."""
    return kind in (int, float) or any(numeric(part) for part in get_args(kind) if get_args(kind)[0] is not str)


def test_every_number_has_a_limit_or_a_reason() -> None:
    """Text is checked where it is read, and a choice of a `Literal` by its type."""
    unlimited = {
        prefix + name
        for prefix, section in SECTIONS.items()
        for name, (kind, one) in options_of(section).items()
        if numeric(kind) and one.metadata.get("limit") is None
    }
    assert unlimited == set(UNLIMITED)


@pytest.mark.parametrize("prefix", SECTIONS)
def test_every_default_is_within_its_limit(prefix: str) -> None:
    check_limits(SECTIONS[prefix](), prefix)


@pytest.mark.parametrize("prefix", SECTIONS)
def test_every_limit_refuses_something_and_says_what_fits(prefix: str) -> None:
    limits = [one.metadata["limit"] for _, one in options_of(SECTIONS[prefix]).values() if one.metadata.get("limit")]
    for limit in limits:
        assert limit.words.startswith(("it ", "give ")) and not limit.words.endswith(".")
        outside = (math.nan, -math.inf, -1, "sideways", [0], [math.nan] * 2, None)
        refused = []
        for value in outside:
            try:
                refused.append(not limit.fits(value))
            except TypeError:
                refused.append(True)
        assert any(refused)
