"""A run from Python, in the words of the shell."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import semipose
from semipose.cli import main
from semipose.config import to_dict
from semipose.errors import UsageError, UserError
from semipose.reports.compare import guard_sentence
from tests.fixtures.runs import tiny

PEOPLE = {"labeled": "synth:studio?count=6", "val": "synth:studio?count=3&start=500"}


def test_python_and_the_shell_resolve_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(PEOPLE))
    given = [str(tmp_path / "data.yaml"), "--recipe", "single", "--stop-on-collapse"]
    words = [*given, "--optim.lr=3e-4", "--steps", "20", "--data.reach=45"]
    assert main(["train", *words, "--print-config"]) == 0
    shell = yaml.safe_load(capsys.readouterr().out)
    settings = {"optim": {"lr": 3e-4}, "steps": 20, "data.reach": 45}
    how = {"recipe": "single", "stop_on_collapse": True, "print_config": True}
    run = semipose.train(tmp_path / "data.yaml", **how, **settings)  # type: ignore[arg-type]
    assert to_dict(run.config) == shell and run.path == Path("runs/single") and not run.summary
    assert shell["data"]["reach"] == 45 and shell["data"]["labeled"] == PEOPLE["labeled"] and shell["stop_on_collapse"]
    assert not (tmp_path / "runs").exists()


def test_auto_where_no_file_has_settings_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "data.yaml"
    for content, method in (({"data": PEOPLE, "method": {"name": "mum"}}, "mum"), (PEOPLE, "guarded")):
        file.write_text(yaml.safe_dump(content))
        assert semipose.train(file, print_config=True).config.method.name == method
    assert semipose.train(PEOPLE, print_config=True).config.data.val == PEOPLE["val"]
    assert semipose.train(config=tiny(tmp_path, "single"), print_config=True).config.method.name == "single"
    file.write_text(yaml.safe_dump({"data": PEOPLE, "method": {"name": "mum"}, "steps": 7}))
    named = semipose.train(file, recipe="single", print_config=True).config
    assert (named.method.name, named.steps) == ("single", 7)


def test_a_run_and_its_resumption(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny(tmp_path / "cache", "supervised", steps=2, eval_every=0)
    run = semipose.train(config=config, out=tmp_path / "run", progress=False)
    assert run.summary["steps"] == 2 and (run.path / "report.html").exists() and run.config == config
    assert not capsys.readouterr().out
    again = semipose.train(resume=run.path, accelerator="auto", workers=0, progress=False)
    assert again.path == run.path and again.summary["steps"] == 2
    for strict in ({"precision": "bf16-mixed"}, {"seed": 5}):
        with pytest.raises(UserError, match=f"cannot be resumed exactly: {next(iter(strict))}"):
            semipose.train(resume=run.path, progress=False, **strict)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="takes no --recipe, --overwrite"):
        semipose.train(resume=run.path, recipe="dual", overwrite=True)


@pytest.mark.parametrize(("kept", "how"), [("taught", "with unlabelled images"), ("labels", "with labels alone")])
def test_the_run_says_which_network_it_kept(kept: str, how: str) -> None:
    guard = {"kept": kept, "taught": 0.8 if kept == "taught" else 0.7, "labels": 0.75, "images": 40}
    text = guard_sentence(guard)
    assert how in text and "40 validation samples" in text
    assert ("80.0 % beside 75.0 %" if kept == "taught" else "75.0 % beside 70.0 %") in text
