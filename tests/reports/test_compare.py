from __future__ import annotations

from pathlib import Path

import numpy as np

from semipose.reports.compare import cautions, headline, interval, points
from semipose.reports.runs import Run, read_run
from tests.fixtures.fake_runs import make_run


def bare(name: str, pck: float | None, **summary: object) -> Run:
    scores = {} if pck is None else {"threshold": 0.1, "mean": {"pck": pck}, "networks": {"a": {"pck": pck}}}
    return Run(name, None, {}, summary, scores, None, ())


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_verdict_of_two_runs() -> None:
    runs = [bare("dual", 0.523, method="dual"), bare("base", 0.451, method="supervised")]
    assert plain(headline(runs)) == "Unlabelled images helped: dual 52.3 %, base 45.1 %, +7.2 points."
    worse = [bare("dual", 0.4, method="dual"), runs[1]]
    assert plain(headline(worse)) == "Unlabelled images did not help: dual 40.0 %, base 45.1 %, −5.1 points."


def test_runs_of_one_method_are_averaged() -> None:
    runs = [bare(f"dual-{i}", p, method="dual") for i, p in enumerate([0.5, 0.6])] + [
        bare("s", 0.4, method="supervised")
    ]
    assert plain(headline(runs)).startswith("Unlabelled images helped: dual (mean of 2 runs) 55.0 %, s 40.0 %, +15.0")


def test_one_method_with_two_settings_is_not_averaged() -> None:
    runs = [
        Run(
            f"t{t}",
            f"method: {{name: single, teach: confident{t}}}\nseed: {t}",
            {},
            {"method": "single"},
            scores,
            None,
            (),
        )
        for t, scores in ((1, bare("", 0.5).scores), (2, bare("", 0.3).scores))
    ]
    assert plain(headline(runs)) == "PCK: t1 50.0 %, t2 30.0 %."


def test_other_sentences() -> None:
    assert "no" in headline([bare("x", None)]).lower() and "PCK" in headline([bare("x", None)])
    one = bare("dual", 0.5, labels=100, unlabeled=4000)
    assert plain(headline([one])) == "dual: 50.0 % PCK@0.1, trained with 100 labelled and 4,000 unlabelled images."
    assert plain(headline([bare("a", 0.5), bare("b", 0.6)])) == "PCK: b 60.0 %, a 50.0 %."


def test_interval_agrees_with_the_difference(tmp_path: Path) -> None:
    dual = read_run(make_run(tmp_path / "dual", "dual", noise=4.0, n=40), "dual")
    base = read_run(make_run(tmp_path / "base", "supervised", noise=9.0, n=40, seed=1), "base")
    found = interval([dual], [base])
    assert found is not None and dual.pck is not None and base.pck is not None
    low, high, n = found
    assert n == 40 and 0 < low < dual.pck - base.pck < high < 1
    assert interval([dual], [dual]) == (0.0, 0.0, 40)
    mirrored = interval([base], [dual])
    assert mirrored is not None and np.allclose(mirrored[:2], (-high, -low))
    assert "95 % interval" in headline([dual, base])


def test_no_clear_effect_is_said(tmp_path: Path) -> None:
    dual = read_run(make_run(tmp_path / "dual", "dual", noise=6.0, seed=3), "dual")
    base = read_run(make_run(tmp_path / "base", "supervised", noise=6.0, seed=4), "base")
    found = interval([dual], [base])
    assert found is not None and found[0] < 0 < found[1]
    assert headline([dual, base]).startswith("No clear effect of unlabelled images: dual")


def test_no_interval_over_different_images(tmp_path: Path) -> None:
    dual = read_run(make_run(tmp_path / "dual", n=8), "dual")
    base = read_run(make_run(tmp_path / "base", "supervised", n=9), "base")
    assert interval([dual], [base]) is None and interval([dual], [bare("x", 0.5)]) is None


def test_unequal_tasks_are_pointed_out() -> None:
    runs = [bare("a", 0.5, labels=50, val_images=300), bare("b", 0.6, labels=1000, val_images=300)]
    assert cautions(runs) == ["Compare with care: the runs differ in labelled images (50, 1,000)."]
    assert cautions(runs[:1]) == []


def test_points_are_signed() -> None:
    assert [points(v) for v in (0.072, -0.05)] == ["+7.2", "−5.0"]
