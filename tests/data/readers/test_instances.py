from __future__ import annotations

from pathlib import Path

import pytest

from semipose.data.extent import label_box
from semipose.data.readers.instances import Instance, Pool, numbers
from semipose.errors import UserError
from semipose.skeleton import Skeleton
from tests.fixtures.projects import SIZE, picture

TWO = Skeleton("two", ("a", "b"))


def one(path: Path, box: tuple[float, float, float, float] | None = None) -> Instance:
    return Instance(path.name, str(path), {"b": (10, 20, 2), "a": (30, 40, 1)}, box)


def test_boxes_are_whole_frames_or_extents(tmp_path: Path) -> None:
    first, second = (picture(tmp_path / f"{i}.png", i) for i in range(2))
    data = Pool(tmp_path, [one(first), one(second)]).data(TWO)
    assert data.ids == ("0.png", "1.png") and {s.box for s in data} == {(0, 0, SIZE[1], SIZE[0])}
    assert data[0].keypoints is not None and data[0].keypoints.tolist() == [[30, 40, 1], [10, 20, 2]]
    several = Pool(tmp_path, [one(first), one(first, (1, 2, 3, 4)), one(second)]).data(TWO)
    extent = label_box(data[0].keypoints, SIZE)
    assert several.ids == ("0.png#0", "0.png#1", "1.png#0")
    assert [s.box for s in several] == [extent, (1, 2, 3, 4), extent]


@pytest.mark.parametrize("scale", [0.5, 2])
def test_boxes_of_labels_are_cut_to_the_size_that_is_stated_where_these_fit_it(tmp_path: Path, scale: float) -> None:
    first, second = (picture(tmp_path / f"{i}.png", i) for i in range(2))
    stated = (round(SIZE[0] * scale), round(SIZE[1] * scale))
    wide = SIZE[1] * scale
    inside = {"a": (wide - 9, 3.0, 2.0), "b": (wide - 3, 9.0, 2.0)}
    beyond = {"a": (SIZE[1] - 9.0, 3.0, 2.0), "b": (SIZE[1] - 3.0, 9.0, 2.0)}
    rows = [Instance(p.name, str(p), marks, None, "", stated) for p in (first, second) for marks in (inside, beyond)]
    data = Pool(tmp_path, rows).data(TWO)
    assert {s.size for s in data} == {stated} and data[0].keypoints is not None and data[1].keypoints is not None
    assert data[0].box == label_box(data[0].keypoints, stated)
    assert data[1].box == label_box(data[1].keypoints, SIZE if scale < 1 else stated)
    assert Pool(tmp_path, rows[::2]).data(TWO)[0].box == (0, 0, SIZE[1], SIZE[0])


def test_missing_images_are_counted_and_left_out(tmp_path: Path) -> None:
    there = picture(tmp_path / "0.png")
    data = Pool(tmp_path / "x.xml", [one(there), one(tmp_path / "gone.png")]).data(TWO)
    assert data.ids == ("0.png",) and "left out: 1 of the 2 images" in data.remarks[0]
    with pytest.raises(UserError, match="1 of its 1 images do not exist"):
        Pool(tmp_path / "x.xml", [one(tmp_path / "gone.png")]).data(TWO)


def test_numbers_of_a_text() -> None:
    assert numbers("1, 2.5 -3", 3, "here") == [1, 2.5, -3]
    for text in ("1,2", "1,2,inf", "a,b,c"):
        with pytest.raises(UserError, match=r"here is .* where 3 numbers"):
            numbers(text, 3, "here")


def test_a_copy_changes_neither_the_ids_nor_the_boxes_of_the_others(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    one = Instance("a.png", str(tmp_path / "a.png"), {"nose": (5, 6, 2), "tail": (9, 9, 2)})
    pool = Pool(tmp_path / "labels.csv", [one, one])
    data = pool.data(Skeleton("m", ("nose", "tail")))
    assert data.ids == ("a.png",) and data[0].box == (0, 0, 64, 48) and "left out: 1 bodies" in data.remarks[0]
