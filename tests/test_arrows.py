"""The order of the rooms: each imports only from earlier ones. And what only one of them does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from semipose.methods import METHODS

SOURCE = Path(__file__).parents[1] / "src" / "semipose"
ORDER = (
    ("errors", "options", "limits", "files", "apart", "memory", "pickles", "provenance", "draws", "signals"),
    ("geometry", "target", "heatmap", "skeleton", "bodies", "sides"),
    ("cameras",),
    ("augment",),
    ("models",),
    ("methods",),
    ("config",),
    ("data",),
    ("metrics",),
    ("drawing",),
    ("outputs",),
    ("inference",),
    ("training",),
    ("reports",),
    ("papers",),
    ("browser",),
    ("verbs",),
    ("cli", "__main__", "__init__"),
)
"""From the ground up; what stands together may import each other, in no circle."""
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}

FILES = sorted(str(file.relative_to(SOURCE)) for file in SOURCE.rglob("*.py"))
TREES = {file: ast.parse((SOURCE / file).read_text()) for file in FILES}
MODULES = {".".join(("semipose", *Path(file).with_suffix("").parts)).removesuffix(".__init__"): file for file in FILES}


def imports(node: ast.AST) -> list[str]:
    """Modules of the package that a statement names: `from semipose.a import b` is semipose.a.b where that is one."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.split(".")[0] == "semipose"]
    if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "semipose":
        below = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if name in MODULES else node.module for name in below]
    return []


def when_imported(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a file that run when it is imported: no function bodies, nothing for type checkers alone."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield from when_imported(child)


def room(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_its_place() -> None:
    assert {Path(file).parts[0].removesuffix(".py") for file in FILES} <= set(LEVEL)


def test_nothing_is_imported_by_a_relative_name() -> None:
    """Which this file would not see."""
    assert [(file, n.lineno) for file in FILES for n in ast.walk(TREES[file]) if getattr(n, "level", 0)] == []


def test_rooms_import_only_from_earlier_ones() -> None:
    """In functions and for type checkers too."""
    upwards = {
        (file, module)
        for file in FILES
        for node in ast.walk(TREES[file])
        for module in imports(node)
        if module != "semipose" and LEVEL[room(module)] > LEVEL[Path(file).parts[0].removesuffix(".py")]
    }
    assert upwards == set()


def test_the_package_itself_is_asked_for_its_version_and_description_alone() -> None:
    asked = {
        (file, node.attr)
        for file in FILES
        for node in ast.walk(TREES[file])
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "semipose"
    }
    named = {
        (file, alias.name)
        for file in FILES
        for node in ast.walk(TREES[file])
        if isinstance(node, ast.ImportFrom) and node.module == "semipose"
        for alias in node.names
        if f"semipose.{alias.name}" not in MODULES
    }
    assert {name for _, name in asked | named} <= {"__version__", "__doc__"}, sorted(asked | named)


def test_no_circle_of_files() -> None:
    """Of imports that run when a file is imported; the packages around a file, which run before it, aside."""
    graph = {
        file: {MODULES[module] for node in when_imported(TREES[file]) for module in imports(node)} - {file}
        for file in FILES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def test_only_geometry_builds_sampling_grids() -> None:
    grids = {"grid_sample", "affine_grid"}
    builders = {
        file
        for file in FILES
        for node in ast.walk(TREES[file])
        if {getattr(node, key, None) for key in ("attr", "id", "name")} & grids
    }
    assert builders == {"geometry.py"}


def reads_name(node: ast.AST) -> bool:
    """`method.name`, `config.method.name`, ..."""
    if not (isinstance(node, ast.Attribute) and node.attr == "name"):
        return False
    owner = node.value
    return (owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")) == "method"


def decisions(tree: ast.AST) -> Iterator[str]:
    """Comparisons by a method's name: of `method.name` with whatever it be, of anything with the name itself, or
    whether it is in a set that comes from methods/; and `match` statements that have such a name as a case."""
    sets = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("semipose.methods")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            parts = [part for side in (node.left, *node.comparators) for part in (side, *getattr(side, "elts", ()))]
            literal = any(isinstance(part, ast.Constant) and part.value in METHODS for part in parts)
            member = isinstance(node.ops[0], ast.In | ast.NotIn) and getattr(node.comparators[0], "id", "") in sets
            if literal or member or any(map(reads_name, parts)):
                yield ast.unparse(node)
        if isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant) and node.value.value in METHODS:
            yield f"case {ast.unparse(node)}"


def test_only_methods_decide_by_a_method_s_name() -> None:
    """Elsewhere what differs is asked of the method: what it needs, how many networks it trains, whether it mixes."""
    found = {(file, text) for file in FILES if Path(file).parts[0] != "methods" for text in decisions(TREES[file])}
    assert found == set()
