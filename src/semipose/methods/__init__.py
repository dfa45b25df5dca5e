"""Methods by name: each line is one paper's method, each builder the arguments that set it apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import nn

from semipose.augment import Policy, afresh, onto, parse
from semipose.config import MethodConfig
from semipose.errors import UserError
from semipose.methods.base import Method, Outcome
from semipose.methods.consistency import Dual, Naive, Single, UnbiasedTeacher
from semipose.methods.denoise import AGGREGATES, READINGS, DenoiseSelect
from semipose.methods.mix import Mixing, check_fits
from semipose.methods.supervised import Supervised
from semipose.methods.target import Codec, Labeled, Teach, seen_from, seen_with_background, soft
from semipose.methods.teach import Change, chain, distilled, parse_changes, then
from semipose.methods.teachers import STATISTICS, Ema, Frozen, Learning, Teacher

__all__ = [
    "METHODS",
    "MIX",
    "NEED_TEACHER",
    "NEED_UNLABELED",
    "Codec",
    "Labeled",
    "Method",
    "Outcome",
    "build_method",
    "networks_of",
]

MOVES = {"ignore": seen_from, "background": seen_with_background}
HARD = {"image": afresh, "easy": onto}
REFINE = ("after", "before")

Build = Callable[[MethodConfig, Sequence[nn.Module], Codec], Method]
METHODS: dict[str, tuple[int, Build]] = {
    "supervised": (1, lambda c, nets, codec: Supervised(nets, codec, parse(c.easy))),
    "naive": (1, lambda c, nets, codec: Naive(nets[0], codec, parse(c.easy), c.weight)),
    "single": (1, lambda c, nets, codec: single(c, nets[0], codec)),
    "undetached": (1, lambda c, nets, codec: single(c, nets[0], codec, Learning(nets[0]))),
    "mean_teacher": (1, lambda c, nets, codec: single(c, nets[0], codec, average(c, nets[0], "batch"))),
    "eman": (1, lambda c, nets, codec: single(c, nets[0], codec, average(c, nets[0], "sigma"))),
    "mum": (1, lambda c, nets, codec: single(c, nets[0], codec, mix=mixing(c, nets[0], ()))),
    "pose_mum": (1, lambda c, nets, codec: single(c, nets[0], codec, mix=mixing(c, nets[0], c.mix_after))),
    "pose_mum_plus": (
        1,
        lambda c, nets, codec: single(
            c, nets[0], codec, average(c, nets[0], "sigma"), mix=mixing(c, nets[0], c.mix_after)
        ),
    ),
    "unbiased_teacher": (
        1,
        lambda c, nets, codec: single(c, nets[0], codec, average(c, nets[0], "batch"), kind=UnbiasedTeacher),
    ),
    "pseudopose": (1, lambda c, nets, codec: single(c, nets[0], codec, Frozen(nets[1]))),
    "datadistill": (
        1,
        lambda c, nets, codec: single(
            c, nets[0], codec, Frozen(nets[1]), distilled(parse(c.easy), c.views, c.sigma or codec.sigma)
        ),
    ),
    "dual": (
        2,
        lambda c, nets, codec: Dual(
            nets, codec, parse(c.easy), hard(c), MOVES[c.outside], c.weight, c.share, then(soft, *changes(c, codec))
        ),
    ),
    "denoise_select": (2, lambda c, nets, codec: denoise_select(c, nets, codec)),
}
"""Name -> (how many networks it trains, how it is built from its configuration, these networks and, after them, the
trained teacher of those in `NEED_TEACHER`)."""

NEED_UNLABELED = frozenset(METHODS) - {"supervised"}
NEED_TEACHER = frozenset({"pseudopose", "datadistill"})
MIX = frozenset({"mum", "pose_mum", "pose_mum_plus"})


def single(
    config: MethodConfig,
    student: nn.Module,
    codec: Codec,
    teacher: Teacher | None = None,
    teach: Teach = soft,
    mix: Mixing | None = None,
    kind: type[Single] = Single,
) -> Single:
    """Single, the student its own teacher unless another is given."""
    move = MOVES[config.outside]
    easy, changed = parse(config.easy), then(teach, *changes(config, codec))
    return kind(student, codec, easy, hard(config), teacher, changed, move, config.weight, mix, config.joint)


def average(config: MethodConfig, student: nn.Module, statistics: str) -> Ema:
    """A student's average, which normalises with `statistics` unless `method.statistics` says otherwise."""
    return Ema(student, config.decay, config.statistics or statistics)


