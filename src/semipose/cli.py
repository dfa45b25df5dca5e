"""The command line, made from the files of `semipose.verbs`, which says how they are written.

Only the file of the command that is asked for is imported. cyclopts reads the words by the function's signature;
settings, `--section.key=value`, are taken out of them before.
"""

from __future__ import annotations

import difflib
import inspect
import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from semipose import __doc__ as about
from semipose import __version__, verbs
from semipose.errors import UsageError, UserError, plain_line, plain_text
from semipose.signals import EXIT_STOPPED, Stopped

DONE, FAILED, USAGE = 0, 1, 2
"""Exit codes, beside `EXIT_STOPPED`."""
PLAIN = (str, int, float, bool, Path, NoneType)
NOTHING = (None, False, 0, ())
"""Defaults that the help does not show."""


class Int(int):
    """A whole number, and no other, which cyclopts would round."""

    def __new__(cls, text: str) -> int:  # type: ignore[misc]
        return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Where nobody reads on what it prints, as after `| head`, it ends."""
    try:
        code = _main(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the very end
        return FAILED


def _main(argv: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that is no text of the terminal's is shown by its numbers
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    warnings.formatwarning = _plain_warning
    if words[:1] == ["--version"]:
        print(__version__)
        return DONE
    if not words or words[0] in ("--help", "-h"):
        print("\n".join(["Usage: semipose VERB [options]; semipose VERB --help says more", "", str(about), *_listed()]))
        return DONE if words else USAGE
    try:
        return run(words[0], [word for word in words[1:] if word != "--debug"])
    except Stopped as stopped:
        text, code = str(stopped), EXIT_STOPPED
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        text, code = "interrupted", FAILED
    except Exception as error:
        if "--debug" in words:
            raise
        text, code = str(error), USAGE if isinstance(error, UsageError) else FAILED
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.strerror}: {str(error.filename or '')[:200]}"
        elif not isinstance(error, UserError):
            text = f"{type(error).__name__}: {str(error)[:500]} (--debug shows where)"
    print(f"semipose {words[0]}: {plain_line(text)}", file=sys.stderr)
    return code


def _listed() -> Iterator[str]:
    """The verbs, in lines, by what they are for."""
    for title, some in verbs.grouped().items():
        yield f"\n{title}:"
        yield from (f"  {name.replace('_', '-'):15s} {verbs.summary(name)}" for name in some)


def _plain_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning in a line, without the place in the code that gives it."""
    return f"semipose: {plain_line(str(message))}\n"


def run(name: str, words: Sequence[str]) -> int:
    """Read the words of a command, call its function, and print what it returns."""
    from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError
    from cyclopts.help import DefaultFormatter, PanelSpec
    from rich.box import SIMPLE_HEAD

    own, look = name.replace("-", "_"), f"; semipose {name} --help lists what is"
    if own not in verbs.names():
        near = _near(name, [each.replace("_", "-") for each in verbs.names()])
        raise UsageError(f"there is no command {name!r}{near or '; semipose --help lists them'}")
    module = import_module(f"semipose.verbs.{own}")
    verb = getattr(module, own)

    def command(*values: Any, **options: Any) -> None: ...

    command.__signature__ = inspect.Signature([*_parameters(verb)])  # type: ignore[attr-defined]
    command.__doc__, example = _help(verb)
    every = Parameter(consume_multiple=(1, None), negative_iterable=())
    how: dict[str, Any] = {"help_format": "plaintext", "help_epilogue": example, "version_flags": ()}
    how["help_formatter"] = DefaultFormatter(panel_spec=PanelSpec(box=SIMPLE_HEAD))
    app = App(f"semipose {name}", default_command=command, default_parameter=every, **how)
    app["--help"].show = False
    flags = {flag for each in app.assemble_argument_collection() for flag in each.names} | {"--help"}
    others = _taken(mine := list(words), flags, getattr(module, "_BARE", {}))
    if others and not any(each.kind is each.VAR_KEYWORD for each in inspect.signature(verb).parameters.values()):
        raise UsageError(f"{others[0]} is not understood{_near(others[0].partition('=')[0], flags) or look}")
    try:
        asked, bound, _ = app.parse_args(mine, exit_on_error=False, print_error=False)
    except UnusedCliTokensError as error:
        raise UsageError(f"{(error.unused_tokens or ['this'])[0]} is one word too many{look}") from None
    except CycloptsError as error:
        raise UsageError(" ".join(str(error).replace('"', "'").split()).rstrip(".") + look) from None
    if asked is not command:  # --help
        asked(*bound.args, **bound.kwargs)
        return DONE
    whole = inspect.signature(verb).bind(*bound.args, **bound.kwargs, **_settings(others))
    result = verb(*whole.args, **whole.kwargs)
    whole.apply_defaults()
    shown = getattr(module, "_print", lambda result, asked: print(*str(result).split("\n"), sep="\n"))
    with redirect_stdout(_Plain()):
        return shown(result, SimpleNamespace(**whole.arguments)) or DONE


