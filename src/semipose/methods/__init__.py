"""Methods by name: each line is one paper's method, each builder the arguments that set it apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from semipose.augment import Policy, afresh, onto, parse
from semipose.config import MethodConfig
from semipose.errors import UserError
from semipose.methods.base import Method, Outcome
from semipose.methods.consistency import Dual, Naive, Single
from semipose.methods.supervised import Supervised
from semipose.methods.target import Codec, Labeled, seen_from, seen_with_background

__all__ = ["METHODS", "NEED_UNLABELED", "Codec", "Labeled", "Method", "Outcome", "build_method", "networks_of"]

MOVES = {"ignore": seen_from, "background": seen_with_background}
HARD = {"image": afresh, "easy": onto}

Build = Callable[[MethodConfig, Sequence[nn.Module], Codec], Method]
METHODS: dict[str, tuple[int, Build]] = {
    "supervised": (1, lambda c, nets, codec: Supervised(nets, codec, parse(c.easy))),
    "naive": (1, lambda c, nets, codec: Naive(nets[0], codec, parse(c.easy), c.weight)),
    "single": (
        1,
        lambda c, nets, codec: Single(nets[0], codec, parse(c.easy), hard(c), move=MOVES[c.outside], weight=c.weight),
    ),
    "dual": (
        2,
        lambda c, nets, codec: Dual(nets, codec, parse(c.easy), hard(c), MOVES[c.outside], c.weight, c.share),
    ),
}
"""Name -> (how many networks it trains, how it is built from its configuration)."""

NEED_UNLABELED = frozenset(METHODS) - {"supervised"}


def hard(config: MethodConfig) -> Policy:
    """The policy of the hard view."""
    return HARD[config.hard_of](parse(config.hard))


def networks_of(config: MethodConfig) -> int:
    """How many networks the method trains; refuses names it does not know."""
    for value, known, key in (
        (config.name, METHODS, "name"),
        (config.outside, MOVES, "outside"),
        (config.hard_of, HARD, "hard_of"),
    ):
        if value not in known:
            raise UserError(f"method.{key} is {value!r}; it can be {', '.join(known)}")
    return METHODS[config.name][0]


def build_method(config: MethodConfig, networks: Sequence[nn.Module], codec: Codec) -> Method:
    """The method that `config` names, for these networks."""
    networks_of(config)
    return METHODS[config.name][1](config, networks, codec)
