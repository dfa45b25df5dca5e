from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from semipose.augment import parse
from semipose.draws import Draws
from semipose.geometry import View, to_cells
from semipose.heatmap import peaks
from semipose.methods.denoise import READINGS, selected
from semipose.methods.teachers import Itself
from semipose.methods.views import AGGREGATES, average, batched, pooled
from semipose.target import Target
from tests.fixtures.tiny import FLIP, STRIDE, K, Says, Tiny, view

SIZE = (16, 12)
MULTI = parse("affine60+flip50")


def views(count: int, seed: int = 0, n: int = 2) -> list[View]:
    """The first an easy view, the others hard ones."""
    shown, draws = view(n), Draws(seed)
    return [parse("affine30+flip50")(shown, draws), *(MULTI(shown, draws) for _ in range(count))]


class Varies:
    """A teacher that says something else about every image: smooth heatmaps (B, K, h, w), which it keeps."""

    def __init__(self, seed: int) -> None:
        self.generator, self.said = torch.Generator().manual_seed(seed), []

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        coarse = torch.rand(len(image), K, 4, 3, generator=self.generator)
        said = torch.nn.functional.interpolate(coarse, SIZE, mode="bilinear")
        self.said.append(said)
        return said

    def update(self, student: torch.nn.Module) -> None: ...


def by_definition(maps: np.ndarray, source: View, frame: View, slack: float = 0) -> np.ndarray:
    """Heatmaps (B, K, h, w) of `source` at each cell of `frame`, NaN where it has no four cells about that place, or
    within `slack` cells of it."""
    cells = to_cells(STRIDE, maps_like := torch.zeros(1, dtype=torch.float64)).numpy()
    assert maps_like.dtype == torch.float64
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    found = np.full(maps.shape, np.nan)
    for b in range(len(maps)):
        to_source = source.matrix[b].double().numpy() @ np.linalg.inv(frame.matrix[b].double().numpy())
        step = cells @ to_source @ np.linalg.inv(cells)
        u, v, _ = np.einsum("ij,jhw->ihw", step, np.stack([x, y, np.ones_like(x)]))
        known = (u >= -slack) & (u <= SIZE[1] - 1 + slack) & (v >= -slack) & (v <= SIZE[0] - 1 + slack)
        swap = bool(source.mirrored[b] != frame.mirrored[b])
        for k in range(K):
            joint = int(FLIP[k]) if swap else k
            found[b, k] = np.where(known, map_coordinates(maps[b, joint], [v, u], order=1, mode="nearest"), np.nan)
    return found


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_a_pool_is_its_definition(seed: int, count: int) -> None:
    """Maximum, mean and largest standard deviation over the views that have a cell, each resampled once."""
    shown = views(count, seed)
    for name, expect in (("max", np.nanmax), ("mean", np.nanmean), ("none", lambda maps, _: maps[0])):
        teacher = Varies(seed)
        found = pooled(teacher, shown, FLIP, AGGREGATES[name], at_once=count)
        first, others = teacher.said[0].double().numpy(), teacher.said[1].double().numpy()
        maps = [first, *(by_definition(part, each, shown[0]) for part, each in
                         zip(np.split(others, count), shown[1:], strict=True))]  # fmt: skip
        whole = np.stack(maps)
        safe = ~near_a_border(shown)
        np.testing.assert_allclose(found.heatmaps.numpy()[:, 0][safe], expect(whole, 0)[:, 0][safe], atol=2e-3)
        assert found.frame is shown[0] and (found.weight == 1).all()
    spread = np.nanstd(whole, 0)
    wide = [first, *(by_definition(part, each, shown[0], 0.01) for part, each in
                     zip(np.split(others, count), shown[1:], strict=True))]  # fmt: skip
    most = np.maximum(spread, np.nanstd(np.stack(wide), 0))  # a cell at a border may be seen by rounding
    np.testing.assert_array_less(found.doubt.numpy(), most.max((-2, -1)) + 2e-3)
    inner = np.where(safe[:, None], spread, 0).max((-2, -1))
    np.testing.assert_array_less(inner - 2e-3, found.doubt.numpy())


