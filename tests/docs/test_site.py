"""The documentation as a site: what is in it, and that it is built and loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from semipose import verbs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOADED = re.compile(r"<(?:script|link|img|iframe|source|video)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)")


def pages_of(part: object) -> list[str]:
    if isinstance(part, str):
        return [part]
    return [page for inner in (part.values() if isinstance(part, dict) else part) for page in pages_of(inner)]  # type: ignore[attr-defined]


def test_every_page_has_its_place() -> None:
    listed = pages_of(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    above = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
    assert sorted(listed) == sorted([*above, *(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md"))])


def test_every_command_is_in_the_reference_in_its_group() -> None:
    text = (DOCS / "reference" / "commands.md").read_text()
    shown = re.findall(r"^::: semipose\.verbs\.(\w+)\.(\w+)$", text, re.M)
    assert [name for name, _ in shown] == [name for some in verbs.grouped().values() for name in some]
    assert all(file == name for file, name in shown)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("material") is None or find_spec("mkdocstrings") is None, reason="needs the extra docs")
def test_it_is_built_with_every_link_and_loads_nothing(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(list(DOCS.rglob("*.md")))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not LOADED.findall(text), page.name
        assert not re.search(r"<a [^>]*>[\w./]+\.md</a>", text), f"{page.name} has a link that shows a file's name"
        assert "fonts.googleapis" not in text and 'class="mermaid"' not in text, "which the theme would fetch"
