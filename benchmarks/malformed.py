"""Inputs that are wrong, as people have them: what is done to a good folder, the command, and what its one line must
say. Used by the tests and by bad_input.py."""

# ruff: noqa: E501  (a table: one case a line)

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import yaml

JOINTS = ("nose", "left_ear", "right_ear", "tail")
Build = Callable[[Path], list[str]]


class Case(NamedTuple):
    """`build` fills a folder and returns the command's words. It fails with one line on stderr that has all of `says`;
    or, where that can be trained with, it is `fine` and one of the lines on stdout has them."""

    name: str
    build: Build
    says: tuple[str, ...]
    fine: bool = False


def picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), np.uint8)
    path.write_bytes(cv2.imencode(".png", noise)[1].tobytes())


def plain(folder: Path, change: Callable[[str], str] = str, name: str = "labels.csv", **data: Any) -> list[str]:
    """A plain CSV of three images, its text changed; the command that looks at left and right."""
    rows = ["image,joint,x,y"]
    for i in range(3):
        picture(folder / f"frames/{i}.png", i)
        rows += [f"frames/{i}.png,{joint},{10 + 7 * k},{12 + 3 * i}" for k, joint in enumerate(JOINTS)]
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(change("\n".join(rows) + "\n"), encoding="utf-8")
    return ["doctor", str(path), "--out", str(folder / "doctor.jpg")]


def table(folder: Path, change: Callable[[str], str] = str) -> list[str]:
    """A DeepLabCut project of one video with three labelled frames, its table changed."""
    twice = [joint for joint in JOINTS for _ in "xy"]
    rows = ["scorer," + ",".join(["me"] * 8), "bodyparts," + ",".join(twice), "coords," + ",".join("xy" * 4)]
    for i in range(3):
        name = f"labeled-data/a/img{i}.png"
        picture(folder / name, i)
        rows.append(",".join([name, *(str(v) for k in range(4) for v in (10 + 7 * k, 12 + 3 * i))]))
    (folder / "labeled-data/a/CollectedData_me.csv").write_text(change("\n".join(rows) + "\n"), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump({"Task": "mice", "scorer": "me", "bodyparts": list(JOINTS)}))
    return ["doctor", str(folder), "--out", str(folder / "doctor.jpg")]


def project(folder: Path, change: Callable[[Path], object]) -> list[str]:
    """The same with a good table, its files changed."""
    words = table(folder)
    change(folder)
    return words


def coco(folder: Path, change: Callable[[dict], object]) -> list[str]:
    """A COCO file of three images, changed."""
    for i in range(3):
        picture(folder / f"{i}.png", i)
    points = [v for k in range(4) for v in (10 + 7 * k, 12, 2)]
    annotation = {"category_id": 1, "bbox": [1, 2, 40, 40], "keypoints": points}
    document = {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(3)],
        "annotations": [{**annotation, "id": i, "image_id": i} for i in range(3)],
        "categories": [{"id": 1, "name": "mouse", "keypoints": list(JOINTS)}],
    }
    change(document)
    (folder / "labels.json").write_text(json.dumps(document))
    return ["doctor", str(folder / "labels.json"), "--out", str(folder / "doctor.jpg")]


def config(folder: Path, verb: str = "doctor", **data: Any) -> list[str]:
    """A data.yaml with more in its data section, over good labels."""
    plain(folder)
    (folder / "data.yaml").write_text(yaml.safe_dump({"data": {"labeled": "labels.csv", **data}}))
    rest = ["--out", str(folder / "doctor.jpg")] if verb == "doctor" else ["--print-config"]
    return [verb, str(folder / "data.yaml"), *rest]


def training(folder: Path, change: Callable[[str], str] = str, **data: Any) -> list[str]:
    """A training that has to stop before it begins."""
    plain(folder, change)
    (folder / "data.yaml").write_text(yaml.safe_dump({"data": {"labeled": "labels.csv", **data}, "steps": 1}))
    small = ["--model.backbone=resnet18", "--model.weights=none", "--accelerator=cpu", "--threads=1"]
    out = ["--out", str(folder / "run"), f"--data.cache={folder / 'cache'}"]
    return ["train", str(folder / "data.yaml"), *small, *out]


