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
    found = pseudo_scores(distance, taught, confidence, None, PAIR, 0.1)
    assert found["images"] == 2 and found["count"] == 7
    assert found["pck"] == pytest.approx(4 / 7) and found["taught"] == pytest.approx(5 / 7)
    assert found["pck_taught"] == pytest.approx(3 / 5)
    assert found["confidence"] == pytest.approx(4.3 / 7) and "doubt" not in found
    left, right = (found["per_joint"][joint] for joint in PAIR.joints)
    assert (left["count"], left["pck"], left["taught"]) == (4, 1.0, 0.75)
    assert (right["count"], right["pck"], right["pck_taught"]) == (3, 0.0, 0.0)
    joints = {f"pseudo/pck/{joint}" for joint in PAIR.joints}
    assert set(columns(found)) == {"pseudo/pck", "pseudo/taught", "pseudo/pck_taught", "pseudo/confidence"} | joints


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
    noise = calibration(value, rng.random(1000), 0.5)
    assert abs(noise["correlation"]) < 0.1 and len(noise["value"]) == 10
