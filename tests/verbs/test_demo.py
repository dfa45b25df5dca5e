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
from semipose.training.start import Run
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
    for name in ("supervised", "control", "guarded", "."):
        assert "<html" in (tmp_path / "demo" / name / "report.html").read_text()
    supervised, control, guarded, gain = (float(line.split()[1].rstrip("%")) for line in lines[1:5])
    assert gain == pytest.approx(guarded - max(supervised, control), abs=0.11)
    assert f"points over {'control' if control > supervised else 'supervised'}, the better" in lines[4]


@pytest.mark.parametrize(("scores", "base", "gain"), [((60, 50, 55), "supervised", -5), ((50, 60, 63), "control", 3)])
def test_the_gain_has_its_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scores: tuple[int, ...], base: str, gain: int
) -> None:
    values = iter(scores)

    def trained(config: Config, out: Path, *rest: object, **more: object) -> Run:
        return Run(out, {"val": {"mean": {"pck": next(values) / 100}}}, config)

    monkeypatch.setattr("semipose.training.start.start", trained)
    monkeypatch.setattr("semipose.reports.html.report", lambda runs, out=None: out)
    result = demo(out=tmp_path)
    assert result["base"] == base and result["gain"] == pytest.approx(gain)
    assert result["gain_over_control"] == pytest.approx(scores[2] - scores[1]) and result["guard"] is None


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
