"""`semipose report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace


def report(runs: Sequence[str | Path] | str | Path, *, out: str | Path | None = None) -> Path:
    """Write one HTML page about one or several runs.

    It holds its figures and photographs and refers to nothing outside itself. There is no verdict about several that
    differ in labelled images, validation, skeleton or measure.

    Args:
        runs: Folders of runs; parts they lack are left out with a note.
        out: The page; report.html in the run, or beside the first of several.

    Returns: the page's path.

    Raises:
        UserError: a run's folder does not exist, or the page cannot be written.

    Example: semipose report runs/supervised runs/dual
    """
    from semipose.reports.html import report as write

    several = [runs] if isinstance(runs, str | Path) else runs
    return write([Path(run) for run in several], None if out is None else Path(out))


def _print(page: Path, asked: SimpleNamespace) -> None:
    here = Path.cwd()
    print(f"wrote {page.relative_to(here) if page.is_relative_to(here) else page}")
