from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from semipose.cli import main
from semipose.data.datasets import open_sets
from semipose.data.marks import COMMENT, HEAD
from semipose.data.sample import PoseData
from semipose.errors import UserError
from semipose.inference.boxes import finder_in
from semipose.methods import needs
from semipose.papers.configure import configure
from semipose.verbs.init import init
from tests.fixtures.films import film
from tests.fixtures.projects import deeplabcut, lightning_pose, picture, plain_csv
from tests.fixtures.shared import shared_data


def opened(target: Path) -> tuple[PoseData, PoseData | None, PoseData | None]:
    config = configure(None, target)
    sets = open_sets(config.data, needs(config.method.name).unlabeled, finder_in(None))
    return sets.labeled, sets.unlabeled, sets.val


def test_a_project_of_several_videos_holds_out_a_whole_one(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a", "b", "c", "d"))
    for i in range(2):
        picture(project / f"labeled-data/a/new{i}.png", 50 + i)
    found = init(project)
    labeled, unlabeled, val = opened(project / "data.yaml")
    assert unlabeled is not None and val is not None
    assert (len(labeled), len(unlabeled), len(val)) == (9, 2, 3)
    assert len({s.session for s in val}) == 1 and not {s.session for s in val} & {s.session for s in labeled}
    assert any("12 instances in 12 images of 4 videos" in line for line in found.lines)
    content = yaml.safe_load((project / "data.yaml").read_text())
    assert content["data"]["labeled"] == "." and content["method"]["name"] == "guarded"
    assert content["method"]["burn_in"] == 0.5
    assert content["data"]["skeleton"]["pairs"] == [["left_ear", "right_ear"]]


def test_one_video_holds_out_its_last_frames(tmp_path: Path) -> None:
    init(lightning_pose(tmp_path / "project", frames=10))
    labeled, unlabeled, val = opened(tmp_path / "project" / "data.yaml")
    assert unlabeled is None and val is not None
    assert [s.id[-7:-4] for s in val] == ["008", "009"] and len(labeled) == 8


@pytest.mark.slow
def test_data_yaml_trains_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain_csv(tmp_path, frames=6)
    for i in range(3):
        picture(tmp_path / "more" / f"{i}.png", 60 + i)
    assert main(["init", str(tmp_path), "--out", str(tmp_path / "my data.yaml")]) == 0
    assert "left_ear - right_ear" in capsys.readouterr().out
    small = ["--model.weights=none", "--model.backbone=resnet18", "--model.size=[64, 64]", "--steps=1", "--threads=1"]
    out = ["--out", str(tmp_path / "run"), f"--data.cache={tmp_path / 'cache'}", "--accelerator", "cpu"]
    assert main(["train", *small, *out, str(tmp_path / "my data.yaml"), "--optim.batch", "2"]) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["labels"], summary["unlabeled"], summary["val_images"]) == (5, 3, 1)
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["method"]["name"] == "guarded"
    assert main(["check", "--data", str(tmp_path / "my data.yaml")]) == 0


def test_a_recipe_that_is_named_brings_its_method(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    init(tmp_path)
    chosen = configure("dual", tmp_path / "data.yaml")
    assert chosen.method.name == "dual" and chosen.steps == 800


def test_coco_with_validation_of_its_own_in_the_usual_folders(tmp_path: Path) -> None:
    for part, ids in (("train", (0, 1, 2)), ("val", (3,))):
        document = {
            "images": [{"id": i, "file_name": f"{i}.png"} for i in ids],
            "annotations": [
                {"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 30, 30], "keypoints": [5, 6, 2, 9, 9, 2]}
                for i in ids
            ],
            "categories": [{"id": 1, "name": "thing", "keypoints": ["a", "b"]}],
        }
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / f"{part}.json").write_text(json.dumps(document))
        for i in ids:
            picture(tmp_path / "images" / f"{i}.png", i)
    picture(tmp_path / "images" / "9.png", 9)
    init(tmp_path)
    labeled, unlabeled, val = opened(tmp_path / "data.yaml")
    assert unlabeled is not None and val is not None
    assert (len(labeled), [Path(s.image).name for s in unlabeled], len(val)) == (3, ["9.png"], 1)


def coco(path: Path, ids: Sequence[int], each: int = 1) -> Path:
    """`each` instances in every image, the images in `images` beside the file."""
    document = {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in ids],
        "annotations": [
            {"id": each * i + n, "image_id": i, "category_id": 1, "bbox": [1, 1, 30, 30], "keypoints": [5 + n, 6, 2]}
            for i in ids
            for n in range(each)
        ],
        "categories": [{"id": 1, "name": "thing", "keypoints": ["a"]}],
    }
    path.write_text(json.dumps(document))
    for i in ids:
        picture(path.parent / "images" / f"{i}.png", i)
    return path


