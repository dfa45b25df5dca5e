from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from semipose.config import Config, DataConfig, ModelConfig
from semipose.config.schema import LossesConfig
from semipose.data.checks.training import coarse, needed, slow
from semipose.data.crops.store import refuse_above
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.methods import options
from tests.fixtures.doubted import SKELETON, pictures
from tests.fixtures.runs import OPTIONS


@pytest.fixture
def data(tmp_path: Path) -> PoseData:
    return pictures(tmp_path)


def test_what_is_slow_is_said_with_what_to_do() -> None:
    labels = PoseData("d", SKELETON, tuple(Sample(str(i), f"{i}.png", (0, 0, 9, 9)) for i in range(9)))
    films = tuple(Sample(f"f{i}", f"video:/film.mp4#{i}", (0, 0, 9, 9)) for i in (5, 29_999))
    sets = {"labeled": labels, "unlabeled": PoseData("v", None, films)}
    model = ModelConfig(size=[64, 48], weights="none", options=OPTIONS, deconv=[8, 8, 8])
    quick = Config(model=model, steps=10)
    assert ["30,000 frames of 1 videos" in found.text for found in slow(quick, sets)] == [True]
    hours = slow(replace(quick, steps=10**9, threads=1), {"labeled": labels})
    assert [found.text.split(" on ")[0].startswith("slow: training takes") for found in hours] == [True]
    large = replace(quick, model=replace(model, size=[8992, 8992]), method=options("supervised"), steps=0, epochs=0)
    assert any("GB on disk" in found.text and "jpeg" in found.todo for found in slow(large, {"labeled": labels}))
    many = PoseData("d", SKELETON, tuple(Sample(str(i), f"{i}.png", (0, 0, 9, 9)) for i in range(99)))
    (found,) = (found for found in slow(large, {"labeled": labels, "unlabeled": many, "val": many}) if found.problem)
    assert found.text.startswith("val: the crops of its 99 samples need 24 GB") and "data.reach" in found.todo
    assert not slow(replace(large, data=DataConfig(store="jpeg")), {"labeled": many})
    with pytest.raises(UserError, match=r"data\.store=jpeg .* data\.reach"):
        refuse_above(10**9, 2 * 10**9, many)


def test_joints_nearer_than_a_cell_are_named(data: PoseData) -> None:
    """Nose and ear are 20 pixels apart, in a box of 60x40 that becomes 48x32: 16 pixels of it, 8 cells of stride 2."""
    model = ModelConfig(size=[32, 48], weights="none", options=OPTIONS, deconv=[8, 8, 8], padding=1.0)
    assert not coarse(Config(DataConfig(), model), {"labeled": data})
    (found,) = coarse(Config(DataConfig(), replace(model, padding=9.0)), {"labeled": data})
    assert found.text.startswith("coarse: 2 pairs of joints") and not found.problem
    assert found.ids == ("nose - ear: 0.9 cells", "ear - tail: 0.9 cells")
    assert not coarse(Config(DataConfig(), model), {"labeled": data.unlabeled()})


def test_a_method_without_what_it_needs_is_a_problem(data: PoseData) -> None:
    config = Config(DataConfig(), method=options("single"))
    assert [found.problem for found in needed(config, {"labeled": data, "val": data})] == [True]
    assert [found.problem for found in needed(config, {"labeled": data, "unlabeled": data})] == [False]
    alone = replace(config, method=options("supervised"))
    assert not needed(alone, {"labeled": data, "val": data})
    (lacking,) = needed(replace(alone, losses=LossesConfig(shape=1.0)), {"labeled": data, "val": data})
    assert lacking.problem and lacking.text.startswith("losses learn from unlabelled images and there are none")
