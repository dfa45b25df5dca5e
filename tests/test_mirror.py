"""Tests mirror the source: `src/semipose/a/b.py` has `tests/a/test_b.py`, and `a/__init__.py` has `tests/a/test_a.py`
where it has functions or classes of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "semipose"
TESTS = Path(__file__).parent

ROOMS = sorted(file.parent.name for file in SOURCE.glob("*/__init__.py"))
CONSTANTS = "constants, held by test_tables.py of the same paper and by tests/papers/test_first_steps.py"
CLAIMS = "claims, each held by tests/papers/test_claims.py"
EXCEPTIONS = {
    "__main__.py": "calls cli.main alone, and tests of the command line run it",
    "papers/pose_mum/claims.py": CLAIMS,
    "papers/pose_mum/methods.py": CONSTANTS,
    "papers/xie2021/claims.py": CLAIMS,
    "papers/xie2021/methods.py": CONSTANTS,
    "papers/yu2024/claims.py": CLAIMS,
    "papers/multiaugs/methods.py": CONSTANTS,
    "papers/sspcm/methods.py": CONSTANTS,
    "papers/yu2024/methods.py": CONSTANTS,
}
"""Source file -> why it has no tests of its own."""
ACROSS = {
    "data/test_bad_input.py": "what every reader says of malformed input",
    "data/test_faults.py": "what every reader says of damaged and hostile files",
    "papers/test_every_row.py": "every row of every paper takes two steps",
    "papers/test_first_steps.py": "losses of every method and recipe",
    "verbs/test_rules.py": "what every verb keeps to",
    "test_arrows.py": "the order of the rooms",
    "test_differences.py": "docs/DIFFERENCES.md",
    "test_formats.py": "every format, through all of the program",
    "test_growth.py": "what it takes to add something",
    "test_mirror.py": "this",
}
"""Test file -> what it tests instead of one module."""


def modules() -> list[str]:
    """Source files that have something to test, relative to the package."""
    files = sorted(SOURCE.rglob("*.py"))
    return [str(file.relative_to(SOURCE)) for file in files if file.stem != "__init__" or defines(file)]


def defines(file: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.walk(ast.parse(file.read_text())))


def where_tested(module: str) -> Path:
    path = SOURCE / module
    name = path.parent.name if path.stem == "__init__" else path.stem
    return TESTS / path.parent.relative_to(SOURCE) / f"test_{name}.py"


def test_every_module_has_its_tests() -> None:
    assert {module for module in modules() if not where_tested(module).exists()} == set(EXCEPTIONS)


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_every_test_has_its_module(room: str) -> None:
    """In the same folder: `test_b.py`, or `test_b_more.py` where one file would be long."""
    names: dict[Path, set[str]] = {}
    for module in modules():
        names.setdefault(where_tested(module).parent, set()).add(where_tested(module).stem)
    files = (TESTS / room).rglob("test_*.py") if room else TESTS.glob("test_*.py")
    lost = {
        str(file.relative_to(TESTS))
        for file in files
        if not any(file.stem == name or file.stem.startswith(f"{name}_") for name in names.get(file.parent, ()))
    }
    assert lost == {name for name in ACROSS if Path(name).parent.parts[:1] == ((room,) if room else ())}