def names_of(data: PoseData | None) -> set[str]:
    return {Path(image).stem for image in data.images} if data is not None else set()


@pytest.mark.parametrize(
    ("sizes", "held"),
    [
        ({"a": 20, "b": 2, "c": 2}, {"b", "c"}),  # what is small falls short of a fifth; the large one is most of it
        ({"a": 3, "b": 9}, {"a"}),
        ({"a": 10, "b": 10}, {"a", "b"}),
        ({"a": 30, "b": 1, "c": 1}, {"a"}),
    ],
)
def test_whole_videos_are_held_out_where_enough_remains(tmp_path: Path, sizes: dict[str, int], held: set[str]) -> None:
    rows = ["image,joint,x,y"]
    for name, count in sizes.items():
        for i in range(count):
            picture(tmp_path / name / f"{i:02d}.png", i)
            rows.append(f"{name}/{i:02d}.png,nose,5,6")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    found = init(tmp_path).lines
    labeled, _, val = opened(tmp_path / "data.yaml")
    assert val is not None and len(labeled) >= len(val) >= 0.1 * len(labeled)
    assert {s.session for s in val} == held
    (line,) = (line for line in found if line.startswith("validation: "))
    if {s.session for s in labeled} & held:
        assert "the last images of each of" in line and f"# {line}" in (tmp_path / "data.yaml").read_text()
        last = {name: max(s.id for s in labeled if s.session == name) for name in held}
        assert all(s.id > last[s.session or ""] for s in val)
    else:
        assert "all of" in line


def test_a_file_of_all_labels_beside_its_parts(tmp_path: Path) -> None:
    coco(tmp_path / "annotations.json", range(5))
    coco(tmp_path / "annotations_train.json", range(4))
    coco(tmp_path / "annotations_val.json", [4])
    found = init(tmp_path).lines
    labeled, _, val = opened(tmp_path / "data.yaml")
    assert (names_of(labeled), names_of(val)) == (set("0123"), {"4"})
    assert any(line.startswith(f"left out: {tmp_path}/annotations.json, all its images") for line in found)


def test_labels_of_validation_images_are_not_trained_on(tmp_path: Path) -> None:
    coco(tmp_path / "all.json", range(5))
    coco(tmp_path / "val.json", [4])
    found = init(tmp_path).lines
    labeled, _, val = opened(tmp_path / "data.yaml")
    assert (names_of(labeled), names_of(val)) == (set("0123"), {"4"})
    assert "validation: validation data of its own; 1 labels of images held out are not trained on" in found


def test_validation_is_preferred_to_test(tmp_path: Path) -> None:
    coco(tmp_path / "train.json", range(3))
    coco(tmp_path / "test.json", [3])
    coco(tmp_path / "val.json", [4])
    picture(tmp_path / "images" / "9.png", 9)
    found = init(tmp_path).lines
    labeled, unlabeled, val = opened(tmp_path / "data.yaml")
    assert (names_of(labeled), names_of(unlabeled), names_of(val)) == (set("012"), {"9"}, {"4"})
    assert f"left out: {tmp_path}/test.json, beside val.json; its images are not learned from" in found


