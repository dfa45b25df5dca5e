"""Dense contrast: a place in an image is told from other places in it, whatever the view (Pinheiro et al., NeurIPS
2020, "Unsupervised learning of dense visual representations"). No teacher and no labels: a start of one's own images.

Other places are those of the same image alone. Among pictures of one kind of body, places of other images would push
the same part of two bodies apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semipose.augment import Policy, parse, without_mirror
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, constant, exact, inside, look_up, move, to_cells
from semipose.methods.base import Method, Outcome
from semipose.methods.consistency import NaiveOptions
from semipose.methods.target import Codec, follow, response
from semipose.models.taps import grids
from semipose.options import above_zero, at_least, option
from semipose.target import Target

APART = 1e4
"""Taken from the likeness of places that are not to be told apart: no exponential is left."""


@dataclass
class ContrastOptions(NaiveOptions):
    """What dense contrast reads. Its two views are `easy` and `multi` without their mirrors: a mirrored left is no
    right to a network that is to know them apart.

    Attributes:
        multi: policy of the other view.
        share: of the supervised loss; 0 to learn from the images alone.
        places: how many of an image are told apart.
        temperature: that likenesses are divided by.
        layer: where in the network: `encoder`, the end of the backbone; `decoder`, what the last layer draws heatmaps
            from; or a stage, as in layer4.
    """

    multi: str = option("affine60+ra10", source="ours")
    share: float = option(1.0, at_least(0, "it can be 0 or more"), "ours")
    places: int = option(64, at_least(2, "it can be 2 (places are told from one another) or more"), "ours")
    temperature: float = option(0.1, above_zero("it divides likenesses: it can be anything above 0"), "ours")
    layer: str = option("encoder", source="ours; encoder and decoder in Pinheiro et al.")


class Seen(NamedTuple):
    """Of N places of B images: unit features (B, N, C), and whether they lie in the view (B, N)."""

    features: Tensor
    there: Tensor


def seen(student: nn.Module, view: View, xy: Tensor, layer: str) -> tuple[Seen, Tensor]:
    """A student's features of places (B, N, 2) in pixels of the plain view, and its heatmaps."""
    kept: list[Tensor] = []

    def keep(name: str, x: Tensor) -> Tensor:
        if name == layer:
            kept.append(x)
        return x

    heatmaps = student(view.image, keep)
    maps = kept[-1].float()
    here = move(view.plain.to(view), xy)
    cells = move(to_cells(view.size[0] / maps.shape[-2], maps), here)
    features = look_up(maps, cells[:, None])[:, :, 0].mT
    return Seen(F.normalize(features, dim=-1), inside(here, view.size)), heatmaps


def told_apart(one: Seen, other: Seen, xy: Tensor, near: float, temperature: float) -> Tensor:
    """Scalar: cross-entropy of each place of a view among the places of the other, both ways (InfoNCE), over places
    that both show.

    Args:
        xy: (B, N, 2) where the places are.
        near: places closer than this are not told apart.
    """
    with exact(xy):
        both = one.there & other.there
        close = (torch.cdist(xy, xy) < near) & ~torch.eye(xy.shape[1], dtype=torch.bool, device=xy.device)
        hidden = APART * (~both).to(xy.dtype)
        likeness = one.features @ other.features.mT / temperature - APART * close.to(xy.dtype)
        ways = [torch.logsumexp(likeness - hidden[:, None], 2), torch.logsumexp(likeness - hidden[:, :, None], 1)]
        losses = (ways[0] + ways[1]) / 2 - likeness.diagonal(dim1=1, dim2=2)
        return (losses * both).sum() / both.sum().clamp_min(1)


class DenseContrast(Method):
    """The labels, and beside them places of two views told apart.

    Args:
        student: with a tap (`semipose.models.taps`).
        policies: of the labelled images, and of the two views whose places are compared.
        options: the rest.
    """

    def __init__(self, student: nn.Module, codec: Codec, policies: Sequence[Policy], options: ContrastOptions) -> None:
        super().__init__([student], codec, policies[0])
        self.views, self.options, self.share = policies[1:], options, options.share

    def step(self, labels: Target, unlabeled: View, draws: Draws) -> Outcome:
        (student,), options = self.students, self.options
        learnt = follow(student, labels)
        h, w = unlabeled.size
        xy = draws.uniform(len(unlabeled), options.places, 2) * constant((w - 1.0, h - 1.0), unlabeled.matrix)
        (one, drawn), (other, _) = (seen(student, view(unlabeled, draws), xy, options.layer) for view in self.views)
        near = 2 * self._sigma * self._stride
        loss = told_apart(one, other, xy, near, options.temperature) + 0 * drawn.mean()  # no part without a gradient
        losses = {"supervised": self.share * learnt.loss, "unsupervised": options.weight * loss}
        return Outcome(losses, {"response/labeled": response(learnt.heatmaps)})


def dense_contrast(options: ContrastOptions, networks: Sequence[nn.Module], codec: Codec) -> DenseContrast:
    """From its options.

    Raises:
        UserError: the network has no such layer.
    """
    if options.layer not in (layers := grids(networks[0])):
        raise UserError(f"method.layer is {options.layer!r}; of this network it can be {', '.join(layers)}")
    views = [parse(without_mirror(each)) for each in (options.easy, options.multi)]
    return DenseContrast(networks[0], codec, [parse(options.easy), *views], options)
