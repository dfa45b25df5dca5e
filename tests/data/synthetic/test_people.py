from __future__ import annotations

import numpy as np
import pytest

from semipose.data.refs import Person
from semipose.data.synthetic import draw as people_draw
from semipose.data.synthetic import people
from semipose.data.synthetic.body import WHITE
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
        (Person("moon", 0, 1), "have no domain 'moon': use studio, wild or walk"),
        (Person("wild", 0, -1), "an index of 0 or more"),
        (Person("wild", 1 << 64, 0), "below"),
        (Person("wild", 0, 1 << 40), "below"),
    ],
)
def test_a_person_that_cannot_be_is_a_user_error(ref, says):
    with pytest.raises(UserError, match=says):
        people.read(ref)
