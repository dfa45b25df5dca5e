"""What is written to be labelled, read back by this package's own readers where there is one."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from semipose.data.open import open_labeled
from semipose.data.sample import PoseData
from semipose.errors import UserError
from semipose.outputs.tolabel import FORMATS, Draft, check_installed
from semipose.skeleton import Skeleton
from tests.fixtures.films import film
from tests.fixtures.projects import SIZE, picture

MOUSE = Skeleton("mouse", ("nose", "ear_L", "ear_R"), ((1, 2),), ((0, 1), (0, 2)))


def poses(seed: int, count: int = 1) -> np.ndarray:
    """Points in the picture; the last joint of each is left out."""
    found = np.random.default_rng(seed).uniform(5, 40, (count, 3, 3))
    found[..., 2] /= 50
    found[:, 2, :2] = np.nan
    return found


def filled(folder: Path, form: str, count: int = 1) -> list[Draft]:
    """Two pictures of one folder, not in the order of their names, and one of another."""
    names = ["b/img2.png", "b/img1.png", "a/img9.png"]
    start = "labeled-data/" if form == "dlc" else "images/"
    images = []
    for n, name in enumerate(names):
        file = start + (name if form == "dlc" else name.replace("/", "-"))
        path = picture(folder / file, n)
        box = np.array([[0.0, 0.0, SIZE[1], SIZE[0]]] * count)
        images.append(Draft(file, str(path), SIZE, poses(n, count), box))
    return images


def same(data: PoseData, images: list[Draft]) -> None:
    """Each image's points as they were written, those left out unlabelled."""
    by_file = {Path(sample.image).resolve().name + Path(sample.image).parent.name: sample for sample in data}
    assert len(data) == len(images) == len(by_file) and data.skeleton is not None
    assert (data.skeleton.joints, data.skeleton.limbs, data.skeleton.pairs) == (MOUSE.joints, MOUSE.limbs, MOUSE.pairs)
    for image in images:
        points = by_file[Path(image.file).name + Path(image.file).parent.name].keypoints
        assert points is not None and points[:, 2].tolist() == [2, 2, 0]
        assert np.allclose(points[:2, :2], image.poses[0, :2, :2], atol=1e-3)


