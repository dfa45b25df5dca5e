"""Which images are to be labelled next: doubtful ones that differ."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from semipose.data.checks.duplicates import Print, fingerprint
from semipose.errors import UserError
from semipose.inference.next_labels import Looks, _names, choose


def looks(angles: list[float], same: dict[int, int] | None = None) -> Looks:
    """Samples whose encodings lie on a circle, and pictures of noise; `same` names near-duplicates."""
    pictures = [np.random.default_rng(i).integers(0, 255, (64, 64, 3), np.uint8) for i in range(len(angles))]
    pictures = [cv2.GaussianBlur(each, (0, 0), 6) for each in pictures]
    prints: list[Print] = [fingerprint(pictures[(same or {}).get(i, i)]) for i in range(len(angles))]
    turned = np.radians(angles)
    return Looks(np.stack([np.cos(turned), np.sin(turned)], 1), prints)


def test_the_first_is_the_most_doubtful_and_the_next_ones_are_far_from_it() -> None:
    chosen = choose(looks([0, 1, 90, 91, 45]), np.array([0.9, 0.89, 0.3, 0.4, 0.3]), 3)
    assert [i for i, _ in chosen] == [0, 3, 4]
    assert chosen[1][1] == pytest.approx(2 * np.sin(np.radians(91) / 2), abs=1e-3)


def test_doubt_weighs_against_distance() -> None:
    assert [i for i, _ in choose(looks([0, 30, 40]), np.array([0.9, 0.6, 0.1]), 2)] == [0, 1]
    assert [i for i, _ in choose(looks([0, 30, 40]), np.array([0.9, 0.6, 0.6]), 2)] == [0, 2]


def test_near_duplicates_are_passed_over() -> None:
    scores = np.array([0.9, 0.8, 0.1])
    assert [i for i, _ in choose(looks([0, 80, 10]), scores, 2)] == [0, 1]
    assert [i for i, _ in choose(looks([0, 80, 10], {1: 0}), scores, 2)] == [0, 2]
    with pytest.raises(UserError, match="only 2 images differ"):
        choose(looks([0, 80, 10], {1: 0}), scores, 3)


def test_what_is_labelled_counts_as_taken() -> None:
    everything, scores = looks([0, 60, 61]), np.array([0.5, 0.5, 0.5])
    labeled = looks([1, 2])
    labeled = Looks(labeled.features, [fingerprint(np.full((64, 64, 3), 9 * n, np.uint8)) for n in range(2)])
    assert choose(everything, scores, 1, [labeled])[0] == (2, pytest.approx(2 * np.sin(np.radians(59) / 2), abs=1e-3))
    copies = Looks(labeled.features, everything.prints[2:] * 2)
    assert choose(everything, scores, 1, [copies])[0][0] == 1


def test_each_choice_takes_little_more_than_a_look_at_the_rest() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, 8))
    mark = fingerprint(np.zeros((64, 64, 3), np.uint8))
    noise = rng.integers(0, 255, (20_000, 32, 32), np.uint8)
    prints = [Print(rng.integers(0, 255, 8, np.uint8), small) for small in noise]
    prints[::2] = [mark] * 10_000  # frames in which nothing happens
    many = Looks(features / np.linalg.norm(features, axis=1, keepdims=True), prints)
    began = time.perf_counter()
    chosen = choose(many, rng.uniform(0.5, 1, 20_000), 200, [Looks(many.features[:500], prints[1:1001:2])])
    assert len({i for i, _ in chosen}) == 200 and sum(i % 2 == 0 for i, _ in chosen) == 1
    assert time.perf_counter() - began < 10, "stacking all prints for each takes minutes"


def test_many_pictures_of_one_name_have_names_of_their_own() -> None:
    images = [f"/data/{n}/labels/img.png" for n in range(20_000)]
    began = time.perf_counter()
    names = _names([*images, "/data/labels/img-2.png"], "dlc")
    assert names[images[1]] == "labeled-data/labels/img-2.png" and len(set(names.values())) == 20_001
    assert time.perf_counter() - began < 5, "looking through all names for each takes minutes"
