"""Methods by name: what each needs, and where it is built from its options.

A new method is a file here with its step, its options and a function that builds it, and one line in `METHODS`. Nothing
heavy is imported before a method's options are asked for.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_type_hints

from semipose.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

    from semipose.methods.base import Method, Options
    from semipose.methods.target import Codec


@dataclass(frozen=True)
class Entry:
    """What a method needs.

    Attributes:
        file: of this room; its function of the method's name builds it, and that function's first parameter is typed
            with the method's options.
        networks: how many it trains.
        helpers: how many of these, the last ones but for twins, only help while it trains: what is scored, and saved as
            a model, are the others.
        unlabeled: it learns from unlabelled images.
        teacher: it is taught by a trained network, which comes after those it trains.
        twins: how many of the networks, the last ones, learn from labels alone, to be kept where they are better.
    """

    file: str
    networks: int = 1
    helpers: int = 0
    unlabeled: bool = True
    teacher: bool = False
    twins: int = 0


METHODS = {
    "supervised": Entry("supervised", unlabeled=False),
    "naive": Entry("consistency"),
    "single": Entry("consistency"),
    "undetached": Entry("consistency"),
    "dual": Entry("consistency", networks=2),
    "mean_teacher": Entry("average"),
    "eman": Entry("average"),
    "unbiased_teacher": Entry("average"),
    "pseudopose": Entry("distill", teacher=True),
    "datadistill": Entry("distill", teacher=True),
    "mum": Entry("pose_mum"),
    "pose_mum": Entry("pose_mum"),
    "pose_mum_plus": Entry("pose_mum"),
    "denoise_select": Entry("denoise", networks=2),
    "dense_contrast": Entry("contrast"),
    "guarded": Entry("guarded", networks=2, twins=1),
    "guarded_dual": Entry("guarded", networks=3, helpers=1, twins=1),
    "multiaugs": Entry("multiaugs"),
    "multiaugs_dual": Entry("multiaugs", networks=2),
    "sspcm": Entry("sspcm", networks=3, helpers=2),
}


def needs(name: str) -> Entry:
    """A method's entry.

    Raises:
        UsageError: there is no such method.
    """
    if name not in METHODS:
        near = difflib.get_close_matches(str(name), METHODS, 1, 0.6)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"method.name is {name!r}; it can be {', '.join(METHODS)}{hint}")
    return METHODS[name]


@cache
def options_class(name: str) -> type[Options]:
    """The dataclass of a method's options."""
    build = getattr(import_module(f"semipose.methods.{needs(name).file}"), name)
    hints = get_type_hints(build)
    return hints[next(iter(hints))]


def option_names(name: str) -> tuple[str, ...]:
    """A method's options, its name first."""
    return tuple(one.name for one in dataclasses.fields(options_class(name)))


def options(name: str, **values: Any) -> Options:
    """A method's options, those that are not given at their defaults.

    Raises:
        UsageError: there is no such method, or it does not read one of them.
    """
    refuse_unread(name, values)
    return options_class(name)(name=name, **values)


def switched(given: Options, name: str) -> Options:
    """Another method with what it reads of these options, where they are not what the method before has by default."""
    if name == given.name:
        return given
    usual = vars(type(given)())
    own = option_names(name)[1:]
    kept = {key: value for key, value in vars(given).items() if key in own and value != usual[key]}
    return options(name, **kept)


def refuse_unread(name: str, values: Mapping[str, Any]) -> None:
    """Raises UsageError where a value is no option of the method; names those of which it is, and the nearest right."""
    own = option_names(name)
    for key in values:
        if key in own:
            continue
        others = [other for other in METHODS if key in option_names(other)]
        whose = f", it is one of {', '.join(others)}" if others else ""
        near = difflib.get_close_matches(str(key), own, 1, 0.5)
        hint = f"did you mean method.{near[0]}?" if near else f"{name} reads {', '.join(own[1:])}"
        raise UsageError(f"method {name} has no option {key}{whose}; {hint}")


def build_method(given: Options, networks: Sequence[nn.Module], codec: Codec) -> Method:
    """The method of these options, for the networks it trains and, last, the trained teacher it needs.

    Raises:
        UserError: an option cannot be what it is, or does not fit the network.
    """
    from semipose.augment import masked, parse

    given.check()
    build = getattr(import_module(f"semipose.methods.{needs(given.name).file}"), given.name)
    method = build(given, networks, codec)
    if given.labeled:
        method.labeled, method.masked = parse(given.labeled), masked(given.labeled)
    return method
