import numpy as np
import pytest

from semipose.errors import UserError
from semipose.inference.ensemble import Ensemble, together
from semipose.inference.predictor import Predictor
from semipose.outputs.kalman import RAYLEIGH
from semipose.outputs.pose import Pose
from semipose.skeleton import Skeleton
from tests.inference.test_predictor import SKELETON, Bright, picture


def pose(x: float, error90: float | None = None, unlike: bool = False) -> Pose:
    radius = None if error90 is None else np.array([error90])
    return Pose(np.array([[x, 10.0]]), np.array([x / 100]), (0, 0, 40, 40), radius, unlike)


def test_two_give_their_mean_three_their_median() -> None:
    assert together([pose(10), pose(20)]).xy.tolist() == [[15, 10]]
    assert together([pose(10), pose(20), pose(90)]).xy.tolist() == [[20, 10]]
    assert together([pose(10), pose(20)]).score == pytest.approx([0.15])


def test_an_error_bar_is_no_smaller_than_their_disagreement() -> None:
    near, far = together([pose(10, 4.0), pose(10, 6.0)]), together([pose(10, 4.0), pose(30, 6.0)])
    assert near.error90 == pytest.approx([5.0])
    assert far.error90 == pytest.approx([RAYLEIGH * 10])
    assert together([pose(10), pose(30)]).error90 is None
    assert together([pose(10, unlike=True), pose(30)]).unlike and not near.unlike


class Wrong(Bright):
    """What is to the right of the brightest point."""

    def forward(self, image):  # type: ignore[no-untyped-def]
        return super().forward(image).roll(6, -1)


def test_each_member_sees_each_image_and_little_is_held() -> None:
    members = [Predictor(net, SKELETON, device="cpu", padding=1.0) for net in (Bright(), Wrong())]  # type: ignore[arg-type]
    held, most = 0, 0

    def images():  # type: ignore[no-untyped-def]
        nonlocal held, most
        for n in range(40):
            held += 1
            most = max(most, held)
            yield picture(60 + n, 80), [[40, 30, 96, 128]]

    for n, (found,) in enumerate(Ensemble(members).pairs(images(), 4)):
        held -= 1
        assert np.abs(found.xy[0] - [60 + n + 6, 80]).max() < 3
    assert most <= 8


def test_other_joints_are_one_line() -> None:
    other = Predictor(Bright(), Skeleton("spot", ("spot",)), device="cpu")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="network 2 of those together predicts spot, the first one dot"):
        Ensemble([Predictor(Bright(), SKELETON, device="cpu"), other])  # type: ignore[arg-type]