class _Plain(io.TextIOBase):
    """Standard output, on which no name of a file or joint moves a terminal's cursor or begins a line: `print` writes
    each of its values, and what stands between and behind them, by itself."""

    def __init__(self) -> None:
        self.out = sys.stdout

    def write(self, text: str) -> int:
        return self.out.write(text if text == "\n" else plain_text(text))

    def flush(self) -> None:
        self.out.flush()


def _help(verb: Callable[..., Any]) -> tuple[str, str]:
    """Of a docstring what a shell shows, an option a line, and the example."""
    parts = (inspect.getdoc(verb) or "").split("\n\n")
    example = next((" ".join(part.split()) for part in parts if part.startswith("Example: ")), "")
    kept = [part for part in parts if not part.startswith(("Returns:", "Raises:", "Example: "))]
    return re.sub("\n {8}", " ", "\n\n".join(kept)), example.replace("Example:", "example:")


def _parameters(verb: Callable[..., Any]) -> Iterator[inspect.Parameter]:
    """A signature in words of a shell; what comes first and has no default has no `--name`."""
    from cyclopts import Parameter

    given = {name: kind for name, kind in verb.__annotations__.items() if name != "return"}
    hints = get_type_hints(SimpleNamespace(__annotations__=given), vars(sys.modules[verb.__module__]))
    for name, each in inspect.signature(verb).parameters.items():
        if name != "progress" and each.kind is not each.VAR_KEYWORD:
            alone = each.kind is each.POSITIONAL_OR_KEYWORD and each.default is each.empty
            several = isinstance(each.default, tuple) and each.default
            shown = (lambda values: " ".join(map(str, values))) if several else each.default not in NOTHING
            how = Parameter(negative=() if each.default is False else None, show_default=shown)
            kind = each.POSITIONAL_ONLY if alone else each.kind
            yield each.replace(kind=kind, annotation=Annotated[_type(hints[name]), how])
    debug = Annotated[bool, Parameter(negative=(), show_default=False, help="Show the traceback of an error.")]
    yield inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=debug)


def _type(hint: Any) -> Any:
    """Of a parameter's type what can be written in a shell; several where it takes a sequence too."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Sequence:
        return list[_type(inner[0])]  # type: ignore[misc]
    if origin is tuple:
        return tuple[tuple(map(_type, inner))]  # type: ignore[misc]
    if origin not in (Union, UnionType):
        return Int if hint is int else hint
    kept = [_type(kind) for kind in inner if kind in PLAIN or get_origin(kind) in (Literal, tuple, Sequence)]
    several = [kind for kind in kept if get_origin(kind) is list]
    words = tuple(kind for kind in kept if kind is not Path or str not in kept)
    return several[0] if several else Union[words]  # noqa: UP007


def _taken(words: list[str], flags: set[str], bare: dict[str, str]) -> list[str]:
    """Takes options that are not among `flags`, with their values, out of the words; gives `bare` ones theirs."""
    others, rest = list[str](), words[:]
    words.clear()
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        last, option = not rest or rest[0].startswith("--"), flag.replace("_", "-")
        if not word.startswith("--"):
            words.append(word)
        elif option not in flags:
            others += [word] if equals or last else [word, rest.pop(0)]
        else:
            alone = bare.get(option[2:].replace("-", "_")) if last and not equals else None
            words.append(f"{option}={alone}" if alone else f"{option}{equals}{value}")
    return others


def _settings(words: Sequence[str]) -> dict[str, Any]:
    """Settings as "section.key" -> value, which no parameter is called."""
    from semipose.config.resolve import read_overrides

    flat: dict[str, Any] = {}
    for key, value in read_overrides(words).items():
        section = isinstance(value, dict) and value
        flat |= {f"{key}.{inner}": v for inner, v in value.items()} if section else {key: value}
    return flat


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, sorted(known), 1, 0.5)
    return f"; did you mean {near[0]}?" if near else ""
