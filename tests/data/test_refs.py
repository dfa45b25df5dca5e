from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semipose.data.crops.cropping import CropSpec
from semipose.data.crops.store import cache_key
from semipose.data.refs import (
    MOST,
    File,
    Frame,
    People,
    Person,
    Ref,
    is_frame,
    is_people,
    parse,
    parse_people,
    split_frame,
)
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError

NUMBERS = st.integers(0, 10**18 - 1)
PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map("/".__add__)
REFS: st.SearchStrategy[Ref] = st.one_of(
    st.builds(File, PATHS),
    st.builds(Frame, PATHS, NUMBERS),
    st.builds(Person, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/")), NUMBERS, NUMBERS),
)


@given(REFS)
def test_a_reference_is_its_text_and_back(ref: Ref) -> None:
    assert parse(str(ref)) == ref and str(parse(str(ref))) == str(ref)
    assert is_frame(str(ref)) == isinstance(ref, Frame)


@given(PATHS, NUMBERS)
def test_the_last_mark_is_the_frame_s(path: str, number: int) -> None:
    assert split_frame(f"{path}#{number}") == (path, number)
    assert parse(f"video:{path}#{number}").file == Path(path)


@pytest.mark.parametrize(
    ("text", "ref", "file", "folder"),
    [
        ("/data/a b/1#2.png", File("/data/a b/1#2.png"), Path("/data/a b/1#2.png"), "/data/a b"),
        ("video:/data/Mäuse/c#1.mp4#17", Frame("/data/Mäuse/c#1.mp4", 17), Path("/data/Mäuse/c#1.mp4"), "/data/Mäuse"),
        ("synth:wild/2/13", Person("wild", 2, 13), None, "synth:wild/2"),
    ],
)
def test_each_kind(text: str, ref: Ref, file: Path | None, folder: str) -> None:
    assert parse(text) == ref and ref.file == file and ref.folder == folder


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("video:/data/a.mp4", "names no frame"),
        ("video:/data/a.mp4#", "names no frame"),
        ("video:/data/a.mp4#-1", "names no frame"),
        ("video:/data/a.mp4#²", "names no frame"),
        ("video:/data/a.mp4#" + "9" * 5000, "names no frame"),
        ("synth:wild/1", "no synthetic person"),
        ("synth:wild/a/1", "no synthetic person"),
        ("synth:wild/0/-1", "no synthetic person"),
        ("synth:wild/0/²", "no synthetic person"),
        ("synth:wild/0/1/2", "no synthetic person"),
    ],
)
def test_what_is_no_reference_is_one_line(text: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mp4#", "clip.mp4#x", "17"])
def test_a_name_without_a_number_is_no_frame(name: str) -> None:
    assert split_frame(name) is None


def test_a_source_of_people_and_its_text() -> None:
    assert parse_people("synth:wild") == People("wild", 1000, 0, 0)
    assert parse_people("synth:wild?start=5&count=3&seed=2") == People("wild", 3, 2, 5)
    assert str(People("wild", 3, 2, 5)) == "synth:wild?seed=2&count=3&start=5"
    assert parse_people("synth:walk?count=3&step=10") == People("walk", 3, 0, 0, 10)
    assert str(People("walk", 3, 2, 5, 10)) == "synth:walk?seed=2&count=3&start=5&step=10"
    with pytest.raises(UserError, match=r"step=0 is not understood"):
        parse_people("synth:walk?step=0")
    assert is_people("synth:wild") and not is_people(Path("/synth:wild")) and not is_people(None)


@given(st.builds(People, st.sampled_from(("studio", "wild")), st.integers(0, MOST), NUMBERS, NUMBERS))
def test_a_source_of_people_is_its_text_and_back(people: People) -> None:
    assert parse_people(str(people)) == people


@pytest.mark.parametrize(
    "query", ["number=3", "count=many", "count", "count=", "seed=-1", "start=²", "count=1.5", "seed=" + "1" * 5000]
)
def test_a_source_of_people_that_is_not_understood(query: str) -> None:
    with pytest.raises(UserError, match=r"is not understood; write synth:wild\?count=1000&seed=0&start=0"):
        parse_people(f"synth:wild?{query}")


def test_keys_of_caches_are_those_of_earlier_versions() -> None:
    refs = ("/data/a b.png", "video:/data/c#1.mp4#17", "synth:wild/2/13")
    boxes = ((1.0, 2.0, 3.0, 4.0), (0.0, 0.0, 9.0, 9.0), (1.5, 0.0, 9.0, 9.0))
    samples = tuple(Sample(str(n), str(parse(ref)), box) for n, (ref, box) in enumerate(zip(refs, boxes, strict=True)))
    assert cache_key(PoseData("d", None, samples), CropSpec((24, 20), (36, 30))) == "eeb0b7e924c1a211"


def test_many_references_take_little_time() -> None:
    texts = [f"video:/data/set/a.mp4#{n}" for n in range(20_000)]
    start = time.process_time()
    for text in texts:
        parse(text)
    assert time.process_time() - start < 0.4, "some 0.02 s; a million is to take seconds"


def test_people_without_end_are_refused() -> None:
    with pytest.raises(UserError, match="at most 1,000,000 people"):
        parse_people("synth:walk?count=999999999999999999")