def test_boxes_for_unlabelled_images_are_asked_for_and_apply(tmp_path: Path) -> None:
    coco(tmp_path / "labels.json", range(4))
    new = picture(tmp_path / "images" / "9.png", 9)
    assert any("unlabelled ones are looked at whole" in line for line in init(tmp_path).lines)
    text = (tmp_path / "data.yaml").read_text()
    assert "# boxes: labelled images are cut" in text and "unlabeled_boxes: whole" in text
    (tmp_path / "boxes.json").write_text(
        json.dumps({"images": [{"file_name": "images/9.png", "boxes": [[1, 2, 9, 9], [3, 4, 9, 9]]}]})
    )
    (tmp_path / "data.yaml").write_text(text.replace("unlabeled_boxes: whole", "unlabeled_boxes: boxes.json"))
    _, unlabeled, _ = opened(tmp_path / "data.yaml")
    assert unlabeled is not None and [s.box for s in unlabeled] == [(1, 2, 9, 9), (3, 4, 9, 9)]
    assert {s.image for s in unlabeled} == {str(new)}


def test_several_bodies_in_an_image_are_found_first(tmp_path: Path) -> None:
    coco(tmp_path / "labels.json", range(4), each=2)
    picture(tmp_path / "images" / "9.png", 9)
    (line,) = (line for line in init(tmp_path).lines if line.startswith("several: "))
    assert "up to 2 bodies in an image" in line and "taken to be labelled" in line
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert content["data"]["boxes"] == "labels" and content["data"]["unlabeled_boxes"] == "finder"
    assert content["find"]["steps"] == 400 and max(content["find"]["size"]) == 192
    assert content["model"]["padding"] == 1.0
    labeled, unlabeled, val = opened(tmp_path / "data.yaml")
    assert val is not None and len(labeled) + len(val) == 8 and unlabeled is not None and len(unlabeled) == 1


@pytest.mark.slow
def test_a_project_of_several_animals_trains_a_finder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a", "b"), frames=3)
    for video in ("a", "b"):
        rows = [
            "scorer,,," + ",".join(["me"] * 8),
            "individuals,,,one,one,one,one,two,two,two,two",
            "bodyparts,,,nose,nose,tail,tail,nose,nose,tail,tail",
            "coords,,,x,y,x,y,x,y,x,y",
            f"labeled-data,{video},img000.png,1,2,21,12,40,30,50,40",
            f"labeled-data,{video},img001.png,1,2,21,12,,,,",
            f"labeled-data,{video},img002.png,8,2,28,12,41,30,51,40",
        ]
        (project / f"labeled-data/{video}/CollectedData_me.csv").write_text("\n".join(rows))
    assert any(line.startswith("several: up to 2 bodies") for line in init(project).lines)
    monkeypatch.setattr("semipose.training.find.THRESHOLDS", (0.0,))
    monkeypatch.setattr("semipose.training.find.ON", 0.0)
    small = [
        "--model.weights=none",
        "--model.backbone=resnet18",
        "--model.size=[64, 64]",
        "--model.deconv=[8, 8, 8, 8]",
    ]
    steps = ["--steps=1", "--find.steps=1", "--find.size=[64, 64]", "--threads=1", "--accelerator=cpu"]
    out = ["--out", str(tmp_path / "run"), f"--data.cache={tmp_path / 'cache'}"]
    assert main(["train", str(project / "data.yaml"), *small, *steps, *out]) == 0
    find = json.loads((tmp_path / "run" / "finder" / "find.json").read_text())
    assert find["most"] == 2 and find["bodies"] > find["images"]
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    scores = json.loads((tmp_path / "run" / "evaluation.json").read_text())["found"]
    assert scores["bodies"] == find["bodies"]


