"""`semipose recipes`."""

from __future__ import annotations

from typing import Literal

from semipose.errors import UsageError


def recipes(*words: str, scale: Literal["mini", "paper"] = "paper") -> str:
    """List the recipes and the papers' tables, with the papers' numbers.

    Of a paper or a table, every row with the command that trains it and what it needs.

    Args:
        words: show NAME for the whole configuration of a recipe or a row; or PAPER or PAPER/TABLE for its rows alone.
        scale: Of a row that is shown.

    Returns: the text.

    Raises:
        UserError: there is no such recipe, paper, table or row.

    Example: semipose recipes show dual, or of a row, semipose recipes show xie2021/dual-jc-1k --scale mini
    """
    from semipose.papers.listing import recipes_text, rows_text, shown

    if not words:
        return recipes_text()
    if len(words) == 2 and words[0] == "show":
        return shown(words[1], scale)
    if len(words) > 1 or words[0] == "show":
        raise UsageError("write recipes, recipes PAPER/TABLE, or recipes show NAME")
    return rows_text(words[0])
