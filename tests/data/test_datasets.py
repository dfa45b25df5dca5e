from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from semipose.augment import parse
from semipose.config import DataConfig
from semipose.data import datasets as sets
from semipose.data.datasets import Sets, cover, cut, open_sets
from semipose.data.open import open_labeled
from semipose.data.refs import parse as parsed
from semipose.data.sample import PoseData
from semipose.data.split import Split, make_split
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import Size, View, central, inside, move, pixels, similarity
from tests.fixtures.films import cut as cut_film
from tests.fixtures.films import film
from tests.fixtures.projects import picture
from tests.fixtures.runs import points, tiny

PEOPLE = "synth:studio?count=6"
OTHERS = "synth:studio?count=6&start=100"


def test_what_is_named_is_opened() -> None:
    found = open_sets(DataConfig(labeled=PEOPLE, unlabeled=OTHERS, val="synth:studio?count=2&start=200"), True, None)
    assert [len(part) for part in (found.labeled, found.unlabeled, found.val)] == [6, 6, 2]
    assert all(sample.keypoints is None for sample in found.unlabeled)
    assert found.manifest()["unlabeled"][0] == "synth:studio/0/100" and found.manifest()["hash"] == found.hash
    alone = open_sets(DataConfig(labeled=PEOPLE, unlabeled=OTHERS), False, None)
    assert alone.unlabeled is None and alone.val is None


def test_labels_of_several_unlabelled_sources_are_held_back() -> None:
    config = DataConfig(labeled=PEOPLE, unlabeled=[OTHERS, "synth:wild?count=3&start=200"])
    found = open_sets(config, True, None)
    assert all(sample.keypoints is None for sample in found.unlabeled) and len(found.unlabeled) == 9
    assert found.held is not None and found.held.ids == found.unlabeled.ids
    assert found.held.skeleton == found.skeleton


@pytest.mark.parametrize("leaking", ["labeled", "unlabeled"])
def test_validation_images_among_the_others_are_leakage(leaking) -> None:
    config = DataConfig(labeled=PEOPLE, unlabeled=OTHERS)
    config = dataclasses.replace(config, val=getattr(config, leaking))
    with pytest.raises(UserError, match=f"both the {leaking} and the val data.*leakage"):
        open_sets(config, True, None)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "no labelled data: set data.labeled"),
        ({"labeled": "synth:studio?count=0"}, "none of its 0 samples has a labelled joint"),
        ({"labeled": PEOPLE}, "name images or videos with data.unlabeled, let semipose split"),
        (
            {"labeled": PEOPLE, "unlabeled": "synth:studio?count=0"},
            "name images or videos with data.unlabeled, let semipose split",
        ),
    ],
)
def test_empty_sets_are_refused(config, message) -> None:
    with pytest.raises(UserError, match=message):
        open_sets(DataConfig(**config), True, None)


def test_validation_is_on_the_joints_in_common(monkeypatch) -> None:
    pool = open_labeled(PEOPLE)
    monkeypatch.setattr(sets, "open_labeled", lambda source, *_: pool if source == "a" else points())
    with pytest.raises(UserError, match="shares no joint"):
        open_sets(DataConfig(labeled="a", val="b"), False, None)
    named = dataclasses.replace(points().skeleton, joints=("left_wrist", "wing"), pairs=())
    other = dataclasses.replace(points(), skeleton=named)
    monkeypatch.setattr(sets, "open_labeled", lambda source, *_: pool if source == "a" else other)
    found = open_sets(DataConfig(labeled="a", val="b"), False, None, checked=False)
    wrist = pool.skeleton.index("left_wrist")
    assert found.val.skeleton == pool.skeleton and len(found.val) == len(other)
    for sample, given in zip(found.val, other, strict=True):
        assert (sample.keypoints[wrist] == given.keypoints[0]).all()
        assert not np.delete(sample.keypoints, wrist, 0).any(), "the other joints are unlabelled"


def test_boxes_of_validation_are_around_the_joints_that_are_chosen() -> None:
    """As those of training; a network of a head would be scored on crops of whole bodies."""
    head = {"joints": ["neck", "head_top"]}
    config = DataConfig(labeled=PEOPLE, val=OTHERS, boxes="labels", skeleton=head)
    found = open_sets(config, False, None)
    same = open_sets(dataclasses.replace(config, labeled=OTHERS, val=None), False, None).labeled
    other, _ = sets.open_alike(config, OTHERS, None)
    assert np.array_equal(found.val.samples.boxes, same.samples.boxes)
    assert np.array_equal(other.samples.boxes, same.samples.boxes)
    whole = open_sets(dataclasses.replace(config, skeleton=None), False, None).val
    assert (found.val.samples.boxes[:, 3] < whole.samples.boxes[:, 3]).all()


