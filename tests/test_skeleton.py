from __future__ import annotations

import json

import pytest

from semipose.skeleton import COCO, DEFAULT_SIGMA, LSP, SKELETONS, Skeleton, infer_pairs, joined, joint_map, likened


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())
def test_flip_is_an_involution_of_left_and_right(skeleton) -> None:
    flip = skeleton.flip
    assert [flip[flip[i]] for i in range(len(skeleton))] == list(range(len(skeleton)))
    for i, j in enumerate(flip):
        swapped = skeleton.joints[i].replace("left", "?").replace("right", "left").replace("?", "right")
        assert skeleton.joints[j] == swapped


def test_known_skeletons() -> None:
    assert len(COCO) == 17 and len(COCO.limbs) == 19 and len(COCO.pairs) == 8
    assert len(LSP) == 14 and len(LSP.pairs) == 6
    assert COCO.sigmas[COCO.index("left_hip")] == 0.107 and COCO.sigmas[0] == 0.026  # type: ignore[index]
    assert LSP.sigmas[LSP.index("left_wrist")] == COCO.sigmas[COCO.index("left_wrist")]  # type: ignore[index]


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["left_ear", "right_ear", "nose"], ((0, 1),)),
        (["Right Wrist", "Left Wrist"], ((1, 0),)),
        (["paw_L", "tail", "paw_R"], ((0, 2),)),
        (["lEye", "rEye"], ((0, 1),)),
        (["l-ear", "r-ear"], ((0, 1),)),
        (["front_left_paw", "front_right_paw", "hind_left_paw"], ((0, 1),)),
        (["lip", "rip", "left"], ()),
    ],
)
def test_pairs_are_read_from_names(names, pairs) -> None:
    assert infer_pairs(names) == pairs


def test_round_trip_through_json() -> None:
    for skeleton in (
        COCO,
        LSP,
        Skeleton("mouse", ("nose", "left_ear", "right_ear"), ((1, 2),), ((0, 1),), (0.1, 0.2, 0.3)),
    ):
        assert Skeleton.from_dict(json.loads(json.dumps(skeleton.to_dict()))) == skeleton


def test_from_dict_infers_pairs_unless_given() -> None:
    names = ["left_ear", "right_ear"]
    assert Skeleton.from_dict({"joints": names}).pairs == ((0, 1),)
    assert Skeleton.from_dict({"joints": names, "pairs": []}).pairs == ()
    assert Skeleton.from_dict({"joints": names}).sigmas == (DEFAULT_SIGMA, DEFAULT_SIGMA)


def test_from_coco_counts_limbs_from_one() -> None:
    skeleton = Skeleton.from_coco({"name": "person", "keypoints": list(COCO.joints), "skeleton": [[16, 14], [2, 1]]})
    assert skeleton.limbs == ((15, 13), (1, 0))
    assert skeleton.sigmas == COCO.sigmas and skeleton.pairs == COCO.pairs
    zero = Skeleton.from_coco({"keypoints": ["a", "b", "c"], "skeleton": [[0, 1], [1, 2]]})
    assert zero.limbs == ((0, 1), (1, 2)) and zero.sigmas == (DEFAULT_SIGMA,) * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"joints": ()}, "no joints"),
        ({"joints": ("a", "b", "a")}, "names a more than once"),
        ({"joints": ("a", "b\nok")}, r"joint 'b\\nok' has a line break or control character"),
        ({"joints": ("a", "b\x1b[31m")}, r"joint 'b\\x1b\[31m' has a line break or control character"),
        ({"joints": ("a", "b"), "pairs": ((0, 2),)}, r"pair \(0, 2\)"),
        ({"joints": ("a", "b"), "limbs": ((1, 1),)}, r"limb \(1, 1\)"),
        ({"joints": ("a", "b", "c"), "pairs": ((0, 1), (1, 2))}, "two left/right pairs"),
        ({"joints": ("a", "b"), "sigmas": (0.1,)}, "2 positive OKS sigmas"),
        ({"joints": ("a", "b"), "sigmas": (0.1, 0.0)}, "2 positive OKS sigmas"),
    ],
)
def test_impossible_skeletons_are_refused(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        Skeleton("odd", **arguments)


def test_joint_map_goes_by_name() -> None:
    places = joint_map(COCO, LSP)
    assert [None if p is None else COCO.joints[p] for p in places] == [
        j if j in COCO.joints else None for j in LSP.joints
    ]
    assert places.count(None) == 2  # neck and head top
    assert COCO.index("Left Ear") == 3 and COCO.index("leftEar") == 3 and COCO.index("tail", "nose") == 0
    assert COCO.index("tail") is None


def test_joints_that_case_or_punctuation_alone_tell_apart_stay_apart() -> None:
    both, one = Skeleton("both", ("A1", "a1", "nose")), Skeleton("one", ("a1", "Nose"))
    assert (both.index("A1"), both.index("a1"), both.index("A-1"), both.index("Nose")) == (0, 1, None, 2)
    assert joined([both]).joints == ("A1", "a1", "nose") == joined([both, one]).joints
    assert joined([one, both]).joints == ("a1", "Nose", "A1")
    assert joint_map(one, both) == [None, 0, 1] and joint_map(both, one) == [1, 2]
    assert joint_map(Skeleton("big", ("A1",)), Skeleton("small", ("a1",))) == [0]


def test_names_that_mean_the_same() -> None:
    theirs = Skeleton(
        "theirs", ("nose", "left_ear", "tail_base", "tail_end", "front_left_thai", "mouse_center", "neck")
    )
    mine = Skeleton("mine", ("snout", "ear_L", "tailbase", "tail tip", "left front thigh", "centroid", "tail_middle"))
    assert likened(theirs, mine) == [0, 1, 2, 3, 4, 5, None]
    assert joint_map(theirs, mine)[0] is None


def test_no_joint_is_taken_for_two() -> None:
    theirs = Skeleton("theirs", ("nose", "tail_tip", "tail_end"))
    mine = Skeleton("mine", ("snout", "nose", "end_of_tail"))
    assert likened(theirs, mine) == [None, 0, None], "one has the name, the other would be a second; two mean the last"
