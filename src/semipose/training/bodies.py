"""What a finder learns by: labelled bodies, and its own sure finds in images without labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from semipose.augment import afresh, parse
from semipose.bodies import decode_bodies, encode_bodies, extents, unknown_cells
from semipose.data.extent import CORNERS
from semipose.draws import Draws
from semipose.geometry import View, constant, exact, inside, invert, move, pixels, to_cells
from semipose.methods.base import Method, Outcome
from semipose.methods.consistency import SingleOptions
from semipose.methods.target import Codec, Labeled, follow, response
from semipose.methods.teachers import Itself
from semipose.target import Target

SURE, UNSURE = 0.5, 0.15
"""Peaks of the teacher that are bodies, and below which there is none; between them nothing is taught."""


class Bodies(Method):
    """Learns where bodies are: `bodies` of `joints` an image, after which come the corners of boxes of which it learns
    nothing (`semipose.data.extent.pictures`).

    Args:
        easy: policy of the labelled images.
    """

    def __init__(self, networks: Sequence[torch.nn.Module], codec: Codec, easy: str, bodies: int, joints: int) -> None:
        super().__init__(networks, codec, parse(easy))
        self.bodies, self.joints = bodies, joints

    def labels(self, labeled: Labeled, draws: Draws) -> Target:
        view = self.labeled(labeled.view, draws)
        known = (labeled.keypoints[..., 2] > 0) & labeled.keypoints.isfinite().all(-1)
        points = torch.where(known[..., None], labeled.keypoints[..., :2], 0)
        xy = move(labeled.view.to(view), points)
        parts = [self.bodies * self.joints, xy.shape[1] - self.bodies * self.joints]
        (xy, corners), (known, whole) = xy.split(parts, 1), known.split(parts, 1)
        boxes, some = extents(xy.unflatten(1, (-1, self.joints)), known.unflatten(1, (-1, self.joints)))
        heatmaps = encode_bodies(boxes, some, view.size, self.codec.stride, self.codec.sigma)
        if not parts[1]:
            return Target(heatmaps, heatmaps.new_ones(*heatmaps.shape[:2], 1, 1), view)
        corners, whole = corners.unflatten(1, (-1, CORNERS)), whole.unflatten(1, (-1, CORNERS)).all(-1)
        nothing = unknown_cells(heatmaps, corners, whole, self.codec.stride)
        return Target(heatmaps, (~nothing).to(heatmaps.dtype).expand_as(heatmaps), view)


class SureFinds(Bodies):
    """Learns from its own sure finds too: what it finds in an easy view of an image without labels it is to find in a
    hard one (FixMatch, Sohn et al., NeurIPS 2020). Where it is unsure it is taught nothing, and nothing by an image in
    which it is sure of no body.

    Args:
        given: the views, and how much the unlabelled images count.
    """

    def __init__(
        self, networks: Sequence[torch.nn.Module], codec: Codec, given: SingleOptions, bodies: int, joints: int
    ) -> None:
        super().__init__(networks, codec, given.easy, bodies, joints)
        self.hard, self.weight = afresh(parse(given.hard)), given.weight

    def step(self, labels: Target, unlabeled: View, draws: Draws) -> Outcome:
        (student,) = self.students
        learnt = follow(student, labels)
        easy = self.easy(unlabeled, draws)
        boxes, score = decode_bodies(Itself(student)(easy.image), self.codec.stride, 2 * self.bodies)
        target = self.seen_from(boxes, score, easy, self.hard(easy, draws))
        losses = {"supervised": learnt.loss, "unsupervised": self.weight * follow(student, target).loss}
        taught = (score[:, 0] >= SURE).to(score.dtype).mean()
        return Outcome(losses, {"response/labeled": response(learnt.heatmaps), "finds/sure": taught})

    def seen_from(self, boxes: Tensor, score: Tensor, easy: View, view: View) -> Target:
        """What finds (B, N, 4), centres and sides, with scores (B, N), in one view teach in another. A turned body is
        taken to be an ellipse."""
        step = easy.to(view)
        centres = move(step, boxes[..., :2])
        with exact(boxes):
            sides = (boxes[..., 2:] ** 2 @ (step[:, :2, :2] ** 2).mT).sqrt()
        sure = score >= SURE
        size, stride = view.size, self.codec.stride
        heatmaps = encode_bodies(torch.cat([centres, sides], -1), sure, size, stride, self.codec.sigma)
        half = boxes[..., None, 2:] / 2
        corners = boxes[..., None, :2] + half * constant(((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0)), boxes)
        corners = move(step, corners.flatten(1, 2)).unflatten(1, (-1, CORNERS))
        unsure = (score >= UNSURE) & ~sure
        nothing = unknown_cells(heatmaps, corners, unsure, stride)
        cells = (heatmaps.shape[-2], heatmaps.shape[-1])
        with exact(boxes):
            seen = inside(pixels(cells, view.to(easy) @ invert(to_cells(stride, heatmaps))), easy.size)[:, None]
        weight = seen & ~nothing & sure.any(-1)[:, None, None, None]
        return Target(heatmaps, weight.to(heatmaps.dtype).expand_as(heatmaps), view)
