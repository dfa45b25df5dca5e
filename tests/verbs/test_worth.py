from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from semipose.cli import main
from semipose.config import Config, to_dict
from semipose.errors import UserError
from semipose.papers.find import recipe
from semipose.reports.worth import markdown, page, sentence
from semipose.training import comparison
from semipose.training.comparison import compared
from semipose.verbs.worth import worth
from tests.fixtures.runs import tiny

PEOPLE = {"labeled": "synth:studio?count=4&seed=0", "unlabeled": "synth:studio?count=4&seed=0&start=100"}


def record(row: str, labels: int, seed: int, pck: float, px: float | None = 3.0) -> dict:
    joints = {"a": {"pck": pck, "median_error_px": px}, "b": {"pck": None, "median_error_px": None}}
    about = {"row": row, "labels": labels, "seed": seed, "run": f"{row}-{labels}-seed{seed}", "kept": None}
    return {**about, "pck": pck, "median_error_px": px, "joints": joints, "seconds": 10.0, "warnings": []}


def records(gain: float) -> list[dict]:
    """Supervised training gains 0.1 a doubling; seeds differ by more than the gain, but pair by pair they do not."""
    runs = []
    for seed, off in enumerate((-0.05, 0.0, 0.06)):
        runs += [record("supervised", n, seed, off + s + seed * 1e-3) for n, s in ((5, 0.3), (10, 0.4), (20, 0.5))]
        runs.append(record("dual", 20, seed, off + 0.5 + gain + seed * 2e-3, 2.0))
    return runs


def found(gain: float) -> dict:
    about = {
        "method": "dual",
        "control": None,
        "labels": 20,
        "available": 20,
        "unlabeled": 400,
        "validation": 9,
        "steps": 100,
    }
    about |= {"seeds": [0, 1, 2], "measure": "PCK@0.1", "commit": "c", "machine": "m"}
    result = {**about, **compared(records(gain), "dual", 20, [5, 10, 20])}
    return {"sentence": sentence(result), **result}


def test_a_gain_is_paired_and_counted_in_labels(tmp_path: Path) -> None:
    result = found(0.05)
    gain = result["difference"]["pck"]
    assert result["verdict"] == "gain" and gain["mean"] == pytest.approx(0.051)
    assert result["methods"]["supervised"]["pck"]["spread"] > 5 * gain["spread"]
    assert result["more_labels"]["about"] == pytest.approx(20 * (2**0.51 - 1), abs=1)
    assert result["sentence"].startswith("Worth it: with 20 labels and 400 unlabelled images")
    assert f"About {result['more_labels']['about']} more labels" in result["sentence"]
    assert "2.0 instead of 3.0 pixels" in result["sentence"] and "+5.1 points (95 % interval +" in result["sentence"]
    assert result["joints"]["b"]["difference"] is None and result["joints"]["a"]["difference"]["mean"] > 0
    text = markdown(result)
    assert result["sentence"] in text and "| b | – |" in text and "| 5 |" in text
    html = page(result, tmp_path / "worth.html").read_text()
    assert "<svg" in html and "PCK@0.1" in html and "<style>" in html


def test_no_gain_is_said_plainly() -> None:
    assert found(-0.1)["sentence"].startswith("Not worth it") and "more labels" not in found(-0.1)["sentence"]
    one_seed_better = [{**run, "pck": run["pck"] + 0.1 * (run["run"] == "dual-20-seed1")} for run in records(0.0)]
    assert compared(one_seed_better, "dual", 20, [5, 10, 20])["verdict"] == "unclear"


@pytest.mark.slow
def test_from_the_command_line_and_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = to_dict(tiny(tmp_path / "cache", "single", steps=1, data=PEOPLE))
    file = tmp_path / "data.yaml"
    file.write_text(yaml.safe_dump(config))
    words = ["worth", str(file), "--method", "single", "--seeds", "0", "3", "--labels", "2"]
    words += ["--out", str(tmp_path / "w")]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert "single finds" in printed.out and "[1/10] supervised, 2 labels, seed 0" in printed.err
    result = json.loads((tmp_path / "w" / "worth.json").read_text())
    assert [row["labels"] for row in result["curve"]] == [1, 2, 4] and len(result["runs"]) == 10
    assert list(result["methods"]) == ["supervised", "control", "single"] and result["control"] == "affine60+flip50"
    best = max(("supervised", "control"), key=lambda row: result["methods"][row]["pck"]["mean"])
    assert result["base"] == best and [run["row"] for run in result["runs"][-4:]] == [best] * 4
    runs = [run["run"] for run in result["runs"]]
    splits = {run: json.loads((tmp_path / "w" / run / "split.json").read_text()) for run in runs}
    ours, base = (splits[f"{name}-2-seed0"] for name in ("single", "supervised"))
    assert ours["labeled"] == base["labeled"] != splits["single-2-seed3"]["labeled"]
    fewer, more = (set(splits[f"{best}-{n}-seed0"]["labeled"]) for n in (1, 4))
    assert fewer < set(base["labeled"]) < more
    assert len({tuple(split["val"]) for split in splits.values()}) == 1 and len(ours["unlabeled"]) == 4
    # What is finished is reused; what is gone is trained.
    times = {run: (tmp_path / "w" / run / "summary.json").stat().st_mtime_ns for run in splits}
    shutil.rmtree(tmp_path / "w" / "single-2-seed3")
    assert main(words) == 0
    again = {run: (tmp_path / "w" / run / "summary.json").stat().st_mtime_ns for run in splits}
    assert [run for run in splits if times[run] != again[run]] == ["single-2-seed3"]


def test_what_train_would_train_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing else is said guarded, as its recipe has it; a file's method, unless that has labels alone."""
    asked = []

    def prepared(base: Config, method: str) -> Config:
        asked.append((method, base))
        raise UserError("far enough")

    monkeypatch.setattr(comparison, "_prepared", prepared)
    file = tmp_path / "data.yaml"
    for content in ({"data": PEOPLE, "method": {"name": "mum"}}, {"data": PEOPLE, "method": {"name": "supervised"}}):
        file.write_text(yaml.safe_dump(content))
        with pytest.raises(UserError, match="far enough"):
            worth(file)
    with pytest.raises(UserError, match="far enough"):
        worth(PEOPLE)
    assert [method for method, _ in asked] == ["mum", "guarded", "guarded"]
    assert asked[-1][1] == replace(recipe("auto"), data=replace(recipe("auto").data, **PEOPLE))


def test_faults_in_one_line(tmp_path: Path) -> None:
    config = tiny(tmp_path / "cache", "single")
    with pytest.raises(UserError, match="not 'supervised'"):
        worth(config=config, method="supervised")
    with pytest.raises(UserError, match="there are 12"):
        worth(config=config, labels=13)
    with pytest.raises(UserError, match="seeds"):
        worth(config=config, seeds=(1, 1))
    one = replace(config, data=replace(config.data, skeleton={"joints": ["neck"], "pairs": [], "limbs": []}))
    with pytest.raises(UserError, match=r"two labelled joints .* label a second joint"):
        worth(config=one, out=tmp_path / "w")
    assert not (tmp_path / "w").exists()
    config.data.val = None
    with pytest.raises(UserError, match="semipose init"):
        worth(config=config)
