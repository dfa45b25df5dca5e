from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from semipose.cli import main
from semipose.config import Config, to_dict
from semipose.errors import UserError
from semipose.methods import options
from semipose.papers import ours
from semipose.training.rundir import RunDir
from semipose.training.start import Run, start
from semipose.verbs.demo import _is_demo, demo
from tests.fixtures.runs import tiny


def row(cache: Path, name: str, seed: int) -> Config:
    method = ours.DEMO[name]
    return replace(tiny(cache, method["name"]), method=options(**method), seed=seed)


@pytest.mark.slow
def test_the_better_of_labels_alone_is_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ours, "demo", lambda name, seed: row(tmp_path, name, seed))
    assert main(["demo", "--out", str(tmp_path / "demo"), "--seed", "3", "--steps", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "method", "supervised", "control", "guarded", "gain", "guarded", "wrote",
    ]  # fmt: skip
    assert lines[-1] == f"wrote {tmp_path}/demo/report.html" and "minutes" in lines[-3]
    assert lines[-2].startswith("guarded kept the network trained with ")
    for name in ("supervised", "guarded", "."):
        assert "<html" in (tmp_path / "demo" / name / "report.html").read_text()
    supervised, control, guarded, gain = (float(line.split()[1].rstrip("%")) for line in lines[1:5])
    assert gain == pytest.approx(guarded - max(supervised, control), abs=0.11)
    assert f"points over {'control' if control > supervised else 'supervised'}, the better" in lines[4]


@pytest.mark.parametrize(
    ("scores", "alone", "base", "gain"),
    [((60, 55), 50, "supervised", -5), ((50, 63), 60, "control", 3), ((50, 63), None, "control", 0)],
)
def test_the_gain_has_its_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scores: tuple[int, ...], alone: int | None, base: str, gain: int
) -> None:
    values, guard = iter(scores), None if alone is None else {"labels": alone / 100}

    def trained(config: Config, out: Path, *rest: object, **more: object) -> Run:
        summary = {"val": {"mean": {"pck": next(values) / 100}}}
        return Run(out, {**summary, "guard": guard} if out.name == "guarded" and guard else summary, config)

    monkeypatch.setattr("semipose.training.start.start", trained)
    monkeypatch.setattr("semipose.reports.html.report", lambda runs, out=None: out)
    result = demo(out=tmp_path)
    assert result["base"] == base and result["gain"] == pytest.approx(gain)
    assert result["gain_over_control"] == pytest.approx(scores[1] - (alone or scores[1])) and result["guard"] == guard


@pytest.mark.slow
def test_the_control_is_what_labels_alone_would_train(tmp_path: Path) -> None:
    """guarded's network of labels alone takes the same steps as a supervised run of the control's settings."""
    shorter = {"steps": 4, "eval_every": 0, "save_every": 0, "threads": 1}
    data = {"labeled": "synth:studio?count=4", "unlabeled": "synth:studio?count=8&start=50"}
    found = {}
    for name in ("control", "guarded"):
        config = ours.demo(name)
        of = replace(config.data, **data, val="synth:studio?count=40&start=90", cache=str(tmp_path / "cache"))
        found[name] = start(replace(config, **shorter, data=of), tmp_path / name, progress=False).summary
    assert found["guarded"]["guard"]["labels"] == found["control"]["val"]["mean"]["pck"] > 0


def test_other_runs_of_the_same_names_are_not_written_over(tmp_path: Path) -> None:
    """`supervised` and `guarded` are what `train` calls its runs too."""
    with RunDir.create(tmp_path / "supervised").lock():
        (tmp_path / "supervised" / "config.yaml").write_text(yaml.safe_dump(to_dict(tiny(tmp_path / "cache"))))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="is a run of another training than the demo's"):
        demo(out=tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    config = ours.demo("supervised", 7)
    config = replace(config, data=replace(config.data, cache=str(tmp_path / "cache")))
    (tmp_path / "supervised" / "config.yaml").write_text(yaml.safe_dump(to_dict(config)))
    assert _is_demo(tmp_path / "supervised")


def test_a_run_whose_finder_learns_is_none_of_a_demo(tmp_path: Path) -> None:
    with RunDir.create(tmp_path / "supervised").lock():
        assert _is_demo(tmp_path / "supervised")
        (tmp_path / "supervised" / "for.yaml").touch()
        assert not _is_demo(tmp_path / "supervised")