@pytest.mark.parametrize("kind", ["h5", "csv"])
def test_deeplabcut(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("tables")
    images = filled(tmp_path, "dlc")
    files = FORMATS["dlc"](tmp_path, images, MOUSE, "Ann")
    assert tmp_path / "labeled-data" / "a" / "CollectedData_Ann.h5" in files
    for file in files:
        if file.suffix not in (f".{kind}", ".yaml"):
            file.unlink()
    data = open_labeled(tmp_path)
    same(data, images)
    assert [s.session for s in data] == ["a", "b", "b"] and data.skeleton is not None and data.skeleton.name == "mouse"


def test_deeplabcut_s_own_layout(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    FORMATS["dlc"](tmp_path, filled(tmp_path, "dlc"), MOUSE, "Ann")
    table = pandas.read_hdf(tmp_path / "labeled-data" / "b" / "CollectedData_Ann.h5", "df_with_missing")
    with pandas.HDFStore(str(tmp_path / "labeled-data" / "b" / "CollectedData_Ann.h5"), "r") as store:
        assert store.get_node("df_with_missing")._v_attrs.pandas_version == "0.15.2", "or pandas 2 does not read it"
    assert list(table.columns.names) == ["scorer", "bodyparts", "coords"]
    assert list(table.index) == [("labeled-data", "b", "img1.png"), ("labeled-data", "b", "img2.png")]
    again = pandas.read_csv(
        tmp_path / "labeled-data" / "b" / "CollectedData_Ann.csv", header=[0, 1, 2], index_col=[0, 1, 2]
    )
    assert np.allclose(again, table, equal_nan=True) and again.isna().to_numpy().sum() == 4


def test_several_animals_are_individuals(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    images = filled(tmp_path, "dlc", 2)
    FORMATS["dlc"](tmp_path, images, MOUSE, "Ann")
    data = open_labeled(tmp_path)
    assert len(data) == 6 and {s.id.split("#")[1] for s in data} == {"individual1", "individual2"}
    second = next(s for s in data if s.id.endswith("img9.png#individual2"))
    assert second.keypoints is not None and np.allclose(second.keypoints[:2, :2], images[2].poses[1, :2, :2], atol=1e-3)


def test_coco(tmp_path: Path) -> None:
    images = filled(tmp_path, "coco")
    (file,) = FORMATS["coco"](tmp_path, images, MOUSE, "Ann")
    same(open_labeled(file), images)
    assert {s.box for s in open_labeled(file)} == {(0, 0, SIZE[1], SIZE[0])}


@pytest.mark.slow
def test_sleap_s_predictions_become_labels_by_the_labeller_alone(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    images = filled(tmp_path, "sleap")
    (file,) = FORMATS["sleap"](tmp_path, images, MOUSE, "Ann")
    with pytest.raises(UserError, match="no instance that a person labelled"):
        open_labeled(file)
    labels = sio.load_slp(str(file))
    for frame in labels:
        (guess,) = frame.instances
        assert guess.numpy(scores=True)[:2, 2] == pytest.approx(guess.numpy(scores=True)[:2, 2].clip(0.1, 0.8))
        frame.instances = [sio.Instance.from_numpy(guess.numpy()[:, :2], skeleton=labels.skeletons[0])]
    labels.save(str(tmp_path / "done.slp"), verbose=False)
    same(open_labeled(tmp_path / "done.slp"), images)


def test_pairs_that_names_do_not_say_come_back_from_sleap(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    sided = replace(MOUSE, pairs=((0, 2),))
    (file,) = FORMATS["sleap"](tmp_path, filled(tmp_path, "sleap"), sided, "Ann")
    (skeleton,) = sio.load_slp(str(file)).skeletons
    assert [{node.name for node in each.nodes} for each in skeleton.symmetries] == [{"nose", "ear_R"}]


def test_sleap_names_frames_in_their_video(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    clip = film(tmp_path / "clip.mp4", 4)
    image = Draft("images/clip-img00002.png", f"video:{clip}#2", (64, 96), poses(0), np.array([[0, 0, 96, 64]]))
    (file,) = FORMATS["sleap"](tmp_path, [image], MOUSE, "Ann")
    (frame,) = sio.load_slp(str(file))
    assert frame.frame_idx == 2 and Path(frame.video.filename) == clip


def test_label_studio_in_percent_of_the_image(tmp_path: Path) -> None:
    folder = tmp_path / "to label"
    images = filled(folder, "label-studio")
    tasks, view = FORMATS["label-studio"](folder, images, MOUSE, "Ann")
    content = json.loads(tasks.read_text())
    assert content[0]["data"]["image"] == "/data/local-files/?d=to%20label/images/b-img2.png"
    root = ElementTree.parse(view).getroot()
    image, labels = root.find("Image"), root.find("KeyPointLabels")
    assert image is not None and labels is not None and [each.get("value") for each in labels] == list(MOUSE.joints)
    assert [each.get("model_index") for each in labels] == ["0", "1", "2"], "or Label Studio exports no COCO"
    assert [each.get("value") for each in root.findall("RectangleLabels/Label")] == ["mouse"]
    for task, each in zip(content, images, strict=True):
        box, *result = task["predictions"][0]["result"]
        assert box["value"]["rectanglelabels"] == ["mouse"] and {row["parentID"] for row in result} == {box["id"]}
        assert [row["value"]["keypointlabels"] for row in result] == [["nose"], ["ear_L"]]
        for row, point in zip(result, each.poses[0], strict=False):
            assert (row["from_name"], row["to_name"]) == (labels.get("name"), image.get("name"))
            x, y = (row["value"][k] / 100 * row[f"original_{s}"] for k, s in (("x", "width"), ("y", "height")))
            assert (x - 0.5, y - 0.5) == pytest.approx(tuple(point[:2])), "the centre of a pixel, from the edge"


def test_cvat_skeletons(tmp_path: Path) -> None:
    images = filled(tmp_path, "cvat", 2)
    annotations, labels = FORMATS["cvat"](tmp_path, images, MOUSE, "Ann")
    root = ElementTree.parse(annotations).getroot()
    assert root.findtext("version") == "1.1"
    for row, image in zip(root.findall("image"), images, strict=True):
        assert row.get("name") == Path(image.file).name and row.get("width") == str(SIZE[1])
        for shape, pose in zip(row.findall("skeleton"), image.poses, strict=True):
            points = shape.findall("points")
            assert [p.get("label") for p in points] == list(MOUSE.joints) and shape.get("label") == "mouse"
            assert [p.get("outside") for p in points] == ["0", "0", "1"]
            found = [[float(v) for v in str(p.get("points")).split(",")] for p in points[:2]]
            assert np.allclose(found, pose[:2, :2], atol=1e-3)
    parents = {label.findtext("name"): label.findtext("parent") for label in root.iter("label")}
    assert parents == {"mouse": None, **dict.fromkeys(MOUSE.joints, "mouse")}, "or datumaro does not read it"
    (label,) = json.loads(labels.read_text())
    assert label["name"] == "mouse" and [each["name"] for each in label["sublabels"]] == list(MOUSE.joints)
    svg = ElementTree.fromstring(f"<svg>{label['svg']}</svg>")
    nodes = {each.get("data-label-name"): each.get("data-node-id") for each in svg.findall("circle")}
    ends = [(each.get("data-node-from"), each.get("data-node-to")) for each in svg.findall("line")]
    assert ends == [(nodes["nose"], nodes["ear_L"]), (nodes["nose"], nodes["ear_R"])]


def test_what_people_submit_unchanged_comes_back(tmp_path: Path) -> None:
    """From CVAT as it is; from Label Studio with the predictions as a person's annotations."""
    images = filled(tmp_path / "cvat", "cvat")
    data = open_labeled(FORMATS["cvat"](tmp_path / "cvat", images, MOUSE, "Ann")[0])
    images = filled(tmp_path / "studio", "label-studio", 2)
    (file, _) = FORMATS["label-studio"](tmp_path / "studio", images, MOUSE, "Ann")
    rows = json.loads(file.read_text())
    for row in rows:
        row["annotations"] = [{"result": row.pop("predictions")[0]["result"]}]
    file.write_text(json.dumps(rows))
    several = open_labeled(file)
    assert data.skeleton is not None and data.skeleton.joints == MOUSE.joints and len(data) == 3 and len(several) == 6
    assert several.skeleton is not None and several.skeleton.joints == MOUSE.joints, "one is in no image"
    for n, image in enumerate(images):
        one, two = several[2 * n].keypoints, several[2 * n + 1].keypoints
        assert one is not None and np.allclose(one[:2, :2], image.poses[0, :2, :2], atol=1e-3)
        assert two is not None and np.allclose(two[:2, :2], image.poses[1, :2, :2], atol=1e-3)
        assert several[2 * n].box == pytest.approx(tuple(image.boxes[0]))


def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="label-studio"):
        check_installed("labelme")
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(UserError, match=r"sleap_io.*'semipose\[sleap\]'; or coco"):
        check_installed("sleap")
    check_installed("cvat")
