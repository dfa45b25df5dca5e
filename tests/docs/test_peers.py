"""benchmarks/peers.py: what it hands to a peer, what it keeps of one, and how it compares."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from semipose.data.open import open_labeled
from tests.fixtures.projects import JOINTS, deeplabcut

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def peers() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        script = runpy.run_path(str(BENCHMARKS / "peers.py"))
    return SimpleNamespace(**script, space=script["drive"].__globals__)


@pytest.fixture(scope="module")
def work() -> Any:
    return SimpleNamespace(**runpy.run_path(str(BENCHMARKS / "peers" / "work.py")))


def test_a_project_has_the_same_labels_with_the_labelled_images_first(
    peers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tables")
    monkeypatch.syspath_prepend(str(BENCHMARKS))  # as when it is run, where another script is called tables.py
    data = open_labeled(str(deeplabcut(tmp_path / "own")))
    order = [4, 0, 3, 1]
    samples = [data.samples[i] for i in order]
    peers.write_project(samples[:2], samples[2:], data, tmp_path / "theirs")
    found = open_labeled(str(tmp_path / "theirs"))
    assert found.skeleton is not None and found.skeleton.joints == JOINTS
    for sample, again in zip(samples, found, strict=True):
        assert sample.keypoints is not None and again.keypoints is not None
        np.testing.assert_array_equal(sample.keypoints[:, 2] > 0, again.keypoints[:, 2] > 0)
        seen = sample.keypoints[:, 2] > 0
        np.testing.assert_allclose(sample.keypoints[seen, :2], again.keypoints[seen, :2], atol=1e-3)
        assert Path(sample.image).read_bytes() == Path(again.image).read_bytes()
    assert not all((sample.keypoints[:, 2] > 0).all() for sample in found if sample.keypoints is not None)
    assert yaml.safe_load((tmp_path / "theirs" / "config.yaml").read_text())["bodyparts"] == list(JOINTS)


def test_a_requirement_that_cannot_be_installed_is_left_out(peers: Any) -> None:
    asked = ["torch (<3)", "nvidia-dali-cuda110 ; sys_platform == 'linux'", "ruff ; extra == 'dev'", "h5py; x"]
    assert peers.needed(asked, "nvidia-dali") == ["torch (<3)", "h5py"]
    assert peers.needed(asked, "") == ["torch (<3)", "nvidia-dali-cuda110", "h5py"]


def test_of_errors_the_telling_line_is_kept(peers: Any) -> None:
    text = "x\nThe installation of dali for version 1 failed.\n\nerror: metadata-generation-failed\n"
    assert peers.pip_reason(text) == "The installation of dali for version 1 failed."
    assert peers.pip_reason("a\nERROR: no space left\n") == "ERROR: no space left"
    assert peers.last_line("Traceback\n  line\nValueError: bad\n\n") == "ValueError: bad"


def options(root: Path) -> argparse.Namespace:
    return argparse.Namespace(root=root, threads=1, again=False)


@pytest.mark.parametrize(
    "code, expected",
    [
        ("work.finish({'doubled': 2 * work.job()['number'], 'threads': work.job()['threads']})", {"doubled": 6}),
        ("raise ImportError('no such thing')", {"reason": "ImportError: no such thing"}),
        ("pass", {"reason": "it printed nothing"}),
    ],
)
def test_a_driver_gives_figures_or_a_reason(
    peers: Any, code: str, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = tmp_path / "driver.py"
    driver.write_text(f"import sys; sys.path.insert(0, {str(BENCHMARKS / 'peers')!r}); import work\n{code}\n")
    monkeypatch.setitem(peers.PEERS, "lp", peers.Peer(str(driver), ()))
    monkeypatch.setitem(peers.space, "python_of", lambda who, root: Path(sys.executable))
    (tmp_path / "lp").mkdir()
    (tmp_path / "lp" / peers.MARK).write_text("")
    (tmp_path / "result.json").write_text('{"doubled": "of an earlier run"}')
    found = peers.drive("lp", {"number": 3}, tmp_path, options(tmp_path))
    assert {key: found[key] for key in expected} == expected and set(found) <= {*expected, "threads"}


def test_a_part_that_is_done_is_read(peers: Any, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "steps-released.json").write_text('{"reason": "of before"}')
    assert peers.run_part("steps:released", options(tmp_path)) == {"reason": "of before"}
    asked = argparse.Namespace(root=tmp_path, threads=1, again=True, released=None)
    assert "--released" in peers.run_part("steps:released", asked)["reason"]


def errors(*pairs: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {"errors": [(1, 60 * minutes, px) for minutes, px in pairs], **more}


def test_minutes_until_the_error_that_both_reach(peers: Any) -> None:
    ours, theirs = errors((1, 30), (2, 9), (3, 5)), errors((4, 20), (8, 10), (12, 11))
    assert peers.minutes_over(ours, theirs) == (2 / 8, 10)
    assert peers.minutes_over(theirs, ours) == (8 / 2, 10)
    assert peers.minutes_over(ours, {"reason": "no weights"}) == "the peer: no weights"
    assert peers.reached(ours["errors"], 4) is None


def test_a_row_is_figures_or_a_reason(peers: Any) -> None:
    parts = {
        "train:ours:openfield": errors((1, 4)),
        "train:ours-scratch:openfield": errors((2, 8)),
        "train:lp:openfield": errors((4, 8), weights="none"),
        "train:dlc:openfield": errors((4, 4), weights="resnet50_gn"),
        "train:ours:mouse": errors((1, 4)),
        "train:dlc:mouse": errors((5, 4), weights="resnet50_gn"),
        "predict:openfield": {
            "images_per_second": {"ours": [30, 40, 50], "onnxruntime": [20, 25, 90]},
            "reasons": {"lp": "ImportError: dali"},
        },
        "steps:released": {"step_seconds": {"ours": [2.0, 2.0, 9.0], "released": [3.0]}},
    }
    summary, reasons = peers.summarize(parts)
    assert summary["openfield_minutes_over_lp"] == 0.5, "from scratch beside from scratch"
    assert summary["openfield_minutes_over_dlc"] == 0.25 and summary["openfield_dlc_error_px"] == 4
    assert summary["mouse_minutes_over_dlc"] == 0.2 and summary["minutes_over_dlc"] == 0.25
    assert summary["predict_over_onnxruntime"] == 1.6 and summary["step_over_released"] == 1.5
    assert reasons == {
        "mouse_minutes_over_lp": "not run yet",
        "minutes_over_lp": "not of both data sets",
        "predict_over_lp": "ImportError: dali",
        "predict_over_dlc": "not run yet",
    }
    nothing, every = peers.summarize({})
    assert nothing == {} and {"step_over_released", "predict_over_onnxruntime", "minutes_over_lp"} <= set(every)


def test_a_shorter_training_keeps_the_schedule_in_proportion(work: Any) -> None:
    assert work.affordable(minutes=2, epoch_seconds=10, default=500) == 12
    assert work.affordable(minutes=2, epoch_seconds=0.1, default=500) == 500
    assert work.affordable(minutes=2, epoch_seconds=900, default=500) == 1
    assert work.scaled([150, 200, 250], 30, 300) == [15, 20, 25]


def test_the_median_error_is_of_labelled_points(work: Any) -> None:
    nan, inf = float("nan"), float("inf")
    assert work.median_px([(0, 0), (3, 4), (9, 9)], [(0, 1), (0, 0), (nan, nan)]) == 3
    assert work.median_px([(nan, 0), (0, 0), (0, 0)], [(0, 0), (0, 2), (0, 3)]) == 3
    assert work.median_px([(nan, 0)], [(0, 0)]) == inf
    assert np.isnan(work.median_px([(0, 0)], [(nan, nan)]))


def test_what_is_kept_of_a_training(work: Any) -> None:
    found = work.trained([(3, 6.0, 12.34567)], steps=6, seconds=12.0, batch=20 / 3)
    assert found["step_seconds"] == 2 and found["labelled_images_per_second"] == 3.333
    assert found["errors"] == [(3, 6.0, 12.346)]
