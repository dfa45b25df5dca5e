"""`semipose reproduce`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from semipose.errors import UserError


def reproduce(
    target: str | None = None,
    *,
    scale: Literal["mini", "paper"] = "mini",
    seeds: Sequence[int] = (0,),
    data: str | Path | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    dry_run: int = 0,
    train: bool = True,
    claims: bool = False,
    progress: bool = True,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Train a paper's table and write it beside the paper's numbers; without a target, list them.

    A finished run of the same configuration is reused, an interrupted one goes on, and what a row builds on is trained
    first. Any setting can follow as --section.key=value, and is laid over every row's.

    Args:
        target: PAPER/TABLE, or PAPER for all tables, or a row that semipose recipes lists.
        scale: Synthetic people in minutes, or the paper's data.
        seeds: Each row is trained with each; the table has the mean and the standard deviation.
        data: At paper scale, the folder that holds coco, mpii, aic and h36m.
        out: Folder of runs, records and tables; reproduce/PAPER/SCALE by default.
        dry_run: Train so many steps only, on what data there is.
        train: Train what has no finished run; else its rows stay empty.
        claims: Train nothing; say which of the paper's claims the runs that are there reproduce.

    Returns: the tables, as written: {"table", "title", "scale", "seeds", "rows": [{"label", "paper", "metric", "mean",
        "spread", "scores": {seed: score}, "parts": {column: {"paper", "mean"}}, "labeled", "student", "measured",
        "runs"}], "files", ...}. A row that has no run has no scores. `data` may hold settings of the data
        section. With `claims` the claims: {"claim", "source", "says", "rows", "numbers", "margin", "seeds", "verdict"}.

    Raises:
        UserError: no such target, a seed among the settings, a folder of data at mini scale, a run failed, or
            `claims` with what is for training.
        Stopped: a signal stopped a run, with its checkpoint saved; the same call goes on.

    Example: semipose reproduce xie2021/table1 --seeds 0 1 2
    """
    if claims:
        if settings or data is not None or dry_run or tuple(seeds) != (0,):
            raise UserError("--claims trains nothing and reads all seeds that are there; leave other settings out")
        from semipose.papers.scoreboard import scoreboard

        return scoreboard(target, scale, None if out is None else Path(out))
    from semipose.papers.configure import nested

    if target is None:
        return []
    if isinstance(data, Mapping):
        settings |= {f"data.{key}": value for key, value in data.items()}
        data = None
    layer = nested(settings)
    if not seeds or "seed" in layer:
        raise UserError("reproduce needs a seed or more, of every run: --seeds 0 1 2")
    if data is not None and scale == "mini":
        raise UserError("mini scale draws its own people; --data ROOT goes with --scale paper")
    from semipose.papers.reproduction import run_tables
    from semipose.papers.results import Setting

    folder = Path(out or Path("reproduce", target.partition("/")[0], f"{scale}-dry" if dry_run else scale))
    root = None if data is None else Path(data)
    return run_tables(target, Setting(scale, folder, root, layer, dry_run, progress, train), seeds)


def _print(tables: list[dict[str, Any]], asked: SimpleNamespace) -> None:
    if asked.claims:
        from semipose.papers.scoreboard import board_text

        return print(*board_text(tables).split("\n"), sep="\n")
    from semipose.papers.listing import rows_text
    from semipose.papers.results import markdown

    if asked.target is None:
        return print(*rows_text().split("\n"), sep="\n")
    for table in tables:
        print(*markdown(table).split("\n"), sep="\n")
    return print(f"wrote {', '.join(str(file) for table in tables for file in table['files'])}")
