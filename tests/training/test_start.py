from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from semipose.config import Config, DataConfig, ModelConfig, to_dict
from semipose.errors import UserError
from semipose.methods import options
from semipose.training import loop
from semipose.training.rundir import BEFORE, RunDir
from semipose.training.start import go_on, start


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is asked to be trained."""
    calls: list[tuple[Any, ...]] = []

    def train(config: Config, run: Any, resume: Any = None, initial: Any = (), progress: bool = True) -> dict:
        (run.path / "metrics.csv").touch()
        calls.append((config, run.path, resume, initial, progress))
        return {"steps": 1}

    monkeypatch.setattr(loop, "run_training", train)
    return calls


def test_a_name_that_is_taken_gets_a_number_unless_it_may_be_replaced(tmp_path: Path, asked: list) -> None:
    data = DataConfig("synth:studio?count=2", unlabeled="synth:studio?count=2&start=9")
    config, out = Config(data, steps=1), tmp_path / "run"
    first, second, again = start(config, out), start(config, out, progress=False), start(config, out, overwrite=True)
    assert [run.path.name for run in (first, second, again)] == ["run", "run-2", "run"]
    assert first.summary == {"steps": 1} and first.config is config
    assert [call[4] for call in asked] == [True, False, True]


@pytest.mark.parametrize(
    ("given", "files"),
    [((), []), ("a.ckpt", [Path("a.ckpt")]), (Path("r"), [Path("r")]), (["a", Path("b")], [Path("a"), Path("b")])],
)
def test_one_start_or_several(tmp_path: Path, asked: list, given: Any, files: list[Path]) -> None:
    start(Config(), tmp_path / "run", init_from=given)
    assert asked[0][2:4] == (None, files)


def test_a_run_goes_on_by_its_folder_or_a_checkpoint(tmp_path: Path, asked: list, monkeypatch) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(to_dict(Config(steps=7))))
    for name in ("last.ckpt", "step5.ckpt"):
        (tmp_path / "checkpoints" / name).touch()
    go_on(tmp_path)
    go_on(tmp_path / "checkpoints" / "step5.ckpt", {"workers": 2})
    monkeypatch.chdir(tmp_path / "checkpoints")
    go_on("step5.ckpt", {"workers": 2})
    assert [call[:3] for call in asked] == [
        (Config(steps=7), tmp_path, tmp_path / "checkpoints" / "last.ckpt"),
        *[(Config(steps=7, workers=2), tmp_path, tmp_path / "checkpoints" / "step5.ckpt")] * 2,
    ]


def test_a_run_whose_successor_was_killed_before_it_began_is_there_again(tmp_path: Path, asked: list) -> None:
    run = RunDir.create(tmp_path / "run")
    (run.path / "checkpoints").mkdir()
    run.write_yaml("config.yaml", to_dict(Config(steps=7)))
    run.last.touch()
    run._lock.release(force=True)
    RunDir.create(run.path, overwrite=True)._lock.release(force=True)
    assert not (run.path / "config.yaml").exists() and (run.path / BEFORE).is_dir()
    go_on(run.path)
    assert (run.path / "config.yaml").exists() and not (run.path / BEFORE).exists()
    assert asked[-1][2] == run.last


@pytest.mark.parametrize("name", [".", "model.safetensors"])
def test_what_cannot_go_on_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.yaml").write_text("steps: 1")
    with pytest.raises(UserError, match="is neither a run folder with a checkpoint nor a checkpoint of one"):
        go_on(tmp_path / name)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"size": [100, 96]}, r"model\.size \[100, 96\] does not divide by the backbone's stride 32"),
        ({"backbone": "resnet1"}, "resnet1"),
        ({"deconv": [8] * 7}, r"model\.deconv has 7 stages"),
    ],
)
def test_what_no_pixel_can_mend_is_refused_before_a_folder_is_made(
    tmp_path: Path, asked: list, section: dict[str, Any], says: str
) -> None:
    config = Config(steps=1, model=ModelConfig(weights="none", **section))
    with pytest.raises(UserError, match=says):
        start(config, tmp_path / "run")
    assert not asked and not (tmp_path / "run").exists()


def test_nothing_is_overwritten_by_what_cannot_be_trained(tmp_path: Path) -> None:
    """Data that is gone, weights that do not fit, a start from the very run, settings that are none."""
    data = DataConfig("synth:studio?count=2", unlabeled="synth:studio?count=2&start=9")
    net = ModelConfig("resnet18", {"layers": [1, 1, 1, 1]}, "none", [64, 64], [8, 8, 8])
    with RunDir.create(tmp_path / "run").lock():
        out, weights = tmp_path / "run", tmp_path / "run" / "model.safetensors"
    for name in ("config.yaml", "metrics.csv", "summary.json", "checkpoints/last.ckpt"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("{}")
    weights.write_bytes(b"trained")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"x")
    faults = (
        (Config(replace(data, labeled=str(tmp_path / "gone.json"))), (), "gone.json"),
        (Config(data), out, "which --overwrite would remove first"),
        (Config(data), weights, "which --overwrite would remove first"),
        (Config(replace(data, split=str(out / "metrics.csv"))), (), "which --overwrite would remove first"),
        (Config(data, net), other, "other.safetensors"),
        (Config(data, net, decode="xx"), (), "decode"),
        (Config(data, net, flip_test="xx"), (), "flip_test"),
        (Config(data, net, steps=-3), (), "steps"),
        (Config(data, net, accelerator="tpux"), (), "tpux"),
        (Config(data, net, options("datadistill", teacher="/nosuch")), (), "nosuch"),
        (Config(data, net, options("dual"), peer={"deconv": [16, 16]}), (), "stride"),
    )
    for config, begin, says in faults:
        with pytest.raises(UserError, match=says):
            start(config, out, overwrite=True, init_from=begin)
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before, says


def test_a_run_in_the_folder_one_is_in(tmp_path: Path, asked: list, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "mine.txt").touch()
    monkeypatch.chdir(here)
    assert start(Config(), Path()).path == tmp_path / "here-2"
