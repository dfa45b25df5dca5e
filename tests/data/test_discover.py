"""What `look` sees in a folder; what is made of it is a matter of `init`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from semipose.data.discover import Inside, look
from semipose.data.open import open_labeled
from semipose.errors import UserError
from tests.data.readers.test_cvat import cvat, skeleton
from tests.data.readers.test_yolo import line, yolo
from tests.fixtures.films import film
from tests.fixtures.projects import deeplabcut, lightning_pose, picture, plain_csv


def test_labels_images_and_videos_of_a_folder(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    picture(tmp_path / "frames" / "more.png")
    film(tmp_path / "clip.mp4", 2)
    picture(tmp_path / ".hidden" / "x.png")
    (tmp_path / "notes.txt").touch()
    inside = look(tmp_path)
    assert inside.root == tmp_path and inside.labeled == [(path, None)] and inside.val == [] and inside.remarks == []
    assert [p.relative_to(tmp_path).as_posix() for p in inside.images] == [
        *(f"frames/{n}.png" for n in range(3)),
        "frames/more.png",
    ]
    assert inside.videos == [tmp_path / "clip.mp4"] and inside.made == set() and inside.apart == set()


def test_subsets_of_a_cvat_project_are_its_split(tmp_path: Path) -> None:
    """Of a folder and of the file; where no subset is for validation, nothing is divided."""
    path = cvat(tmp_path, *map(skeleton, range(5)))
    whole = path.read_text()
    parts = ("Train", "Train", "Validation", "Test", "Train")
    said = [f'id="{i}" subset="{part}"' for i, part in enumerate(parts)]
    path.write_text(re.sub(r'id="(\d)"', lambda found: said[int(found[1])], whole))
    for root in (tmp_path, path):
        inside = look(root)
        assert inside.labeled == [(Path(f"{path}#Train"), None)]
        assert inside.val == [(Path(f"{path}#Validation"), None)]
        assert inside.tests == [(Path(f"{path}#Test"), None)]
        assert {os.path.basename(image) for image in inside.apart} == {"2.png", "3.png"}
    assert len(open_labeled(path)) == 5 and len(open_labeled(f"{path}#Train")) == 3
    unlabeled = re.sub(r'(id="[23]"[^>]*>).*?</image>', r"\1</image>", path.read_text())
    path.write_text(unlabeled)
    inside = look(tmp_path)
    assert inside.labeled == [(Path(f"{path}#Train"), None)] and inside.val == []
    assert {p.name for p in inside.images} == {"0.png", "1.png", "4.png"}, "nothing is learnt from what is held out"
    path.write_text(whole.replace(" name=", ' subset="default" name='))
    assert look(tmp_path).labeled == [(path, None)]


def test_a_project_of_a_tool_is_one_source(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "mice")
    assert look(project).labeled == [(project, None)] and len(look(project).images) == 6
    project = lightning_pose(tmp_path / "pose")
    (project / "CollectedData_new.csv").write_text((project / "CollectedData.csv").read_text())
    assert look(project).labeled == [(project, None)]
    assert look(project).remarks == [f"left out: {project}/CollectedData_new.csv, beside CollectedData.csv"]


def test_labels_for_validation_are_set_apart_with_their_images(tmp_path: Path) -> None:
    for name in ("train", "val"):
        plain_csv(tmp_path / name, name=f"{name}.csv")
    inside = look(tmp_path)
    assert inside.labeled == [(tmp_path / "train" / "train.csv", None)]
    assert inside.val == [(tmp_path / "val" / "val.csv", None)]
    assert inside.apart == {os.path.realpath(tmp_path / "val" / "frames" / f"{n}.png") for n in range(3)}


def test_the_images_folder_above_labels_is_found(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    (tmp_path / "frames").rename(tmp_path / "pictures")
    moved = tmp_path / "a" / "b" / "c" / "d" / "labels.csv"
    moved.parent.mkdir(parents=True)
    path.rename(moved)
    moved.write_text(moved.read_text().replace("frames/", "pictures/"))
    assert look(tmp_path).labeled == [(moved, tmp_path)]


def test_what_tools_made_is_told(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    made = [
        picture(tmp_path / name) for name in ("a_labeled/0.png", "doctor/1.png", "runs/one/2.png", "b_semipose.jpg")
    ]
    (tmp_path / "runs" / "one" / "model.safetensors").touch()
    made.append(film(tmp_path / "clipDLC_resnet.mp4", 2))
    assert look(tmp_path).made == set(made)


def test_a_fault_in_one_file_of_labels_is_a_remark_and_in_all_an_error(tmp_path: Path) -> None:
    good = plain_csv(tmp_path)
    (tmp_path / "broken.csv").write_text("image,joint,x,y\nframes/0.png,nose,one,2\n")
    inside = look(tmp_path)
    assert inside.labeled == [(good, None)]
    (remark,) = inside.remarks
    assert remark.startswith(f"left out: {tmp_path}/broken.csv, line 2, x is 'one', not a number")
    good.unlink()
    with pytest.raises(UserError, match=r"broken\.csv, line 2"):
        look(tmp_path)
    (tmp_path / "broken.csv").unlink()
    with pytest.raises(UserError, match="holds no labels, 3 images and 0 videos"):
        look(tmp_path)


def test_runs_in_the_folder_are_no_data(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    for run in (tmp_path / "runs" / "first", tmp_path / "runs" / "first" / "finder"):
        picture(run / "shown.png")
        (run / ".semipose").write_text("a run of semipose")
        (run / "metrics.csv").write_text("step,loss\n1,2\n")
        (run / "summary.json").write_text("{}")
    inside = look(tmp_path)
    assert inside.labeled == [(path, None)] and inside.remarks == [] and inside.made == set() == set(inside.strange)
    assert all("runs" not in image.parts for image in inside.images)


@pytest.mark.parametrize("name", ["keypoints.csv", "keypoints.json"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    lightning_pose(tmp_path)
    os.mkfifo(tmp_path / name)
    assert [path for path, _ in look(tmp_path).labeled] == [tmp_path]
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("nowhere")
    assert [path for path, _ in look(tmp_path).labeled] == [tmp_path]


def names(inside: Inside) -> set[str]:
    """The images that `inside` leaves, as paths in its folder."""
    return {p.relative_to(inside.root).as_posix() for p in inside.images}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("class", r"labels/held/0\.txt, line 1 is of class 3"),
        ("labels", "no image of val has a label of 4 points; are the labels in labels/"),
        ("place", "val is 'images/gone', which is not in"),
        (
            "outside",
            r"val is '\.\./other', outside the folder of the file; .*--outside of semipose init, check and split",
        ),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
def test_validation_of_yolo_that_cannot_be_read_is_named_and_not_learned_from(
    tmp_path: Path, fault: str, sentence: str, alone: bool
) -> None:
    root, held = tmp_path / "set", {"place": "images/gone", "outside": "../other"}.get(fault, "images/held")
    path = yolo(root, val=held)
    for i in range(2):
        picture(root / f"images/held/{i}.jpg", 20 + i)
        picture(root / f"images/more/{i}.jpg", 30 + i)
        picture(tmp_path / f"other/{i}.jpg", 40 + i)
    if fault == "class":
        (root / "labels/held").mkdir()
        (root / "labels/held/0.txt").write_text(line(0, kind=3))
    inside = look(path if alone else root)
    assert inside.labeled == [(path, None)] and inside.val == []
    (remark,) = (r for r in inside.remarks if r.startswith("left out: val of data.yaml: "))
    assert re.search(sentence, remark)
    gone = {"images/val/0.jpg", "images/val/1.jpg"}  # by the folder's name
    held_out = {f"images/held/{i}.jpg" for i in range(2)} if held == "images/held" else set[str]()
    assert names(inside) == {p.relative_to(root).as_posix() for p in root.rglob("*.jpg")} - gone - held_out
    unsure = [r for r in inside.remarks if r.startswith(f"not known: which images {path}#val holds out; some may be")]
    assert len(unsure) == (fault == "place")
    if held_out:
        assert f"left out: 2 images and videos of {path}#val, first {root}/images/held/0.jpg" in inside.remarks


@pytest.mark.parametrize("alone", [False, True])
def test_training_of_yolo_that_cannot_be_read_is_an_error(tmp_path: Path, alone: bool) -> None:
    path = yolo(tmp_path)
    (tmp_path / "labels/train/0.txt").write_text(line(0, kind=3))
    with pytest.raises(UserError, match=r"labels/train/0\.txt, line 1 is of class 3"):
        look(path if alone else tmp_path)


def test_images_of_yolo_that_train_names_too_are_learned_from(tmp_path: Path) -> None:
    yolo(tmp_path, train="images", val="images")
    picture(tmp_path / "images/more.jpg", 30)
    inside = look(tmp_path)
    assert inside.val == [] and inside.remarks == [] and "images/more.jpg" in names(inside)


@pytest.mark.parametrize("damage", ["content", "syntax"])
def test_images_of_validation_labels_that_cannot_be_read_are_not_learned_from(tmp_path: Path, damage: str) -> None:
    good, broken = tmp_path / "annotations/train.json", tmp_path / "annotations/val.json"
    good.parent.mkdir()
    for path, ids in ((good, (0, 1)), (broken, (1, 2, 3))):
        rows = [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 9, 9], "keypoints": [5, 6, 2]} for i in ids]
        images = [{"id": i, "file_name": f"m\u00fcs {i}.png"} for i in ids]
        kinds = [{"id": 1, "name": "thing", "keypoints": ["a"]}]
        path.write_text(json.dumps({"images": images, "annotations": rows, "categories": kinds}))
    text = broken.read_text().replace("[5, 6, 2]", "[5, 6]") if damage == "content" else broken.read_text()[:-1]
    broken.write_text(text.replace("\\u00fc", "\u00fc"))
    for i in range(5):
        picture(tmp_path / f"images/m\u00fcs {i}.png", i)
    inside = look(tmp_path)
    assert inside.labeled == [(good, tmp_path / "images")] and inside.val == []
    assert names(inside) == {f"images/m\u00fcs {i}.png" for i in (0, 1, 4)}
    assert inside.remarks[0].startswith(f"left out: {broken}")
    assert inside.remarks[1] == f"left out: 2 images and videos of {broken}, first {tmp_path}/images/m\u00fcs 2.png"
    unsure = f"not known: which images {broken} holds out; some may be among the unlabelled ones until it is mended"
    assert inside.remarks[2:] == ([unsure] if damage == "syntax" else [])


def test_images_of_validation_labels_of_another_kind_are_not_learned_from(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    kinds = [{"id": 1, "name": "thing", "keypoints": ["a"]}]
    rows = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "keypoints": [5, 6, 2]}]
    images = [{"id": 1, "file_name": "frames/held.png"}]
    (tmp_path / "val.json").write_text(json.dumps({"images": images, "annotations": rows, "categories": kinds}))
    picture(tmp_path / "frames/held.png", 8)
    inside = look(tmp_path)
    assert f"left out: 1 images and videos of {tmp_path}/val.json, first {tmp_path}/frames/held.png" in inside.remarks
    assert names(inside) == {f"frames/{i}.png" for i in range(3)}


@pytest.mark.parametrize("kind", ["yolo", "yolo and test:", "csv", "json"])
@pytest.mark.parametrize("way", ["folder", "file", "relative", "link"])
def test_images_in_test_without_labels_are_not_learned_from(
    tmp_path: Path, kind: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "set"
    if "yolo" in kind:
        path = yolo(root, **({"test": "images/test"} if "test" in kind else {}))
    else:
        images = [f"{part}/{i}.png" for part in ("train", "val") for i in range(2)]
        for i, image in enumerate(images):
            picture(root / image, i)
        path = root / f"labels.{kind}"
        shape = {"category_id": 1, "bbox": [1, 1, 9, 9], "keypoints": [5, 6, 2]}
        document = {
            "images": [{"id": i, "file_name": image} for i, image in enumerate(images)],
            "annotations": [{"id": i, "image_id": i, **shape} for i in range(4)],
            "categories": [{"id": 1, "name": "thing", "keypoints": ["nose"]}],
        }
        rows = ["image,joint,x,y", *(f"{image},nose,5,6" for image in images)]
        path.write_text(json.dumps(document) if kind == "json" else "\n".join(rows))
    for i in range(6):
        picture(root / f"images/test/{i}.png", 50 + i)
    picture(root / "more.png", 60)
    (tmp_path / "linked").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    given = {"folder": root, "file": path, "relative": Path("set"), "link": tmp_path / "linked"}[way]
    inside = look(given)
    first = inside.root / "images/test/0.png"
    assert f"left out: 6 images and videos in folders of validation and test, first {first}" in inside.remarks
    assert "more.png" in names(inside) and not any("test" in name for name in names(inside))
    assert not any(remark.startswith("not known") for remark in inside.remarks)


def test_a_folder_of_tests_beside_labels_of_no_part_is_learned_from(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    picture(tmp_path / "test/0.png", 9)
    assert "test/0.png" in names(look(tmp_path)) and look(tmp_path).remarks == []


def test_training_labels_that_cannot_be_read_are_an_error_where_only_validation_is_left(tmp_path: Path) -> None:
    for part in ("train", "val"):
        plain_csv(tmp_path / part).rename(tmp_path / part / f"{part}.csv")
    assert [path.name for path, _ in look(tmp_path).labeled] == ["train.csv"]
    (tmp_path / "train/train.csv").write_text("image,joint,x,y\nframes/0.png,nose,one,2\n")
    with pytest.raises(UserError, match=r"train\.csv, line 2, x is 'one'"):
        look(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["val", "train"])
def test_frames_packed_beside_the_labels_of_their_video_are_the_same(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sleap_io")
    from tests.data.readers import test_sleap as made

    monkeypatch.setattr(made.sleap, "FRAMES", tmp_path / "cache")
    root = tmp_path / "project"
    root.mkdir()
    clip = str(made.video(root / "clip.avi"))
    whole = made.saved(root / "labels.slp", clip)
    packed = made.saved(root / f"labels.{part}.pkg.slp", clip, embed=True, frames=(1,))
    inside = look(root)
    if part == "val":
        assert inside.val == [(packed, None)] and inside.labeled == [(whole, None)]
        first, second = (os.path.realpath(sample.image) for sample in made.read_sleap(whole))
        assert first in inside.apart and second not in inside.apart
    else:
        assert inside.labeled == [(whole, None)] and not inside.val


@pytest.mark.parametrize(
    ("train", "held"),
    [("train", "eval"), ("trainset", "testset"), ("traindata", "val_data"), ("training", "holdout")],
)
def test_parts_by_other_words(tmp_path: Path, train: str, held: str) -> None:
    for name in (train, held):
        plain_csv(tmp_path / name)
    inside = look(tmp_path)
    assert [p.parent.name for p, _ in inside.labeled] == [train] and [p.parent.name for p, _ in inside.val] == [held]


@pytest.mark.parametrize("name", ["TESTlabels", "labels_testset", "eval_labels", "labelsTest"])
def test_files_of_a_part(tmp_path: Path, name: str) -> None:
    plain_csv(tmp_path / "a", name="labels.csv")
    plain_csv(tmp_path / "b", name=f"{name}.csv")
    assert [p.stem for p, _ in look(tmp_path).val] == [name]


@pytest.mark.parametrize("name", ["latest_labels", "attestation", "invaluable"])
def test_words_that_only_hold_such_a_word(tmp_path: Path, name: str) -> None:
    plain_csv(tmp_path / "a", name="labels.csv")
    plain_csv(tmp_path / "b", name=f"{name}.csv")
    assert look(tmp_path).val == []


def test_pictures_of_lightning_pose_s_second_table_are_not_learned_from(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "pose")
    text = (project / "CollectedData.csv").read_text()
    kept, held = text.splitlines()[:-1], [*text.splitlines()[:3], text.splitlines()[-1]]
    (project / "CollectedData.csv").write_text("\n".join(kept))
    (project / "CollectedData_new.csv").write_text("\n".join(held))
    inside = look(project)
    assert len(inside.images) == 2 and any("1 images and videos of" in remark for remark in inside.remarks)


def test_of_two_versions_of_labels_the_later_one_is_used(tmp_path: Path) -> None:
    """By the minute in which it was written; of one minute, as in an archive, by the name's number. What differs is
    said."""
    path = plain_csv(tmp_path)
    lines = path.read_text().splitlines()
    newer = tmp_path / "labels_corrected_again.csv"
    newer.write_text("\n".join([lines[0], lines[1].rpartition(",")[0] + ",1", *lines[2:]]))
    os.utime(path, (1e9, 1e9))
    assert look(tmp_path).labeled == [(newer, None)]
    assert look(tmp_path).remarks == [f"left out: {path}, labels the same images otherwise than {newer}, which is used"]
    newer.write_text(path.read_text())
    assert look(tmp_path).remarks == [f"left out: {path}, labels the same images"]
    os.utime(newer, (1e9, 1e9))
    assert look(tmp_path).labeled == [(path, None)], "a copy is named longer"
    second = newer.rename(path.with_name(f"{path.stem}2.csv"))
    first = path.rename(path.with_name(f"{path.stem}1.csv"))
    assert look(tmp_path).labeled == [(second, None)] and first.exists()


def test_two_files_that_share_some_images_are_refused(tmp_path: Path) -> None:
    """Two people's labels, or folds: each body would count twice."""
    path = plain_csv(tmp_path)
    head, *lines = path.read_text().splitlines()
    images = list(dict.fromkeys(line.partition(",")[0] for line in lines))
    for name, some in {"anna.csv": images[:2], "ben.csv": images[1:]}.items():
        (tmp_path / name).write_text("\n".join([head, *(line for line in lines if line.partition(",")[0] in some)]))
    path.unlink()
    with pytest.raises(UserError, match=r"anna.csv and .*ben.csv both label 1 images, first .*keep one"):
        look(tmp_path)


