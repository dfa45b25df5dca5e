"""The tutorials' commands, run as they stand on the page, and what they print beside what the page shows.

Training is two steps of a small network here, and two frames of each video are taken."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas
import pytest

from semipose.cli import main
from semipose.data import project, video
from semipose.inference import boxes as detector
from semipose.training import find
from tests.fixtures.shared import shared_data

PAGES = Path(__file__).parents[2] / "docs" / "tutorials"
BLOCK = re.compile(r"^```(sh|text|python)\n(.*?)^```$", re.M | re.S)
QUICK = {
    "train": "--steps=2 --eval_every=0 --optim.batch=2 --model.size=[64,64] --threads=1"
    " --accelerator=cpu --data.cache=cache",
    "predict": "--device cpu",
    "reproduce": "--steps=2 --eval_every=0 --optim.batch=2 --model.size=[64,64] --threads=1 --accelerator=cpu"
    " --data.cache=cache",
}


def run(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a line of the page prints."""
    program, verb, *words = shlex.split(command)
    assert program == "semipose"
    capsys.readouterr()
    assert main([verb, *words, *QUICK.get(verb, "").split()]) == 0, command
    return capsys.readouterr().out


def said(line: str, output: str) -> bool:
    """Whether the output has a line of the page, whose … stand for anything."""
    return re.search(f"^{'.*'.join(map(re.escape, line.split('…')))}$", output, re.M) is not None


def unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    """What networks say after two steps is taken as it is."""
    monkeypatch.setattr(detector, "SURE", 0)
    monkeypatch.setattr(find, "THRESHOLDS", (0.0,))
    monkeypatch.setattr(find, "ON", 0.0)


def walk(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A page, block by block, in a folder."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    output = ""
    for kind, text in BLOCK.findall((PAGES / f"{page}.md").read_text()):
        if kind == "sh":
            output = "".join(run(line, capsys) for line in text.splitlines())
        elif kind == "python":
            exec(compile(text, page, "exec"), {})
            assert "x" in capsys.readouterr().out
        elif not text.startswith("Usage: "):
            missing = [line for line in text.splitlines() if not said(line, output)]
            assert not missing, f"the page shows {missing}, printed was:\n{output}"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("page", "data", "table", "joints"),
    [
        ("openfield", ("openfield", "project"), "m3v1mp4DLC_semipose.h5", 4),
        ("mirror_mouse", ("mirror_mouse",), "test_vidDLC_semipose.h5", 17),
    ],
)
def test_tutorial(
    page: str,
    data: tuple[str, ...],
    table: str,
    joints: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / page).symlink_to(shared_data(*data).resolve())
    monkeypatch.setattr(video, "choose", lambda *_: [0, 1])
    monkeypatch.setattr(project, "FIND_STEPS", 2)
    unsure(monkeypatch)
    walk(page, tmp_path, monkeypatch, capsys)
    poses = pandas.read_hdf(tmp_path / "predictions" / table)
    assert poses.columns.names == ["scorer", "bodyparts", "coords"] and poses.shape[1] == 3 * joints
    assert poses.notna().to_numpy().all() and (tmp_path / "check.html").exists() and (tmp_path / "data.yaml").exists()
    assert list((tmp_path / "predictions").glob("*.mp4"))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("page", "name", "data", "made"),
    [
        ("coco", "mouse_topview", ("mouse_topview",), "compared.html"),
        ("improve", "openfield", ("openfield", "project"), "next/picked.csv"),
        ("paper", "", (), "rows"),
    ],
)
def test_other_tutorials(
    page: str,
    name: str,
    data: tuple[str, ...],
    made: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if data:
        (tmp_path / name).symlink_to(shared_data(*data).resolve())
    monkeypatch.setattr(project, "FIND_STEPS", 2)
    unsure(monkeypatch)
    walk(page, tmp_path, monkeypatch, capsys)
    assert (tmp_path / made).exists()


def test_help_is_as_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word; where this fails, paste the new text."""
    monkeypatch.setenv("COLUMNS", "100")
    shown = [text for _, text in BLOCK.findall((PAGES / "openfield.md").read_text()) if text.startswith("Usage: ")]
    assert [text.split()[2] for text in shown] == ["init", "train", "predict"]
    for text in shown:
        assert main([text.split()[2], "--help"]) == 0
        assert text.split() == capsys.readouterr().out.split()
