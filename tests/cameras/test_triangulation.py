from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import loadmat

from semipose.cameras.triangulation import triangulate
from semipose.data.readers.cameras import read_cameras
from semipose.data.synthetic import people
from semipose.metrics.mpjpe import mpjpe
from tests.fixtures.rig import around, body, seen
from tests.fixtures.shared import shared_data

CLEAN = 1e-3
"""mm, the bound for exact 2D."""
SEEDS = st.integers(0, 2**32 - 1)


def off(points: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(points - truth, axis=-1).max())


@settings(max_examples=20)
@given(SEEDS, st.integers(2, 5))
def test_exact_views_give_the_points_back(seed, count):
    rng = np.random.default_rng(seed)
    cameras, truth = around(rng, count), body(rng, 3, 4)
    xy = seen(truth, cameras)
    found = triangulate(xy, cameras, rng.uniform(0.05, 1, xy.shape[:-1]))
    assert found.points.shape == (3, 4, 3) and found.residual.shape == (3, 4)
    assert off(found.points, truth) < CLEAN
    assert found.used.all() and found.residual.max() < 1e-5


@settings(max_examples=20)
@given(SEEDS, st.floats(0, 2 * np.pi), st.floats(40, 400))
def test_one_wrong_view_among_four_is_rejected(seed, angle, pixels):
    rng = np.random.default_rng(seed)
    cameras, truth = around(rng, 4), body(rng, 6)
    xy, wrong = seen(truth, cameras), rng.integers(0, 4, 6)
    xy[wrong, np.arange(6)] += pixels * np.array([np.cos(angle), np.sin(angle)])
    found = triangulate(xy, cameras, tolerance=5)
    assert off(found.points, truth) < CLEAN
    np.testing.assert_array_equal(found.used, np.arange(4)[:, None] != wrong)


def test_a_wrong_view_is_rejected_however_sure_it_is_and_spoils_the_plain_method():
    rng = np.random.default_rng(3)
    cameras, truth = around(rng, 4), body(rng, 10)
    xy, score = seen(truth, cameras), np.full((4, 10), 0.3)
    xy[2] += 120
    score[2] = 1
    assert off(triangulate(xy, cameras, score, tolerance=5).points, truth) < CLEAN
    assert off(triangulate(xy, cameras, score, tolerance=1e6).points, truth) > 30


def test_surer_views_pull_harder():
    rng = np.random.default_rng(4)
    cameras, truth = around(rng, 4), body(rng, 300)
    spread = np.array([1.0, 1, 8, 8])[:, None, None]
    xy = seen(truth, cameras) + spread * rng.normal(size=(4, 300, 2))
    even = triangulate(xy, cameras, tolerance=100)
    weighted = triangulate(xy, cameras, np.broadcast_to(1 / spread[..., 0] ** 2, (4, 300)), tolerance=100)
    assert mpjpe(weighted.points[None], truth[None]).mean < 0.7 * mpjpe(even.points[None], truth[None]).mean


def test_fewer_than_two_usable_views_give_no_point():
    rng = np.random.default_rng(5)
    cameras, truth = around(rng, 3), body(rng, 5)
    xy, score = seen(truth, cameras), np.ones((3, 5))
    xy[:2, 0] = np.nan  # one view left
    score[:, 1] = 0  # none
    score[1, 2], score[2, 2] = np.nan, -0.1  # one
    xy[0, 3, 1] = np.inf  # two
    found = triangulate(xy, cameras, score)
    assert np.isnan(found.points[:3]).all() and np.isnan(found.residual[:3]).all()
    assert not found.used[:, :3].any()
    assert off(found.points[3:], truth[3:]) < CLEAN
    np.testing.assert_array_equal(found.used[:, 3], [False, True, True])


def test_parallel_rays_give_no_point():
    rng = np.random.default_rng(6)
    (camera,) = around(rng, 1)
    found = triangulate(seen(body(rng, 4), [camera, camera]), [camera, camera])
    assert np.isnan(found.points).all() and not found.used.any()


def test_views_that_do_not_agree_give_a_guess_that_says_so():
    rng = np.random.default_rng(7)
    cameras, truth = around(rng, 3)[:2], body(rng, 4)
    xy = seen(truth, cameras)
    xy[0, :, 1] += 200
    found = triangulate(xy, cameras, tolerance=5)
    assert np.isfinite(found.points).all() and found.used.all() and (found.residual > 5).all()


