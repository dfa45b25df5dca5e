from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from semipose.cli import main
from semipose.config import Config
from semipose.methods import options
from semipose.papers import ours
from semipose.training.start import Run
from semipose.verbs.demo import demo
from tests.fixtures.runs import tiny


def row(cache: Path, name: str, seed: int) -> Config:
    method = ours.DEMO[name]
    return replace(tiny(cache, method["name"]), method=options(**method), seed=seed)


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
