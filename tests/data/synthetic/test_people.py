from __future__ import annotations

import numpy as np
import pytest

from semipose.data.refs import Person
from semipose.data.synthetic import draw as people_draw
from semipose.data.synthetic import people
from semipose.data.synthetic import scene as people_scene
from semipose.data.synthetic.body import SKIN, WHITE
from semipose.data.synthetic.pose import (
    CHEST,
    LEFT_ARM,
    LEFT_LEG,
    RIGHT_ARM,
    RIGHT_LEG,
    ROOT,
    frames,
    rotations,
    sample_pose,
)  # fmt: skip
from semipose.errors import UserError
from semipose.skeleton import LSP

BONES = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]


def crowd(domain: str, count: int = 24, **how) -> list[people.Person]:
    return [people.render(5, index, domain, **how) for index in range(count)]


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_the_same_key_gives_the_same_bytes_and_another_key_another_image(domain):
    first, again = people.render(3, 1, domain), people.render(3, 1, domain)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.keypoints.tobytes() == again.keypoints.tobytes() and first.box == again.box
    other = next(d for d in people.DOMAINS if d != domain)
    for key in ((3, 2, domain), (4, 1, domain), (3, 1, other)):
        drawn = people.render(*key)
        assert np.abs(drawn.keypoints[:, :2] - first.keypoints[:, :2]).max() > 1
        assert (drawn.image != first.image).mean() > 0.5


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_shapes_types_and_labels(domain):
    for person in crowd(domain):
        assert person.image.shape == (128, 96, 3) and person.image.dtype == np.uint8
        assert person.keypoints.shape == (14, 3) and person.keypoints.dtype == np.float32
        assert person.keypoints3d.shape == (14, 3) and person.keypoints3d.dtype == np.float64
        xy, v = person.keypoints[:, :2], person.keypoints[:, 2]
        within = ((xy >= -0.5) & (xy < (95.5, 127.5))).all(1)
        np.testing.assert_array_equal(v > 0, within)
        assert within.all()  # composed to be in the picture
        assert (v == 2).sum() >= 3
        np.testing.assert_allclose(person.camera.project(person.keypoints3d), xy, atol=0.01)
        x, y, w, h = person.box
        assert x >= 0 and y >= 0 and x + w <= 96 and y + h <= 128
        assert (xy >= (x - 0.5, y - 0.5)).all() and (xy <= (x + w, y + h)).all()
        assert 0.5 < max(h / 128, w / 96) < 1


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_bones_are_human_and_alike_on_both_sides(domain):
    for person in crowd(domain):
        joints = dict(zip(LSP.joints, person.keypoints3d, strict=True))
        for a, b in BONES:
            right, left = (np.linalg.norm(joints[f"{s}_{a}"] - joints[f"{s}_{b}"]) for s in ("right", "left"))
            assert right == pytest.approx(left)
            assert 120 < right < 560
        assert 130 < np.linalg.norm(joints["neck"] - joints["head_top"]) < 420
        assert person.keypoints3d[:, 2].min() > 0  # above the floor


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_knees_bend_only_backward(domain):
    for index in range(24):
        body = people._Stage.of(5, index, domain, (128, 96), 1.0).body
        joints = dict(zip(LSP.joints, body.joints, strict=True))
        for side in ("right", "left"):
            shank = joints[f"{side}_ankle"] - joints[f"{side}_knee"]
            thigh = joints[f"{side}_knee"] - joints[f"{side}_hip"]
            foot = body.parts.ends[(body.parts.paint[:, 0] == 5) & body.parts.owner[:, LSP.index(f"{side}_ankle")]]
            toes = foot[0, 1] - foot[0, 0]
            # A bent shank lies behind the thigh's line; the toes point to the front.
            behind = shank / np.linalg.norm(shank) - thigh / np.linalg.norm(thigh)
            if np.linalg.norm(behind) > 0.4:
                assert behind @ np.cross(np.cross(shank, toes), shank) < 0


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_angles_stay_within_human_limits_and_limbs_on_their_own_side(domain):
    outward = []
    for index in range(200):
        angles, _ = sample_pose(np.random.default_rng(index), domain)
        knees, elbows = (np.degrees(angles[[first + 1, other + 1], 1]) for first, other in ((5, 8), (11, 14)))
        assert (knees >= 0).all() and (knees <= 150).all() and (elbows <= 0).all() and (elbows >= -150).all()
        turned = frames(rotations(angles))
        left = turned[[ROOT, ROOT, CHEST, CHEST], :, 1]
        limbs = -turned[[RIGHT_LEG, LEFT_LEG, RIGHT_ARM, LEFT_ARM], :, 2]
        outward.append((limbs * left).sum(1) * (-1, 1, -1, 1))
    assert (np.min(outward, 0) > -0.25).all() and (np.mean(outward, 0) > 0.1).all()


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