def test_points_do_not_depend_on_each_other_or_on_the_order_of_views():
    rng = np.random.default_rng(8)
    cameras, truth = around(rng, 4), body(rng, 6)
    xy = seen(truth, cameras) + rng.normal(0, 3, (4, 6, 2))
    xy[1, 2] += 90
    xy[3, 4] = np.nan
    together = triangulate(xy, cameras)
    alone = triangulate(xy[:, 2], cameras)
    np.testing.assert_allclose(alone.points, together.points[2], atol=1e-9)
    order = [2, 0, 3, 1]
    turned = triangulate(xy[order], [cameras[v] for v in order])
    np.testing.assert_allclose(turned.points, together.points, atol=1e-6)


def test_a_world_far_from_its_origin_keeps_its_digits():
    rng = np.random.default_rng(9)
    far = np.array([5e8, -3e8, 2e6])  # map coordinates: hundreds of kilometres
    cameras, truth = around(rng, 4), body(rng, 5)
    xy = seen(truth, cameras)
    moved = [type(c)(c.K, c.R, c.t - c.R @ far, c.distortion) for c in cameras]
    assert off(triangulate(xy, moved).points, truth + far) < CLEAN


def test_a_tolerance_a_view_and_shapes_that_do_not_fit():
    rng = np.random.default_rng(10)
    cameras, truth = around(rng, 3), body(rng, 2)
    xy = seen(truth, cameras)
    xy[0] += 30
    strict = triangulate(xy, cameras, tolerance=np.array([[10.0], [10], [10]]))
    np.testing.assert_array_equal(strict.used[0], False)
    with pytest.raises(ValueError, match="3 cameras"):
        triangulate(xy[:2], cameras)
    with pytest.raises(ValueError, match="V >= 2"):
        triangulate(xy[:1], cameras[:1])


def test_human36m_points_seen_through_its_four_lenses():
    folder = shared_data("formats", "h36m")
    cameras = read_cameras(folder / "cameras.pkl")
    assert len(cameras) == 44
    data = np.load(folder / "test_h36m_body3d.npz")
    for name, points, labels in zip(data["imgname"], data["S"], data["part"], strict=True):
        subject, own = str(name).split("/")[0], str(name).split(".")[1].split("_")[0].split("/")[0]
        rig = {key.split("/")[1]: camera for key, camera in cameras.items() if key.startswith(f"{subject}/")}
        assert len(rig) == 4
        world = (1000 * points[:, :3] - rig[own].t) @ rig[own].R
        xy = seen(world, list(rig.values()))
        found = triangulate(xy, list(rig.values()))
        assert off(found.points, world) < CLEAN
        # The published label of the one camera that has a photograph, beside exact views of the others.
        xy[list(rig).index(own)] = labels[:, :2]
        assert off(triangulate(xy, list(rig.values())).points, world) < 0.05


def test_campus_people_seen_by_its_three_cameras():
    folder = shared_data("formats", "campus")
    cameras = list(read_cameras(folder / "calibration_campus.json").values())
    truth_file = loadmat(folder / "actorsGT.mat")
    frames = truth_file["actor3D"][0, 0][:, 0]
    truth = 1000 * np.stack([np.asarray(frame, np.float64) for frame in frames])
    assert truth.shape == (3, 14, 3)
    assert off(triangulate(seen(truth, cameras), cameras).points, truth) < CLEAN
    views = truth_file["actor2D"][0, 0][:, 0]
    marked = np.stack([[np.asarray(view, np.float64) for view in frame[0]] for frame in views], 1)
    # Marks are off by up to 2 px, 40 mm; but the published points lie where a linear triangulation of them does.
    assert 1 < np.abs(marked - seen(truth, cameras)).max() < 4
    assert mpjpe(triangulate(marked, cameras).points, truth).mean < 1


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_embedded_people_from_exact_views_and_from_float32_labels(domain):
    for index in range(2):
        views = people.scene(3, index, domain, (256, 256), 4)
        cameras, truth = [view.camera for view in views], views[0].keypoints3d
        assert off(triangulate(seen(truth, cameras), cameras).points, truth) < CLEAN
        labels = np.stack([view.keypoints[:, :2] for view in views])  # float32: steps of 1.5e-5 px at 200
        assert off(triangulate(labels, cameras).points, truth) < CLEAN
