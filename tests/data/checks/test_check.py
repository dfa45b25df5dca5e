from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from semipose.data import pictures
from semipose.data.checks.check import check
from semipose.data.open import open_unlabeled
from semipose.data.sample import PoseData, Sample, Samples
from semipose.skeleton import Skeleton

rng = np.random.default_rng(0)


@pytest.fixture
def data(tmp_path: Path) -> PoseData:
    samples = []
    for i in range(6):
        cv2.imwrite(str(tmp_path / f"{i}.png"), rng.integers(0, 255, (30, 40 + i, 3), np.uint8))
        points = np.array([[5, 6, 2], [7, 8, 1]], np.float32)
        samples.append(Sample(f"s{i}", str(tmp_path / f"{i}.png"), (1, 2, 20, 20), points))
    return PoseData("d", Skeleton("two", ("nose", "tail")), tuple(samples))


def changed(data: PoseData, i: int, **change: object) -> PoseData:
    samples = list(data.samples)
    samples[i] = replace(samples[i], **change)  # type: ignore[arg-type]
    return replace(data, samples=tuple(samples))


def test_good_data_is_ok(data: PoseData) -> None:
    report = check(data.subset([0, 1]), data.subset([1, 2, 3]), data.subset([4, 5]), progress=False)
    assert report.ok and not report.findings
    text = report.text()
    assert (
        "3 samples" in text
        and "nose 100%" in text
        and "widths 44 to 45" in text
        and text.endswith("nothing stops training")
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_all_corrupt_images_are_listed(data: PoseData, workers: int) -> None:
    for i, content in ((1, b""), (3, b"<html>"), (4, None)):
        Path(data[i].image).unlink() if content is None else Path(data[i].image).write_bytes(content)
    report = check(data, progress=False, workers=workers)
    assert not report.ok and "3 of 6 images" in report.text()
    assert all(data[i].image in report.text() for i in (1, 3, 4)) and data[0].image not in report.text()


def test_few_corrupt_unlabelled_images_are_a_note(data: PoseData, tmp_path: Path) -> None:
    many = [Sample(f"m{i}", str(tmp_path / f"m{i}.png"), (0, 0, 5, 5)) for i in range(100)]
    for n, sample in enumerate(many):
        cv2.imwrite(sample.image, np.full((5, 5, 3), n, np.uint8))
    Path(many[3].image).write_bytes(b"")
    report = check(unlabeled=PoseData("u", None, tuple(many)), progress=False)
    assert report.ok and "1 of 100 images" in report.text()
    Path(many[4].image).write_bytes(b"")
    assert not check(unlabeled=PoseData("u", None, tuple(many)), progress=False).ok


@pytest.mark.parametrize(
    ("change", "ok", "says"),
    [
        ({"keypoints": np.array([[99, 6, 2], [7, 8, 1]], np.float32)}, True, "s2: nose"),
        ({"keypoints": np.zeros((2, 3), np.float32)}, True, "1 samples have no labelled joint"),
        ({"box": (100, 100, 5, 5)}, False, "1 boxes lie outside"),
        ({"box": (-4e5, -4e5, 8e5, 8e5)}, False, "1 boxes are more than 20 times as large as their image"),
    ],
)
def test_faults_are_listed_by_id(data: PoseData, change: dict, ok: bool, says: str) -> None:
    report = check(changed(data, 2, **change), progress=False)
    assert report.ok == ok and says in report.text() and "    s2" in report.text()


def test_repeated_samples_and_unused_joints(data: PoseData) -> None:
    twice = changed(data, 2, image=data[0].image)
    assert "2 samples repeat" in check(twice, progress=False).text()
    for i in range(6):
        data = changed(data, i, keypoints=np.array([[5, 6, 2], [0, 0, 0]], np.float32))
    assert "1 joints are never labelled\n    tail" in check(data, progress=False).text()


def test_leakage_is_found_by_name_and_by_content(data: PoseData, tmp_path: Path) -> None:
    report = check(data.subset([0, 1]), None, data.subset([1, 2]), progress=False)
    assert not report.ok and data[1].image in report.text()
    copy = tmp_path / "renamed.png"
    shutil.copy(data[5].image, copy)
    unlabeled = PoseData("u", None, (Sample("c", str(copy), (0, 0, 5, 5)),))
    report = check(data.subset([0]), unlabeled, data.subset([4, 5]), progress=False)
    assert not report.ok and f"{copy} = {data[5].image}" in report.text()


def test_a_source_that_cannot_be_opened_does_not_hide_the_others(data: PoseData, tmp_path: Path) -> None:
    report = check(tmp_path / "gone.json", None, data, progress=False)
    assert not report.ok and "gone.json" in report.text() and "val: d, 6 samples" in report.text()


def test_labelled_data_without_labels_is_a_problem(data: PoseData) -> None:
    report = check(data.unlabeled(), progress=False)
    assert not report.ok and "none of the 6 samples" in report.text()


def test_joints_that_are_not_shared_are_named(data: PoseData) -> None:
    other = replace(data.subset([4, 5]), skeleton=Skeleton("other", ("tail", "wing")))
    report = check(data.subset([0, 1]), None, other, progress=False)
    assert report.ok
    assert [(f.text.split(":")[0], f.ids) for f in report.findings] == [("val", ("nose",)), ("val", ("wing",))]
    apart = replace(other, skeleton=Skeleton("other", ("fin", "wing")))
    assert not check(data.subset([0, 1]), None, apart, progress=False).ok


def test_labels_at_the_corner_are_named(data: PoseData) -> None:
    odd = changed(data, 2, keypoints=np.array([[0, 0, 2], [0, 8, 1]], np.float32))
    text = check(odd, progress=False).text()
    assert (
        "note: labeled: 1 labels are exactly (0, 0)\n    s2: nose\n    -> empty the cells if they mean missing" in text
    )


def test_pictures_that_are_dark_altogether_are_named(data: PoseData) -> None:
    for sample in data:
        cv2.imwrite(sample.image.replace(".png", ".tif"), rng.integers(0, 4096, (30, 40), np.uint16))
    dark = replace(data, samples=tuple(replace(s, image=s.image.replace(".png", ".tif")) for s in data))
    assert "labeled: the brightest pixel of all images is 15 of 255" in check(dark, progress=False).text()
    assert "brightest" not in check(changed(dark, 0, image=data[0].image), progress=False).text()


def listed_with_damage(folder: Path, how: str) -> tuple[Any, list[str]]:
    """Unlabelled pictures named in some way, and the two of 300 that cannot be read."""
    (folder / "in").mkdir()
    names = [f"in/{n}.png" for n in range(300)]
    for n, name in enumerate(names):
        cv2.imwrite(str(folder / name), np.full((5, 6, 3), n % 250, np.uint8))
    bad = [names[7], names[250]]
    (folder / bad[0]).write_bytes(b"")
    (folder / bad[1]).write_bytes(b"<html>")
    images = {"images": [{"file_name": name} for name in names]}
    files = {"list.txt": "\n".join(names), "images.json": json.dumps(images)}
    if how in files:
        (folder / how).write_text(files[how])
    if how == "two":
        (folder / "more").mkdir()
        cv2.imwrite(str(folder / "more" / "x.png"), np.full((5, 6, 3), 255, np.uint8))
        return [str(folder / "in"), str(folder / "more")], bad
    return folder / how, bad


@pytest.mark.filterwarnings("ignore:.*they are left out")
@pytest.mark.parametrize("how", ["in", "in/*.png", "list.txt", "images.json", "two"])
def test_pictures_that_were_left_out_where_the_set_was_listed_are_named(tmp_path: Path, how: str) -> None:
    source, bad = listed_with_damage(tmp_path, how)
    data = open_unlabeled(source)
    report = check(unlabeled=data, progress=False)
    (finding,) = [each for each in report.findings if "left out" in each.text]
    assert finding.text == "unlabeled: 2 files cannot be read and are left out" and not finding.problem and report.ok
    lines = sorted(finding.ids, reverse=True)  # a folder lists 250 before 7
    assert len(lines) == 2 and all(f"{tmp_path}/{name} " in line for name, line in zip(bad, lines, strict=True))
    assert f"{tmp_path}/{bad[1]}" in report.text() and finding.todo in report.text()


def test_of_many_copies_the_first_are_named(tmp_path: Path) -> None:
    for n in range(500):
        cv2.imwrite(str(tmp_path / f"{n:03d}.png"), np.full((5, 6, 3), 200 if n % 250 else n, np.uint8))
    report = check(unlabeled=open_unlabeled(tmp_path), progress=False)
    (line,) = (line for finding in report.findings for line in finding.ids)
    assert line.startswith(f"{tmp_path}/001.png = {tmp_path}/002.png") and line.endswith("/006.png (and 492 more)")


def test_an_unlabelled_image_is_read_once_and_takes_a_few_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sample is made of it, its header is not read a second time, and nothing tells near-duplicates of nothing."""
    for n in range(9):
        cv2.imwrite(str(tmp_path / f"{n}.jpg"), np.full((50, 60, 3), 20 * n + 50, np.uint8))
    data, opened, header = open_unlabeled(tmp_path), list[str](), pictures._header
    monkeypatch.setattr(Samples, "__iter__", lambda self: pytest.fail("samples are made"))
    monkeypatch.setattr("semipose.data.checks.scan.fingerprint", lambda pixels: pytest.fail("it is compared"))
    monkeypatch.setattr(pictures, "_header", lambda content, name: opened.append(name) or header(content, name))
    assert check(unlabeled=data, progress=False).ok
    assert sorted(opened) == [f"{tmp_path}/{n}.jpg" for n in range(9)]


def test_what_to_do_about_joints_that_are_never_labelled_can_be_done(data: PoseData) -> None:
    whole = data
    for i in range(6):
        data = changed(data, i, keypoints=np.array([[5, 6, 2], [0, 0, 0]], np.float32))
    assert "-> leave them out: skeleton: {joints: [nose]} in the data section" in check(data, progress=False).text()
    text = check(whole.subset([0, 1]), None, data.subset([4, 5]), progress=False).text()
    assert "val: 1 joints are never labelled" in text and "leave them out" not in text
    assert "label some images for validation that show them" in text


@pytest.mark.parametrize("use", ["labeled", "unlabeled"])
def test_near_duplicates_come_with_a_remedy(data: PoseData, tmp_path: Path, use: str) -> None:
    pixels = cv2.GaussianBlur(rng.uniform(0, 255, (120, 120, 3)), (0, 0), 9)
    for n, name in enumerate(("one", "two")):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.clip(4 * (pixels - 127) + 127 + n, 0, 255))
    points = np.array([[5, 6, 2], [7, 8, 1]], np.float32)
    one, two = (Sample(name, str(tmp_path / f"{name}.png"), (0, 0, 120, 120), points) for name in ("one", "two"))
    ours, theirs = (PoseData(n, data.skeleton, (s,)) for n, s in (("ours", one), ("theirs", two)))
    sets = {"labeled": data, "unlabeled": ours} if use == "unlabeled" else {"labeled": ours}
    (finding,) = (f for f in check(**sets, val=theirs, progress=False).findings if "near-duplicates" in f.text)
    assert ("data.unlabeled" in finding.todo) == (use == "unlabeled") and finding.todo


def test_a_body_that_two_label_is_a_note(data: PoseData) -> None:
    """To a pixel or so the same joints; another body beside it has others."""
    first = data[0]
    assert first.keypoints is not None
    points = np.array([[5, 6, 2], [25, 8, 1]], np.float32)
    one = replace(first, keypoints=points)
    again = replace(first, id="again", box=(1, 2, 21, 20), keypoints=points + np.float32([0.5, 0.5, 0]))
    beside = replace(first, id="beside", box=(1, 2, 22, 20), keypoints=points + np.float32([3, 3, 0]))
    found = [
        finding
        for finding in check(replace(data, samples=(one, again, beside)), progress=False).findings
        if "joint for joint" in finding.text
    ]
    assert [finding.ids for finding in found] == [("again",)] and not found[0].problem
