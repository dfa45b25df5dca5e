"""Inputs as laboratories have them, each a folder with a README of what is expected: a small check a folder.

    python benchmarks/cases.py ../shared/cases/users

A check gets a copy of its folder and raises AssertionError where what is expected does not hold. Two kinds of checks
are shared: `begins`, that `semipose init` reads it and says so, and `says`, that a command ends in one line.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from semipose.cli import main as semipose
from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.data.datasets import open_sets
from semipose.data.open import open_all, open_labeled
from semipose.data.sample import PoseData
from semipose.data.video import probe
from semipose.inference.boxes import finder_in

Check = Callable[[Path], None]


def run(*words: str) -> tuple[int, str]:
    """A command in this process: its exit code, and what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = semipose(list(words))
        except SystemExit as error:
            code = int(error.code or 0)
    return code, out.getvalue()


def begins(*words: str, count: int | None = None, said: str = "") -> Check:
    """`semipose init . WORDS` succeeds, says `said`, and finds `count` labelled images."""

    def check(folder: Path) -> None:
        code, out = run("init", ".", "--out", "mine.yaml", *words)
        assert code == 0 and "Traceback" not in out, out
        assert said in out, f"does not say {said!r}: {out}"
        assert count is None or f" in {count} images" in out, out

    return check


def says(*words: str, command: tuple[str, ...] = ("init", ".")) -> Check:
    """The command fails with one line that has these words."""

    def check(folder: Path) -> None:
        code, out = run(*command)
        lines = out.strip().splitlines()
        assert code in (1, 2) and len(lines) == 1, out
        assert all(word in lines[0] for word in words), out

    return check


def both(*checks: Check) -> Check:
    def check(folder: Path) -> None:
        for each in checks:
            each(folder)

    return check


def marks(data: PoseData) -> set[int]:
    """The visibilities that occur."""
    return {int(v) for s in data if s.keypoints is not None for v in s.keypoints[:, 2]}


def lightning_pose(folder: Path) -> None:
    assert marks(open_labeled(folder)) == {0, 1, 2}


def yolo(folder: Path) -> None:
    code, out = run("init", ".", "--out", "mine.yaml")
    assert code == 0 and "validation data of its own" in out, out
    train, val = (open_labeled(folder / f"data.yaml{part}") for part in ("", "#val"))
    assert train.skeleton is not None and train.skeleton.pairs == ((1, 2),)
    assert len(train.images) == len(val.images) == 6, "the data set's own split"
    assert not set(train.images) & set(val.images)


def cvat(folder: Path) -> None:
    data = open_labeled(folder / "annotations.xml")
    assert marks(data) == {0, 1, 2} and data.skeleton is not None and data.skeleton.joints[0] == "snout"


def one_box(folder: Path) -> None:
    data = open_all(folder / "annotations.json")
    assert len(data) == 6 and min(min(s.box[2:]) for s in data) > 8


def categories(folder: Path) -> None:
    says("data.category", "mouse, rat")(folder)
    code, out = run("init", ".", "--category", "mouse")
    assert code == 0 and "category: mouse" in Path("data.yaml").read_text(), out


def video_sets(folder: Path) -> None:
    text = Path("config.yaml").read_text().replace("PLACE", str(folder.parent))
    Path("config.yaml").write_text(text)
    code, out = run("init", ".", "--out", "mine.yaml")
    assert code == 0 and "14_video.mp4" in out, out


def without_outside(name: str) -> Check:
    """Images that are named from elsewhere are those in the folder."""

    def check(folder: Path) -> None:
        file = next(folder.rglob("annotations.json"))
        data = open_labeled(file, None if file.parent == folder else folder)
        assert len(data.images) == 12 and all(Path(image).is_relative_to(folder.resolve()) for image in data.images)
        begins(count=12)(folder)

    return check


def splits(folder: Path) -> None:
    """train trains, valid validates, test is in neither."""
    code, out = run("init", ".", "--out", "mine.yaml")
    assert code == 0, out
    config = resolve(Config(), read_yaml(folder / "mine.yaml"))
    sets = open_sets(config.data, bool(config.data.unlabeled), finder_in(None))
    assert sets.val is not None

    def parts(data: PoseData | None) -> set[str]:
        return {Path(image).relative_to(folder.resolve()).parts[0] for image in (data.images if data else ())}

    assert parts(sets.labeled) == {"train"} and parts(sets.val) == {"valid"}
    assert not parts(sets.unlabeled) & {"valid", "test"}


def doubted(*words: str) -> Check:
    """`init` reads it, and `check` then stops with a problem that has these words."""

    def check(folder: Path) -> None:
        assert run("init", ".", "--out", "mine.yaml")[0] == 0
        code, out = run("check", "mine.yaml")
        assert code == 1 and "PROBLEM" in out, out
        assert all(word in out for word in words), out

    return check


def unmirrored(*words: str) -> Check:
    """`init` says these words and trains without mirrored pictures."""

    def check(folder: Path) -> None:
        code, out = run("init", ".", "--out", "mine.yaml")
        assert code == 0 and all(word in out for word in words), out
        assert "flip" not in read_yaml(folder / "mine.yaml")["method"]["easy"], "pictures are mirrored"

    return check


def has_pairs(folder: Path) -> None:
    """`init` knows a pair of left and right."""
    code, out = run("init", ".", "--out", "mine.yaml")
    assert code == 0 and "left and right: no pairs" not in out and " - " in out, out


SHORT = ("--steps=2", "--model.size=[64,64]", "--optim.batch=2", "--threads=1", "--accelerator=cpu")


