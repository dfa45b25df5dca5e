from dataclasses import replace

import numpy as np
import pytest

from semipose.data.crops.build import Crops, CropSpec, build_crops
from semipose.inference.coverage import bars_of, coverage
from semipose.inference.evaluation import truth_of
from tests.fixtures.runs import points


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Crops:
    return build_crops(points(60), CropSpec((64, 48), (64, 48)), tmp_path_factory.mktemp("cache"), progress=False)


def predicted(crops: Crops, scale: float, seed: int = 0) -> np.ndarray:
    """(N, K, 4): the labels, off by errors whose size the spread tells."""
    draw, truth = np.random.default_rng(seed), truth_of(crops)
    spread = draw.uniform(0.5, 4, truth.shape[:2])
    off = scale * spread[..., None] * draw.normal(size=(*spread.shape, 2))
    return np.concatenate([truth[..., :2] + off, np.full((*spread.shape, 1), 0.8), spread[..., None]], -1)


def test_a_run_is_judged_by_bars_of_its_other_images(crops: Crops) -> None:
    found = coverage(predicted(crops, 0.5), crops)
    assert found is not None and found["folds"] == 5
    assert 0.8 < found["coverage"] < 0.98
    assert set(found["per_joint"]) == set(crops.data.skeleton.joints)


def test_a_models_own_bars_fail_where_errors_are_larger_than_those_they_were_made_from(crops: Crops) -> None:
    bars = bars_of(predicted(crops, 0.5), crops)
    assert bars is not None
    same, worse = (coverage(predicted(crops, scale, seed=1), crops, bars) for scale in (0.5, 2.0))
    assert same is not None and worse is not None
    assert same["coverage"] > 0.8 > 0.5 > worse["coverage"]
    assert same["median_radius_px"] == pytest.approx(worse["median_radius_px"]), "it is what was expected"


def test_radii_are_in_pixels_of_the_image(crops: Crops) -> None:
    found = coverage(predicted(crops, 0.5), crops)
    assert found is not None
    errors = np.linalg.norm(predicted(crops, 0.5)[..., :2] - truth_of(crops)[..., :2], axis=-1)
    assert 0.5 < found["median_radius_px"] / np.quantile(errors, 0.9) < 1.5


def test_a_few_images_have_none(crops: Crops, tmp_path) -> None:
    few = build_crops(points(2), crops.spec, tmp_path, progress=False)
    assert coverage(predicted(few, 0.5), few) is None and bars_of(predicted(few, 0.5), few) is None


def test_each_animal_is_judged_by_bars_of_the_others(crops: Crops) -> None:
    groups = ["ab"[n % 3 == 0] for n in range(60)]
    rows = np.array([group == "b" for group in groups])
    larger = predicted(crops, 0.5)
    larger[rows] = predicted(crops, 2.0)[rows]
    found = coverage(larger, crops, groups=groups)
    assert found is not None and found["folds"] == 2
    own = coverage(larger[rows], crops_of(crops, rows), bars_of(larger[~rows], crops_of(crops, ~rows)))
    other = coverage(larger[~rows], crops_of(crops, ~rows), bars_of(larger[rows], crops_of(crops, rows)))
    assert own is not None and other is not None and own["coverage"] < 0.6 and other["coverage"] > 0.97
    assert found["coverage"] == pytest.approx((20 * own["coverage"] + 40 * other["coverage"]) / 60)
    assert coverage(larger, crops, groups=["a"] * 60) is None, "nobody else is there"


def crops_of(crops: Crops, rows: np.ndarray) -> Crops:
    """Some of them."""
    return replace(crops, data=crops.data.subset(np.flatnonzero(rows)), kept=crops.kept[rows])
