from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from semipose.augment import parse
from semipose.data.crops.build import Crops, CropSpec, build_crops
from semipose.data.sample import PoseData
from semipose.draws import Draws
from semipose.geometry import View, move
from semipose.heatmap import decoder, encode
from semipose.methods import options
from semipose.methods.base import Method
from semipose.methods.target import Codec
from semipose.methods.teachers import Frozen
from semipose.models import checkpoint
from semipose.signals import Stopped
from semipose.skeleton import LSP
from semipose.target import Target
from semipose.training import loop as train
from semipose.training.launch import launch
from semipose.training.loop import Training, run_training
from semipose.training.pseudo import HeldBack, hold_back, measure, told_once
from semipose.training.rundir import RunDir
from tests.fixtures.runs import assert_same_runs, metrics, points, resume, same, tiny
from tests.fixtures.tiny import Tiny

FLIP = torch.tensor([1, 0])
CODEC = Codec(4, 1.5, FLIP)


class Knows(Method):
    """Teaches the truth, moved by `error` pixels to the right in the plain view, in a view that may be mirrored."""

    def __init__(self, data: PoseData, held: HeldBack, error: float = 0.0) -> None:
        super().__init__([Tiny(0, 2), Tiny(1, 2)], CODEC, parse("affine30+flip50"))
        self.held, self.error, self.at, self.seen = held, error, 0, []

    def pseudo(self, unlabeled: View, draws: Draws) -> list[Target]:
        easy = self.easy(unlabeled, draws)
        truth = torch.from_numpy(self.held.truth[self.at : self.at + len(easy), :, :2]).float()
        self.at += len(easy)
        self.seen.append(easy.matrix)
        truth = truth + torch.tensor([self.error, 0])
        xy = move(easy.matrix, truth)
        xy = torch.where(easy.mirrored[:, None, None], xy[:, FLIP], xy)
        weight = torch.ones(len(easy), 2, 1, 1)
        return [Target(encode(xy, (16, 12), 4, 1.5) * height, weight, easy) for height in (1.0, 0.5)]


@pytest.fixture
def crops(tmp_path: Path) -> tuple[PoseData, Crops]:
    data = points(12)
    return data, build_crops(data.unlabeled(), CropSpec((64, 48), (92, 80)), tmp_path, progress=False)


def highest(cells: np.ndarray) -> np.ndarray:
    """Of Gaussians at places in cells (..., 2), the value at the nearest of the map's 12 x 16 cells."""
    off = cells - cells.round().clip(0, [11, 15])
    return np.exp(-(off**2).sum(-1) / (2 * 1.5**2))


@pytest.mark.parametrize(("error", "right"), [(0.0, 46), (25.0, 0)])
def test_a_pseudo_heatmap_is_measured_in_its_own_view(crops, error: float, right: int) -> None:
    """Turned, scaled, and mirrored with left and right swapped: the truth taught in such a view is scored as right, but
    for one joint whose body is so small that a quarter of a cell is more than the threshold."""
    data, cut = crops
    held = hold_back(cut, data, 12, 4, 0)
    assert held is not None and held.truth.shape == (12, 2, 3)
    made = Knows(data, held, error)
    scores = measure(made, held, "cpu", 0.15)
    seen = torch.cat(made.seen)
    assert 0 < int((torch.linalg.det(seen) < 0).sum()) < 12
    assert (scores["images"], scores["count"], scores["taught"]) == (12, 2 * 12 * 2, 1.0)
    assert scores["pck"] == scores["pck_taught"] == right / 48
    assert [scores["per_joint"][joint]["count"] for joint in ("left", "right")] == [24, 24]
    there = move(seen, torch.from_numpy(held.truth[..., :2] + [error, 0]).float()).numpy()
    heights = highest((there - 1.5) / 4)
    assert scores["confidence"] == pytest.approx(0.75 * heights.mean(), abs=1e-5)


