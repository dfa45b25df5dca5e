from __future__ import annotations

import base64
import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from semipose.data.sample import PoseData, Sample
from semipose.reports.audit import NAMED, SIZE, document, page, pictures, summary, table
from semipose.skeleton import Skeleton
from tests.fixtures.pages import read

PAWS = Skeleton("paws", ("nose", "paw", "tail", "ear"))
ORDER = [1, 2, 0]


@pytest.fixture
def judged(tmp_path: Path) -> Any:
    """Three grey pictures of 60 x 40; two networks; the nose is always sure, the tail worst in two of three."""
    samples = []
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(tmp_path / name), np.full((40, 60, 3), 90, np.uint8))
        samples.append(Sample(name, str(tmp_path / name), (0.0, 0.0, 60.0, 40.0)))
    points = np.tile([[10.0, 10, 1], [30, 10, 0.75], [30, 20, 0.5], [45, 30, 0.5]], (3, 1, 1))
    trouble = np.array([[0.0, 0.2, 0.4, 0.2], [0.0, 0.1, 0.9, 0.8], [0.0, 0.6, 0.5, 0.5]])
    return SimpleNamespace(
        data=PoseData("pictures", None, tuple(samples)),
        skeleton=PAWS,
        pred={"a": points, "b": points + np.array([0, 2, 0])},
        points=points,
        doubt=trouble / 4,
        disagreement=trouble / 10,
        trouble=trouble,
        score=trouble.mean(1),
    )


def decoded(uri: str) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(int)


def test_files_are_written_in_parts(judged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"model": "m", **summary(judged, ORDER)}
    whole = b"".join(table(judged, ORDER))
    monkeypatch.setattr("semipose.data.packed.BLOCK", 2)
    parts = [list(document(content)), list(table(judged, ORDER))]
    assert [len(each) for each in parts] == [4, 3]
    assert b"".join(parts[0]) == (json.dumps(content) + "\n").encode() and b"".join(parts[1]) == whole


def test_a_joint_s_numbers_are_its_means(judged: Any) -> None:
    content = summary(judged, ORDER)
    assert content["networks"] == ["a", "b"] and list(content["joints"]) == list(PAWS.joints)
    assert content["joints"]["tail"] == {
        "confidence": 0.5, "doubt": 0.15, "disagreement": 0.06, "trouble": 0.6, "worst": 0.6667,
    }  # fmt: skip
    assert content["joints"]["nose"]["worst"] == 0
    assert content["sentence"] == (
        "Of 3 predictions on unlabelled images, the model is least sure of tail: its confidence is 0.50 on average, and"
        " it is the worst joint of 67 % of them."
    )


def test_samples_are_in_the_order_given(judged: Any) -> None:
    samples = summary(judged, ORDER)["samples"]
    assert [each["id"] for each in samples] == ["b.png", "c.png", "a.png"]
    assert [each["score"] for each in samples] == [0.45, 0.4, 0.2]
    assert samples[0]["trouble"] == [0.0, 0.1, 0.9, 0.8] and samples[0]["doubt"] == [0.0, 0.025, 0.225, 0.2]
    assert samples[2]["keypoints"][1] == [30.0, 10.0, 0.75] and samples[2]["box"] == [0, 0, 60, 40]


def test_the_table_has_a_row_a_joint_of_each_sample(judged: Any) -> None:
    rows = list(csv.reader(b"".join(table(judged, ORDER)).decode().splitlines()))
    assert rows[0] == ["sample", "score", "joint", "x", "y", "confidence", "doubt", "disagreement", "trouble"]
    assert len(rows) == 1 + 3 * 4
    assert rows[3] == ["b.png", "0.4500", "tail", "30.000", "20.000", "0.5000", "0.2250", "0.0900", "0.9000"]
    assert [row[0] for row in rows[1::4]] == ["b.png", "c.png", "a.png"]