def written(folder: Path, name: str, content: bytes, *words: str) -> list[str]:
    """A command on one file of some bytes."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return [*(words or ("doctor",)), str(folder / name)]


def swap(old: str, new: str, times: int = 1) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, times)


def read_only(folder: Path) -> list[str]:
    """`init` where data.yaml cannot be written: a file stands where its folder would be, which root may not pass
    either."""
    plain(folder)
    (folder / "file").write_text("")
    return ["init", str(folder), "--out", str(folder / "file" / "data.yaml")]


def loop(folder: Path) -> list[str]:
    plain(folder)
    (folder / "frames/2.png").unlink()
    (folder / "frames/2.png").symlink_to("2.png")
    return ["doctor", str(folder / "labels.csv")]


def dangling(folder: Path) -> list[str]:
    words = plain(folder)
    (folder / "frames/1.png").unlink()
    (folder / "frames/1.png").symlink_to("elsewhere.png")
    return words


def leak(folder: Path) -> list[str]:
    shutil.copy(Path(plain(folder)[1]), folder / "val.csv")
    return training(folder, val="val.csv", unlabeled="frames")


def unwanted(folder: Path) -> list[str]:
    words = ["init", str(folder)]
    plain(folder)
    (folder / "data.yaml").write_text("mine: 1\n")
    return words


LONG = "a" * 300
H5 = b"\x89HDF\r\n\x1a\n" + bytes(64)

CASES = (
    Case("empty CSV", lambda f: written(f, "labels.csv", b""), ("is empty",)),
    Case("CSV of blank lines", lambda f: written(f, "labels.csv", b"\n\n,,\n"), ("is empty",)),
    Case("CSV with a first line only", lambda f: plain(f, lambda t: t.split("\n")[0]), ("no labels",)),
    Case("CSV without the joint column", lambda f: plain(f, swap("joint", "part")), ("no column joint", "image, joint")),
    Case("CSV without a first line", lambda f: plain(f, swap("image,joint,x,y\n", "")), ("no column",)),
    Case("CSV with a comma in a number", lambda f: plain(f, lambda t: t.replace("\n", ",5\n").replace("y,5", "y")), ("line 2", "cells", "mend")),
    Case("CSV that is not UTF-8", lambda f: written(f, "a.csv", "image,joint,x,y\nMäuse".encode("latin-1")), ("UTF-8",)),
    Case("CSV that is a spreadsheet", lambda f: written(f, "a.csv", b"PK\x03\x04\xff\xfe" + bytes(99)), ("UTF-8",)),
    Case("word for a coordinate", lambda f: plain(f, swap(",17,", ",seventeen,")), ("line 3, x", "'seventeen'")),
    Case("decimal comma", lambda f: plain(f, swap("17,12", "17,5,12,1")), ("line 3", "6 cells")),
    Case("row cut short", lambda f: plain(f, lambda t: t[:-6]), ("line 13", "cells")),
    Case("unknown visibility", lambda f: plain(f, swap("x,y\nframes/0.png,nose,10,12", "x,y,visibility\nframes/0.png,nose,10,12,7")), ("line 2", "visibility 7")),
    Case("joint labelled twice", lambda f: plain(f, swap("left_ear", "nose")), ("line 3", "'nose'", "earlier line")),
    Case("row without an image", lambda f: plain(f, swap("frames/0.png", "")), ("line 2", "names no image")),
    Case("row without a joint", lambda f: plain(f, swap("nose", "")), ("line 2", "names no joint")),
    Case("zero labels", lambda f: plain(f, swap_numbers), ("none of its 3 samples has a labelled joint",)),
    Case("one missing image", lambda f: ["init", plain(f, swap("frames/2", "frames/9", 4))[1]], ("left out: 1 of the 3 images", "9.png"), fine=True),
    Case("all images missing", lambda f: plain(f, swap("frames/", "gone/x", 99)), ("3 of its 3 images",)),
    Case("image path that leads out", lambda f: plain(f, swap("frames/2", "../../2", 4)), ("leads out",)),
    Case("absolute image path", lambda f: ["init", plain(f, swap("frames/2", "/data/9", 4))[1]], ("left out: 1 of the 3 images", "9.png"), fine=True),
    Case("dangling symlink", lambda f: ["init", dangling(f)[1]], ("left out: 1 of the 3 images", "1.png"), fine=True),
    Case("symlink to itself", lambda f: ["init", loop(f)[1]], ("left out: 1 of the 3 images", "2.png"), fine=True),
    Case("image that is a web page", lambda f: [*plain(f)[:2], *put(f, "frames/1.png", b"<html>")], ("web page",)),
    Case("empty image", lambda f: [*plain(f)[:2], *put(f, "frames/1.png", b"")], ("1.png", "empty")),
    Case("file name longer than a disk allows", lambda f: ["init", plain(f, swap("frames/2", LONG, 4))[1]], ("left out: 1 of the 3 images", "aaa"), fine=True),
    Case("missing file with spaces and umlauts", lambda f: ["doctor", str(f / "meine Mäuse" / "käfig 1.csv")], ("käfig 1.csv", "check the path")),
    Case("folder without labels", lambda f: ["init", str(made(f / "none"))], ("holds no labels",)),
    Case("folder that does not exist", lambda f: ["init", str(f / "gone")], ("does not exist",)),
    Case("data.yaml that exists", unwanted, ("exists", "--overwrite")),
    Case("folder that cannot be written", read_only, ("could not be written",)),
    Case("one bad CSV in a folder", lambda f: ["init", str(Path(plain(f, swap("joint", "part"))[1]).parent)], ("no column",)),
    Case("project without labels", lambda f: project(f, lambda p: next(p.rglob("*.csv")).unlink()), ("label some frames",)),
    Case("project whose config.yaml is damaged", lambda f: project(f, lambda p: (p / "config.yaml").write_text("a: [")), ("is not YAML",)),
    Case("project without bodyparts", lambda f: project(f, lambda p: (p / "config.yaml").write_text("Task: a")), ("bodyparts",)),
    Case("project of two scorers", lambda f: project(f, two_scorers), ("2 tables", "scorer")),
    Case("joint that the project does not have", lambda f: table(f, swap("tail", "wing", 2)), ("'wing'", "bodyparts")),
    Case("table without coords", lambda f: table(f, swap("coords", "x")), ("no header rows",)),
    Case("bodypart with x alone", lambda f: table(f, lambda t: "\n".join(r.rpartition(",")[0] for r in t.split("\n"))), ("'tail' has x alone",)),
    Case("bodypart twice", lambda f: table(f, swap("left_ear,left_ear", "nose,nose")), ("nose x occurs twice",)),
    Case("duplicate frame", lambda f: table(f, swap("img1", "img0")), ("more than one row", "img0")),
    Case("table row cut short", lambda f: table(f, lambda t: t[:-6]), ("line 6", "cells")),
    Case("table without rows", lambda f: table(f, lambda t: "\n".join(t.split("\n")[:3])), ("no row",)),
    Case("predictions instead of labels", lambda f: table(f, swap("coords,x,y,x", "coords,x,y,likelihood")), ("predictions",)),
    Case("H5 that is none", lambda f: written(f, "CollectedData_me.h5", H5), ("not an H5",)),
    Case("SLEAP file that is none", lambda f: written(f, "labels.slp", b"no"), ("labels.slp", "sleap")),
    Case("COCO file cut short", lambda f: written(f, "labels.json", b'{"images": ['), ("is not JSON",)),
    Case("COCO list", lambda f: written(f, "labels.json", b"[]"), ("not a list",)),
    Case("COCO joint names twice", lambda f: coco(f, lambda d: d["categories"][0].update(keypoints=["a", "a", "b", "c"])), ("names a more than once",)),
    Case("COCO with too few values", lambda f: coco(f, lambda d: d["annotations"][1].update(keypoints=[1, 2, 2])), ("annotation 1", "need 12")),
    Case("COCO annotation of no image", lambda f: coco(f, lambda d: d["annotations"][1].update(image_id=9)), ("annotation 1", "image_id 9")),
    Case("COCO box without area", lambda f: ["init", coco(f, lambda d: d["annotations"][1].update(bbox=[1, 2, 0, 5]))[1]], ("extent of their labels",), fine=True),
    Case("contradictory pairs", lambda f: config(f, skeleton={"pairs": [["left_ear", "right_ear"], ["left_ear", "tail"]]}), ("two left/right pairs",)),
    Case("pair of an unknown joint", lambda f: config(f, skeleton={"pairs": [["left_ear", "rigth_ear"]]}), ("did you mean right_ear",)),
    Case("joint list with an unknown joint", lambda f: config(f, skeleton={"joints": ["nose", "tial"]}), ("did you mean tail",)),
    Case("unknown key in data.yaml", lambda f: config(f, "train", labelled="a"), ("did you mean data.labeled",)),
    Case("data.yaml that is a list", lambda f: written(f, "data.yaml", b"- a", "train"), ("not a mapping",)),
    Case("data.yaml that does not exist", lambda f: ["train", str(f / "data.yaml")], ("cannot be read",)),
    Case("unlabelled folder that is missing", lambda f: training(f, unlabeled="gone"), ("gone", "does not exist")),
    Case("unlabelled folder without images", lambda f: training(f, unlabeled=str(made(f / "none"))), ("holds no image",)),
    Case("no unlabelled data for a method that needs it", lambda f: training(f), ("data.unlabeled",)),
    Case("validation images among the others", leak, ("leakage",)),
    Case("validation with other joints", lambda f: [*training(f, val="val.csv", unlabeled="frames"), *other_joints(f)], ("shares no joint",)),
    Case("split of other data", lambda f: [*training(f, split="split.json"), *put(f, "split.json", b"{}")], ("not a split file",)),
    Case("unreadable video", lambda f: [*training(f, unlabeled="film.mp4"), *put(f, "film.mp4", b"no")], ("film.mp4",)),
    Case("picture of an unknown kind", lambda f: [*plain(f)[:2], "--out", str(f / "doctor.gifx")], (".jpg or .png",)),
    Case("one label", lambda f: init(f, lambda t: "\n".join(t.split("\n")[:2])), ("validation: none", "one labelled"), True),
    Case("joint that is never labelled", lambda f: init(f, no_tail), ("never labelled", "tail"), True),
    Case("ear without its other", lambda f: init(f, swap("right_ear", "ear", 9)), ("left_ear", "no right one"), True),
    Case("contradictory names", lambda f: init(f, swap("tail", "left_right", 9)), ("left_right", "at once"), True),
    Case("several possible partners", lambda f: init(f, swap("tail", "L_ear", 9)), ("L_ear", "not clearly"), True),
    Case("damaged file beside a good one", lambda f: [*init(f), *put(f, "z.csv", b"image,joint")], ("left out", "z.csv"), True),
)  # fmt: skip


def init(folder: Path, change: Callable[[str], str] = str) -> list[str]:
    plain(folder, change)
    return ["init", str(folder)]


def no_tail(text: str) -> str:
    return "\n".join(row.rpartition(",")[0] + "," if ",tail," in row else row for row in text.strip().split("\n"))


def put(folder: Path, name: str, content: bytes) -> list[str]:
    """Write a file; no words."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return []


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def swap_numbers(text: str) -> str:
    """Every coordinate left empty."""
    rows = text.strip().split("\n")
    return "\n".join([rows[0], *(",".join(row.split(",")[:2]) + ",," for row in rows[1:])])