@pytest.mark.parametrize("lite", [True, False])
def test_the_network_reads_fine_stages_and_keeps_weights_that_are_installed(lite, tmp_path, monkeypatch) -> None:
    plain_csv(tmp_path)
    monkeypatch.setattr("semipose.data.project.find_spec", lambda _: lite or None)
    init(tmp_path)
    model = configure(None, tmp_path / "data.yaml").model
    assert (model.backbone, model.decoder, model.deconv) == (
        "tf_efficientnet_lite0" if lite else "resnet18",
        "fpn",
        None,
    )
    assert model.freeze == (["stem", "layer1", "layer2"] if lite else []) and model.sigma == 1.5


@pytest.mark.parametrize(
    ("joints", "weights"),
    [
        (("nose", "L_wrist", "left ankle", "RightKnee"), "people"),
        (("nose", "left_eye", "right_eye", "left_wrist"), "imagenet"),
        (("snout", "left_ear", "right_ear", "tail_base"), "imagenet"),
    ],
)
def test_people_begin_from_the_network_that_knows_them(joints, weights, tmp_path, monkeypatch) -> None:
    rows = ["image,joint,x,y"]
    for i in range(4):
        picture(tmp_path / f"{i}.png", i)
        rows += [f"{i}.png,{joint},{10 + 4 * k},{12 + 3 * k + i}" for k, joint in enumerate(joints)]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    monkeypatch.setattr("semipose.data.project.find_spec", lambda _: None)
    init(tmp_path)
    model = configure(None, tmp_path / "data.yaml").model
    backbone = "tf_efficientnet_lite0" if weights == "people" else "resnet18"
    assert (model.weights, model.backbone, model.decoder) == (weights, backbone, "fpn")