def trained(folder: Path, *settings: str) -> Path:
    """A run of few steps on a folder's labels."""
    words = ("--out", "run", "--method.name=supervised", *SHORT, "--find.steps=0")
    code, out = run("train", "mine.yaml", *words, *settings)
    assert code == 0, out
    return folder / "run"


def two_animals(folder: Path) -> None:
    """`init` sets up a network that finds them: the labelled pictures have two poses each, the video, which shows one
    animal, one a frame, followed. Of a run without it, `predict` says that a frame is one box."""
    code, out = run("init", ".", "--out", "mine.yaml")
    assert code == 0 and "up to 2 bodies in an image" in out, out
    trained(folder, "--data.unlabeled_boxes=whole")
    code, out = run("predict", "run", "videos/vid.avi", "--out", "p", "--no-overlay")
    assert code == 0 and "boxes" in out and "each image or frame is one" in out, out
    code, out = run("train", "mine.yaml", "--out", "both", *SHORT, "--find.steps=200")
    assert code == 0, out
    for source, count, bodies in (("labeled-data/vid", 6, 2), ("videos/vid.avi", 12, 1)):
        code, out = run("predict", "both", source, "--out", f"p{bodies}", "--no-overlay")
        poses = json.loads((folder / f"p{bodies}" / "keypoints.json").read_text())
        each = Counter(pose["image_id"] for pose in poses)
        assert code == 0 and set(each.values()) == {bodies}, out
        assert len(each) == count or f"no body was found in {count - len(each)} of {count}" in out, out
        assert all("track_id" in pose for pose in poses) == (source == "videos/vid.avi"), out


def some_run(folder: Path) -> None:
    """A run beside the folder, on drawn people."""
    words = ("--recipe", "supervised", "--data.labeled=synth:studio?count=4", "--steps=1", "--model.size=[64,64]")
    code, out = run("train", *words, "--out", "run", "--threads=1", "--accelerator=cpu", "--model.weights=none")
    assert code == 0, out


def pace(folder: Path) -> None:
    some_run(folder)
    code, out = run("predict", "run", "vfr.mp4", "--frames", "all", "--out", "p")
    film, drawn = probe(folder / "vfr.mp4"), probe(folder / "p" / "vfr.mp4")
    assert code == 0 and np.abs(film.seconds - drawn.seconds).max() < 0.001, out
    assert "25 of the 40" in run("predict", "run", "trunc.avi", "--out", "q")[1]


def left_out(folder: Path) -> None:
    some_run(folder)
    code, out = run("predict", "run", ".", "--out", "p")
    assert code == 0 and ".heic" in out and ".gif" in out and "magick" in out, out


def bad_videos(folder: Path) -> None:
    code, out = run("init", ".", "--out", "mine.yaml")
    names = ("audio.mp4", "empty.mp4", "trunc.mp4")
    assert code == 0 and all(name in out for name in names), out
    (folder / "all.yaml").write_text("labeled: clicks.csv\nunlabeled: [audio.mp4, empty.mp4, trunc.mp4, one.mp4]\n")
    code, out = run("check", "all.yaml")
    assert code == 1 and all(name in out for name in names), out


CASES: dict[str, Check] = {
    "01_split_by_folder": splits,
    "18_wholebody": begins(said="WholeBody"),
    "22_vfr": pace,
    "24_near_off": unmirrored("Near", "Off"),
    "coco_exif_stored_axes": doubted("EXIF"),
    "coco_normalised": doubted("shares"),
    "coco_size_differs_larger": doubted("320"),
    "coco_wholebody": begins(said="WholeBody"),
    "heic_in_folder": left_out,
    "one_bad_video": bad_videos,
    "roboflow_valid_test": splits,
    "sides_HLpaw_alone": unmirrored("HLpaw"),
    "sides_chinese": has_pairs,
    "sides_french": has_pairs,
    "sides_german": has_pairs,
    "two_animals_predict": two_animals,
    "03_lp_visible": both(begins(count=12), lightning_pose),
    "07_no_bbox": begins(count=12, said="extent of their labels"),
    "09_coco_bom": begins(count=12),
    "10_updir": without_outside("../images"),
    "11_backslash": without_outside("images\\"),
    "13_dlc_missing_image": begins(count=11, said="left out: 1 of the 12 images"),
    "14_dlc_video_sets": video_sets,
    "17_case_ext": begins(count=12),
    "23_coco_absolute": without_outside("/home"),
    "coco_one_empty_bbox": both(begins(said="have no box, or an empty one"), one_box),
    "coco_two_categories": categories,
    "coco_without_bbox": begins(count=6, said="extent of their labels"),
    "csv_case_of_extension": begins(count=6),
    "cvat_skeletons": both(begins(count=6), cvat),
    "heic_labelled": says("HEIC", "pip install"),
    "lp_visible": both(begins(count=6), lightning_pose),
    "yolo_pose": yolo,
}
"""A folder's name -> its check. A folder without one does not count as held."""


def held(cases: Path) -> dict[str, str]:
    """Each folder's name: "" where what is expected holds, else why not."""
    found: dict[str, str] = {}
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place).resolve() / "cases"
        shutil.copytree(cases, copy, symlinks=True)
        for folder in sorted(path for path in copy.iterdir() if path.is_dir()):
            if folder.name not in CASES:
                found[folder.name] = "no check yet"
                continue
            os.chdir(folder)
            try:
                CASES[folder.name](folder)
                found[folder.name] = ""
            except Exception as error:
                found[folder.name] = f"{type(error).__name__}: {error}".replace(f"{copy}/", "")[:200]
            finally:
                os.chdir(here)
    return found


if __name__ == "__main__":
    for name, why in held(Path(sys.argv[1])).items():
        print(f"{'held' if not why else 'NOT HELD':9s} {name} {why}")
