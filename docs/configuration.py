"""Writes docs/reference/configuration.md: every setting, with its default, limit and source, from the schema itself.

python docs/configuration.py
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import yaml

from semipose.config import Config
from semipose.methods import METHODS, options_class
from semipose.methods.base import Options

INTRO = """# Configuration

Every setting of a run: in `data.yaml` or `config.yaml` as a key of its section, for once as `--section.key=value`.
`semipose recipes show NAME` prints a recipe whole. This page is written by `docs/configuration.py`.
"""
HEAD = ["| setting | default | what it is | what it can be | default from |", "|---|---|---|---|---|"]


def document() -> str:
    """The page."""
    config = Config()
    parts = {one.name: getattr(config, one.name) for one in dataclasses.fields(config)}
    sections = {name: value for name, value in parts.items() if dataclasses.is_dataclass(value) and name != "method"}
    lines = [INTRO, "## Of the whole run", "", *HEAD, *rows(Config, "", [n for n in parts if n not in sections])]
    for name, value in sections.items():
        lines += ["", f"## {name}", "", _about(type(value)), "", *HEAD, *rows(type(value), f"{name}.")]
    lines += ["", "## method", "", "Of every method:", "", *HEAD, *rows(Options, "method.")]
    common = {one.name for one in dataclasses.fields(Options)}
    kinds: dict[type, list[str]] = {}
    for name in METHODS:
        kinds.setdefault(options_class(name), []).append(name)
    for kind, names in kinds.items():
        own = [one.name for one in dataclasses.fields(kind) if one.name not in common]
        if own:
            lines += ["", f"### {', '.join(names)}", "", *HEAD, *rows(kind, "method.", own)]
    return "\n".join(lines) + "\n"


def rows(kind: type, prefix: str, names: list[str] | None = None) -> list[str]:
    """A line of the table for each option."""
    said, found = described(kind), []
    for one in dataclasses.fields(kind):
        if one.name == "method" or (names is not None and one.name not in names):
            continue
        default = one.default if one.default is not dataclasses.MISSING else one.default_factory()  # type: ignore[misc]
        limit, source = one.metadata.get("limit"), one.metadata.get("source", "")
        shown = yaml.safe_dump([default], default_flow_style=True, width=1000).strip()[1:-1]
        words = limit.words if limit else ""
        cells = (f"`{prefix}{one.name}`", f"`{shown}`", said.get(one.name, ""), words, source)
        found.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return found


def described(kind: type) -> dict[str, str]:
    """Option -> what its class's docstring, or that of a class it extends, says of it."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        text = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        for names, about in re.findall(r"^    ([\w, ]+): ((?:.|\n(?!    \w|\S))*)", text, re.M):
            found |= dict.fromkeys(names.split(", "), " ".join(about.split()))
        found |= {} if text else _in_prose(each)
    return found


def _in_prose(kind: Any) -> dict[str, str]:
    """Of a docstring that names its options in running text: "share: of each network's loss: ..."."""
    if not dataclasses.is_dataclass(kind):
        return {}
    text, names = " ".join((kind.__doc__ or "").split()), [one.name for one in dataclasses.fields(kind)]
    return {name: match[1] for name in names if (match := re.search(rf"`?\b{name}`?: ([^.;]+)", text))}


def _about(kind: type) -> str:
    return " ".join(inspect.cleandoc(kind.__doc__ or "").partition("\n\nAttributes:")[0].split())


if __name__ == "__main__":
    (Path(__file__).parent / "reference" / "configuration.md").write_text(document(), encoding="utf-8")
