from __future__ import annotations

from importlib import import_module
from pathlib import Path

from semipose.data import readers
from semipose.data.open import FORMATS, READERS
from semipose.data.readers import data_set
from semipose.data.sample import PoseData


def test_a_data_set_is_read_by_its_source_and_images_whatever_else_is_handed_on() -> None:
    read: list[tuple] = []

    def reader(source: str, images: str | None) -> PoseData:
        read.append((source, images))
        return PoseData("", None, ())

    made = data_set("a toy", lambda source: source == "x", reader)
    assert made.labeled is made.unlabeled is not None
    assert (made.what, made.fits("x"), made.fits("y")) == ("a toy", True, False)
    made.labeled("a", images="b", category=3, skeleton=None)
    made.labeled("c", frames="all", cache=None)
    assert read == [("a", "b"), ("c", None)]


def test_every_reader_with_a_format_is_listed_once() -> None:
    names = {file.stem for file in Path(readers.__file__).parent.glob("*.py")} - {"__init__"}
    with_format = {name for name in names if hasattr(import_module(f"semipose.data.readers.{name}"), "FORMAT")}
    assert with_format == set(READERS) and len(READERS) == len(FORMATS) == len({one.what for one in FORMATS})


def test_what_takes_any_json_or_table_comes_after_those_that_know_theirs() -> None:
    for name in ("h36m", "aic", "mpii"):
        assert READERS.index(name) < READERS.index("coco")
    assert READERS.index("lightning_pose") < READERS.index("plain_csv")
