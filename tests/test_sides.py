from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.errors import UserError
from semipose.sides import find_sides
from semipose.skeleton import Skeleton, described

MARKS = ("left_{}", "Left {}", "left{}", "{}_L", "l-{}", "L_{}", "{}Left", "{} left")


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["lefthand", "righthand"], ((0, 1),)),
        (["earright", "earleft"], ((1, 0),)),
        (["LH", "RH", "LF", "RF"], ((0, 1), (2, 3))),
        (["FL", "FR", "RL", "RR"], ((0, 1), (2, 3))),
        (["Lhip", "Rhip", "LEar", "REar"], ((0, 1), (2, 3))),
        (["paw1LH_top", "paw2LF_top", "paw3RF_top", "paw4RH_top", "nose_top"], ((0, 3), (1, 2))),
        (["L1", "L2", "R1", "R2"], ((0, 2), (1, 3))),
        (["lip", "rip", "bright", "light", "el", "tail"], ()),
    ],
)
def test_pairs(names: list[str], pairs: tuple) -> None:
    assert find_sides(names) == (pairs, ())


@given(st.lists(st.sampled_from(["ear", "paw", "hip", "wing tip", "Eye"]), unique=True), st.sampled_from(MARKS))
@settings(max_examples=40)
def test_one_way_of_writing_pairs_everything(parts: list[str], mark: str) -> None:
    turned = mark.replace("left", "right").replace("Left", "Right").replace("L", "R").replace("l-", "r-")
    names = [each.format(part) for part in parts for each in (mark, turned)]
    assert find_sides([*names, "nose"]).pairs == tuple((2 * i, 2 * i + 1) for i in range(len(parts)))


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["left_ear", "L_ear", "right_ear"], "'left_ear', 'L_ear', 'right_ear' are not clearly one pair"),
        (["left_right_ear", "nose"], "'left_right_ear' says left and right at once"),
        (["left_ear", "nose"], "'left_ear' is left and there is no right one"),
        (["paw1L", "paw2L", "paw3R", "paw4R"], "not clearly one pair"),
    ],
)
def test_what_is_unclear_is_no_pair_and_said_once(names: list[str], says: str) -> None:
    sides = find_sides(names)
    assert sides.pairs == () and len({r for r in sides.remarks if says in r}) == 1


def test_what_is_unclear_does_not_spoil_the_rest() -> None:
    sides = find_sides(["left_ear", "L_ear", "right_ear", "left_eye", "right_eye"])
    assert sides.pairs == ((3, 4),) and len(sides.remarks) == 1


MOUSE = Skeleton("mouse", ("nose", "left_ear", "right_ear", "tail"), ((1, 2),), ((0, 3),))


def test_a_description_by_name_changes_what_it_names() -> None:
    assert described(MOUSE, {}) == MOUSE
    fewer = described(MOUSE, {"joints": ["tail", "right_ear", "left_ear"]})
    assert fewer.joints == ("tail", "right_ear", "left_ear") and fewer.pairs == ((2, 1),) and fewer.limbs == ()
    assert described(MOUSE, {"pairs": []}).pairs == ()
    assert described(MOUSE, {"pairs": [["nose", "tail"]], "limbs": [["tail", "Left Ear"]]}).pairs == ((0, 3),)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"joints": ["nose", "tall"]}, "did you mean tail"),
        ({"joints": ["nose", "nose"]}, "more than once"),
        ({"pairs": [["left_ear", "right_ear"], ["left_ear", "nose"]]}, "two left/right pairs"),
        ({"pairs": [["left_ear", "left_ear"]]}, "two different joints"),
        ({"pairs": ["left_ear"]}, "list of"),
        ({"sigmas": [0.1]}, "4 positive OKS sigmas"),
        ({"flips": []}, "'flips'"),
    ],
)
def test_a_description_that_does_not_fit(words: dict, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        described(MOUSE, words)
    assert "\n" not in str(error.value)
