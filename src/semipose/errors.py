"""Errors that are the user's to mend, and the boundary around what reads a user's file."""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar, cast

LONGEST = 160
"""Letters of another program's message that a sentence quotes."""
WHOLE = 2000
"""Letters of a sentence."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What would break a line, move a terminal's cursor, or cannot be written as UTF-8."""

Function = TypeVar("Function", bound=Callable[..., Any])


class UserError(Exception):
    """What is wrong, where, and what to do, in one line. The command line prints it without a traceback. Of one that
    quotes too much of a file, the middle is left out."""

    def __init__(self, text: object = "") -> None:
        line = str(text)
        super().__init__(line if len(line) <= WHOLE else f"{line[: WHOLE // 2]} ... {line[-WHOLE // 4 :]}")


class UserErrors(UserError):
    """Several at once, a sentence each in `several`."""

    def __init__(self, several: Sequence[str]) -> None:
        self.several = tuple(several)
        many = f"{len(self.several)} files cannot be read: " if len(self.several) > 1 else ""
        super().__init__(many + "; ".join(self.several))


class UsageError(UserError):
    """A setting that does not exist or has the wrong type: exit code 2 instead of 1."""


class boundary:
    """A context around what reads a user's file: whatever a damaged one makes it raise becomes a `UserError` with the
    original as its cause, which `--debug` shows.

    Args:
        where: the file, or the place in it.
        what: it should be, with its article: "a COCO file".
    """

    def __init__(self, where: object, what: str) -> None:
        self.where, self.what = where, what

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, UserError):
            todo = "was it damaged or edited? mend it, or export it again"
            raise UserError(f"{self.where} cannot be read as {self.what} ({reason_of(error)}); {todo}") from error


def reads(what: str) -> Callable[[Function], Function]:
    """The same around a function whose first argument is the file."""

    def around(function: Function) -> Function:
        @functools.wraps(function)
        def read(*args: Any, **kwargs: Any) -> Any:
            with boundary(args[0] if args else next(iter(kwargs.values()), "it"), what):
                return function(*args, **kwargs)

        return cast(Function, read)

    return around


def reason_of(error: BaseException) -> str:
    """Why, in at most `LONGEST` letters of one line."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, zlib.error):
        return "what is compressed in it is damaged"
    if isinstance(error, UnicodeError):
        return "it has text that is not UTF-8"
    if isinstance(error, KeyError):
        return f"it lacks {str(error)[:LONGEST]}"
    if isinstance(error, TypeError | AttributeError | IndexError | AssertionError | ArithmeticError):
        return "its parts do not fit together"  # what Python says then is of no use to one who wrote no program
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(plain_line(text).split())[:LONGEST]


def plain_line(text: object) -> str:
    """Text in one line without control characters."""
    return plain_text(re.sub(r"\s*[\r\n]+\s*", " ", str(text)).strip())


def plain_text(text: str) -> str:
    """Text with its control characters, line breaks among them, as they are written in Python: \\n, \\x1b."""
    return CONTROL.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)