def test_a_name_that_is_no_text_is_written_with_its_bytes(judged: Any) -> None:
    samples = tuple(replace(each, id=os.fsdecode(b"caf\xe9%d.png" % n)) for n, each in enumerate(judged.data))
    judged.data = PoseData("", None, samples)
    assert b"\r\ncaf\\udce91.png," in b"".join(table(judged, ORDER))


def test_the_worst_joints_are_named_below_each_picture(judged: Any) -> None:
    shown = pictures(judged, ORDER)
    assert [each.sample for each in shown] == ["b.png", "c.png", "a.png"]
    assert [[row[0] for row in each.joints] for each in shown] == [
        ["tail", "ear", "paw"],
        ["paw", "tail", "ear"],
        ["tail", "paw", "ear"],
    ]
    assert shown[0].joints[0] == ("tail", 0.5, 0.225, pytest.approx(0.09)) and len(shown[0].joints) == NAMED
    assert decoded(shown[0].uri).shape == (SIZE * 40 / 60, SIZE, 3), "small pictures are enlarged"


def test_a_circle_is_as_wide_as_networks_and_views_disagree(judged: Any) -> None:
    """About the worst joint, the tail at (30, 20), of 0.09 of the box: 5.4 pixels of the image, six times as many
    here; none below a fiftieth of the box."""
    judged.pred = {"a": judged.points}
    with_circle = decoded(pictures(judged, [1])[0].uri)
    judged.disagreement = np.full_like(judged.disagreement, 0.019)
    without = decoded(pictures(judged, [1])[0].uri)
    changed = np.abs(with_circle - without).max(-1) > 40
    rows, columns = np.nonzero(changed)
    away = np.hypot(columns - (6 * 30.5 - 0.5), rows - (6 * 20.5 - 0.5))
    assert len(away) > 100 and np.abs(away - 6 * 5.4).max() < 4


def test_what_cannot_be_read_is_left_out(judged: Any) -> None:
    Path(judged.data[2].image).unlink()
    assert [each.sample for each in pictures(judged, ORDER)] == ["b.png", "a.png"]


def test_the_page_shows_the_chosen_and_all_joints_worst_first(judged: Any, tmp_path: Path) -> None:
    content = {"model": "runs/<dual>", "formula": "formula", "remark": "", **summary(judged, ORDER)}
    found = read(page(content, judged, ORDER[:2], tmp_path / "audit.html"))
    assert found.tags.count("img") == 2 and all(each.startswith("data:image/jpeg") for each in found.references)
    assert "semipose audit: runs/<dual>" in found.text and content["sentence"] in found.text
    assert "Below are 2 of 3 predictions, the most doubtful first." in found.text
    assert "Scores here: 0.45 is the worst, 0.40 the median, 0.20 the best." in found.text
    joints = found.text.split("Worst joint of")[1].split("What the numbers mean")[0]
    assert [word for word in joints.split() if word in PAWS.joints] == ["tail", "ear", "paw", "nose"]


def test_a_body_that_is_small_in_its_image_is_cut_out(judged: Any, tmp_path: Path) -> None:
    assert not pictures(judged, [0])[0].whole
    cv2.imwrite(str(tmp_path / "a.png"), np.full((400, 600, 3), 90, np.uint8))
    judged.data = PoseData("pictures", None, (Sample("a", str(tmp_path / "a.png"), (0.0, 0.0, 600.0, 400.0)),))
    (shown,) = pictures(judged, [0])
    part, whole = decoded(shown.uri), decoded(shown.whole)
    assert max(part.shape[:2]) == SIZE and whole.shape[1] > SIZE
    drawn = [(np.abs(each - 90).max(-1) > 60).mean() for each in (part, whole)]
    assert drawn[0] > 5 * drawn[1], "the body fills the picture"
    content = {"model": "run", "formula": "formula", "remark": "", **summary(judged, [0])}
    assert read(page(content, judged, [0], tmp_path / "audit.html")).tags.count("details") == 2
