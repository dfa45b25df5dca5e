from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semipose.reports.compare import cautions, differing, headline, interval, points
from semipose.reports.html import facts
from semipose.reports.runs import Run, read_run
from semipose.skeleton import LSP, Skeleton
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


def test_runs_of_other_networks_or_lengths_are_not_averaged() -> None:
    def run(name: str, pck: float, config: str) -> Run:
        return replace(bare(name, pck, method="supervised"), config=config)

    deep = [
        run("r18", 0.9, "model: {backbone: resnet18}\nsteps: 5"),
        run("r50", 0.3, "model: {backbone: resnet50}\nsteps: 5"),
    ]
    assert plain(headline(deep)) == "PCK: r18 90.0 %, r50 30.0 %."
    long = [
        run("a", 0.5, "steps: 5\nseed: 0\nworkers: 2"),
        run("b", 0.7, "steps: 5\nseed: 1"),
        run("c", 0.8, "steps: 9"),
    ]
    assert plain(headline(long)) == "PCK: c 80.0 %, supervised (mean of 2 runs) 60.0 %."


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


def test_no_interval_of_what_is_measured_by_heads(tmp_path: Path) -> None:
    """Predictions tell no head sizes: an interval by boxes would be one of something else."""
    dual = read_run(make_run(tmp_path / "dual", "dual", noise=4.0), "dual")
    base = read_run(make_run(tmp_path / "base", "supervised", noise=9.0, seed=1), "base")
    runs = [replace(run, scores={**run.scores, "measure": "pckh", "threshold": 0.5}) for run in (dual, base)]
    assert interval(runs[:1], runs[1:]) is None and "interval" not in headline(runs)
    assert " PCKH@0.5 (mean of its networks" in headline(runs[:1])


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


def make_pair(folder: Path, labels: tuple[str, ...] = ("b",), **changes: object) -> list[Run]:
    """A run of Dual from label a and one of supervised training."""
    paths = [make_run(folder / "dual", "dual", noise=3.0), make_run(folder / "base", "supervised", seed=1, **changes)]
    for path, names in zip(paths, (("a",), labels), strict=True):
        (path / "split.json").write_text(json.dumps({"labeled": names}))
    return [read_run(path, path.name) for path in paths]


def test_no_verdict_where_other_images_are_labelled(tmp_path: Path) -> None:
    runs = make_pair(tmp_path)
    found = plain(headline(runs))
    assert found.startswith("No verdict, since the runs differ in which images are labelled: dual ")
    assert "base " in found and "points" not in found
    assert cautions(runs) == ["Compare with care: the runs differ in which images are labelled."]
    (tmp_path / "base" / "split.json").write_text('{"labeled": ["a"]}')
    assert headline([runs[0], read_run(tmp_path / "base", "base")]).startswith("Unlabelled images helped: ")
    (tmp_path / "base" / "config.yaml").write_text("data: {labeled: other/labels.json}")
    assert "which images are labelled" in headline([runs[0], read_run(tmp_path / "base", "base")])
    (tmp_path / "base" / "split.json").write_text("no JSON")
    assert "No verdict" not in headline([runs[0], read_run(tmp_path / "base", "base")]), "it does not tell"


def test_seeds_may_have_labels_of_their_own() -> None:
    """Where both methods had the same ones."""

    def runs(*labels: str) -> list[Run]:
        names = ["dual", "dual", "supervised", "supervised"]
        both = zip(names, labels, strict=True)
        return [replace(bare(name, 0.5, method=name), labeled=frozenset(label)) for name, label in both]

    assert differing(runs("a", "b", "b", "a")) == {}
    assert differing(runs("a", "b", "a", "a")) == {"which images are labelled": ""}


