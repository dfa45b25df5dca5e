"""What mkdocs does with these pages beyond its own: the pages above `docs/` that they link to are part of the site,
links to source files are text, and a link that shows a page's file shows its title. Nothing of it is needed to read the
pages as they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
ABOVE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages of `ABOVE`, whose own links are relative to the root."""
    for name in ABOVE:
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](").replace("](README.md", "](index.md")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links to pages of `ABOVE` lead to them; what else lies outside the site is code, not a link."""
    depth = page.file.src_uri.count("/")

    def shown(match: re.Match[str]) -> str:
        text, target = match.groups()
        path, _, anchor = target.partition("#")
        if ":" in target or not path:
            return match[0]
        place = (ROOT / "docs" / page.file.src_uri).parent / path
        if text.endswith(".md"):
            text = _title(place if place.is_file() else ROOT / place.name)
        if place.resolve().is_relative_to(ROOT / "docs"):
            return f"[{text}]({target})"
        if place.name in ABOVE:
            return f"[{text}]({'../' * depth}{place.name}{'#' + anchor if anchor else ''})"
        return text if text.startswith("`") else f"`{text}`"

    return LINK.sub(shown, markdown)


def _title(page: Path) -> str:
    """Of its first heading."""
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
