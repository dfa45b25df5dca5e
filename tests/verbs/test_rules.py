"""What every file of `semipose.verbs` keeps to, so that the command line and `semipose.NAME` follow from it."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest

import semipose
from semipose import heatmap, outputs, verbs
from semipose.outputs import tolabel

FOLDER = Path(verbs.__file__).parent
ROOT = Path(__file__).parents[2]


def choices(verb: str, option: str) -> tuple[str, ...]:
    """What an option's `Literal` lists."""
    hint = inspect.signature(getattr(semipose, verb), eval_str=False).parameters[option].annotation
    (listed,) = re.findall(r"Literal\[(.*?)\]", hint)
    return tuple(ast.literal_eval(f"({listed},)"))


@pytest.mark.parametrize("name", verbs.names())
def test_a_file_holds_one_public_function_of_its_name(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [part.name for part in tree.body if isinstance(part, functions) and not part.name.startswith("_")]
    assigned = [name for part in tree.body if isinstance(part, ast.Assign) for name in map(ast.unparse, part.targets)]
    assert public == [name] and all(each.startswith("_") for each in assigned)


@pytest.mark.parametrize("name", verbs.names())
def test_it_has_a_summary_help_for_each_option_and_an_example(name: str) -> None:
    verb = getattr(semipose, name)
    text = inspect.getdoc(verb) or ""
    assert verbs.summary(name) == text.splitlines()[0] and text.splitlines()[0].endswith((".", "?"))
    assert f"\nExample: semipose {name.replace('_', '-')}" in text
    options = {each.name for each in inspect.signature(verb).parameters.values() if each.kind is not each.VAR_KEYWORD}
    described = set(re.findall(r"^    (\w+): ", text.partition("Args:\n")[2].partition("\n\n")[0], re.M))
    assert described == options - {"progress"}


@pytest.mark.parametrize("name", verbs.names())
def test_it_prints_nothing_itself(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    printing = {
        part.name
        for part in tree.body
        if isinstance(part, ast.FunctionDef)
        for call in ast.walk(part)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "print"
    }
    assert printing <= {"_print"}


def test_python_has_every_verb_under_its_name() -> None:
    assert set(semipose.__all__) == {"Predictor", *verbs.names()}
    for name in verbs.names():
        assert getattr(semipose, name) is getattr(import_module(f"semipose.verbs.{name}"), name)


def test_type_checkers_are_told_of_every_verb() -> None:
    tree = ast.parse(Path(semipose.__file__).read_text())
    imports = [part for part in ast.walk(tree) if isinstance(part, ast.ImportFrom)]
    told = {alias.asname for part in imports for alias in part.names if part.module and part.module != "semipose"}
    assert told - {None, "Predictor"} == set(verbs.names())


def test_old_names_give_notice_and_still_work() -> None:
    from semipose.data.split import make_split
    from semipose.inference.space import triangulate_files

    for old, instead, function in (
        ("make_split", "semipose.split", make_split),
        ("triangulate_predictions", "semipose.triangulate", triangulate_files),
    ):
        with pytest.warns(DeprecationWarning, match=f"use {instead}$"):
            assert getattr(semipose, old) is function
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        semipose.trian  # noqa: B018


def test_the_readme_lists_them_all() -> None:
    """As one table whose first cells are the verbs, or each as `semipose NAME`."""
    text = (ROOT / "README.md").read_text()
    known = {name.replace("_", "-") for name in verbs.names()}
    tables = re.findall(r"(?:^\|.*\n)+", text, re.M)
    first = [set(re.findall(r"^\| *`(?:semipose )?([a-z-]+)", table, re.M)) for table in tables]
    assert known in first or known <= set(re.findall(r"semipose ([a-z-]+)", text))


def test_choices_are_those_of_the_rooms_below() -> None:
    """They stand in the signatures too, so that help needs no torch; nothing of it may grow apart."""
    for verb in ("evaluate", "predict", "gap"):
        assert choices(verb, "decode") == heatmap.DECODERS
    for verb in ("evaluate", "predict"):
        assert choices(verb, "flip_test") == heatmap.FLIP_TESTS
    assert choices("predict", "formats") == tuple(outputs.FORMATS)
    assert choices("pick", "format") == tuple(tolabel.FORMATS)
    from semipose.data.split import Protocol
    from semipose.data.synthetic.people import DOMAINS
    from semipose.papers.tables import SCALES

    assert choices("split", "protocol") == get_args(Protocol)
    assert set(choices("synth", "domain")) == set(DOMAINS)
    assert choices("reproduce", "scale") == choices("recipes", "scale") == tuple(SCALES)


TOY = '''"""`semipose say-often`."""

from __future__ import annotations


def say_often(what: str, *, times: int = 2, loud: bool = False, progress: bool = True, **settings: object) -> list[str]:
    """Say something several times.

    Args:
        what: What to say.
        times: How often.
        loud: In capitals.

    Returns: what is said.

    Example: semipose say-often hello --times 3
    """
    return [*(what.upper() if loud else what for _ in range(times)), *(f"{k}={v}" for k, v in settings.items())]


def _print(result: list[str], asked: object) -> int:
    print(*result)
    return 7
'''


def test_a_new_file_is_a_new_command_and_nothing_else_is_touched(tmp_path: Path) -> None:
    shutil.copytree(FOLDER.parent, tmp_path / "semipose", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "semipose" / "verbs" / "say_often.py").write_text(TOY)

    def semipose(*words: str) -> Any:
        program = [sys.executable, "-m", "semipose", *words]
        return subprocess.run(program, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)

    assert "  say-often       Say something several times.\n" in semipose("--help").stdout
    text = semipose("say-often", "--help").stdout
    assert "--times" in text and "How often." in text and "example: semipose say-often hello --times 3" in text
    assert "--progress" not in text and "Returns" not in text
    ran = semipose("say-often", "hello", "--times", "3", "--loud", "--optim.lr", "0.5", "--steps=2")
    assert (ran.stdout, ran.returncode) == ("HELLO HELLO HELLO optim.lr=0.5 steps=2\n", 7)
    wrong = semipose("say-often", "hello", "--times", "many")
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1 and "--times" in wrong.stderr
    code = "import semipose; print(semipose.say_often('hi', times=1))"
    called = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert called.stdout == "['hi']\n"
