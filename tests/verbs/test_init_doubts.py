"""What `init` doubts, leaves out and says; and what it never writes over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from semipose.cli import main
from semipose.data.discover import parts_of
from semipose.data.extent import label_box
from semipose.data.pictures import HEIC
from semipose.errors import UserError
from semipose.verbs.check import check
from semipose.verbs.init import init
from tests.data.readers.test_yolo import yolo
from tests.fixtures.films import cut, film
from tests.fixtures.projects import deeplabcut, picture, plain_csv
from tests.verbs.test_init import coco, names_of, opened


def roboflow(folder: Path, parts: dict[str, range]) -> Path:
    """A folder a part, with its images and `_annotations.coco.json`."""
    for part, ids in parts.items():
        (folder / part).mkdir(parents=True)
        coco(folder / part / "_annotations.coco.json", ids)
        for i in ids:
            (folder / part / "images" / f"{i}.png").rename(folder / part / f"{i}.png")
        (folder / part / "images").rmdir()
    return folder


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("train", "valid", "test"), ("train2017", "val2017", "test2017"), ("Train", "Validation", "Test_images")],
)
def test_a_data_set_s_own_folders_are_kept(tmp_path: Path, train: str, val: str, test: str) -> None:
    root = roboflow(tmp_path / "set", {train: range(6), val: range(6, 9), test: range(9, 11)})
    picture(root / test / "more.png", 70)
    picture(root / val / "more.png", 71)
    picture(root / "new.png", 72)
    film(root / test / "clip.mp4", 3)
    found = init(root).lines
    labeled, unlabeled, held = opened(root / "data.yaml")
    assert (names_of(labeled), names_of(held), names_of(unlabeled)) == (set("012345"), set("678"), {"new"})
    assert any(line.startswith(f"test: {root / test}") and "semipose evaluate RUN --data" in line for line in found)


def test_folders_of_images_that_one_file_labels(tmp_path: Path) -> None:
    """As of Ultralytics' layout: images/train, images/val, images/test."""
    rows = ["image,joint,x,y"]
    for n, (part, count) in enumerate({"train": 5, "val": 2, "test": 2}.items()):
        for i in range(count):
            picture(tmp_path / "images" / part / f"{part}{i}.png", 10 * n + i)
            rows += [f"images/{part}/{part}{i}.png,{joint},{5 + i},6" for joint in ("nose", "tail")]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    found = init(tmp_path).lines
    labeled, _, val = opened(tmp_path / "data.yaml")
    assert names_of(labeled) == {f"train{i}" for i in range(5)} and names_of(val) == {"val0", "val1"}
    assert any("2 of its test folder are in no set" in line for line in found)


def test_which_folders_are_of_a_split() -> None:
    said = {
        "train/a.png": {"train"},
        "images/val2017/a.png": {"val"},
        "test_images/x/a.png": {"test"},
        "test_mouse/a.png": set(),
        "my_validation_2020_mice/a.png": set(),
        "a/test.json": set(),
    }
    assert {name: parts_of(Path("/d") / name, Path("/d")) for name in said} == said


def test_images_that_are_missing_are_not_counted_as_there(tmp_path: Path) -> None:
    coco(tmp_path / "labels.json", range(5))
    (tmp_path / "images" / "1.png").unlink()
    (tmp_path / "images" / "3.png").unlink()
    first, *_, line = [line for line in init(tmp_path).lines if line.startswith(("labelled: ", "left out: "))]
    assert "3 instances in 3 images" in first
    assert "2 of the 5 images" in line and "do not exist" in line and "/1.png" in line and "/3.png" in line


