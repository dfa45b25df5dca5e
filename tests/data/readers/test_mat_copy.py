"""The program that copies from Matlab's files, without its process. Whole files: tests/data/readers/test_mat.py,
test_lsp.py and test_mpii.py."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from semipose.apart import Refused
from semipose.data.readers.mat_copy import copy, people


def mpii(**change: Any) -> dict[str, Any]:
    """As SciPy reads MPII's file, of one person with one point."""
    point = SimpleNamespace(**{"id": 9, "x": 3.0, "y": 4, "is_visible": "0", **change.get("point", {})})
    own = {"scale": 0.3, "objpos": SimpleNamespace(x=50.0, y=40.0), "annopoints": SimpleNamespace(point=point)}
    person = SimpleNamespace(**{**own, **change.get("person", {})})
    image = SimpleNamespace(name=change.get("name", "a.jpg"))
    return {"RELEASE": SimpleNamespace(annolist=SimpleNamespace(image=image, annorect=person))}


def test_people_as_arrays() -> None:
    found = people(mpii())
    assert found["image"].tolist() == ["a.jpg"] and found["center"].tolist() == [[50, 40]]
    assert found["joints"][0, 9].tolist() == [3, 4, 1] and found["joints"].sum() == 8 and np.isnan(found["head"]).all()
    without = people(mpii(person={"annopoints": np.empty(0)}))
    assert np.isnan(without["joints"]).all()
    assert len(people(mpii(person={"scale": np.empty(0)}))["image"]) == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"point": {"id": 16}}, "joint of number 16"),
        ({"point": {"id": 1.5}}, "joint of number 1.5"),
        ({"point": {"x": "far"}}, "str in place of a number in entry 0"),
        ({"person": {"scale": np.zeros(3)}}, "ndarray in place of a number"),
        ({"name": 7}, "names no image in entry 0"),
        ({"name": "a" * 300}, "names no image in entry 0"),
    ],
)
def test_what_cannot_be_is_refused_by_its_entry(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        people(mpii(**change))


def test_a_joint_that_stands_twice_is_refused() -> None:
    points = [SimpleNamespace(id=n, x=float(n), y=4.0) for n in (3, 9, 3)]
    with pytest.raises(Refused, match=r"has joint 3 twice in entry 0 \(a\.jpg\); keep one"):
        people(mpii(person={"annopoints": SimpleNamespace(point=np.array(points, object))}))


def test_another_file_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"joints": np.zeros((2, 2))})
    with pytest.raises(Refused, match=r"no RELEASE\.annolist"):
        copy(str(tmp_path / "a.mat"), "people")
    assert copy(str(tmp_path / "a.mat"), "numbers", "joints")["joints"].shape == (2, 2)
    (tmp_path / "a.mat").write_bytes(b"nothing")
    with pytest.raises(Refused, match="is not a MAT-file of labels"):
        copy(str(tmp_path / "a.mat"), "numbers", "joints")