def test_single_boxes_are_not_asked_for(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    picture(tmp_path / "new.png", 60)
    init(tmp_path)
    assert "boxes:" not in (tmp_path / "data.yaml").read_text().replace("  boxes: own", "")


def test_folders_of_one_name_are_several_videos(tmp_path: Path) -> None:
    rows = ["image,joint,x,y"]
    for mouse in ("mouse1", "mouse2", "mouse3"):
        for i in range(3):
            picture(tmp_path / mouse / "frames" / f"{i}.png", i)
            rows.append(f"{mouse}/frames/{i}.png,nose,5,6")
        film(tmp_path / f"{mouse}.mp4", 3)
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    init(tmp_path)
    labeled, unlabeled, val = opened(tmp_path / "data.yaml")
    assert val is not None and unlabeled is not None and len(labeled) == 6
    (held,) = {s.session for s in val}
    assert held in {"mouse1/frames", "mouse2/frames", "mouse3/frames"}
    assert f"{str(held).partition('/')[0]}.mp4" not in {s.id.partition("#")[0] for s in unlabeled}


def test_linked_folders_are_looked_into(tmp_path: Path) -> None:
    root = tmp_path / "project"
    plain_csv(root)
    picture(tmp_path / "disk" / "more" / "new.png", 60)
    (root / "linked").symlink_to(tmp_path / "disk", target_is_directory=True)
    for loop, target in (("again", root), ("up", tmp_path), ("twice", root / "frames")):
        (root / "frames" / loop).symlink_to(target, target_is_directory=True)
    init(root)
    _, unlabeled, _ = opened(root / "data.yaml")
    assert names_of(unlabeled) == {"new"}


def test_names_that_differ_in_punctuation_or_case_alone(tmp_path: Path) -> None:
    joints = ("corner+x", "corner-x", "A1", "a1")
    plain_csv(tmp_path, joints=joints)
    init(tmp_path)
    labeled, _, _ = opened(tmp_path / "data.yaml")
    assert labeled.skeleton is not None and labeled.skeleton.joints == joints
    assert labeled[1].keypoints is not None and len(set(labeled[1].keypoints[:, 0].tolist())) == 4


def test_advice_on_a_file_alone_can_be_followed(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    path = coco(tmp_path / "train.json", range(3)).rename(tmp_path / "annotations" / "train.json")
    with pytest.raises(UserError, match="to semipose init, the folder that holds both"):
        init(path)
    init(tmp_path)
    assert len(opened(tmp_path / "data.yaml")[0]) == 2


def test_copies_of_labelled_images_are_not_taken_for_unlabelled(tmp_path: Path) -> None:
    plain_csv(tmp_path, frames=5)
    (tmp_path / "again.png").write_bytes((tmp_path / "frames" / "0.png").read_bytes())
    picture(tmp_path / "new.png", 60)
    found = init(tmp_path)
    _, unlabeled, _ = opened(tmp_path / "data.yaml")
    assert unlabeled is not None and [Path(s.image).name for s in unlabeled] == ["new.png"]
    assert any("again.png, a copy" in line for line in found.lines)


def test_no_file_is_overwritten_unasked(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    (tmp_path / "data.yaml").write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        init(tmp_path)
    assert (tmp_path / "data.yaml").read_text() == "mine"
    (tmp_path / "data.yaml").unlink()
    picture(tmp_path / "new.png", 60)
    theirs = [
        "mine",
        '{"images": [{"file_name": "new.png"}]}',
        '{"labeled": [], "unlabeled": [], "val": []}',
        "data: {}",
    ]
    for name in ("split.json", "unlabeled.json", "data.yaml"):
        for mine in theirs:
            for overwrite in (False, True):
                (tmp_path / name).write_text(mine)
                with pytest.raises(
                    UserError, match=f"{name} exists and init did not write it, so --overwrite does not"
                ):
                    init(tmp_path, overwrite=overwrite)
                assert (tmp_path / name).read_text() == mine
                assert name == "data.yaml" or not (tmp_path / "data.yaml").exists()
        (tmp_path / name).unlink()
    (tmp_path / "split.json").write_text("mine")
    assert {file.name for file in init(tmp_path, out=tmp_path / "a.yaml").files} == {
        "a.yaml",
        "a-split.json",
        "a-unlabeled.json",
    }
    assert (tmp_path / "split.json").read_text() == "mine" and opened(tmp_path / "a.yaml")[1] is not None
    (tmp_path / "split.json").unlink()
    assert len(init(tmp_path).files) == 3
    with pytest.raises(UserError, match=r"data\.yaml exists; --overwrite"):
        init(tmp_path)
    for _ in range(2):
        assert init(tmp_path, overwrite=True).files[0] == tmp_path / "data.yaml"


def test_real_projects(tmp_path: Path) -> None:
    for name, flips in (("openfield/project", True), ("mirror_mouse", False)):
        target = tmp_path / f"{name[:4]}.yaml"
        found = init(shared_data(*name.split("/")), out=target)
        assert any(line.startswith("small: a body's labels span 17%") for line in found.lines) == flips
        content = yaml.safe_load(target.read_text())
        assert content["method"]["easy"] == ("affine30+flip50" if flips else "affine10")
        assert content["method"]["hard"] == ("jo1+affine30" if flips else "affine30")
        assert content["method"].get("hard_of") == ("easy" if flips else None)
        assert "mp4" in str(content["data"]["unlabeled"]) and (tmp_path / content["data"]["split"]).exists()


def drawn(path: Path) -> Path:
    """A picture with the mark of `predict`'s."""
    path.parent.mkdir(parents=True)
    jpeg = cv2.imencode(".jpg", np.zeros((40, 50, 3), np.uint8))[1].tobytes()
    path.write_bytes(jpeg[:HEAD] + COMMENT + jpeg[HEAD:])
    return path


def test_predictions_are_passed_over(tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(3)]
    rows = [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 30, 30], "keypoints": [5, 6, 2]} for i in range(3)
    ]
    document = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
        "annotations": rows,
        "categories": [{"id": 1, "name": "thing", "keypoints": ["a"]}],
    }
    for i, name in enumerate(names):
        picture(tmp_path / "images" / name, i)
    (tmp_path / "labels.json").write_text(json.dumps(document))
    predicted = drawn(tmp_path / "predictions" / "0.jpg").parent
    (predicted / "keypoints.csv").write_text("image,person,joint,x,y,score\n" + "images/0.png,0,a,1,2,0.1\n")
    (predicted / "keypoints.json").write_text(json.dumps([{"image_id": 0, "keypoints": [1, 2, 1], "score": 0.1}]))
    found = init(tmp_path).lines
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())["data"]
    assert content["labeled"] == "labels.json" and "unlabeled" not in content
    assert any("left out" in line and "these are predictions" in line for line in found)


