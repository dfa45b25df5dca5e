from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.errors import UserError
from semipose.sides import find_sides, guesses
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


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("左耳", "右耳"),
        ("ひだりみみ", "みぎみみ"),
        ("왼쪽 귀", "오른쪽 귀"),
        ("hidari_mimi", "migi_mimi"),
        ("oreille_gauche", "oreille_droite"),
        ("oeilGauche", "oeilDroit"),
        ("linkes_ohr", "rechtes_ohr"),
        ("ohrlinks", "ohrrechts"),
        ("linkeshinterbein", "rechteshinterbein"),
        ("ohr_li", "ohr_re"),
        ("oreja_izq", "oreja_der"),
        ("ojo_izquierdo", "ojo_derecho"),
        ("orecchio_sx", "orecchio_dx"),
        ("zampa_sinistra", "zampa_destra"),
        ("orelha_esquerda", "orelha_direita"),
        ("linkeroor", "rechteroor"),
        ("левое ухо", "правое ухо"),
        ("lewe_ucho", "prawe_ucho"),
        ("vänster_öra", "höger_öra"),
        ("øre_venstre", "øre_højre"),
        ("vasak_kõrv", "parem_kõrv"),
        ("kulak_sol", "kulak_sağ"),
        ("أذن يسرى", "أذن يمنى"),
        ("lft_ear", "rgt_ear"),
        ("LEAR", "REAR"),
        ("LASI", "RASI"),
        ("HLpaw", "HRpaw"),
        ("pawfl", "pawfr"),
        ("L1", "R1"),
        ("paw.L", "paw.R"),
        ("eyel", "eyer"),
    ],
)
def test_sides_in_many_languages_and_spellings(left: str, right: str) -> None:
    assert find_sides(["tail", right, left, "nose"]) == (((2, 1),), ())


@pytest.mark.parametrize(
    "names",
    [
        ["leftover", "ear"],
        ["rear", "front", "ear", "heel"],
        ["a", "b", "c", "d", "l", "r"],
        ["point_d", "point_e", "point_f", "point_g"],
        ["droit_femoral", "nez"],
        ["L1", "L2", "L3", "T1"],
        ["upper_lip", "lower_lip", "rib", "root"],
        ["ipsi_ear", "contra_ear"],
        ["die_spitze_der_nase", "schwanz"],
    ],
)
def test_letters_of_other_words_are_no_sides(names: list[str]) -> None:
    assert find_sides(names) == ((), ())


@pytest.mark.parametrize(
    ("names", "alone"),
    [
        (["snout", "FLpaw", "FRpaw", "HLpaw"], "HLpaw"),
        (["nose", "HLpaw"], "HLpaw"),
        (["LH", "RH", "LF"], "LF"),
        (["左耳", "鼻"], "左耳"),
        (["oreille_gauche", "nez"], "oreille_gauche"),
        (["lft_ear", "nose"], "lft_ear"),
    ],
)
def test_one_side_alone_is_said(names: list[str], alone: str) -> None:
    (remark,) = find_sides(names).remarks
    assert remark == f"{alone!r} is left and there is no right one: no pair"


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["patte_g", "patte_d", "queue"], (0, 1)),
        (["patteAVD", "patteAVG"], (1, 0)),
        (["oreja_d", "oreja_i"], (1, 0)),
        (["öra_h", "öra_v", "nos"], (1, 0)),
        (["poteHV", "poteHH"], (0, 1)),
        (["лапа_л", "лапа_п"], (0, 1)),
        (["Nose", "Nearknee", "Offknee"], (1, 2)),
        (["off_fore_hoof", "near_fore_hoof"], (1, 0)),
    ],
)
def test_what_may_be_sides_is_proposed_and_no_pair(names: list[str], pair: tuple[int, int]) -> None:
    sides = find_sides(names)
    assert sides.pairs == () and len(sides.remarks) == 1 and "may be left and right" in sides.remarks[0]
    assert [(guess.i, guess.j) for guess in guesses(names)] == [pair]


def test_joints_whose_pairs_are_known_otherwise_are_not_remarked_on() -> None:
    names = ["oreille_g", "oreille_d", "patte_g", "patte_d", "HLpaw", "left_right_ear"]
    names += ["left_eye", "L_eye", "right_eye"]
    assert find_sides(names, range(len(names))) == ((), ())
    first, second = find_sides(names, {0, 1, 4, 5, 6, 8}).remarks
    assert "'L_eye'" in first and "not clearly one pair" in first
    assert second.startswith("'patte_g' - 'patte_d' may be")
    assert len(find_sides(names).remarks) == 4


def test_many_names_of_one_kind_are_one_line() -> None:
    (line,) = find_sides(
        [f"{side}{part}" for part in ("knee", "hock", "foot", "hip") for side in ("Near", "Off")]
    ).remarks
    assert line.startswith("'Nearknee' - 'Offknee', 'Nearhock' - 'Offhock', 'Nearfoot' - 'Offfoot' and 1 more may be")
