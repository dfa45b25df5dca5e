"""Rows in few arrays are the rows they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semipose.data import packed as module
from semipose.data.packed import Growing, GrowingTexts, Texts, blocks, packed, positions, taken, value

TEXTS = st.lists(st.text(st.characters(codec=None) | st.just("/"), max_size=6), max_size=12)


@given(TEXTS, st.data())
def test_texts_are_what_they_were_whatever_is_taken_of_them(texts: list[str], data: st.DataObject) -> None:
    kept = Texts.of(texts)
    assert list(kept) == texts and len(kept) == len(texts)
    rows = data.draw(st.lists(st.integers(0, max(0, len(texts) - 1)), max_size=9)) if texts else []
    some = kept.take(np.array(rows, np.int64))
    assert list(some) == [texts[i] for i in rows]
    growing = GrowingTexts()
    for part in (some, kept, some):
        growing.add(part)
    assert list(growing.texts()) == [*some, *texts, *some]
    assert [kept[i] for i in range(len(texts))] == texts
    assert kept.differ() == (len(set(texts)) == len(texts))


@given(TEXTS)
def test_groups_are_in_the_order_of_first_use(texts: list[str]) -> None:
    first, inverse = Texts.of(texts).grouped()
    assert [texts[i] for i in first] == list(dict.fromkeys(texts))
    assert [texts[first[i]] for i in inverse] == texts


def test_more_folders_than_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLDERS", 3)
    texts = [f"{folder}/{n}" for n in range(3) for folder in "abcd"] + ["x", "/", "", "a/"]
    assert list(Texts.of(texts)) == texts


def test_paths_of_few_folders_take_little_more_than_their_names() -> None:
    kept = Texts.of(f"/a/long/path/of/forty/letters/or/more/{n % 9}/{n:06d}" for n in range(10_000))
    assert len(kept._content) + sum(part.nbytes for part in (kept._starts, kept._lengths, kept._codes)) < 140_000


def test_what_is_added_later_changes_nothing_of_before() -> None:
    growing = GrowingTexts()
    growing.add(["a/b", "c"])
    before = growing.texts()
    growing.add(["d/e" * 200])
    assert list(before) == ["a/b", "c"] and list(growing.texts()) == ["a/b", "c", "d/e" * 200]


def test_a_million_bytes_of_text_take_little_more() -> None:
    kept = Texts.of(f"{n:010d}" for n in range(10_000))
    assert sum(part.nbytes for part in (kept._starts, kept._lengths)) + len(kept._content) < 230_000
    assert kept.take(np.arange(100))._content is kept._content


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, None], type(None)),
        (["a", ""], Texts),
        ([0.5, float("inf")], np.ndarray),
        ([1, 2], list),
        (["a", None], list),
        ([0.5, 1], list),
        ([[1], None], list),
    ],
    ids=str,
)
def test_a_column_is_what_it_was(values: list[Any], kind: type) -> None:
    column = packed(values, None)
    assert isinstance(column, kind) and [value(column, row, None) for row in range(2)] == values
    assert all(type(value(column, row, None)) is type(values[row]) for row in range(2))
    assert value(taken(column, np.array([1])), 0, None) is values[1] or value(column, 1, None) == values[1]


@given(st.lists(st.sampled_from([["a", "b"], [0.5], [None], [3, 4], [None, "c"], []]), max_size=5))
def test_columns_one_after_the_other(parts: list[Sequence[Any]]) -> None:
    growing = Growing(None)
    for part in parts:
        growing.add(part)
    column = growing.column()
    whole = [item for part in parts for item in part]
    assert [value(column, row, None) for row in range(len(whole))] == whole


def test_blocks_and_positions() -> None:
    assert [len(block) for block in blocks(iter(range(9000)))] == [4096, 4096, 808]
    assert positions(slice(None, None, -1), 3).tolist() == [2, 1, 0] and positions([-1, 0], 3).tolist() == [2, 0]
    assert positions([], 0).tolist() == []
    for wrong in ([3], [-4]):
        with pytest.raises(IndexError):
            positions(wrong, 3)
