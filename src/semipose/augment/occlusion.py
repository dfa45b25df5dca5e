"""Occlusions of an image by holes and by parts of another image of the batch: cutout, cutmix and mixup (Zhou et al.,
MultiAugs, 2024), and joint cut-occlude (Huang et al., SSPCM, CVPR 2023).

They lie in the view that the teacher saw, or in the view at hand where there is no teacher, and turn with it. The
other image is shown as its own crop in that view, sampled from its source once, without that view's edits. It may be
another process's: the batch is the global one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from semipose.augment.joint_cutout import around, boxes, filled, hits, joints, pick, shifted
from semipose.augment.policy import Policy
from semipose.draws import Draws
from semipose.geometry import Edit, View, constant, exact, invert, look_up, move, pixels, resample
from semipose.target import Target

BETA, SHARE = 0.2, 0.25
"""Of mixup: the other image weighs at most `SHARE`, times a number of Beta(`BETA`, `BETA`)."""


def joint_cut_occlude(count: int, exchanged: bool = False) -> Policy:
    """Cover `count` different joints, each with a patch that is cut around a joint of another image; both joints at
    random from the teacher's predictions, both shifted as in Joint Cutout, and of its sizes.

    Args:
        exchanged: rows are taken for columns, as in the released code.
    """

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        frame, found = joints(target)
        centers, other = found.flip(-1) if exchanged else found, draws.partners(len(view))
        low, high = boxes(pick(centers, count, draws), frame, draws)
        step = shifted(pick(draws.others(centers, other), count, draws), frame, draws) - (low + high) / 2
        low, high = _cut_off(*_cut_off(low, high, frame), frame, step)
        return view.edit(_pasted(frame, Others.of(view, frame, other, draws), low, high, step))

    return policy


def cutout(count: int) -> Policy:
    """`count` holes at uniform places, of Joint Cutout's sizes, filled with the mean colour."""

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        frame = view if target is None else target.frame
        return view.edit(filled(frame, *_holes(count, frame, draws)))

    return policy


def cutmix(count: int) -> Policy:
    """As `cutout`, filled with what another image shows there."""

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        frame = view if target is None else target.frame
        other = Others.of(view, frame, draws.partners(len(view)), draws)
        low, high = _holes(count, frame, draws)
        return view.edit(_pasted(frame, other, low, high))

    return policy


def mixup(view: View, draws: Draws, target: Target | None = None) -> View:
    """The mean with another image, which weighs 0.25 Beta(0.2, 0.2)."""
    from scipy.special import betaincinv

    frame = view if target is None else target.frame
    other, uniform = draws.partners(len(view)), draws.uniform(len(view), host=True).double()
    beta = torch.from_numpy(betaincinv(BETA, BETA, uniform.numpy()))
    share = (SHARE * beta).to(view.source, non_blocking=True)[:, None, None, None]

    shown = Others.of(view, frame, other, draws)

    def mix(image: Tensor, view: View) -> Tensor:
        with exact(image):
            matrix = frame.to(view) @ shown.matrix
        return torch.lerp(image, resample(shown.source, matrix, view.size) + view.fill, share)

    return view.edit(mix)


@dataclass(frozen=True, eq=False)
class Others:
    """For each image another one of the global batch: `source` (B, 3, Hs, Ws), that of its view, and `matrix`
    (B, 3, 3), from there to its own view."""

    source: Tensor
    matrix: Tensor

    @classmethod
    def of(cls, view: View, frame: View, places: Tensor, draws: Draws) -> Others:
        """Those at `places` (B,), as `frame` shows them."""
        return cls(draws.others(view.source, places), draws.others(frame.matrix, places))


def _holes(count: int, frame: View, draws: Draws) -> tuple[Tensor, Tensor]:
    """Corners (B, n, 2) of boxes about uniform places of a view, cut off at its border."""
    size = constant((frame.size[1], frame.size[0]), frame.source)
    return _cut_off(*around(draws.uniform(len(frame), count, 2) * size - 0.5, frame, draws), frame)


def _cut_off(low: Tensor, high: Tensor, frame: View, step: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
    """Boxes without what a view does not show a `step` (B, n, 2) beside."""
    size = constant((frame.size[1], frame.size[0]), frame.source)
    return torch.maximum(low, 0 * size - 0.5 - step), torch.minimum(high, size - 0.5 - step)


def _pasted(frame: View, other: Others, low: Tensor, high: Tensor, step: Tensor | None = None) -> Edit:
    """Boxes (B, n, 2) to (B, n, 2), upright in `frame`, filled with what other images show there in their own views of
    that kind, or a `step` (B, n, 2) beside; later boxes lie on top."""

    def paste(image: Tensor, view: View) -> Tensor:
        place = at = pixels(view.size, view.to(frame))
        hit = hits(at, low, high)
        for i, beside in enumerate(() if step is None else step.unbind(1)):
            place = torch.where(hit[:, i, ..., None], at + beside[:, None, None], place)
        source = move(invert(other.matrix), place.flatten(1, 2)).view_as(place)
        shown = look_up(other.source, source) + view.fill
        return torch.where(hit.any(1)[:, None], shown, image)

    return paste
