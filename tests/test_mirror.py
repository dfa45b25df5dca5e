"""Tests mirror the source: `src/semipose/a/b.py` has `tests/a/test_b.py`, and `a/__init__.py` has `tests/a/test_a.py`
where it has functions or classes of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "semipose"
TESTS = Path(__file__).parent

ROOMS = ("augment", "cameras", "models", "metrics", "drawing", "training", "reports")
"""Folders of which every module has to have its tests."""
FILES = ("__main__", "draws", "errors", "files", "geometry", "heatmap", "provenance", "sides", "skeleton")
"""The same of files that are in none."""
EXCEPTIONS = {"__main__.py": "calls cli.main alone, and tests of the command line run it"}
"""Source file -> why it has no tests of its own."""


def modules() -> list[str]:
    """Source files that have something to test, relative to the package."""
    files = [SOURCE / f"{name}.py" for name in FILES]
    files += [file for room in ROOMS for file in sorted((SOURCE / room).rglob("*.py"))]
    return [str(file.relative_to(SOURCE)) for file in files if file.stem != "__init__" or defines(file)]


def defines(file: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.walk(ast.parse(file.read_text())))


def where_tested(module: str) -> Path:
    path = Path(module)
    name = path.parent.name if path.stem == "__init__" else path.stem
    return TESTS / path.parent / f"test_{name}.py"


def test_every_module_has_its_tests() -> None:
    assert {module for module in modules() if not where_tested(module).exists()} == set(EXCEPTIONS)


@pytest.mark.parametrize("room", ROOMS)
def test_every_test_has_its_module(room: str) -> None:
    """`test_b.py`, or `test_b_more.py` where one file would be long."""
    names = {where_tested(module).stem for module in modules() if Path(module).parts[0] == room}
    tests = {file.stem for file in (TESTS / room).rglob("test_*.py")}
    assert {test for test in tests if not any(test == name or test.startswith(f"{name}_") for name in names)} == set()
