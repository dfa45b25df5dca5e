"""The list of verbs. What each of them keeps to: tests/verbs/test_rules.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from semipose import verbs


def test_verbs_are_the_files_that_hide_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("walk.py", "_hidden.py", "__init__.py", "notes.txt", "run_fast.py"):
        (tmp_path / name).write_text('def walk():\n    """Go.\n\n    Slowly."""\ndef other():\n    """No."""\n')
    monkeypatch.setattr(verbs, "__path__", [str(tmp_path)])
    assert verbs.names() == ["run_fast", "walk"]
    assert verbs.summary("walk") == "Go."


def test_they_are_listed_without_importing_any() -> None:
    code = (
        "import sys; from semipose import verbs; [verbs.summary(n) for n in verbs.names()];"
        "print([m for m in sys.modules if m.startswith('semipose.verbs.') or m in ('torch', 'cv2', 'numpy')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_they_stand_in_groups_each_once_and_new_ones_last(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = verbs.grouped()
    assert list(groups) == ["start", "train and predict", "label more", "research"]
    assert sorted(name for some in groups.values() for name in some) == verbs.names()
    monkeypatch.setattr(verbs, "names", lambda: ["init", "fly", "train"])
    assert {title: some for title, some in verbs.grouped().items() if some} == {
        "start": ["init"],
        "train and predict": ["train"],
        "more": ["fly"],
    }
