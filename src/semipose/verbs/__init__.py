"""The verbs: a file a command, which `semipose.cli` turns into `semipose NAME` and `semipose/__init__.py` into
`semipose.NAME`. A new file here is a new command; nothing else lists it but the README.

A file holds one public function of its own name, and may hold two private things beside it:

* Its signature is the options. Those before `*` are words in their order, those after it `--options`; what has no
  default must be given. Types and `Literal`s say what a word can be; mappings and objects are for Python alone, as is
  `progress`. `**settings` takes any setting, from the shell as `--section.key=value`, in Python as
  `section={"key": value}` or `**{"section.key": value}` (`semipose.papers.configure.nested` reads both).
* Its docstring is the help: the first line in the list of commands, all paragraphs but "Returns" and "Raises" in
  `--help`, each line below "Args:" beside its option, and last "Example: semipose NAME ...".
* It returns what Python users get, and prints nothing.
* `_print(result, asked)` prints what shell users get, from the result and the options (`asked.out`), and may return an
  exit code: 0 where it returns nothing. Without it the result itself is printed. Each value that it gives to `print` is
  shown as one line, so that names in data begin none: of several lines, `print(*lines, sep="\\n")`.
* `_BARE`: option -> its value where the option stands without one.

At the top a file imports only what is light; what needs torch, OpenCV or SciPy is imported where it is used.
"""

from __future__ import annotations

import os
from pathlib import Path


def names() -> list[str]:
    """Every verb, by its file."""
    return sorted(file[:-3] for file in os.listdir(__path__[0]) if file.endswith(".py") and not file.startswith("_"))


GROUPS = {
    "start": ("init", "check", "doctor", "split", "demo"),
    "train and predict": ("train", "report", "evaluate", "worth", "predict", "triangulate", "export", "push"),
    "label more": ("audit", "pick", "ui"),
    "research": ("recipes", "reproduce", "gap", "show_mix", "synth", "import_weights"),
}
"""In which order the list of commands shows them; one that is not here comes last, under "more"."""


def grouped() -> dict[str, list[str]]:
    """Every verb, by what it is for."""
    there = names()
    groups = {title: [name for name in some if name in there] for title, some in GROUPS.items()}
    rest = [name for name in there if not any(name in some for some in groups.values())]
    return groups | ({"more": rest} if rest else {})


def summary(name: str) -> str:
    """The first line of a verb's docstring, read without importing it."""
    import ast

    tree = ast.parse(Path(__path__[0], f"{name}.py").read_text(encoding="utf-8"))
    verb = next(part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name == name)
    return (ast.get_docstring(verb) or "").partition("\n")[0]
