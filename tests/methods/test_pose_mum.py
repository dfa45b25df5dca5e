from __future__ import annotations

import pytest

from semipose.errors import UserError
from semipose.methods import build_method, options
from semipose.methods.mix import Mixing
from semipose.methods.teachers import Ema, Itself
from tests.fixtures.tiny import CODEC, Tiny

GIVEN = {"mix_group": 2, "mix_tiles": [2, 3], "unmix": "layer3"}


def test_mum_mixes_the_images_alone_and_pose_mum_stages_too() -> None:
    assert options("mum", **GIVEN).mixing(Tiny()) == Mixing(2, (2, 3), (), unmix="layer3")
    more = {"mix_after": ["layer2"], "mix_chance": 0.25, "mix_anew": False}
    assert options("pose_mum", **GIVEN, **more).mixing(Tiny()) == Mixing(2, (2, 3), ("layer2",), 0.25, False, "layer3")


def test_pose_mum_plus_is_pose_mum_taught_by_eman() -> None:
    plain, plus = (build_method(options(name), [Tiny()], CODEC) for name in ("pose_mum", "pose_mum_plus"))
    assert plain.mix == plus.mix == Mixing(4, (4, 3), ("layer1", "layer2", "layer3"))
    assert isinstance(plain.teacher, Itself)
    assert isinstance(plus.teacher, Ema) and plus.teacher.statistics == "sigma" and plus.teacher.decay == 0.999


def test_mixing_that_does_not_fit_the_network_is_refused() -> None:
    with pytest.raises(UserError, match="mix_tiles"):
        build_method(options("mum", mix_tiles=[5, 3]), [Tiny()], CODEC)
