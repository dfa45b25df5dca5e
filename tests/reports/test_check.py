from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from semipose.data.checks.check import Counts, Finding, Report
from semipose.data.sample import PoseData, Sample
from semipose.reports.check import examples, headline, page, pictures
from semipose.skeleton import Skeleton
from tests.fixtures.pages import read

SHOWN, LISTED = 24, 50
PAIR = Skeleton("pair", ("<nose>", "tail"))
SETS = (
    Counts("labeled", "few", 1200, 1000, 900, (40, 60), (50, 70), {"<nose>": 1.0, "tail": 0.5}),
    Counts("unlabeled", "many", 5, 0, 5, None, None, {}),
)
NOTE, SLOW, PROBLEM = (
    Finding(False, "two names are alike", ("a", "b")),
    Finding(False, "slow: pictures are large", todo="shrink them"),
    Finding(True, "images cannot be used", tuple(f"id{n}" for n in range(LISTED + 7)), "mend them"),
)


def doubt(path: Path, name: str = "a.png") -> Any:
    """A picture whose tail's label lies 20 px from the prediction."""
    cv2.imwrite(str(path / name), np.full((40, 60, 3), 90, np.uint8))
    keypoints = np.array([[10, 10, 2], [30, 20, 2]], np.float32)
    sample = Sample(name, str(path / name), (0, 0, 60, 40), keypoints)
    return SimpleNamespace(
        sample=sample, joints={"tail": 20.4}, far=1.0, pred=np.array([[10, 10, 0.9], [50, 20, 0.9]]), skeleton=PAIR
    )


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        ((), "Nothing stops training; there is nothing to mend."),
        ((NOTE,), "Nothing stops training; 1 thing is worth a look."),
        ((PROBLEM,), "1 problem must be mended before training; there is nothing to mend."),
        ((NOTE, PROBLEM, SLOW, PROBLEM), "2 problems must be mended before training; 2 things are worth a look."),
    ],
)
def test_the_headline_counts_problems_and_notes(findings: tuple[Finding, ...], sentence: str) -> None:
    assert headline(Report(SETS, findings)) == sentence


def test_what_stops_training_comes_first(tmp_path: Path) -> None:
    found = read(page(Report(SETS, (NOTE, SLOW, PROBLEM)), [], tmp_path / "page.html"))
    heads = ("What stops training", "What will be slow", "Worth a look", "What there is")
    assert sorted(heads, key=found.text.index) == list(heads)
    assert "What to do: mend them." in found.text and "What to do: shrink them." in found.text
    assert f"id{LISTED - 1} " in found.text and f"id{LISTED} " not in found.text
    assert "and 7 more, which semipose check prints" in found.text
    assert "few 1,200 1,000 900 40 to 60 50 to 70" in found.text and "many 5 0 5 – –" in found.text
    assert "<nose> 100\N{NO-BREAK SPACE}%".replace("\N{NO-BREAK SPACE}", " ") in found.text
    assert "Labels far from" not in found.text


def test_a_group_without_findings_is_left_out(tmp_path: Path) -> None:
    text = read(page(Report(SETS, (NOTE,)), [], tmp_path / "page.html")).text
    assert "Worth a look" in text and "What stops training" not in text and "What will be slow" not in text


def test_doubted_labels_are_shown_with_their_distances(tmp_path: Path) -> None:
    many = [doubt(tmp_path, f"{n}.png") for n in range(SHOWN + 2)]
    found = read(page(Report(SETS, ()), many, tmp_path / "page.html"))
    assert found.tags.count("img") == SHOWN and "; 2 more are listed above" in found.text
    shown = pictures(many[:2])
    assert [(each.sample, each.caption) for each in shown] == [("0.png", "tail 20 px"), ("1.png", "tail 20 px")]


def test_pictures_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    good, gone = doubt(tmp_path, "good.png"), doubt(tmp_path, "gone.png")
    (tmp_path / "gone.png").unlink()
    assert [each.sample for each in pictures([gone, good])] == ["good.png"]
    assert good.sample.keypoints.tolist() == [[10, 10, 2], [30, 20, 2]], "drawing changes no label"


def test_some_labels_are_shown_evenly_spread_with_their_joints(tmp_path: Path) -> None:
    samples = tuple(doubt(tmp_path, f"{n}.png").sample for n in range(21))
    data = PoseData("few", PAIR, samples)
    shown = examples(data)
    assert [each.sample for each in shown] == [f"{n}.png" for n in (0, 4, 8, 12, 16, 20)]
    assert {each.caption for each in shown} == {"2 of 2 joints labelled"}
    found = read(page(Report(SETS, ()), [], tmp_path / "page.html", data))
    assert "Some of the labels" in found.text and found.tags.count("img") == 6
    (tmp_path / "8.png").unlink()
    assert len(examples(data)) == 5 and len(examples(data.subset([3]))) == 1
