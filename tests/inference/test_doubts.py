from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.config import ModelConfig
from semipose.data.sample import PoseData, Sample
from semipose.inference.doubts import doubtful
from semipose.inference.predictor import Predictor
from semipose.models.build import build_model
from semipose.models.weights import save_model
from semipose.outputs.pose import Pose
from semipose.skeleton import Skeleton
from tests.fixtures.runs import OPTIONS

SIZE = (40, 60)
SKELETON = Skeleton("three", ("nose", "ear", "tail"), limbs=((0, 1), (1, 2)))
PLACES = np.array([[10, 10], [30, 10], [30, 30]], np.float32)


@pytest.fixture
def data(tmp_path: Path) -> PoseData:
    """Seven pictures labelled at `PLACES`; the tail of the last is 15 pixels off."""
    samples = []
    for i in range(7):
        picture = np.random.default_rng(i).integers(0, 255, (*SIZE, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture)
        points = np.concatenate([PLACES + 0.1 * i, np.full((3, 1), 2)], 1).astype(np.float32)
        points[2, :2] -= 15 * (i == 6) * np.array([0.6, 0.8])
        samples.append(Sample(f"s{i}", str(tmp_path / f"{i}.png"), (0, 0, 60, 40), points))
    return PoseData("d", SKELETON, tuple(samples))


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A model that finds everyone at `PLACES`."""
    config = ModelConfig(size=[32, 48], weights="none", options=OPTIONS, deconv=[8, 8, 8])
    save_model(tmp_path / "model", build_model(config, 3), config, SKELETON)

    def pairs(self: Predictor, given: Iterable) -> Iterator[list[Pose]]:
        for _, (box,) in given:
            yield [Pose(PLACES.astype(np.float64), np.array([0.9, 0.8, 0.7]), box)]

    monkeypatch.setattr(Predictor, "pairs", pairs)
    return str(tmp_path / "model.safetensors")


def test_the_label_that_is_off_is_named_with_its_pixels(data: PoseData, sure: str) -> None:
    (found,) = doubtful(sure, data)
    assert found.sample.id == "s6" and list(found.joints) == ["tail"]
    off = np.hypot(0.6 - 9, 0.6 - 12)
    assert found.joints["tail"] == pytest.approx(off, abs=0.01)
    assert found.far == pytest.approx(off / 20, abs=0.01)
