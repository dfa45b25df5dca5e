from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semipose.data.open import holds_labels, open_all, open_labeled
from semipose.errors import UserError
from tests.fixtures.films import film
from tests.fixtures.projects import JOINTS, picture, xy

LABELS = "".join(
    f"<label><name>{name}</name><type>points</type><parent>mouse</parent></label>" for name in JOINTS
)  # fmt: skip
META = f"<meta><task><labels><label><name>mouse</name><type>skeleton</type></label>{LABELS}</labels></task></meta>"


def points(i: int, states: str = "vovx", **more: str) -> str:
    """The points of image i, the last first: visible, occluded, or outside."""
    parts = []
    for k, state in reversed(list(enumerate(states))):
        x, y = xy(i, k)
        said = {"outside": int(state == "x"), "occluded": int(state == "o"), "points": f"{x},{y}", **more}
        parts.append(f'<points label="{JOINTS[k]}" ' + " ".join(f'{a}="{v}"' for a, v in said.items()) + "/>")
    return "".join(parts)


def cvat(folder: Path, *shapes: str, meta: str = META) -> Path:
    """An export with one image for each text of shapes."""
    for i in range(len(shapes)):
        picture(folder / "images" / f"{i}.png", i)
    inner = "".join(
        f'<image id="{i}" name="{i}.png" width="64" height="48">{text}</image>' for i, text in enumerate(shapes)
    )
    path = folder / "annotations.xml"
    path.write_text(f'<?xml version="1.0"?><annotations><version>1.1</version>{meta}{inner}</annotations>')
    return path


def skeleton(i: int, label: str = "mouse") -> str:
    return f'<skeleton label="{label}" z_order="0">{points(i)}</skeleton>'


def boxed(sides: str) -> str:
    return f'{points(0)}<box label="mouse" {sides}/>'


def test_skeletons_with_what_is_outside_and_occluded(tmp_path: Path) -> None:
    path = cvat(tmp_path, skeleton(0), "", skeleton(2))
    data = open_labeled(path)
    assert holds_labels(path) and data.skeleton is not None
    assert data.skeleton.joints == JOINTS and data.skeleton.name == "mouse", "in the order of the task's labels"
    assert [Path(s.image).name for s in data] == ["0.png", "2.png"] and data[0].box == (0, 0, 64, 48)
    assert data[1].keypoints is not None and data[1].keypoints[:, 2].tolist() == [2, 1, 2, 0]
    assert np.allclose(data[1].keypoints[:3, :2], [xy(2, k) for k in range(3)], atol=1e-4)


def test_the_size_that_labels_are_in_pixels_of(tmp_path: Path) -> None:
    path = cvat(tmp_path, skeleton(0), points(1))
    assert [s.size for s in open_labeled(path)] == [(48, 64)]
    path.write_text(path.read_text().replace('width="64" height="48"', 'width="128" height="96"', 1))
    assert open_labeled(path)[0].size == (96, 128) and open_labeled(path)[0].box == (0, 0, 64, 48)
    path.write_text(path.read_text().replace('width="128"', 'width="wide"', 1))
    assert open_labeled(path)[0].size is None
    assert {s.size for s in open_labeled(cvat(tmp_path / "b", points(0), meta=""))} == {(48, 64)}


def test_two_animals_are_in_boxes_of_their_own(tmp_path: Path) -> None:
    data = open_labeled(cvat(tmp_path, skeleton(0) + skeleton(3), skeleton(1)))
    assert data.ids == ("0.png#0", "0.png#1", "1.png#0") and all(s.box[2] < 64 for s in data)


def test_points_without_a_skeleton(tmp_path: Path) -> None:
    box = '<box label="mouse" xtl="2" ytl="3" xbr="42" ybr="33" group_id="1"/>'
    path = cvat(tmp_path, points(0, group_id="1") + box + points(3, group_id="2"), points(1), meta="")
    data = open_labeled(path)
    assert len(data) == 3 and data[0].box == (2, 3, 40, 30) and data.skeleton is not None
    assert set(data.skeleton.joints) == set(JOINTS)
    with pytest.raises(UserError, match=r"image 0\.png has points of one label twice.*group those of each animal"):
        open_all(cvat(tmp_path / "b", points(0) + points(3), meta=""))
    several = '<points label="spine" points="1,2;3,4;5,6.5" occluded="0"/>'
    data = open_labeled(cvat(tmp_path / "c", several, meta=""))
    assert data.skeleton is not None and data.skeleton.joints == ("spine_1", "spine_2", "spine_3")
    assert data[0].keypoints is not None and data[0].keypoints[2].tolist() == [5, 6.5, 2]


def test_one_of_several_skeletons(tmp_path: Path) -> None:
    rat = skeleton(1, "rat").replace("nose", "snout")
    path = cvat(tmp_path, skeleton(0) + rat)
    with pytest.raises(UserError, match=r"the joints of mouse, rat differ; choose one.*data.category=mouse"):
        open_labeled(path)
    data = open_labeled(path, category="rat")
    assert len(data) == 1 and data.skeleton is not None and "snout" in data.skeleton.joints