def mixing(config: MethodConfig, network: nn.Module, after: Sequence[str]) -> Mixing:
    """How tiles are mixed, checked against the network: images, and what the stages in `after` give."""
    tiles = (*config.mix_tiles,)
    mix = Mixing(config.mix_group, tiles, (*after,), config.mix_chance, config.mix_anew, config.unmix)  # type: ignore
    check_fits(mix, network)
    return mix


def denoise_select(c: MethodConfig, students: Sequence[nn.Module], codec: Codec) -> DenoiseSelect:
    """Denoise and select, K being one less than the views."""
    return DenoiseSelect(
        students,
        codec,
        parse(c.easy),
        hard(c),
        parse(c.multi),
        c.views - 1,
        AGGREGATES[c.pool],
        c.at_once,
        READINGS[c.select],
        c.margin,
        chain(*changes(c, codec)),
        c.refine == "before",
        MOVES[c.outside],
        c.weight,
        c.share,
    )


def changes(config: MethodConfig, codec: Codec) -> list[Change]:
    """What becomes of a target before it teaches."""
    return parse_changes(config.teach, config.sigma or codec.sigma)


def hard(config: MethodConfig) -> Policy:
    """The policy of the hard view."""
    return HARD[config.hard_of](parse(config.hard))


def networks_of(config: MethodConfig) -> int:
    """How many networks the method trains.

    Raises:
        UserError: a name that nothing has, a number out of its range, a teacher missing or not asked for.
    """
    for value, known, key in (
        (config.name, METHODS, "name"),
        (config.outside, MOVES, "outside"),
        (config.hard_of, HARD, "hard_of"),
        (config.statistics, (None, *STATISTICS), "statistics"),
        (config.pool, AGGREGATES, "pool"),
        (config.select, READINGS, "select"),
        (config.refine, REFINE, "refine"),
    ):
        if value not in known:
            raise UserError(f"method.{key} is {value!r}; it can be {', '.join(name or 'null' for name in known)}")
    for number, key in ((config.weight, "weight"), (config.share, "share")):
        if not 0 <= number < math.inf:
            raise UserError(f"method.{key} is {number:g}; it can be 0 or more")
    if math.isnan(config.margin):
        raise UserError("method.margin is not a number; 0 lets the surer network teach")
    if not 0 <= config.burn_in <= 1:
        raise UserError(f"method.burn_in is {config.burn_in:g}; it is a part of the training, 0 to 1")
    if not 0 <= config.decay <= 1:
        raise UserError(f"method.decay is {config.decay:g}; it can be 0 (the student itself) to 1 (its first state)")
    if config.views < 1:
        raise UserError(f"method.views is {config.views}; it can be 1 (the easy view alone) or more")
    if config.at_once < 1:
        raise UserError(f"method.at_once is {config.at_once}; it can be 1 (one view after the other) or more")
    if config.sigma is not None and not config.sigma > 0:
        raise UserError(f"method.sigma is {config.sigma:g}; it is a width in cells, above 0, or null for model.sigma")
    if config.teacher is None and config.name in NEED_TEACHER:
        raise UserError(
            f"method {config.name} needs a trained teacher: set method.teacher to a run folder or model.safetensors;"
            " semipose train --recipe supervised trains one"
        )
    if config.teacher is not None and config.name not in NEED_TEACHER:
        raise UserError(f"method.teacher is for {' and '.join(sorted(NEED_TEACHER))}; method.name is {config.name}")
    parse_changes(config.teach, sigma=1)
    return METHODS[config.name][0]


def build_method(config: MethodConfig, networks: Sequence[nn.Module], codec: Codec) -> Method:
    """The method that `config` names, for the networks it trains and, last, the trained teacher it needs."""
    networks_of(config)
    method = METHODS[config.name][1](config, networks, codec)
    if config.labeled:
        method.labeled = parse(config.labeled)
    return method
