from __future__ import annotations

import numpy as np
import pytest

from semipose.data.synthetic import draw as people_draw
from semipose.data.synthetic import people
from semipose.data.synthetic import scene as people_scene
from semipose.data.synthetic.body import PLAIN, TOP, Parts


def test_a_capsule_is_hit_where_geometry_says():
    """A sphere-ended cylinder across the view: its silhouette, and depth of its middle."""
    lying = ([10.0, 20.0, 0.0], [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]], 30.0, [5.0, 5.0])
    xs, ys = np.array([25.0, 25.0, 25.0, 4.9, 5.1]), np.array([20.0, 24.9, 25.1, 20.0, 20.0])
    disc, fraction, depth = people_draw._hit(*lying, xs, ys)
    np.testing.assert_array_equal(disc > 0, [True, True, False, False, True])
    assert depth[0] == pytest.approx(-5) and fraction[0] == pytest.approx(0.5)


def test_a_tilted_capsule_matches_marched_spheres():
    """The nearest of many spheres along a leaning axis."""
    axis = np.array([0.5, 0.3, -np.sqrt(1 - 0.34)])
    lateral = np.cross(axis, (0, 0, 1))
    lateral /= np.linalg.norm(lateral)
    axes = np.stack([axis, lateral, np.cross(lateral, axis)])
    ys, xs = np.mgrid[-12:40:2.0, -12:50:2.0]
    disc, _, depth = people_draw._hit([0.0, 0, 0], axes.tolist(), 40.0, [8.0, 8.0], xs, ys)
    best = np.full(xs.shape, np.inf)
    for step in np.linspace(0, 40, 2001):
        x, y, z = axis * step
        inner = 64 - (xs - x) ** 2 - (ys - y) ** 2
        best = np.minimum(best, np.where(inner > 0, z - np.sqrt(np.maximum(inner, 0)), np.inf))
    solid = (disc > 1) & np.isfinite(best)
    assert solid.sum() > 100
    assert (np.isfinite(best) == (disc > 0)).mean() > 0.98
    np.testing.assert_allclose(depth[solid], best[solid], atol=0.05)


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_visible_joints_are_drawn_and_hidden_ones_occur(domain):
    hidden = wrong = total = 0
    for index in range(40):
        stage = people._Stage.of(6, index, domain, (128, 96), 1.0)
        layers = people_draw.rasterize(stage.solids, (128, 96))
        points, v = stage.keypoints[:, :2], stage.keypoints[:, 2]
        hidden += (v == 1).sum()
        for polygon in stage.occluders:
            assert not people_scene.inside(polygon, points)[v == 2].any()
        cells = np.floor((points + 0.5) * people_draw.SUPERSAMPLE).astype(int)
        part = layers.part[cells[:, 1], cells[:, 0]]
        own = (part >= 0) & stage.solids.parts.owner[part, np.arange(14)]
        wrong += (~own & (v == 2)).sum()
        total += (v == 2).sum()
    assert wrong / total < 0.04  # a neighbouring part within the surface tolerance, or a pixel's edge
    assert 40 < hidden < 0.5 * 40 * 14


def ball(x: float, y: float, z: float, radius: float, owner: int, stretch: tuple[float, float] = (1, 1)) -> Parts:
    """A sphere that a joint is in."""
    owned = np.zeros((1, 14), bool)
    owned[0, owner] = True
    ends = np.array([[[x, y - 0.01, z], [x, y + 0.01, z]]])
    paint = np.array([[TOP, TOP, 2.0, 0.0, PLAIN]], np.float64)
    return Parts(ends, np.array([[1.0, 0, 0]]), np.full((1, 2), radius), np.array([stretch]), paint, owned)


def view(*parts: Parts) -> people_draw.Solids:
    """Before a camera at the origin that looks along z, one px a mm at 1000 mm, (50, 40) in its middle."""
    intrinsics = np.array([[1000.0, 0, 50], [0, 1000, 40], [0, 0, 1]])
    first, *others = (people_draw.solids(part, np.eye(3), np.zeros(3), intrinsics) for part in parts)
    for other in others:
        first = first.joined(other)
    return first


def test_a_sphere_is_bounded_and_deep_as_it_is():
    solids = view(ball(10, -5, 1000, 20, 0))
    np.testing.assert_allclose(solids.bounds(), [[40, 15, 80, 55]], atol=0.02)
    np.testing.assert_allclose(
        people_draw.depths(solids, np.array([[60.0, 35.0], [81, 35]])), [[980, np.inf]], atol=1e-3
    )
    wide = view(ball(10, -5, 1000, 20, 0, stretch=(1.5, 1)))
    np.testing.assert_allclose(wide.bounds(), [[30, 15, 90, 55]], atol=0.02, err_msg="stretched across its axis")


def test_the_nearer_of_two_is_drawn_and_hides_the_other_s_joint():
    back, front = ball(0, 0, 1200, 30, 0), ball(0, 0, 1000, 10, 1)
    layers = people_draw.rasterize(view(back, front), (80, 100))
    middle = round(40 * people_draw.SUPERSAMPLE), round(50 * people_draw.SUPERSAMPLE)
    assert layers.part[middle] == 1 and layers.depth[middle] == pytest.approx(990, abs=0.2)
    beside = middle[0], middle[1] + round(15 * people_draw.SUPERSAMPLE)
    assert layers.part[beside] == 0 and layers.part[0, 0] == -1
    both = people_draw.solids(
        Parts(*(np.concatenate([getattr(back, n), getattr(front, n)]) for n in Parts.__dataclass_fields__)),
        np.eye(3), np.zeros(3), np.array([[1000.0, 0, 50], [0, 1000, 40], [0, 0, 1]]),
    )  # fmt: skip
    points = np.full((14, 2), -99.0)
    points[:2] = (50, 40)
    shown, _ = people_draw.seen(both, points, np.full(14, 1200.0), np.full(14, 50.0))
    assert not shown[0], "the small ball lies before it"
    shown, _ = people_draw.seen(view(back), points, np.full(14, 1200.0), np.full(14, 50.0))
    assert shown[0]


def test_what_is_behind_the_camera_is_left_out():
    assert len(view(ball(0, 0, 150, 10, 0)).start) == 0
