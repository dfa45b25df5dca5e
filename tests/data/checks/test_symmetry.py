"""Left and right by where labels lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from semipose.data.checks.check import check
from semipose.data.checks.symmetry import side_doubts, unnamed_pairs
from semipose.data.open import open_labeled
from semipose.data.sample import PoseData
from semipose.skeleton import Skeleton
from tests.data.checks.test_swapped import animals
from tests.fixtures.shared import shared_data


def called(data: PoseData, *names: str) -> PoseData:
    """The same labels, and no pairs."""
    return replace(data, skeleton=Skeleton("other", names))


@pytest.mark.parametrize(
    "names",
    [
        ("nose", "bal_ful", "jobb1_ful", "bal_csipo", "jobb1_csipo", "tail"),
        ("nose", "ear1", "ear2", "hip1", "hip2", "tail"),
        ("a", "b", "c", "d", "e", "f"),
    ],
)
def test_joints_that_mirror_each_other_without_a_word_for_it(names: tuple[str, ...]) -> None:
    data = called(animals(), *names)
    assert unnamed_pairs(data) == [(1, 2), (3, 4)]
    (line,) = side_doubts(data)
    assert f"{names[1]!r} - {names[2]!r}" in line and "no pairs" in line
    assert side_doubts(data, {"pairs": []}) == [], "said by the user"
    assert side_doubts(data, {"joints": list(names)}) == [line]


def test_names_that_say_it_and_names_of_other_places_are_left_alone() -> None:
    assert unnamed_pairs(animals()) == [] and side_doubts(animals()) == []
    assert unnamed_pairs(called(animals(), "nose", "horn", "fin", "spot", "mark", "tail")) == []
    few = replace(animals(), samples=animals().samples[:4])
    assert unnamed_pairs(called(few, "nose", "ear1", "ear2", "hip1", "hip2", "tail")) == []


def test_pairs_that_the_data_states_are_clear_whatever_the_names() -> None:
    names = ("nez", "oreille_g", "oreille_d", "patte_g", "patte_d", "queue")
    data = replace(animals(), skeleton=Skeleton("other", names, ((1, 2), (3, 4))))
    assert side_doubts(data) == [] and not check(data, progress=False).findings
    lines = side_doubts(replace(data, skeleton=Skeleton("other", names, ((1, 2),))))
    assert "'patte_g' - 'patte_d'" in lines[0] and not any("oreille" in line for line in lines)


def test_a_chain_mirrors_itself_and_has_no_sides() -> None:
    worm = np.array([[50, 30 + 10 * k, 2] for k in range(6)], np.float32)
    samples = tuple(replace(s, keypoints=worm) for s in animals())
    assert unnamed_pairs(PoseData("worm", Skeleton("worm", tuple(f"s{k}" for k in range(6))), samples)) == []


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("mouse_topview/keypoints.json", [(1, 2), (3, 4)]),
        ("openfield/project", [(1, 2)]),
        pytest.param("lspet", [(0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9)], marks=pytest.mark.slow),
    ],
)
def test_real_bodies_whose_joints_are_numbered(name: str, pairs: list[tuple[int, int]]) -> None:
    data = open_labeled(shared_data(*name.split("/")))
    data = replace(data, samples=data.samples[:300])
    assert data.skeleton is not None
    assert sorted(unnamed_pairs(called(data, *(f"kp{k}" for k in range(len(data.skeleton)))))) == pairs


def test_check_shows_the_mirror_image(tmp_path: object) -> None:
    data = called(animals(), "nose", "ear1", "ear2", "hip1", "hip2", "tail")
    (finding,) = check(data, progress=False).findings
    assert "leave left and right unclear, so pictures are not mirrored" in finding.text and not finding.problem
    assert [look.mirrored for look in finding.looks] == [False, True]
    assert not check(data, progress=False, paired=True).findings