def test_no_verdict_over_other_validation_or_skeletons(tmp_path: Path) -> None:
    dual, base = make_pair(tmp_path, labels=("a",))
    assert dual.predictions is not None and base.predictions is not None and differing([dual, base]) == {}
    moved = replace(base.predictions, truth=base.predictions.truth + 1)
    assert differing([dual, replace(base, predictions=moved)]) == {"validation samples or their labels": ""}
    joints = ("hip", *LSP.joints[1:])
    other = replace(base.predictions, skeleton=Skeleton("other", joints, LSP.pairs))
    assert differing([dual, replace(base, predictions=other)]) == {"skeleton": ""}
    fewer = read_run(make_run(tmp_path / "fewer", "supervised", n=9, labels=50), "fewer")
    assert differing([dual, fewer]) == {"labelled images": "50, 100", "validation images": "9, 16"}
    assert plain(headline([dual, fewer])).startswith(
        "No verdict, since the runs differ in labelled images and validation images: "
    )


def test_no_verdict_over_other_measures() -> None:
    dual, base = bare("dual", 0.5, method="dual"), bare("base", 0.4, method="supervised")
    stricter = replace(base, scores={**base.scores, "threshold": 0.05, "measure": "pckh"})
    assert differing([dual, stricter]) == {"measure": "PCK@0.1, PCKH@0.05"}
    assert headline([dual, stricter]).startswith("No verdict, since the runs differ in measure: ")


def guarded(name: str, pck: float, kept: str, other: float) -> Run:
    scores = {"taught": pck, "labels": other} if kept == "taught" else {"taught": other, "labels": pck}
    return bare(name, pck, method="guarded", guard={"kept": kept, **scores, "images": 400})


def test_what_a_guarded_run_kept_is_said() -> None:
    base, taught = bare("base", 0.451, method="supervised"), guarded("ours", 0.523, "taught", 0.45)
    said = (
        "kept the network trained with unlabelled images (52.3 % beside 45.0 %, chosen on the 400 validation samples)."
    )
    assert plain(headline([taught, base])) == (
        f"Unlabelled images helped: ours 52.3 %, base 45.1 %, +7.2 points. ours {said}"
    )
    assert plain(headline([taught])) == f"ours: 52.3 % PCK@0.1. ours {said}"
    alone = guarded("other", 0.5, "labels", 0.4)
    assert plain(headline([alone, base])).startswith("Unlabelled images did not help: other 50.0 %, base 45.1 %, +4.9")
    assert "labels alone: unlabelled images did not help (50.0 % beside 40.0 %" in headline([alone, base])
    assert headline([taught, alone, base]).endswith(
        " 1 of 2 runs kept the network trained with unlabelled images, the others that of labels alone."
    )
    (row,) = [values for what, values in facts([taught, alone, base]) if what == "Kept network"]
    assert [plain(value) for value in row] == [
        "with unlabelled images (with unlabelled images 52.3 %, labels alone 45.0 %)",
        "labels alone (with unlabelled images 40.0 %, labels alone 50.0 %)",
        "–",
    ]


@pytest.mark.parametrize("guard", ["taught", {"kept": "taught"}, {"kept": [], "taught": 1, "labels": 1, "images": 1}])
def test_a_broken_guard_is_left_out(guard: object) -> None:
    assert headline([bare("x", 0.5, guard=guard)]).endswith("PCK@0.1.")


def test_points_are_signed() -> None:
    assert [points(v) for v in (0.072, -0.05)] == ["+7.2", "−5.0"]


def test_runs_that_tell_no_predictions_are_compared_by_the_data_that_they_name() -> None:
    def run(name: str, labels: str, method: str) -> Run:
        return replace(bare(name, 0.5, method=method), config=f"data: {{labeled: {labels}}}")

    same = [run("a", "/one/mice/labels.csv", "dual"), run("b", "/two/mice/labels.csv", "supervised")]
    assert differing(same) == {} and not headline(same).startswith("No verdict")
    other = [same[0], run("b", "/one/rats/labels.csv", "supervised")]
    assert headline(other).startswith("No verdict, since the runs differ in the data that they name: ")
    alike = [replace(each, summary={"method": "supervised"}) for each in other]
    assert headline(alike).startswith("No verdict"), "of one method too"
