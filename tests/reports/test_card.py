from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from semipose.errors import UserError
from semipose.reports.card import card

SUMMARY = {
    "method": "mum", "steps": 800, "seed": 0, "labels": 10, "unlabeled": 490, "val_images": 400, "commit": "0.1.0 abc",
    "parameters": [3_400_000], "machine": "2 CPUs", "seconds": 4321.0, "warnings": ["step 3: it collapses"],
    "val": {"mean": {"pck": 0.8, "median_error_px": 3.21}},
}  # fmt: skip
MODEL = {
    "model": {"backbone": "resnet18", "decoder": "deconv", "size": [96, 64], "padding": 1.0},
    "skeleton": {"joints": ["nose", "tail"]},
}
CONFIG = {
    "data": {
        "labeled": "/home/me/secret/labels.json",
        "unlabeled": ["/data/a.mp4", "synth:wild?count=3"],
        "cache": "/c",
    },
    "model": {"weights": "imagenet"},
    "threshold": 0.05,
}


def run(folder: Path, summary: dict) -> Path:
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "model.json").write_text(json.dumps(MODEL))
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "split.json").write_text(json.dumps({"labeled": ["a"], "hash": "0123456789abcdef"}))
    return folder


def test_a_card_has_the_run_s_facts_and_no_folders(tmp_path: Path) -> None:
    text = card(run(tmp_path, SUMMARY), "owner/name")
    assert yaml.safe_load(text.split("---")[1])["library_name"] == "semipose"
    for fact in ("nose, tail", "resnet18, 3.4 M parameters", "96x64", "mum, 800 steps", "10 (labels.json)",
                 "490 (a.mp4, synth:wild?count=3)", "PCK@0.05 80.0 % on 400", "75.8 to 83.6 %", "3.21 pixels",
                 "it collapses", "hf://owner/name", "imagenet", "0.1.0 abc", "hash 0123456789abcdef",
                 "400 (of the labelled data)", "1 h 12 min", "| on | 2 CPUs |"):  # fmt: skip
        assert fact in text, fact
    assert "secret" not in text and "/data" not in text


def test_runs_without_scores_or_end(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has not finished; go on with semipose train --resume"):
        card(tmp_path, "owner/name")
    assert "It was not validated." in card(run(tmp_path, {**SUMMARY, "val": None}), "owner/name")
    with pytest.raises(UserError, match="cannot be read as the folder of a run"):
        card(run(tmp_path, {}), "owner/name")
