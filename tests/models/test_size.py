from __future__ import annotations

from dataclasses import replace

import pytest

from semipose.config import ModelConfig
from semipose.models.size import Size, size
from tests.fixtures.runs import OPTIONS

TINY = ModelConfig(size=[64, 48], weights="none", options=OPTIONS, deconv=[8, 8, 8])


def test_a_joint_is_a_filter_of_the_head() -> None:
    """Of 1x1 over the 8 channels of 32 x 24 cells (three deconvolutions behind a backbone of stride 16), and a bias."""
    few, more = size(TINY, 5), size(TINY, 6)
    assert more.parameters - few.parameters == 8 + 1
    assert more.operations - few.operations == 8 * 32 * 24
    assert (more.gflops - few.gflops) * 2**30 == pytest.approx(8 * 32 * 24)


def test_twice_the_sides_are_four_times_the_operations_of_the_same_parameters() -> None:
    small, large = (size(replace(TINY, size=[side, side]), 5) for side in (64, 128))
    assert large.parameters == small.parameters
    assert large.operations == 4 * small.operations and large.gflops == pytest.approx(4 * small.gflops)


def test_no_weights_are_read() -> None:
    assert size(replace(TINY, weights="nowhere.safetensors"), 5) == size(TINY, 5)


def test_it_prints_in_the_tables_units() -> None:
    assert str(Size(34_049_000, 1, 8.994)) == "34.0 M parameters, 8.99 GFLOPs"