def test_several_labelled_sets_are_joined(monkeypatch) -> None:
    pool = open_labeled(PEOPLE)
    monkeypatch.setattr(sets, "open_labeled", lambda source, *_: pool if source == "a" else points())
    found = open_sets(DataConfig(labeled=["a", "b"], labeled_images=[None, None]), False, None)
    assert found.skeleton.joints == (*pool.skeleton.joints, *points().skeleton.joints)
    assert len(found.labeled) == len(pool) + len(points())
    with pytest.raises(UserError, match=r"2 sources and data\.labeled_images 1"):
        open_sets(DataConfig(labeled=["a", "b"], labeled_images=["x"]), False, None)


def test_a_split_picks_all_three_sets(tmp_path) -> None:
    split = make_split(open_labeled("synth:studio?count=10"), labeled=3, val=2)
    split.save(tmp_path / "split.json")
    found = open_sets(DataConfig(labeled="synth:studio?count=10", split=str(tmp_path / "split.json")), True, None)
    parts = (found.labeled.ids, found.unlabeled.ids, found.val.ids)
    assert parts == (split.labeled, split.unlabeled, split.val)
    assert json.loads(json.dumps(found.manifest()))["labeled"] == list(split.labeled)
    assert not found.labeled.remarks
    more = open_sets(DataConfig(labeled="synth:studio?count=13", split=str(tmp_path / "split.json")), True, None)
    (remark,) = more.labeled.remarks
    assert remark.startswith("3 labelled samples are in no part of") and more.labeled.ids == split.labeled


def test_the_hash_is_of_samples_boxes_and_labels() -> None:
    data = points()

    def changed(**change: object) -> PoseData:
        first = dataclasses.replace(data[0], **change)
        return dataclasses.replace(data, samples=(first, *data.samples[1:]))

    moved = data[0].keypoints + np.float32([0.25, 0, 0])
    variants = [
        Sets(data, None, None),
        Sets(data.subset(range(5)), None, None),
        Sets(data.subset([1, 0, 2, 3, 4, 5]), None, None),
        Sets(data, data, None),
        Sets(data, None, data),
        Sets(changed(id="other"), None, None),
        Sets(changed(keypoints=moved), None, None),
        Sets(changed(box=(100, 60, 41, 60)), None, None),
    ]
    assert len({variant.hash for variant in variants}) == len(variants)
    assert Sets(points(), None, None).hash == variants[0].hash


@pytest.mark.parametrize("degrees", [0, 30, 60])
@pytest.mark.parametrize("size", [(64, 48), (96, 96)])
def test_every_view_of_the_reach_lies_in_its_crop(size, degrees) -> None:
    tall, wide = cover(size, degrees)
    assert tall % 4 == 0 == wide % 4 and tall >= size[0] and wide >= size[1]
    turns = torch.linspace(-degrees, degrees, 31)
    base = central((tall, wide), size)
    for scale in (1 - degrees / 120, 1.0):
        view = similarity(size, turns, torch.full_like(turns, scale), turns > 0) @ base
        assert inside(pixels(size, torch.linalg.inv(view)), (tall, wide)).all()


def shown_corners(text: str, size: Size, degrees: float) -> torch.Tensor:
    """(500, 4) bool: which corners of a policy's views lie in the crop of a reach."""
    plain = View.of(torch.zeros(1, 3, *cover(size, degrees)).expand(500, -1, -1, -1), size)
    corners = torch.tensor([[x, y] for x in (0.0, size[1] - 1) for y in (0.0, size[0] - 1)])
    return inside(move(torch.linalg.inv(parse(text)(plain, Draws(1)).matrix), corners), cover(size, degrees))


@pytest.mark.slow
@pytest.mark.parametrize(("degrees", "text"), [(30, "rotate180+scale18+flip50"), (35, "rotate180+scale25+flip50")])
@pytest.mark.parametrize("size", [(256, 192), (48, 64), (96, 96)])
def test_every_turned_view_lies_in_a_crop_up_to_4_by_3(size, degrees, text) -> None:
    assert shown_corners(text, size, degrees).all()


def test_a_reach_of_30_is_too_little_for_any_turn_at_three_quarters() -> None:
    shown = shown_corners("rotate180+scale25", (256, 192), 30)
    assert not shown.all() and shown.float().mean() > 0.95