def two_scorers(folder: Path) -> None:
    path = next(folder.rglob("*.csv"))
    shutil.copy(path, path.with_name("CollectedData_you.csv"))
    path.rename(path.with_name("CollectedData_them.csv"))


def other_joints(folder: Path) -> list[str]:
    plain(folder, lambda text: text.replace("nose", "a").replace("left_ear", "b").replace("right_ear", "c")
          .replace("tail", "d"), "val.csv")  # fmt: skip
    return []


def line_of(case: Case, folder: Path, run: Callable[[list[str]], tuple[int, str, str]]) -> str:
    """Run a case in an empty folder by `run(words) -> (exit code, stdout, stderr)`; the line that it ends in.

    Raises:
        AssertionError: it ended otherwise, in several lines, in an unexpected exception, or does not say what it must.
    """
    folder.mkdir(parents=True, exist_ok=True)
    code, out, error = run(case.build(folder))
    if case.fine:
        lines = [line for line in out.splitlines() if all(word in line for word in case.says)]
        assert code == 0 and len(lines) == 1, f"{case.name}: exit code {code}: {out} {error}"
        return lines[0]
    lines = error.strip().splitlines()
    assert code in (1, 2), f"{case.name}: exit code {code}"
    assert len(lines) == 1, f"{case.name}: {len(lines)} lines: {error[:500]}"
    assert "--debug shows where" not in error and "Traceback" not in error, f"{case.name}: {error}"
    lacking = [word for word in case.says if word not in lines[0]]
    assert not lacking, f"{case.name}: does not say {lacking}: {lines[0]}"
    return lines[0]