def test_left_and_right_agree_with_the_face():
    """Whoever shows both eyes, upright, has the right shoulder on the image's left."""
    checked = 0
    for index in range(60):
        stage = people._Stage.of(8, index, "studio", (256, 192), 1.0)
        look = people_draw.sample_look(np.random.default_rng(0), False, 1)
        skin = people_draw.surface(stage.solids, people_draw.rasterize(stage.solids, (256, 192)), look.light)
        joints, axis = stage.body.joints, stage.camera.R
        upright = (joints[12] - joints[[2, 3]].mean(0)) @ axis[1] < -300
        across = (joints[9] - joints[8]) @ axis[0]
        if upright and abs(across) > 220 and (skin.material == WHITE).sum() + (skin.material == WHITE + 1).sum() > 12:
            checked += 1
            assert across > 0
    assert checked >= 5


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_margin_shows_more_around_the_same_person(domain):
    tight = people.render(2, 4, domain, (128, 96))
    wide = people.render(2, 4, domain, (256, 192), margin=2.0)
    shift = wide.keypoints[:, :2] - tight.keypoints[:, :2]
    np.testing.assert_allclose(shift, np.broadcast_to((48, 64), (14, 2)), atol=1e-3)
    np.testing.assert_allclose(wide.box[2:], tight.box[2:], atol=0.5)


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_cameras_of_a_scene_agree(domain):
    views = people.scene(1, 2, domain, (128, 128), cameras=4)
    assert len({view.image.tobytes() for view in views}) == 4
    for joint, truth in enumerate(views[0].keypoints3d):
        rows = []
        for view in views:
            np.testing.assert_array_equal(view.keypoints3d, views[0].keypoints3d)
            matrix = view.camera.K @ np.column_stack([view.camera.R, view.camera.t])
            x, y = view.camera.project(view.keypoints3d[joint])
            rows += [(x * matrix[2] - matrix[0]), (y * matrix[2] - matrix[1])]
        system = np.array(rows)
        system /= np.linalg.norm(system[:, :3], axis=1, keepdims=True)
        point = np.linalg.lstsq(system[:, :3], -system[:, 3], rcond=None)[0]
        np.testing.assert_allclose(point, truth, atol=1e-3)


def test_a_scene_is_seen_from_the_front_as_single_people_mostly_are():
    views = people.scene(4, 0, "studio", (64, 48), cameras=5)
    middle = views[0].keypoints3d.mean(0)
    centers = np.array([-view.camera.R.T @ view.camera.t for view in views]) - middle
    azimuths = np.degrees(np.arctan2(centers[:, 1], centers[:, 0]))
    np.testing.assert_allclose(azimuths, [-48, -24, 0, 24, 48], atol=8)


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


def test_a_data_set_names_images_that_read_gives():
    data = people.dataset("wild", 6, seed=2, start=10)
    assert len(data.samples) == 6 and data.skeleton is LSP
    sample = data.samples[3]
    assert sample.image == "synth:wild/2/13"
    image = people.read(Person("wild", 2, 13))
    drawn = people.render(2, 13, "wild", people.READ_SIZE, people.READ_MARGIN)
    np.testing.assert_array_equal(image, drawn.image)
    np.testing.assert_array_equal(sample.keypoints, drawn.keypoints)
    assert sample.box == drawn.box and image.shape == (192, 160, 3)


def test_contact_sheet_draws_labels():
    plain, drawn = (people.contact_sheet(0, "studio", 1, 2, labels=labels) for labels in (False, True))
    assert plain.shape == drawn.shape == (128, 192, 3) and (plain != drawn).any()


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        (Person("moon", 0, 1), "have no domain 'moon': use studio or wild"),
        (Person("wild", 0, -1), "an index of 0 or more"),
        (Person("wild", 1 << 64, 0), "below"),
        (Person("wild", 0, 1 << 40), "below"),
    ],
)
def test_a_person_that_cannot_be_is_a_user_error(ref, says):
    with pytest.raises(UserError, match=says):
        people.read(ref)


def test_materials_of_one_person_do_not_reach_the_next():
    assert SKIN > 0 and people.MATERIALS > 10
    for index in range(30):
        stage = people._Stage.of(5, index, "wild", (64, 48), 1.0)
        numbers = np.unique(stage.solids.parts.paint[:, :2])
        assert ((numbers % people.MATERIALS > 0) & (numbers % people.MATERIALS <= 10)).all()