def test_crops_have_room_for_augmentation_in_training_alone(tmp_path) -> None:
    config, data = tiny(tmp_path), points(2)
    train, plain = cut(data, config, True, False), cut(data, config, False, False)
    assert train.spec.cover == cover((64, 48), 30) and plain.spec.cover == (64, 48)
    assert cut(None, config, True, False) is None


def test_occluded_joints_teach_unless_told_otherwise(tmp_path) -> None:
    rows = ["image,joint,x,y,visibility", *(f"{i}.png,{joint},{5 + i},9,{v}" for i in range(3) for joint, v in MARKS)]
    for i in range(3):
        picture(tmp_path / f"{i}.png", i)
    (tmp_path / "a.csv").write_text("\n".join(rows))
    where = {"labeled": str(tmp_path / "a.csv")}
    for occluded, marks in ((True, [2, 1]), (False, [2, 0])):
        sets_ = open_sets(DataConfig(**where, occluded=occluded), False, None)
        assert [s.keypoints[:, 2].tolist() for s in sets_.labeled] == [marks] * 3
    scored = open_sets(DataConfig(**where, val=where["labeled"], occluded=False), False, None, checked=False)
    assert [s.keypoints[:, 2].tolist() for s in scored.val] == [[2, 1]] * 3


MARKS = (("nose", 2), ("tail", 1))


def test_others_are_all_that_a_set_does_not_teach(tmp_path: Path) -> None:
    """Of two images: 1 has labels, 2 occluded ones alone, 3 none, 4 is a crowd; 5 is in another image."""
    for name in "ab":
        picture(tmp_path / f"{name}.png")
    joints = {1: [10, 10, 2, 20, 20, 2], 2: [12, 12, 1, 22, 22, 1], 3: [0] * 6, 4: [9, 9, 2, 19, 19, 2], 5: [0] * 6}
    content = {
        "images": [{"id": n, "file_name": f"{name}.png"} for n, name in enumerate("ab")],
        "categories": [{"id": 1, "name": "x", "keypoints": ["nose", "tail"]}],
        "annotations": [
            {
                "id": n,
                "image_id": int(n == 5),
                "category_id": 1,
                "bbox": [n, 5, 20, 20],
                "keypoints": points,
                "iscrowd": int(n == 4),
            }
            for n, points in joints.items()
        ],
    }
    (tmp_path / "x.json").write_text(json.dumps(content))
    for more, expected in (({}, [3, 4]), ({"occluded": False}, [2, 3, 4])):
        config = DataConfig(labeled=str(tmp_path / "x.json"), **more)
        others = sets.others_in(open_sets(config, False, None).labeled, config)
        assert [s.annotation_id for s in others] == expected and all(s.keypoints is None for s in others)
        assert [s.box[0] for s in others] == expected
    two = DataConfig(labeled=[str(tmp_path / "x.json"), "synth:studio?count=2"])
    assert [s.annotation_id for s in sets.others_in(open_sets(two, False, None).labeled, two)] == [3, 4]


def test_frames_of_validation_are_not_taken_from_the_video_that_they_are_of(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 12)
    rows = [f"clip.mp4#{n},nose,{10 + n},20" for n in (0, 4, 8)]
    (tmp_path / "clicks.csv").write_text("\n".join(["image,joint,x,y", *rows]))
    pool = open_labeled(tmp_path / "clicks.csv")
    Split(pool.name, ("clip.mp4#0", "clip.mp4#4"), (), ("clip.mp4#8",), 0, "random").save(tmp_path / "split.json")
    config = DataConfig(
        labeled=str(tmp_path / "clicks.csv"),
        unlabeled=str(tmp_path / "clip.mp4"),
        frames="all",
        split=str(tmp_path / "split.json"),
    )
    found = open_sets(config, True, None)
    assert found.unlabeled is not None and found.val is not None and found.val.ids == ("clip.mp4#8",)
    assert [parsed(image).number for image in found.unlabeled.images] == [n for n in range(12) if n != 8]  # type: ignore[union-attr]


def test_a_video_that_ends_early_is_learnt_from_as_far_as_it_goes(tmp_path: Path) -> None:
    film_cut = cut_film(tmp_path / "short.avi")
    config = DataConfig(labeled=PEOPLE, unlabeled=str(film_cut), frames="all")
    with pytest.warns(
        UserWarning, match=r"short\.avi ends early: \d+ of the 30 frames .*; those that are there are learnt from"
    ):
        found = open_sets(config, True, None)
    assert found.unlabeled is not None and 0 < len(found.unlabeled) < 30
