"""A JSON entry by entry is the JSON."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semipose.data.readers import json_rows
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.json_rows import entries
from semipose.errors import UserError
from semipose.files import read_json
from tests.fixtures.projects import picture

PLAIN = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=9)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner))


def whole(path: Path) -> Any:
    """The document again."""
    found = list(entries(path))
    if found and found[0].key is not None:
        document: dict[str, Any] = {}
        for key, listed, value in found:
            document[key] = [*document.get(key, []), value] if listed else value
        return document
    return found[0].value if found and not found[0].listed else [entry.value for entry in found]


@pytest.mark.slow
@given(VALUES, st.integers(1, 40), st.sampled_from([None, 1]))
def test_entry_by_entry_is_what_it_is_at_once(
    tmp_path_factory: pytest.TempPathFactory, document: Any, block: int, indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    if isinstance(document, dict):
        document = {key: value for key, value in document.items() if value != []}
    path.write_text(json.dumps(document, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows, "BLOCK", block)
        assert whole(path) == (document or ([] if document in ({}, []) else document))


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2", "[1 2]", "[1,]", "{", '{"a" 1}', '{"a": 1,}', "{1: 2}", "[1] 2", '{"a": [1}', "[" * 200_000, "nope",
     '["\\ud800"]', "[" + "1" * 5000 + "]", '[{"a": tru}]', "\0"],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_what_is_no_json_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    for read in (lambda path: list(entries(path)), read_json):
        with pytest.raises(UserError, match=r"a\.json is not JSON: .*mend it") as caught:
            read(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"a\.json"):
        read_boxes(path)


def test_a_broken_entry_does_not_read_all_that_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"a": tru}, ' + "1, " * 100_000 + "1]")
    monkeypatch.setattr(json_rows, "BLOCK", 100)
    monkeypatch.setattr(json_rows, "LARGEST", 1000)
    read: list[int] = []
    monkeypatch.setattr(json_rows._Reader, "more", _counted(json_rows._Reader.more, read))
    with pytest.raises(UserError, match="is not JSON"):
        list(entries(path))
    assert len(read) < 9


def _counted(function: Any, calls: list[int]) -> Any:
    return lambda self: calls.append(1) or function(self)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["results", "images"])
def test_boxes_take_little_more_memory_than_what_is_kept(tmp_path: Path, kind: str) -> None:
    picture(tmp_path / "a.png")
    rows = [{"image_id": "a.png", "bbox": [1.5, 2.5, 30.25, 40.75], "score": 0.5 + n / 1e6} for n in range(18_000)]
    boxes = {"images": [{"file_name": "a.png", "boxes": [row["bbox"] for row in rows]}]}
    (tmp_path / "b.json").write_text(json.dumps(rows if kind == "results" else {"images": boxes["images"]}))
    del rows, boxes
    tracemalloc.start()
    data = read_boxes(tmp_path / "b.json")
    kept, peak = (size / len(data) for size in tracemalloc.get_traced_memory())
    tracemalloc.stop()
    assert data[7].id == "a.png#7" and data[7].box == (1.5, 2.5, 30.25, 40.75)
    assert kept < 200 and peak < (450 if kind == "results" else 1500), f"{kept}, {peak} bytes a box"