def test_videos_that_cannot_be_read_are_named_and_left_out(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    film(tmp_path / "good.mp4", 3)
    for name in ("empty.mp4", "page.mp4", "other.avi"):
        (tmp_path / name).write_bytes(b"" if name == "empty.mp4" else b"<html>")
    found = init(tmp_path).lines
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["data"]["unlabeled"] == "good.mp4"
    assert sum("is no video that can be opened" in line for line in found) == 3
    (tmp_path / "own.yaml").write_text("labeled: labels.csv\nunlabeled: [empty.mp4, good.mp4, page.mp4, other.avi]\n")
    cut(tmp_path / "cut.avi")
    text = check(tmp_path / "own.yaml", progress=False).text()
    assert "3 files cannot be read" in text and all(name in text for name in ("empty.mp4", "page.mp4", "other.avi"))
    (tmp_path / "own.yaml").write_text("labeled: labels.csv\nunlabeled: [good.mp4, cut.avi]\n")
    assert "1 videos end early" in check(tmp_path / "own.yaml", progress=False).text()


def test_faults_of_all_three_sets_are_named(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    (tmp_path / "bad.csv").write_text("image,joint,x,y\nframes/0.png,nose,one,2\n")
    (tmp_path / "own.yaml").write_text("labeled: bad.csv\nunlabeled: gone\nval: none.json\n")
    report = check(tmp_path / "own.yaml", progress=False)
    assert {finding.text.partition(":")[0] for finding in report.findings if finding.problem} >= {
        "labeled",
        "unlabeled",
        "val",
    }


def test_videos_that_a_project_names_are_used_or_said_to_be_missing(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project")
    outside = film(tmp_path / "disk" / "far.mp4", 3) if (tmp_path / "disk").mkdir() is None else None
    config = yaml.safe_load((project / "config.yaml").read_text())
    names = [str(outside), r"C:\Users\me\videos\gone.avi"]
    config["video_sets"] = {name: {"crop": "0, 1, 0, 1"} for name in names}
    (project / "config.yaml").write_text(yaml.safe_dump(config))
    found = init(project).lines
    content = yaml.safe_load((project / "data.yaml").read_text())["data"]
    assert content["unlabeled"] == str(outside)
    assert any(line.startswith("missing: 1 of 2 videos that config.yaml names in video_sets") for line in found)
    (project / "videos").mkdir()
    film(project / "videos" / "gone.avi", 3)
    assert not any("missing" in line for line in init(project, overwrite=True).lines if "video_sets" in line)


def test_pictures_that_are_not_read_are_named_with_what_to_do(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    names = ("anim.gif", "raw.dng", *(() if HEIC else ("phone.HEIC", "b.heif")))
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    (line,) = (line for line in init(tmp_path).lines if "of formats that are not read" in line)
    assert line.startswith(f"{len(names)} files are left out") and "1 .gif" in line and "ffmpeg" in line
    assert HEIC or ("1 .heic" in line and "semipose[heic]" in line)
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(UserError, match=r"holds no labels.*of formats that are not read"):
        init(tmp_path, overwrite=True)


YOLO = "path: .\ntrain: images/train\nval: images/val\nkpt_shape: [4, 3]\nnames: {0: mouse}\n"


@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_another_program_s_data_yaml_stays(tmp_path: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    plain_csv(tmp_path)
    (tmp_path / "data.yaml").write_text(YOLO)
    assert main(["init", str(tmp_path), *more]) == 0
    assert (tmp_path / "data.yaml").read_text() == YOLO
    assert {path.name for path in tmp_path.iterdir()} >= {"semipose.yaml", "semipose-split.json"}
    assert "data.yaml is another program's" in capsys.readouterr().out
    assert main(["init", str(tmp_path), "--out", str(tmp_path / "data.yaml"), *more]) == 1
    assert (tmp_path / "data.yaml").read_text() == YOLO
    assert main(["check", str(tmp_path / "semipose.yaml")]) == 0
    assert main(["init", str(tmp_path)]) == 1 and main(["init", str(tmp_path), "--overwrite"]) == 0


def test_a_data_yaml_of_nobody_knows_whom_is_an_error_and_stays(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    (tmp_path / "data.yaml").write_text("mine: 1\n")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="exists and init did not write it"):
            init(tmp_path, overwrite=overwrite)
    assert (tmp_path / "data.yaml").read_text() == "mine: 1\n"


def test_sides_that_are_not_clear_are_asked_for_with_a_proposal(tmp_path: Path) -> None:
    plain_csv(tmp_path, frames=8, joints=("nez", "patte_g", "patte_d", "queue"))
    found = init(tmp_path).lines
    text = (tmp_path / "data.yaml").read_text()
    assert (
        "flip" not in text.replace("+flip50 may follow", "") and "pairs" not in yaml.safe_load(text)["data"]["skeleton"]
    )
    assert "#    pairs: [[patte_g, patte_d]]  # say which are left and right" in text
    assert any("'patte_g' - 'patte_d' may be left and right" in line for line in found)
    report = check(tmp_path / "data.yaml", html=tmp_path / "page.html", progress=False)
    assert report.ok and "leave left and right unclear" in report.text()
    assert "mirrored, as training would show it" in (tmp_path / "page.html").read_text()
    (tmp_path / "data.yaml").write_text(text.replace("#    pairs", "    pairs"))
    assert "unclear" not in check(tmp_path / "data.yaml", progress=False).text()


def test_pairs_that_the_data_states_are_written_whatever_the_names(tmp_path: Path) -> None:
    yolo(tmp_path, 8, kpt_names={0: ["nez", "oreille_g", "oreille_d", "queue"]}, names={0: "souris"})
    lines = init(tmp_path).lines
    text = (tmp_path / "semipose.yaml").read_text()
    assert "left and right: oreille_g - oreille_d" in lines and "may be left and right" not in "".join(lines)
    assert "    pairs: [[oreille_g, oreille_d]]" in text and "+flip50  #" in text


@pytest.mark.parametrize("animals", [1, 2])
@pytest.mark.parametrize("scale", [0.5, 2])
def test_cvat_s_labels_of_pictures_of_another_size(tmp_path: Path, scale: float, animals: int) -> None:
    rows = []
    for i in range(8):
        picture(tmp_path / "images" / f"{i}.png", i)
        shapes = [
            "".join(
                f'<points label="{name}" outside="0" points="{x * scale - 0.5},{y * scale - 0.5}"/>'
                for name, x, y in (
                    ("nose", 4.5 + i + 40 * n, 8.5),
                    ("hip", 19.5 + i + 30 * n, 20.5),
                    ("tail", 9.5, 40.5),
                )
            )
            for n in range(animals)
        ]
        inner = "".join(f'<skeleton label="mouse">{shape}</skeleton>' for shape in shapes)
        size = f'width="{round(64 * scale)}" height="{round(48 * scale)}"'
        rows.append(f'<image id="{i}" name="{i}.png" {size}>{inner}</image>')
    (tmp_path / "annotations.xml").write_text(f"<annotations>{''.join(rows)}</annotations>")
    said = f"the labels say {round(64 * scale)} x {round(48 * scale)} pixels, the file is 64 x 48"
    assert any(said in line for line in init(tmp_path).lines)
    path = tmp_path / "data.yaml"
    assert "#  coordinates: json" in path.read_text() and said in check(path, progress=False).text()
    path.write_text(path.read_text().replace("#  coordinates", "  coordinates").replace("boxes: labels", "boxes: own"))
    assert "unclear" not in check(path, progress=False).text() and check(path, progress=False).ok
    for sample in opened(path)[0]:
        i = int(Path(sample.image).stem)
        assert sample.keypoints is not None and sample.size == (48, 64)
        if sample.id.endswith("#1"):
            assert np.allclose(sample.keypoints[:, :2], [[44 + i, 8], [49 + i, 20], [9, 40]], atol=0.02)
        else:
            assert np.allclose(sample.keypoints[:, :2], [[4 + i, 8], [19 + i, 20], [9, 40]], atol=0.02)
        extent = label_box(sample.keypoints, (48, 64)) if animals > 1 else (0, 0, 64, 48)
        assert np.allclose(sample.box, extent, atol=0.05)


def test_doubts_on_the_frame_are_said_and_proposed(tmp_path: Path) -> None:
    rows = ["image,joint,x,y"]
    rng = np.random.default_rng(0)
    for i in range(6):
        picture(tmp_path / f"{i}.png", i)
        rows += [f"{i}.png,{joint},{rng.uniform():.3f},{rng.uniform():.3f}" for joint in ("nose", "tail")]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    found = init(tmp_path).lines
    assert any(line.startswith("look: all coordinates lie between 0 and 1") for line in found)
    assert "#  coordinates: shares  # all coordinates lie" in (tmp_path / "data.yaml").read_text()
    assert json.loads((tmp_path / "split.json").read_text())["val"]
    assert main(["check", str(tmp_path / "data.yaml")]) == 1
    text = (tmp_path / "data.yaml").read_text()
    (tmp_path / "data.yaml").write_text(text.replace("#  coordinates", "  coordinates"))
    assert main(["check", str(tmp_path / "data.yaml")]) == 0
    labeled, _, _ = opened(tmp_path / "data.yaml")
    assert labeled[0].keypoints is not None and labeled[0].keypoints[:, :2].max() > 5


def test_labels_at_the_corner_are_said(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    assert not any("(0, 0)" in line for line in init(tmp_path).lines)
    lines = path.read_text().splitlines()
    image, joint, *_ = lines[1].split(",")
    path.write_text("\n".join([lines[0], f"{image},{joint},0,0", *lines[2:]]) + "\n")
    said = next(line for line in init(tmp_path, overwrite=True).lines if "(0, 0)" in line)
    assert said.startswith("look: 1 labels are exactly (0, 0), first ") and said.endswith("where they mean missing")
