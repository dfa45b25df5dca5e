"""The losses of time and shape in a run: what labels tell them, what is refused, and that a run goes on exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semipose.config import Config
from semipose.config.resolve import resolve
from semipose.config.schema import LossesConfig, learns_unlabeled
from semipose.data.crops.build import CropSpec, build_crops
from semipose.data.sample import PoseData, Sample
from semipose.errors import UsageError, UserError
from semipose.methods import options
from semipose.skeleton import Skeleton
from semipose.training import video
from semipose.training.find import of_finder
from semipose.training.loop import run_training
from semipose.training.rundir import RunDir
from semipose.training.video import check_losses, video_losses
from tests.fixtures.films import film
from tests.fixtures.runs import assert_same_runs, metrics, resume, tiny

BOTH = {"temporal": 1.0, "shape": 1.0, "after": 0.0}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clips") / "clip.mp4", 16, (96, 64))


def run_of(cache: Path, clip: Path, method: str = "supervised", **changes: object) -> Config:
    data = {"unlabeled": str(clip), "frames": "all", "window": 2}
    return tiny(cache, method, data=data, losses=BOTH, **changes)


def trained(config: Config, run: RunDir, **arguments: object) -> dict:
    return run_training(config, run, progress=False, **arguments)


def test_supervised_training_takes_them_and_tells(cache, clip, run) -> None:
    summary = trained(run_of(cache, clip, steps=3, eval_every=0), run)
    rows = metrics(run)
    assert {"loss/supervised", "loss/temporal", "loss/shape"} <= set(rows[0]) and rows[0]["loss/shape"]
    assert summary["unlabeled"] == 16 and summary["method"] == "supervised"
    told = summary["video_losses"]
    assert told["temporal"]["from"] == "body" and 0 < told["temporal"]["tolerance"] < 0.1
    assert told["shape"]["poses"] == 12 and 0 < told["shape"]["components"] < 12 and told["shape"]["tolerance"] > 0


def test_a_run_with_them_goes_on_exactly(cache, clip, tmp_path) -> None:
    config = run_of(cache, clip, steps=4, eval_every=0, log_every=4)
    whole, halved = (RunDir.create(tmp_path / name) for name in ("whole", "halved"))
    trained(config, whole)
    trained(config, halved, stop_at=2)
    resume(config, halved)
    assert_same_runs(whole, halved)


def test_labels_alone_teach_in_a_burn_in(cache, clip, run) -> None:
    config = run_of(cache, clip, "single", steps=2, log_every=1, eval_every=0)
    trained(replace(config, method=replace(config.method, burn_in=0.5)), run)
    assert [bool(row["loss/temporal"]) for row in metrics(run)] == [False, True]


def test_they_come_after_the_labels_are_learnt(cache, clip, run) -> None:
    """A row of metrics.csv ends where they begin; until then the method is alone, and learns as without them."""
    losses = {**BOTH, "after": 0.5}
    trained(replace(run_of(cache, clip, steps=4, log_every=3, eval_every=0), losses=LossesConfig(**losses)), run)
    rows = metrics(run)
    assert [row["step"] for row in rows] == ["2", "3", "4"]
    assert [bool(row["loss/shape"]) for row in rows] == [False, True, True]


def test_shape_needs_no_windows(cache, run) -> None:
    trained(tiny(cache, "supervised", losses={"shape": 1.0, "after": 0.0}, steps=2, log_every=1, eval_every=0), run)
    assert "loss/temporal" not in metrics(run)[0] and metrics(run)[0]["loss/shape"]


@pytest.mark.parametrize(
    ("data", "losses", "message"),
    [
        ({}, {"temporal": 1.0}, r"losses\.temporal is 1 and data\.window 1: .*; set data\.window: 2 or more"),
        ({"window": 3}, {"shape": 1.0}, r"a batch of 4 unlabelled images is no whole number of windows of 3 .*: 6$"),
    ],
)
def test_what_does_not_fit_together(data: dict, losses: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        check_losses(tiny(Path("cache"), "supervised", data=data, losses=losses))
    assert "\n" not in str(error.value)


def test_labelled_images_are_no_windows(cache, run, tmp_path) -> None:
    split = tmp_path / "split.json"
    split.write_text('{"name": "studio", "labeled": [], "unlabeled": [], "val": [], "seed": 0, "group": "random"}')
    config = tiny(cache, "single", data={"unlabeled": None, "split": str(split), "window": 2})
    with pytest.raises(UserError, match=r"data\.window is 2, and single images of .* are no neighbouring frames"):
        trained(config, run)


def test_settings_are_checked_and_nothing_is_on_unasked() -> None:
    assert (
        not Config().losses.used
        and Config().data.window == 1
        and not learns_unlabeled(Config(method=options("supervised")))
    )
    assert learns_unlabeled(Config(method=options("supervised"), losses=LossesConfig(shape=0.5)))
    with pytest.raises(UsageError, match=r"losses\.temporal is -1; it is a weight"):
        resolve(Config(), {"losses": {"temporal": -1}})
    with pytest.raises(UsageError, match=r"data\.window is 0; it is a number of frames"):
        resolve(Config(), {"data": {"window": 0}})
    with pytest.raises(UsageError, match=r"there is no setting losses\.tmporal; did you mean losses\.temporal"):
        resolve(Config(), {"losses": {"tmporal": 1}})


def test_a_finder_has_none(cache, clip) -> None:
    assert not of_finder(run_of(cache, clip)).losses.used


def walked(step: float, images: list[str], clip: Path) -> PoseData:
    """A pair of joints, 20 pixels apart, that goes `step` pixels a sample to the right."""
    samples = []
    for i, image in enumerate(images):
        joints = np.array([[20 + step * i, 40, 2], [20 + step * i, 60, 2]], np.float32)
        samples.append(Sample(str(i), image, (0, 0, 64, 96), joints))
    return PoseData("walk", Skeleton("pair", ("a", "b")), samples)


@pytest.mark.parametrize(("paired", "said", "tolerance"), [(True, "neighbours", 2), (False, "body", 0.25 * 20)])
def test_labelled_neighbours_tell_how_far_joints_go_else_the_body(cache, clip, paired, said, tolerance) -> None:
    """In pixels of the image, of which a crop of 96 pixels shows 96 / 1.25."""
    images = [f"video:{clip}#{n if paired else 0}" for n in range(12)] if paired else [f"video:{clip}#0"]
    images = images if paired else [f"video:{clip}#{n}" for n in range(0, 16, 2)]
    labeled = build_crops(walked(2, images, clip), CropSpec((96, 64), (96, 64), 1.25), cache, progress=False)
    config = run_of(cache, clip)
    config = replace(config, losses=LossesConfig(temporal=1.0, jump=0.25), model=replace(config.model, size=[96, 64]))
    found = video_losses(config, labeled)
    assert found is not None and found.about["temporal"]["from"] == said
    assert found.about["temporal"]["tolerance"] == pytest.approx(tolerance / 1.25 / 96, rel=1e-4)
    assert video.PAIRS == 10


def test_two_joints_have_no_shape(cache, clip) -> None:
    images = [f"video:{clip}#{n}" for n in range(8)]
    labeled = build_crops(walked(2, images, clip), CropSpec((96, 64), (96, 64), 1.25), cache, progress=False)
    with pytest.raises(UserError, match=r"losses\.shape: 8 labelled poses of 2 joints vary in every direction"):
        video_losses(tiny(cache, losses={"shape": 1.0}), labeled)
    assert video_losses(tiny(cache), labeled) is None