def near_a_border(shown: list[View]) -> np.ndarray:
    """(B, h, w): cells within a hundredth of a cell of where some view ends, on either side of it by rounding."""
    wide = by_definition(np.zeros((len(shown[0]), K, *SIZE)), shown[0], shown[0])[:, 0]
    near = np.zeros(wide.shape, bool)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    cells = to_cells(STRIDE, torch.zeros(1, dtype=torch.float64)).numpy()
    for each in shown[1:]:
        for b in range(len(near)):
            to = each.matrix[b].double().numpy() @ np.linalg.inv(shown[0].matrix[b].double().numpy())
            u, v, _ = np.einsum("ij,jhw->ihw", cells @ to @ np.linalg.inv(cells), np.stack([x, y, np.ones_like(x)]))
            for place, size in ((u, SIZE[1]), (v, SIZE[0])):
                near[b] |= (np.abs(place) < 0.01) | (np.abs(place - (size - 1)) < 0.01)
    return near


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_what_a_view_does_not_see_counts_for_nothing(seed: int, count: int) -> None:
    """Views that all say 1, wherever they end: 1 in every aggregate, and nobody in doubt."""
    shown = views(count, seed)
    for aggregate in AGGREGATES.values():
        found = pooled(Itself(Says(torch.ones(K, *SIZE))), shown, FLIP, aggregate)
        torch.testing.assert_close(found.heatmaps, torch.ones(2, K, *SIZE), atol=2e-3, rtol=0)
        assert found.doubt.max() < 2e-3


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_a_peak_that_all_views_agree_on_stays_where_it_is(seed: int) -> None:
    """A blob in the image, and a network that points at it."""
    source = torch.full((2, 3, 84, 66), 0.0)
    y, x = torch.meshgrid(torch.arange(84.0), torch.arange(66.0), indexing="ij")
    source += torch.exp(-((x - 36) ** 2 + (y - 40) ** 2) / (2 * 6**2))
    plain, draws = View.of(source, (64, 48)), Draws(seed)
    shown = [plain, *(MULTI(plain, draws) for _ in range(3))]
    pointing = lambda image: torch.nn.functional.avg_pool2d(image, STRIDE)  # noqa: E731
    alone, _ = peaks(pointing(plain.image))
    for name in ("max", "mean"):
        found, _ = peaks(pooled(pointing, shown, FLIP, AGGREGATES[name]).heatmaps)
        assert (found - alone).abs().max() <= 1


@pytest.mark.parametrize("at_once", [1, 2, 3, 9])
def test_views_are_one_batch_as_long_as_memory_allows(at_once: int) -> None:
    net = Tiny().eval()
    shown = views(3)
    found = pooled(Itself(net), shown, FLIP, at_once=at_once)
    assert [len(image) for image in net.shown] == [2, *(2 * len(part) for part in batched(range(3), at_once))]
    torch.testing.assert_close(found.heatmaps, pooled(Itself(net), shown, FLIP, at_once=3).heatmaps)
    assert torch.equal(net.shown[0], shown[0].image) and torch.equal(net.shown[1][:2], shown[1].image)


def test_the_first_view_is_not_resampled() -> None:
    shown, net = views(2), Tiny()
    found = pooled(Itself(net), shown, FLIP, AGGREGATES["none"])
    assert torch.equal(found.heatmaps, net(shown[0].image).detach()) and not found.heatmaps.requires_grad
    lone = pooled(Itself(net), shown[:1], FLIP)
    assert torch.equal(lone.heatmaps, found.heatmaps) and lone.doubt.max() == 0 and found.doubt.min() > 0


def test_a_mean_is_of_the_views_that_see() -> None:
    maps = torch.tensor([1.0, 3.0, 100.0]).view(3, 1, 1, 1, 1)
    seen = torch.tensor([True, True, False]).view(3, 1, 1, 1, 1)
    assert average(maps, seen).item() == 2


@pytest.mark.parametrize("margin", [-1e9, 0.0, 1e9])
@pytest.mark.parametrize("reading", ["printed", "peer"])
def test_a_dropped_joint_is_taken_from_who_kept_it(reading: str, margin: float) -> None:
    """Joint 1 was dropped by the surer one, joint 2 by both; what was measured of doubt stays a number."""
    kept, dropped = [1.0, 1, 0], [1.0, 0, 0]
    sure, unsure = (
        Target(torch.rand(1, K, *SIZE), torch.tensor(w).view(1, K, 1, 1), view(1), doubt=torch.full((1, K), d))
        for w, d in ((dropped, 0.1), (kept, 0.2))
    )
    for own, peer in ((sure, unsure), (unsure, sure)):
        found = selected(own, peer, READINGS[reading], margin)
        assert torch.equal(found.heatmaps[:, 1], unsure.heatmaps[:, 1])
        assert found.weight.flatten().tolist() == [1, 1, 0] and found.doubt.isfinite().all()
