from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from semipose.errors import UserError
from semipose.reports.html import report
from tests.fixtures.fake_runs import make_run
from tests.fixtures.pages import read


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder / "dual", noise=4.0, warnings=["the teacher may have collapsed at step 1400"])
    make_run(folder / "supervised", "supervised", noise=9.0, seed=1)
    return report([folder / "dual", folder / "supervised"])


def test_two_runs_on_one_page(two: Path) -> None:
    page = read(two)
    assert two.name == "report.html" and two.parent.name.startswith("runs")
    assert page.text.count("Unlabelled images helped: dual") == 1
    assert "the teacher may have collapsed at step 1400" in page.text
    figures = ["Loss: consistency", "Heatmap response: dual", "PCK against threshold", "Best of", "Worst of"]
    facts = ["ensemble", "left elbow", "backbone: resnet18", "1 h 12 min", "4,000", "0123abc", "Differs in", "seed"]
    for word in figures + facts:
        assert word in page.text, word
    assert "Left out" not in page.text
    assert page.tags.count("img") == 24


def test_needs_nothing_from_outside(two: Path) -> None:
    text = two.read_text(encoding="utf-8")
    assert all(r.startswith("data:image/jpeg;base64,") for r in read(two).references)
    assert not re.search(r"https?://|@import|url\(|<script|<link", text)
    assert 'name="viewport"' in text and "prefers-color-scheme: dark" in text
    assert two.stat().st_size < 1_500_000


def test_one_run_goes_into_its_directory(tmp_path: Path) -> None:
    path = report([make_run(tmp_path / "only", n=4)])
    assert path == tmp_path / "only" / "report.html"
    assert "only: " in read(path).text and "Differs in" not in read(path).text
    assert [p.name for p in path.parent.iterdir() if "report" in p.name] == ["report.html"], "no temporary file stays"
    elsewhere = tmp_path / "out.html"
    assert report([tmp_path / "only"], elsewhere) == elsewhere and elsewhere.exists()


def test_a_measure_is_called_by_its_name(tmp_path: Path) -> None:
    path = make_run(tmp_path / "mpii", n=4)
    summary = json.loads((path / "summary.json").read_text())
    summary["val"] |= {"measure": "pckh", "threshold": 0.5}
    (path / "summary.json").write_text(json.dumps(summary))
    text = read(report([path])).text
    assert "PCKH@0.5" in text and "PCK@" not in text and "Validation PCK " not in text
    assert "PCKH against threshold" in text and "measured in head sizes" in text
    assert "joints right" not in text and "of the box" not in text, "nothing that is counted by boxes"


@pytest.mark.parametrize("missing", ["config.yaml", "metrics.csv", "summary.json", "predictions/val.json"])
def test_a_missing_part_is_noted(tmp_path: Path, missing: str) -> None:
    path = make_run(tmp_path / "run", n=4)
    (path / missing).unlink()
    text = read(report([path])).text
    assert "Left out" in text and f"{missing} is missing" in text


def test_an_empty_run_still_reports(tmp_path: Path) -> None:
    text = read(report([tmp_path])).text
    assert "No evaluation yet" in text and "Left out" in text
    make_run(tmp_path / "good", n=4)
    (tmp_path / "empty").mkdir()
    assert "empty" in read(report([tmp_path / "good", tmp_path / "empty"])).text


def test_everything_from_outside_is_escaped(tmp_path: Path) -> None:
    path = make_run(tmp_path / "<b>&run", n=4, warnings=["<script>alert(1)</script>"], machine="<i>m")
    (path / "config.yaml").write_text("note: </pre><img src=x>\n")
    header = (path / "metrics.csv").read_text().replace("loss/supervised", "loss/<u>x")
    (path / "metrics.csv").write_text(header)
    document = json.loads((path / "predictions/val.json").read_text())
    document["samples"][0]["id"] = '"><svg onload=x>'
    (path / "predictions/val.json").write_text(json.dumps(document))
    for runs in ([path], [path, make_run(tmp_path / "other", n=4)]):
        out = report(runs)
        page = read(out)
        assert "<b>&run" in page.text and "<script>alert(1)</script>" in page.text and "</pre><img src=x>" in page.text
        assert not {"script", "b", "u", "i"} & set(page.tags)
        assert "<svg onload" not in out.read_text()


def test_unknown_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        report([tmp_path / "nowhere"])


def test_what_a_reviewer_asks_is_on_the_page(tmp_path: Path) -> None:
    """Data, split, seed, interval, hardware, cost."""
    run = make_run(tmp_path / "only", "supervised", n=8, parameters=[3_400_000], seed=7)
    (run / "split.json").write_text(json.dumps({"labeled": ["a"], "hash": "0123456789abcdef"}))
    (run / "config.yaml").write_text(
        "data: {labeled: /home/me/mice.json, unlabeled: [/f/a.mp4, /f/b.mp4], val: null}\n"
    )
    text = " ".join(read(report([run])).text.split())
    for fact in ("labelled: mice.json; unlabelled: a.mp4, b.mp4", "0123456789ab", "Seed 7", "(8 samples, one seed)",
                 "Machine 2 cores", "Time to train 1 h 12 min", "Parameters 3.4 M"):  # fmt: skip
        assert fact in text, fact
    (run / "split.json").write_text("[")
    (run / "config.yaml").write_text("data: 3\n")
    assert "Hash of samples" not in read(report([run])).text


def test_one_run_has_its_error_in_pixels_folded_settings_and_no_letters_for_names(tmp_path: Path) -> None:
    run = make_run(tmp_path / "only", "supervised", n=6)
    scores = json.loads((run / "summary.json").read_text())["val"]["mean"]
    page = read(report([run]))
    assert f"{scores['median_error_px']:.1f} px" in page.text and "Median error" in page.text
    assert f"{scores['per_joint_px']['left_elbow']:.1f} px" in page.text
    assert " a " not in page.text.replace(" a joint", "").split("Validation images")[0].split("PCK: share")[0]
    assert "Best of" not in page.text and "Best" in page.text
    assert "<details open" not in (run / "report.html").read_text()


def test_several_networks_are_called_so(tmp_path: Path) -> None:
    text = read(report([make_run(tmp_path / "only", n=4)])).text
    assert "network a" in text and "network b" in text and "Best of ensemble" in text


def test_a_guarded_run_has_no_letter_in_its_curves(tmp_path: Path) -> None:
    run = make_run(tmp_path / "only", "supervised", n=4)
    table = (run / "metrics.csv").read_text().splitlines()
    twin = [f"{line},{'val/pck_labels' if i == 0 else '0.5'}" for i, line in enumerate(table)]
    (run / "metrics.csv").write_text("\n".join(twin) + "\n")
    text = read(report([run])).text
    assert "labels alone" in text and "network a" not in text