def test_what_tools_drew_is_not_learned_from(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a",), frames=6)
    picture(project / "labeled-data/a_labeled/img000.png", 50)
    picture(project / "labeled-data/a/new.png", 60)
    (project / "videos").mkdir()
    for name in ("a", "b", "aDLC_resnet50_mayshuffle1_50000_labeled", "b_labeled"):
        film(project / f"videos/{name}.mp4", 3)
    drawn(project / "out/0.jpg")
    (project / "out" / "aDLC_semipose.csv").write_text("scorer,")
    found = init(project).lines
    content = yaml.safe_load((project / "data.yaml").read_text())["data"]
    assert content["unlabeled"] == ["videos/a.mp4", "videos/b.mp4", "unlabeled.json"]
    listed = json.loads((project / "unlabeled.json").read_text())["images"]
    assert listed == [{"file_name": "labeled-data/a/new.png"}]
    assert any("left out: 4 pictures and videos that tools made" in line for line in found)
    assert any(line.startswith("of them a.mp4 also holds validation frames") for line in found)


def test_a_video_that_is_held_out_is_not_learned_from(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a", "b", "c"))
    (project / "videos").mkdir()
    for name in "abc":
        film(project / f"videos/{name}.mp4", 3)
        picture(project / f"labeled-data/{name}/new.png", ord(name))
    init(project)
    _, unlabeled, val = opened(project / "data.yaml")
    assert unlabeled is not None and val is not None
    held = {s.session for s in val}
    assert len(held) == 1 and not {Path(s.id.partition("#")[0]).stem for s in unlabeled} & held
    assert {Path(s.image).parent.name for s in unlabeled if "new" in s.image} == set("abc") - held


@pytest.mark.parametrize(
    ("name", "val"),
    [("labels_latest", False), ("evaluation", False), ("labelsTest", True), ("my_val2017", True), ("TEST", True)],
)
def test_validation_is_told_by_whole_words(tmp_path: Path, name: str, val: bool) -> None:
    plain_csv(tmp_path / "one", name="labels.csv")
    plain_csv(tmp_path / "two", name=f"{name}.csv")
    init(tmp_path)
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())["data"]
    assert ("val" in content) == val and isinstance(content["labeled"], str) == val


def test_a_backup_of_the_labels_is_left_out(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    (tmp_path / "labels copy.csv").write_text(path.read_text())
    found = init(tmp_path).lines
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["data"]["labeled"] == "labels.csv"
    assert f"left out: {tmp_path}/labels copy.csv, labels the same images" in found


def test_linked_labels_stay_a_link(tmp_path: Path) -> None:
    path = plain_csv(tmp_path / "project")
    path.symlink_to(path.rename(tmp_path / "KEY"))
    init(tmp_path / "project")
    assert yaml.safe_load((tmp_path / "project" / "data.yaml").read_text())["data"]["labeled"] == "labels.csv"
    assert len(opened(tmp_path / "project" / "data.yaml")[0]) == 2


def test_lightning_pose_s_labels_of_other_videos_are_left_out(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    (project / "CollectedData_new.csv").write_text((project / "CollectedData.csv").read_text())
    assert any(line.startswith(f"left out: {project}/CollectedData_new.csv") for line in init(project).lines)


def test_what_is_no_animal_s_is_named(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project")
    config = yaml.safe_load((project / "config.yaml").read_text())
    config |= {"multianimalproject": True, "multianimalbodyparts": config["bodyparts"], "uniquebodyparts": ["corner"]}
    (project / "config.yaml").write_text(yaml.safe_dump(config))
    assert "left out: corner, of no animal (uniquebodyparts)" in init(project).lines
