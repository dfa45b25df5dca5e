"""Boxes without labels, in the three documents that are read."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from semipose.data.readers.boxes import read_boxes
from semipose.errors import UserError
from tests.data.readers.test_coco import DOCUMENT, written
from tests.fixtures.shared import shared_data


def test_detection_results_are_unlabelled_samples(tmp_path: Path) -> None:
    path = shared_data("formats", "coco", "test_coco_det_AP_H_56.json")
    data = read_boxes(path)
    assert len(data) == 118 and data.skeleton is None and not any(s.labeled for s in data)
    assert Path(data[0].image).name == "000000000785.jpg" and data[0].image_id == 785
    sure = read_boxes(path, min_score=0.9)
    assert [s.score for s in sure] == [s.score for s in data if s.score >= 0.9] and len(sure) == 14
    listing = shared_data("formats", "coco", "test_coco.json")
    assert read_boxes(path, listing=listing).images == data.images


def test_a_plain_box_document_and_a_coco_file_need_no_annotations(tmp_path: Path) -> None:
    document = {"images": [{"file_name": "a.png", "boxes": [[1, 2, 3, 4], [5, 6, 7, 8]]}, {"file_name": "b.png"}]}
    data = read_boxes(written(tmp_path, document))
    assert data.ids == ("a.png#0", "a.png#1", "b.png#0")
    assert [s.box for s in data] == [(1, 2, 3, 4), (5, 6, 7, 8), (0, 0, 40, 30)]
    assert [s.box for s in read_boxes(written(tmp_path, DOCUMENT))] == [(1, 2, 30, 20), (3, 3, 9, 9)]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([3], "entry 0"),
        ([{"bbox": [0, 0, 4, 4]}], "entry 0 has no 'image_id'"),
        ([{"image_id": 5, "bbox": [0, 0, 4, 4]}], "image_id 5"),
        ([{"image_id": "a.png"}], "entry 0 has no 'bbox'"),
        ([{"image_id": "../a.png", "bbox": [0, 0, 4, 4]}], "leads out"),
        ({"images": [{"file_name": "a.png", "boxes": [[1, 2, 3, 0]]}]}, "entry 0, box 0 has the empty bbox"),
        ({"images": [{"file_name": "a.png", "boxes": []}, {"file_name": "a.png"}]}, "'a.png' occurs more than once"),
        ({"images": [{"file_name": f"{n}.png", "id": 7, "boxes": []} for n in "ab"]}, "id '7' occurs more than once"),
        ({"boxes": []}, "'images'"),
    ],
)
def test_malformed_boxes(tmp_path: Path, document: object, says: str) -> None:
    with pytest.raises(UserError) as error:
        read_boxes(written(tmp_path, document))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_of_several_categories_one_is_named(tmp_path: Path) -> None:
    rows = [{"image_id": "a.png", "bbox": [n, 0, 4, 4], "category_id": n} for n in (1, 2, 1)]
    with pytest.raises(UserError, match="detections of 2 categories"):
        read_boxes(written(tmp_path, rows))
    assert [s.box[0] for s in read_boxes(written(tmp_path, rows), category=1)] == [1, 1]
    labels = copy.deepcopy(DOCUMENT)
    labels["annotations"][1]["category_id"] = 77
    kept = read_boxes(written(tmp_path, labels), category=labels["annotations"][0]["category_id"])
    assert len(kept) == len(read_boxes(written(tmp_path, DOCUMENT))) - 1


@pytest.mark.parametrize("score", ["0.9", float("nan"), [0.9], True, 7, 1e300, -3])
def test_scores_are_numbers(tmp_path: Path, score: object) -> None:
    rows = [{"image_id": "a.png", "bbox": [0, 0, 4, 4], "score": score}]
    with pytest.raises(UserError, match=r"entry 0 has score .*, expected a number from 0 to 1"):
        read_boxes(written(tmp_path, rows))


@pytest.mark.parametrize("score", [0, 1, 1.04])
def test_a_heatmap_s_peak_is_a_score(tmp_path: Path, score: float) -> None:
    rows = [{"image_id": "a.png", "bbox": [0, 0, 4, 4], "score": score}]
    assert read_boxes(written(tmp_path, rows))[0].score == score


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ([5000, 5000, 30, 30], "outside its image of 40 x 30 pixels"),
        ([-29, 0, 9, 9], "outside its image"),
        ([-400, -300, 900, 700], "more than 20 times as large as its image"),
    ],
)
def test_boxes_that_cannot_be_of_their_image_name_their_entry(tmp_path: Path, box: list[float], says: str) -> None:
    fits = [-3, -2, 700, 700]
    rows = [{"image_id": "a.png", "bbox": each} for each in (fits, box)]
    with pytest.raises(UserError, match=f"entry 1 has the bbox .*{says}"):
        read_boxes(written(tmp_path, rows))
    listed = {"images": [{"file_name": "a.png", "boxes": [fits, box]}]}
    with pytest.raises(UserError, match=f"images entry 0, box 1 has the bbox .*{says}"):
        read_boxes(written(tmp_path, listed))
    on_the_border = {"image_id": "a.png", "bbox": [40.5, 3, 2, 8]}  # as detectors leave them
    assert len(read_boxes(written(tmp_path, [*rows[:1], on_the_border]))) == 2
