from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from semipose.data.synthetic import people
from semipose.errors import UserError
from semipose.inference import multiview as embedded
from semipose.inference.multiview import by_predictor, multiview_mpjpe
from semipose.skeleton import COCO, LSP, Skeleton

SETTING = {"domain": "studio", "people": 2, "cameras": 4, "seed": 3, "size": (64, 48)}


class Oracle:
    """A "network" that knows the truth: labels of the scenes in turn, after `spoil`."""

    def __init__(self, spoil=lambda keypoints: keypoints) -> None:
        self.scenes = iter(people.scene(3, i, "studio", (64, 48), 4) for i in range(2))
        self.spoil = spoil

    def __call__(self, images: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        views = next(self.scenes)
        np.testing.assert_array_equal(images, [view.image for view in views])
        np.testing.assert_array_equal(boxes, [view.box for view in views])
        keypoints = np.stack([view.keypoints for view in views]).astype(np.float64)
        keypoints[..., 2] = 1
        return self.spoil(keypoints)


def test_an_oracle_has_no_error_even_with_a_wrong_view(monkeypatch: pytest.MonkeyPatch):
    found = multiview_mpjpe(Oracle(), **SETTING)
    assert found["people"] == 2 and found["used"] == 1
    for name in ("absolute", "root_relative", "aligned"):
        assert found[name]["mean"] < 1e-3, name

    def swap_one(keypoints: np.ndarray) -> np.ndarray:
        keypoints[2] = keypoints[2, ::-1]
        return keypoints

    spoilt = multiview_mpjpe(Oracle(swap_one), **SETTING)
    assert 0.7 < spoilt["used"] < 0.95
    assert spoilt["root_relative"]["mean"] < 25  # a swapped joint that is near its own stays in: 6 px of 64
    monkeypatch.setattr(embedded, "OF_BOX", 1e6)
    trusting = multiview_mpjpe(Oracle(swap_one), **SETTING)
    assert trusting["used"] == 1 and spoilt["root_relative"]["mean"] < trusting["root_relative"]["mean"] / 5


def test_worse_pixels_are_more_millimetres_and_no_score_is_no_point():
    rng = np.random.default_rng(0)
    errors = []
    for pixels in (0.1, 1.0):

        def blur(keypoints: np.ndarray, pixels: float = pixels) -> np.ndarray:
            keypoints[..., :2] += rng.normal(0, pixels, keypoints[..., :2].shape)
            return keypoints

        errors.append(multiview_mpjpe(Oracle(blur), **SETTING)["absolute"]["mean"])
    assert 1 < errors[0] < 10 and 5 * errors[0] < errors[1] < 20 * errors[0]

    def silent(keypoints: np.ndarray) -> np.ndarray:
        keypoints[1:, 4, 2] = 0
        return keypoints

    found = multiview_mpjpe(Oracle(silent), **SETTING)["absolute"]
    assert found["mean"] is None and found["missing"] == 2 and found["per_joint"][LSP.joints[4]] is None


def test_a_model_of_another_order_is_understood_and_of_fewer_joints_refused():
    backwards = Skeleton("backwards", LSP.joints[::-1])
    keypoints = np.arange(14.0)[:, None] + np.zeros(3)

    def model(image: np.ndarray, boxes: list) -> list:
        assert image.shape == (8, 6, 3) and boxes == [[0, 0, 6, 8]]
        return [SimpleNamespace(keypoints=keypoints[::-1])]

    model.skeleton = backwards  # type: ignore[attr-defined]
    found = by_predictor(model)(np.zeros((2, 8, 6, 3), np.uint8), np.array([[0, 0, 6, 8]] * 2))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, [keypoints] * 2)
    with pytest.raises(UserError, match="lacks neck, head_top"):
        by_predictor(SimpleNamespace(skeleton=COCO))  # type: ignore[arg-type]


def test_bad_use_is_refused():
    with pytest.raises(UserError, match="2 cameras"):
        multiview_mpjpe(Oracle(), cameras=1)
    with pytest.raises(UserError, match="no domain"):
        multiview_mpjpe(Oracle(), domain="moon")
    with pytest.raises(ValueError, match="shape"):
        multiview_mpjpe(lambda images, boxes: np.zeros((4, 17, 3)), **SETTING)
