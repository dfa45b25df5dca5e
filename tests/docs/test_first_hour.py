"""What the script of a stranger's first hour takes from the pages."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / "benchmarks" / "first_hour.py")))


def test_every_tutorial_is_run(script: SimpleNamespace) -> None:
    pages = {path.stem: path for path in (ROOT / "docs" / "tutorials").glob("*.md")}
    assert set(script.DATA) == set(pages)
    for page in pages.values():
        lines = [
            line for kind, text in script.BLOCK.findall(page.read_text()) if kind == "sh" for line in text.split("\n")
        ]
        assert len(lines) > 4 and all(line.startswith("semipose ") for line in lines if line)


def test_a_command_s_time_code_and_last_words_are_kept(script: SimpleNamespace, tmp_path: Path) -> None:
    import sys

    shell = script.Shell(Path(sys.executable), tmp_path, script.QUICK)
    assert shell.run("echo one", "page") and not shell.run("echo two >&2; exit 3", "page")
    assert [(row["command"], row["code"], row.get("said")) for row in shell.done] == [
        ("echo one", 0, None),
        ("echo two >&2; exit 3", 3, "two"),
    ]


def test_short_is_of_trainings_and_of_what_init_writes(
    script: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo, whose time is a figure, stays as it is."""
    ran: list[str] = []
    done = SimpleNamespace(returncode=0, stdout="", stderr="")
    monkeypatch.setattr(script.subprocess, "run", lambda command, **_: ran.append(command) or done)
    (tmp_path / "data.yaml").write_text("find:\n  steps: 400\nsteps: 800\n")
    python = tmp_path / "environment" / "bin" / "python"
    shell = script.Shell(python, tmp_path, script.SHORT)
    for words in ("init p", "train data.yaml", "reproduce row", "demo", "predict run"):
        shell.run(f"semipose {words}", "page")
    assert shell.bare(f"'{python}' -m pip wheel '{tmp_path}/wheels' '{ROOT}'") == "python -m pip wheel 'wheels' '.'"
    assert [f"--steps={script.STEPS}" in command for command in ran] == [False, True, True, False, False]
    assert (tmp_path / "data.yaml").read_text() == "find:\n  steps: 80\nsteps: 800\n"