def test_key_frames_of_a_video(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 4)
    shapes = "".join(
        f'<skeleton frame="{n}" keyframe="{int(n != 1)}" outside="{int(n == 3)}">{points(n)}</skeleton>'
        for n in range(4)
    )
    path = tmp_path / "a.xml"
    meta = META.replace("</labels>", "</labels><source>clip.mp4</source>")
    path.write_text(f'<annotations>{meta}<track id="0" label="mouse">{shapes}</track></annotations>')
    data = open_labeled(path)
    assert [s.image.rpartition("#")[2] for s in data] == ["0", "2"] and data[0].session == "clip"
    assert data[0].size is None
    size = "<task><original_size><width>128</width><height>96</height></original_size>"
    path.write_text(path.read_text().replace("<task>", size))
    assert {s.size for s in open_labeled(path)} == {(96, 128)}
    path.write_text(path.read_text().replace("clip.mp4", ""))
    with pytest.raises(UserError, match="names no video as its source"):
        open_labeled(path)


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        ("", "has no skeleton and no points"),
        ('<skeleton label="mouse"><points label="nose" points="1" outside="0"/></skeleton>', "2 numbers are expected"),
        ('<skeleton label="mouse"><points label="a" points="nan,2"/></skeleton>', "2 numbers are expected"),
        (
            '<skeleton label="mouse"><points label="a" points="1,2"/><points label="a" points="1,3"/></skeleton>',
            "twice",
        ),
        ('<skeleton label="mouse"><points label="nose" points="1e9,2"/></skeleton>', "has a joint beyond"),
        (boxed('xtl="one" ytl="1" xbr="40" ybr="40"'), r"xml: image 0\.png, xtl of its box is 'one' where a number is"),
        (boxed('ytl="1" xbr="40" ybr="40"'), r"xml: image 0\.png has a box without xtl; draw it again"),
        (boxed('xtl="40" ytl="1" xbr="1" ybr="40"'), r"xml: image 0\.png has a box whose corners are exchanged, 40 1"),
    ],
)
def test_faults_are_one_sentence(tmp_path: Path, shapes: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        open_all(cvat(tmp_path, shapes))


def test_tracks_of_points_are_one_animal_s_by_their_group(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 4)
    meta = META.replace("</labels>", "</labels><source>clip.mp4</source>").replace("<type>skeleton</type>", "")

    def tracks(*groups: str) -> str:
        rows = ((n, group, k) for n, group in enumerate(groups) for k in range(2))
        return "".join(
            f'<track id="{2 * n + k}" label="{JOINTS[k]}"{group}><points frame="1" keyframe="1" outside="0"'
            f' points="{10 * n + k},{20 + k}"/></track>'
            for n, group, k in rows
        )

    path = tmp_path / "a.xml"
    for groups, count in (((' group_id="1"', ' group_id="2"'), 2), (("",), 1)):
        path.write_text(f"<annotations>{meta}{tracks(*groups)}</annotations>")
        data = open_labeled(path)
        assert len(data) == count
        assert all(s.keypoints is not None and (s.keypoints[:2, 2] == 2).all() for s in data)


def test_points_beside_skeletons_are_told_and_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = cvat(tmp_path, skeleton(0), points(1))
    data = open_labeled(path)
    assert data.ids == ("0.png",) and any("4 points that are in no skeleton" in remark for remark in data.remarks)
    path.write_text(path.read_text().replace('name="1.png"', 'name="0.png"'))
    with pytest.raises(UserError, match=r"image '0\.png' occurs more than once"):
        open_labeled(path)


def test_a_joint_that_is_clicked_again_is_the_same_animal_s(tmp_path: Path) -> None:
    """A track of points ends where the joint leaves the view, and another begins."""
    film(tmp_path / "clip.mp4", 12)
    meta = META.replace("</labels>", "</labels><source>clip.mp4</source>").replace("<type>skeleton</type>", "")

    def track(number: int, label: str, frames: range) -> str:
        shapes = "".join(f'<points frame="{n}" keyframe="1" outside="0" points="{n + 1},5"/>' for n in frames)
        return f'<track id="{number}" label="{label}">{shapes}</track>'

    path = tmp_path / "a.xml"
    tracks = track(0, "nose", range(5)) + track(1, "tail", range(11)) + track(2, "nose", range(8, 11))
    path.write_text(f"<annotations>{meta}{tracks}</annotations>")
    data = open_labeled(path)
    assert len(data) == 11 and data.skeleton is not None and len({s.image for s in data}) == 11
    path.write_text(f"<annotations>{meta}{tracks}{track(3, 'nose', range(2))}</annotations>")
    with pytest.raises(UserError, match=r"points of one label twice.*group those of each animal"):
        open_labeled(path)


def test_tracks_of_several_points_are_animals_of_their_own(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 4)
    meta = META.replace("</labels>", "</labels><source>clip.mp4</source>").replace("<type>skeleton</type>", "")
    tracks = "".join(
        f'<track id="{n}" label="mouse"><points frame="1" keyframe="1" outside="0" points="{n},1;2,2;3,{n}"/></track>'
        for n in range(2)
    )
    (tmp_path / "a.xml").write_text(f"<annotations>{meta}{tracks}</annotations>")
    assert len(open_labeled(tmp_path / "a.xml")) == 2


def test_points_of_another_number_are_refused(tmp_path: Path) -> None:
    shapes = ['<points label="mouse" points="10,10;20,20;30,30"/>', '<points label="mouse" points="20,20;30,30"/>']
    with pytest.raises(UserError, match=r"'mouse' has 3 points in 0\.png and 2 in 1\.png, and nothing says which"):
        open_labeled(cvat(tmp_path, *shapes, meta=""))
    assert len(open_labeled(cvat(tmp_path, shapes[0], shapes[0], meta=""))) == 2
