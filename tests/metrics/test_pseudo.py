from __future__ import annotations

import math

import numpy as np
import pytest

from semipose.metrics.pseudo import calibration, columns, pseudo_scores
from semipose.skeleton import Skeleton

PAIR = Skeleton("pair", ("left", "right"))
NAN = math.nan


def test_scores_of_what_is_taught_and_of_all() -> None:
    """Two students, two images, two joints: of seven scored, four are right; of the five that teach, three."""
    distance = np.array([[[0.05, 0.2], [0.1, NAN]], [[0.0, 0.5], [0.05, 0.3]]])
    taught = np.array([[[True, True], [False, True]], [[True, False], [True, True]]])
    confidence = np.array([[[0.9, 0.5], [0.7, 99]], [[0.8, 0.1], [0.9, 0.4]]])
    scores = pseudo_scores(distance, taught, confidence, None, PAIR, 0.1)
    joints, curves = scores.pop("per_joint"), scores.pop("calibration")
    assert scores == {
        "threshold": 0.1,
        "images": 2,
        "count": 7,
        "pck": pytest.approx(4 / 7),
        "taught": pytest.approx(5 / 7),
        "pck_taught": pytest.approx(3 / 5),
        "confidence": pytest.approx(4.3 / 7),
    }
    assert joints == {
        "left": {"count": 4, "pck": 1.0, "taught": 0.75, "pck_taught": 1.0, "confidence": pytest.approx(3.3 / 4)},
        "right": {"count": 3, "pck": 0.0, "taught": pytest.approx(2 / 3), "pck_taught": 0.0,
                  "confidence": pytest.approx(1 / 3)},
    }  # fmt: skip
    # Of the five that teach, by confidence: 0.4, 0.5, 0.8, 0.9, 0.9 at 0.3, 0.2, 0, 0.05, 0.05.
    curve = curves.pop("confidence")
    assert not curves and curve["value"] == [0.4, 0.5, 0.8, 0.9, 0.9]
    assert curve["distance"] == [0.3, 0.2, 0.0, 0.05, 0.05] and curve["pck"] == [0, 0, 1, 1, 1]
    assert columns({**scores, "per_joint": joints}) == {
        "pseudo/pck": pytest.approx(4 / 7),
        "pseudo/taught": pytest.approx(5 / 7),
        "pseudo/pck_taught": pytest.approx(3 / 5),
        "pseudo/confidence": pytest.approx(4.3 / 7),
        "pseudo/pck/left": 1.0,
        "pseudo/pck/right": 0.0,
    }


def test_doubt_is_beside_confidence() -> None:
    distance, some = np.array([[[0.05, 0.2]]]), np.ones((1, 1, 2), bool)
    found = pseudo_scores(distance, some, np.array([[[0.9, 0.1]]]), np.array([[[0.2, np.inf]]]), PAIR, 0.1)
    assert found["doubt"] is None and found["per_joint"]["left"]["doubt"] == 0.2
    assert found["calibration"]["confidence"]["correlation"] == pytest.approx(-1)
    assert found["calibration"]["doubt"]["pck"] == [1.0, 0.0]


def test_nothing_that_teaches_is_nothing_to_calibrate() -> None:
    found = pseudo_scores(np.array([[[0.05, 0.2]]]), np.zeros((1, 1, 2), bool), np.ones((1, 1, 2)), None, PAIR, 0.1)
    assert found["pck"] == 0.5 and found["pck_taught"] is None and "pseudo/pck_taught" not in columns(found)
    assert found["calibration"]["confidence"] == {"correlation": None, "value": [], "pck": [], "distance": []}


def test_a_calibration_curve_is_in_parts_of_equal_size() -> None:
    """The surer, the nearer: PCK rises from part to part, and the distance falls."""
    rng = np.random.default_rng(0)
    value = rng.permutation(1000) / 1000
    found = calibration(value, 1 - value, 0.5, bins=4)
    assert found["value"] == pytest.approx([0.1245, 0.3745, 0.6245, 0.8745])
    assert found["pck"] == [0, 0, 1, 1] and found["correlation"] == pytest.approx(-1)
    assert found["distance"] == pytest.approx([1 - each for each in found["value"]])


def test_the_correlation_is_spearman_s() -> None:
    """1 - 6 sum of squared differences of rank / (n^3 - n), where no two are alike."""
    rng = np.random.default_rng(1)
    value, distance = rng.random((2, 50)) ** 3
    apart = value.argsort().argsort() - distance.argsort().argsort()
    curve = calibration(value, distance, 0.5)
    assert curve["correlation"] == pytest.approx(1 - 6 * (apart**2).sum() / (50**3 - 50))
    assert [len(curve[key]) for key in ("value", "pck", "distance")] == [10, 10, 10]
    assert calibration(np.ones(3), distance[:3], 0.5)["correlation"] is None, "one value ranks nothing"
