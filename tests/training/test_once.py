"""Which run is reused, and what is said of the time. Runs that go on: tests/verbs/test_reproduce.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from semipose.config import Config, to_dict
from semipose.config.schema import FINDER
from semipose.methods import options
from semipose.signals import Interruption, Stopped
from semipose.training import loop, once
from semipose.training.find import FOR
from semipose.training.once import Clock, Unfinished, train_once
from semipose.training.rundir import RunDir
from semipose.training.start import Run

CONFIG = Config(steps=5)


def recorded(folder: Path, config: Config, finished: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(to_dict(config)))
    if finished:
        (folder / "summary.json").write_text("{}")
    return folder


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is asked to be trained."""
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        loop, "run_training", lambda config, run, *rest, **_: asked.append((config, run.path, *rest)) or {}
    )
    return asked


def test_a_finished_run_of_the_same_configuration_is_reused(tmp_path: Path, trained: list) -> None:
    folder = recorded(tmp_path / "run", CONFIG)
    for same in (CONFIG, replace(CONFIG, workers=3, threads=2, accelerator="cpu")):
        assert train_once(folder, same) == (folder, True)
    assert trained == []


def test_another_configuration_is_trained_beside_it(tmp_path: Path, trained: list) -> None:
    recorded(tmp_path / "run", CONFIG)
    recorded(tmp_path / "run-2", replace(CONFIG, seed=1))
    other = replace(CONFIG, seed=2)
    with pytest.raises(Unfinished):
        train_once(tmp_path / "run", other, train=False)
    assert trained == [] and not (tmp_path / "run-3").exists()
    assert train_once(tmp_path / "run", other, progress=False) == (tmp_path / "run-3", False)
    ((config, path, resume, initial, _),) = trained
    assert (config, path, resume, initial) == (other, tmp_path / "run-3", None, [])


def test_one_that_was_interrupted_goes_on(tmp_path: Path, trained: list, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = recorded(tmp_path / "run", CONFIG, finished=False)
    last = folder / "checkpoints" / "last.ckpt"
    last.parent.mkdir()
    last.touch()
    assert train_once(folder, CONFIG) == (folder, False)
    assert trained == [(CONFIG, folder, last)]

    def stops(*_: object, **__: object) -> None:
        raise Stopped(3, folder, "resume it")

    monkeypatch.setattr(loop, "run_training", stops)
    with pytest.raises(Stopped, match="the same command goes on"):
        train_once(folder, CONFIG)


def test_a_signal_in_the_last_evaluation_begins_no_further_run(tmp_path: Path, monkeypatch) -> None:
    def late(config: Config, run: RunDir, *_: object, **__: object) -> dict:
        run.write_json("summary.json", {})
        Interruption.late = True
        return {}

    monkeypatch.setattr(loop, "run_training", late)
    with pytest.raises(Stopped, match="the same command goes on"):
        train_once(tmp_path / "run", CONFIG)
    monkeypatch.setattr(loop, "run_training", lambda *_, **__: {})
    assert train_once(tmp_path / "other", CONFIG, progress=False) == (tmp_path / "other", False)


def test_what_it_starts_from_tells_runs_apart(tmp_path: Path, trained: list) -> None:
    """All networks of the run before, the first one first; and by the record beside it, which start it was."""
    before = tmp_path / "before"
    before.mkdir()
    for name in ("model-b", "model"):
        (before / f"{name}.safetensors").touch()
    folder = recorded(tmp_path / "run", CONFIG)
    (tmp_path / "run.json").write_text(json.dumps({"start": None}))
    assert train_once(folder, CONFIG) == (folder, True)
    place, reused = train_once(folder, CONFIG, before)
    assert (place.name, reused) == ("run-2", False)
    assert [file.name for file in trained[0][3]] == ["model.safetensors", "model-b.safetensors"]


def test_a_teacher_is_the_same_wherever_its_folder_is(tmp_path: Path, trained: list) -> None:
    here, there, other = (Config(method=options("pseudopose", teacher=name)) for name in ("a/run", "b/run", "a/run-2"))
    folder = recorded(tmp_path / "run", here)
    assert train_once(folder, there) == (folder, True)
    assert train_once(folder, other)[0].name == "run-2"


def test_the_time_that_is_left_is_told_by_what_was_trained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One pass took 60 s: 4 passes are left, then 3; a reused run says nothing of the time."""
    now = iter([0.0, 0.0, 120.0, 120.0, 130.0])
    monkeypatch.setattr(once.time, "perf_counter", lambda: next(now))
    clock = Clock([1.0, 2.0, 1.0, 3.0], show=True)
    clock.begin("first")
    clock.end(reused=True)
    clock.begin("second")
    clock.end(reused=False)
    clock.begin("third")
    assert capsys.readouterr().err.splitlines() == ["[1/4] first", "[2/4] second", "[3/4] third, at most 4 min left"]
    quiet = Clock([1.0], show=False)
    quiet.begin("first")
    assert capsys.readouterr().err == ""


def test_an_interrupted_finder_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than that its run begins anew; that of another configuration does begin."""
    (tmp_path / "run" / FINDER).mkdir(parents=True)
    (tmp_path / "run" / FINDER / FOR).write_text(yaml.safe_dump(to_dict(CONFIG)))
    done: list[str] = []
    monkeypatch.setattr(once, "go_on", lambda folder, **_: done.append("on") or Run(folder, {}, CONFIG))
    monkeypatch.setattr(once, "start", lambda _, folder, *__: done.append("anew") or Run(folder, {}, CONFIG))
    assert train_once(tmp_path / "run", CONFIG) == (tmp_path / "run", False)
    train_once(tmp_path / "run", replace(CONFIG, steps=6))
    assert done == ["on", "anew"]