def test_joints_out_of_view_are_not_scored(crops) -> None:
    data, cut = crops
    held = hold_back(cut, data, 12, 4, 0)
    assert held is not None
    out = replace(held, truth=np.where([True, False, False], 500.0, held.truth))
    assert measure(Knows(data, out), out, "cpu", 0.15)["count"] == 0


def test_only_labelled_images_in_whole_batches(crops) -> None:
    data, cut = crops
    some = replace(data, samples=data.samples[:7])
    held = hold_back(cut, some, 12, 3, 0)
    assert held is not None and len(held.rows) == len(set(held.rows)) == 6 and set(held.rows) < set(range(7))
    fewer = hold_back(cut, some, 2, 3, 0)
    assert fewer is not None and fewer.rows.tolist() == held.rows[:2].tolist()
    assert hold_back(cut, some, 0, 3, 0) is None and hold_back(cut, None, 4, 3, 0) is None
    assert hold_back(cut, replace(data, samples=()), 4, 3, 0) is None


@pytest.mark.parametrize(("name", "students"), [("denoise_select", 2), ("unbiased_teacher", 1)])
def test_measuring_leaves_no_trace(cache: Path, run: RunDir, name: str, students: int) -> None:
    """Running statistics of students and teachers, and torch's random numbers."""
    config = tiny(cache, name)
    made = Training(config, run, launch(config), False)
    before, state = {k: v.clone() for k, v in made.method.state_dict().items()}, torch.get_rng_state()
    one, other = (measure(made.method.train(), made.held, "cpu", 0.1) for _ in range(2))
    assert one == other and one["count"] == students * 12 * len(LSP)
    assert same(before, dict(made.method.state_dict())) and torch.equal(state, torch.get_rng_state())


@pytest.mark.slow
def test_a_run_measures_what_it_teaches_with(cache: Path, tmp_path: Path) -> None:
    """At each evaluation, with the same views every time; training is that of a run that does not look, and a resumed
    run that of one in one go."""
    runs = {}
    for name, images, stop in (("whole", 8, None), ("parts", 8, 3), ("blind", 0, None)):
        config = tiny(cache, "denoise_select", pseudo=images, steps=4, eval_every=2, log_every=2)
        config.method.views = 2
        config.method.teach = "refined0.05"
        runs[name] = RunDir.create(tmp_path / name)
        run_training(config, runs[name], progress=False, stop_at=stop)
        if stop:
            resume(config, runs[name])
    assert_same_runs(runs["whole"], runs["parts"])
    rows = {row["step"]: row for row in metrics(runs["whole"])}
    assert [step for step, row in rows.items() if row["pseudo/pck"]] == ["2", "4"]
    told = {"pck", "taught", "pck_taught", "confidence", "doubt", *(f"pck/{joint}" for joint in LSP.joints)}
    assert {name for name in rows["2"] if name.startswith("pseudo/")} == {f"pseudo/{name}" for name in told}
    quality = runs["whole"].read_json("summary.json")["pseudo"]
    assert quality == runs["parts"].read_json("summary.json")["pseudo"]
    assert (quality["images"], quality["count"]) == (8, 2 * 8 * len(LSP))
    assert quality["pck"] == pytest.approx(float(rows["4"]["pseudo/pck"]))
    assert "pseudo/pck" not in metrics(runs["blind"])[0] and "pseudo" not in runs["blind"].read_json("summary.json")
    assert same(*(checkpoint.load(runs[name].last)["method"] for name in ("whole", "blind")))


def test_labels_are_read_for_nothing_else(cache: Path, tmp_path: Path) -> None:
    """Other held-back labels change what is measured, and no weight."""
    weights, scores = [], []
    for shift in (0.0, 40.0):
        config = tiny(cache, "dual", steps=2, eval_every=0, data={"val": None})
        run = RunDir.create(tmp_path / "run")
        whole = train.open_sets

        def moved(*arguments: object, shift: float = shift, whole=whole):
            found = whole(*arguments)
            held = tuple(replace(s, keypoints=s.keypoints + np.float32([shift, 0, 0])) for s in found.held)
            return replace(found, held=replace(found.held, samples=held))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(train, "open_sets", moved)
            summary = run_training(config, run, progress=False)
        weights.append(checkpoint.load(run.last)["method"])
        scores.append(summary["pseudo"]["per_joint"])
    assert same(*weights) and scores[0] != scores[1]


