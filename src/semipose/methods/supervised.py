"""Supervised training: the baseline (Xie et al. 2021, Eq. 1)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from semipose.augment import parse
from semipose.methods.base import Method, Options
from semipose.methods.target import Codec


class Supervised(Method):
    """One network on the labelled images alone: what every method does without unlabelled ones."""


def supervised(options: Options, networks: Sequence[nn.Module], codec: Codec) -> Supervised:
    """From its options."""
    return Supervised(networks, codec, parse(options.easy))