def test_what_other_programs_keep_is_no_data(tmp_path: Path) -> None:
    """Thumbnails, packages, Ultralytics' pictures of what it trained, DeepLabCut's copies of its labels."""
    plain_csv(tmp_path)
    seen = look(tmp_path)
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    for place in ("frames/@eaDir/0.png/THUMB.png", "venv/share/icon.png", "lib/site-packages/x/a.png"):
        picture(tmp_path / place)
    plain_csv(tmp_path / "training-datasets" / "iteration-0")
    assert look(tmp_path) == seen
    (tmp_path / "pyvenv.cfg").touch()
    assert look(tmp_path) == seen, "an environment in the project's own folder hides nothing of it"
    drawn, run = tmp_path / "runs" / "pose" / "train2" / "val_batch0_pred.png", tmp_path / "runs" / "track" / "1.png"
    picture(drawn)
    picture(run)
    assert look(tmp_path).made == {drawn} and run in look(tmp_path).images


def test_a_project_below_the_folder_is_read_with_its_configuration_or_not_at_all(tmp_path: Path) -> None:
    """Its tables alone would name joints otherwise, and its copies for training count twice."""
    project = deeplabcut(tmp_path / "mice")
    with pytest.raises(UserError, match=f"{tmp_path} holds a project of DeepLabCut and is none itself; name {project}"):
        look(tmp_path)
    (tmp_path / "notes.csv").write_text("day,weight\n1,20\n")
    with pytest.raises(UserError, match=f"name {project}"):
        look(tmp_path)
    path = plain_csv(tmp_path)
    inside = look(tmp_path)
    assert inside.labeled == [(path, None)]
    assert f"left out: {project}, a project of DeepLabCut; name it by itself" in inside.remarks


def test_labels_that_git_lfs_keeps_elsewhere_are_named(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0f\nsize 12\n"
    for name in ("labels.json", "labels.csv"):
        (tmp_path / name).write_text(pointer)
        with pytest.raises(UserError, match=f"{name} is a pointer of Git LFS and not the file itself; git lfs pull"):
            look(tmp_path)
        (tmp_path / name).unlink()
    path = plain_csv(tmp_path)
    (tmp_path / "frames" / "1.png").write_text(pointer)
    with pytest.raises(UserError, match=r"1\.png is not an image: it is a pointer of Git LFS"):
        open_labeled(path)