def test_a_method_that_teaches_with_nothing_is_not_measured(crops) -> None:
    data, cut = crops
    held = hold_back(cut, data, 12, 4, 0)
    assert held is not None
    nothing = Knows(data, held)
    nothing.pseudo = lambda unlabeled, draws: []  # type: ignore[method-assign]
    assert measure(nothing, held, "cpu", 0.15) is None


def test_what_is_told_once_lies_in_the_crops_pixels(crops) -> None:
    """Of every crop in its order, in batches; what was said of the plain view, whichever images it is asked with."""
    data, cut = crops
    method = Knows(data, hold_back(cut, data, 0, 4, 0) or HeldBack(cut, LSP, np.arange(0), np.zeros((0, 2, 3)), 4, 0))
    inside = torch.rand(len(cut), 2, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([30.0, 46.0]) + 9
    places = inside + torch.tensor([16.0, 14.0])  # by which the crop is larger all around
    asked: list[int] = []

    def once(view: View, draws: Draws) -> Target:
        rows = slice(sum(asked), sum(asked) + len(view))
        asked.append(len(view))
        assert torch.equal(view.matrix, view.base.expand(len(view), 3, 3))
        heatmaps = encode(move(view.base, places[rows]), (16, 12), 4, 1.5) * torch.tensor([0.9, 0.6])[:, None, None]
        return Target(heatmaps, torch.ones(len(view), 2, 1, 1), view, doubt=torch.full((len(view), 2), 0.25))

    method.once = once
    found = told_once(method, cut, "cpu", seed=0, refine=decoder("dark", 1.5))
    assert found.shape == (len(cut), 2, 4) and sum(asked) == len(cut) and found.dtype == np.float32
    np.testing.assert_allclose(found[..., :2], places.numpy(), atol=0.2)
    assert (found[:, 0, 2] > found[:, 1, 2]).all() and (found[..., 3] == 0.25).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pseudopose", "datadistill"])
def test_a_finished_teacher_is_asked_once(cache, reference, tmp_path, monkeypatch, name) -> None:
    """Before the first step and where a run goes on, not in a step nor where its teaching is measured; a run that was
    stopped comes to what one without a pause does."""
    asked: list[int] = []
    told = Frozen.forward
    monkeypatch.setattr(Frozen, "forward", lambda self, image: (asked.append(len(image)), told(self, image))[1])
    config = tiny(cache)
    method = options(name, teacher=str(reference.path / "model.safetensors"), stored=True)
    config = replace(config, method=method, pseudo=4)
    whole, broken = RunDir.create(tmp_path / "whole"), RunDir.create(tmp_path / "broken")
    run_training(config, whole, progress=False)
    views = 4 if name == "datadistill" else 1
    assert asked == [12] * views
    run_training(config, broken, progress=False, stop_at=3)
    resume(config, broken)
    assert asked == [12] * views * 3
    assert_same_runs(broken, whole)
    assert all(float(row["loss/unsupervised"]) > 0 for row in metrics(whole) if row["loss/unsupervised"])


@pytest.mark.slow
def test_a_signal_while_a_teacher_is_asked_loses_nothing(cache, reference, tmp_path, monkeypatch) -> None:
    """The run can go on; and the time of asking is time of training."""
    told = Frozen.forward

    def signalled(self, image):
        os.kill(os.getpid(), signal.SIGTERM)
        return told(self, image)

    method = options("pseudopose", teacher=str(reference.path / "model.safetensors"), stored=True)
    config = replace(tiny(cache), method=method, pseudo=4)
    run = RunDir.create(tmp_path / "run")
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Frozen, "forward", signalled)
        run_training(config, run, progress=False)
    before = checkpoint.load(run.last)["progress"]
    assert before["step"] == 0 and before["seconds"] > 0
    assert resume(config, run)["steps"] == config.steps
