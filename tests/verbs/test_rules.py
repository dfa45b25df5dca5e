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
from semipose.cli import main
from semipose.outputs import tolabel
from tests.fixtures.projects import picture, plain_csv
from tests.fixtures.runs import untrained

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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run, labels, and pictures."""
    folder = tmp_path_factory.mktemp("made")
    found = {
        "run": untrained(folder / "run"),
        "labels": plain_csv(folder / "labels"),
        "photo": picture(folder / "a.png"),
    }
    found["yaml"] = folder / "data.yaml"
    found["yaml"].write_text(
        f"data: {{labeled: {found['labels']}, val: {found['labels']}, unlabeled: {found['photo']}}}"
    )
    return found


THEIRS = '[{"image_id": 1, "category_id": 1, "keypoints": [1, 2, 0.5], "score": 0.3}]'
"""COCO results of another program's."""


@pytest.mark.parametrize(
    ("words", "file"),
    [
        ("synth OUT --count 1", "annotations.json"),
        ("synth OUT --count 1", "contact_sheet.png"),
        ("doctor LABELS --out OUT/doctor.jpg", "doctor.jpg"),
        ("doctor LABELS --out OUT/doctor.png", "doctor.png"),
        ("check LABELS --html OUT/page.html", "page.html"),
        ("report RUN --out OUT/page.html", "page.html"),
        ("audit RUN PHOTO --out OUT", "audit.json"),
        ("audit RUN PHOTO --out OUT", "audit.csv"),
        ("audit RUN PHOTO --out OUT", "audit.html"),
        ("gap RUN --val LABELS --out OUT/gap.json", "gap.json"),
        ("worth YAML --out OUT", "worth.json"),
        ("worth YAML --out OUT", "worth.md"),
        ("worth YAML --out OUT", "worth.html"),
        ("split LABELS --labeled 1 --out OUT/split.json", "split.json"),
        ("show-mix RUN --out OUT/mix.png", "mix.png"),
        ("export RUN --out OUT/model.onnx", "model.onnx"),
        ("predict RUN PHOTO --out OUT --no-overlay", "keypoints.json"),
        ("predict RUN PHOTO --out OUT --no-overlay --formats csv", "keypoints.csv"),
        ("predict RUN PHOTO --out OUT --no-overlay --formats sleap", "predictions.slp"),
        ("pick RUN PHOTO --count 1 --out OUT", "picked.csv"),
    ],
    ids=lambda text: text.replace(" ", "_")[:40],
)
def test_no_file_of_another_s_is_replaced_unasked(
    made: dict[str, Path], words: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if file.endswith((".onnx", ".slp")):
        pytest.importorskip("onnxscript" if file.endswith(".onnx") else "sleap_io")
    (tmp_path / file).write_text(THEIRS)
    named = {"OUT": str(tmp_path), **{name.upper(): str(path) for name, path in made.items()}}
    for name, path in named.items():
        words = words.replace(name, path)
    assert main(words.split()) == 1
    said = capsys.readouterr().err
    assert re.search(r"is there and|there and not empty", said) and str(tmp_path) in said and said.count("\n") == 1
    assert (tmp_path / file).read_text() == THEIRS and len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "synth OUT/people --count 1",
        "doctor LABELS --out OUT/doctor.jpg",
        "doctor LABELS --out OUT/doctor.png",
        "check LABELS --html OUT/page.html",
        "report RUN --out OUT/page.html",
        "audit RUN PHOTO --out OUT",
        "split LABELS --labeled 1 --out OUT/split.json",
        "show-mix RUN --out OUT/mix.png",
        "predict RUN PHOTO --out OUT --formats coco csv dlc-csv",
        "predict RUN PHOTO --out OUT --no-overlay --formats sleap",
    ],
    ids=lambda text: text.replace(" ", "_")[:40],
)
def test_what_an_earlier_call_wrote_is_replaced(
    made: dict[str, Path], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "sleap" in words:
        pytest.importorskip("sleap_io")
    for name, path in {"OUT": tmp_path, **{name.upper(): path for name, path in made.items()}}.items():
        words = words.replace(name, str(path))
    for _ in range(2):
        assert main(words.split()) == 0, capsys.readouterr().err


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
