"""Kim et al., Pose-MUM, section 3: which images are mixed in a step, and that nothing else of the step changes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semipose.augment import onto, parse
from semipose.draws import Draws
from semipose.methods.consistency import Single
from semipose.methods.mix import Mixing, move_tiles
from semipose.methods.target import follow, follow_together
from semipose.methods.teachers import Ema
from tests.fixtures.tiny import CODEC, Tiny, gradients, labeled, norm, view

EASY, SAME = parse("affine30+flip50"), onto(parse("none"))
MIXING = Mixing(4, (4, 3), ("layer1",), chance=1)


class Blind(Tiny):
    """A network whose cells see their own pixels alone, and no statistics of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.Identity()
        self.head = nn.Conv2d(6, len(CODEC.flip), 1)


@pytest.mark.parametrize("joint", [False, True])
def test_the_student_s_unlabelled_images_alone_are_mixed(joint: bool) -> None:
    """Neither the labelled images nor the teacher's; a group's pixels are the same, elsewhere."""

    class Seen(Tiny):
        def forward(self, image, tap=None):
            images = []
            out = super().forward(image, lambda name, x: (out := tap(name, x) if tap else x, images.append(out))[0])
            self.shown[-1] = images[0].detach()
            return out

    shown = []
    for mix in (None, MIXING):
        net = Seen()
        Single(net, CODEC, EASY, SAME, Ema(net, 0.5), mix=mix, joint=joint)(labeled(), view(4, 5), Draws(0))
        shown.append(net.shown)
    plain, mixed = ([*each] if joint else each for each in shown)
    assert len(plain) == len(mixed) == (1 if joint else 2)
    if joint:
        plain, mixed = (list(each[0].split(4)) for each in (plain, mixed))
    assert torch.equal(plain[0], mixed[0]), "labelled"
    assert not torch.equal(plain[1], mixed[1])
    expected = move_tiles(plain[1], MIXING(4, Draws(0)).moves["image"][0])
    assert torch.equal(expected, mixed[1])


@pytest.mark.parametrize("joint", [False, True])
def test_where_cells_see_only_themselves_mixing_changes_nothing(joint: bool) -> None:
    """The loss and its gradient: what was mixed comes back to the target it belongs to."""
    found = []
    for mix in (None, MIXING):
        torch.manual_seed(0)
        net = Blind()
        outcome = Single(net, CODEC, EASY, SAME, Ema(Tiny(3), 0.5), mix=mix, joint=joint)(
            labeled(), view(4, 5), Draws(0)
        )
        found.append((outcome.total.item(), gradients(outcome.total, net)))
    (loss, plain), (mixed_loss, mixed) = found
    assert mixed_loss == pytest.approx(loss, rel=1e-6)
    assert norm([a - b for a, b in zip(plain, mixed, strict=True)]) < 1e-5 * norm(plain)


def test_elsewhere_mixing_shows() -> None:
    losses = [
        Single(Tiny(), CODEC, EASY, SAME, Ema(Tiny(3), 0.5), mix=mix)(labeled(), view(4, 5), Draws(0)).losses
        for mix in (None, MIXING)
    ]
    assert losses[0]["supervised"].item() == losses[1]["supervised"].item()
    assert losses[0]["unsupervised"].item() != losses[1]["unsupervised"].item()


def test_together_both_are_normalised_by_one_batch() -> None:
    net = Tiny()
    method = Single(net, CODEC, EASY, SAME)
    targets = [method.labels(labeled(3, seed), Draws(0)) for seed in (1, 2)]
    together = follow_together(net, targets)
    whole = Tiny()(torch.cat([target.frame.image for target in targets]))
    torch.testing.assert_close(torch.cat([each.heatmaps for each in together]), whole)
    apart = [follow(Tiny(), target) for target in targets]
    assert not any(torch.allclose(a.heatmaps, b.heatmaps, rtol=1e-3) for a, b in zip(apart, together, strict=True))
    still = Tiny().eval()
    for target, each in zip(targets, follow_together(still, targets), strict=True):
        torch.testing.assert_close(each.loss, follow(still, target).loss)
