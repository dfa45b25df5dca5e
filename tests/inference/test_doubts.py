from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semipose.data.sample import PoseData
from semipose.inference.doubts import doubtful
from semipose.inference.predictor import Predictor
from tests.fixtures.doubted import pictures, sure_model


@pytest.fixture
def data(tmp_path: Path) -> PoseData:
    return pictures(tmp_path)


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    return sure_model(monkeypatch, tmp_path)


def test_the_label_that_is_off_is_named_with_its_pixels(data: PoseData, sure: str) -> None:
    (found,) = doubtful(Predictor.load(sure), data)
    assert found.sample.id == "s6" and list(found.joints) == ["tail"]
    off = np.hypot(0.6 - 9, 0.6 - 12)
    assert found.joints["tail"] == pytest.approx(off, abs=0.01)
    assert found.far == pytest.approx(off / 20, abs=0.01)
