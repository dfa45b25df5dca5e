from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from semipose.bodies import decode_bodies, encode_bodies
from semipose.draws import Draws
from semipose.geometry import View, move
from semipose.methods import options
from semipose.methods.target import Codec
from semipose.target import Target
from semipose.training.bodies import SURE, UNSURE, SureFinds

SIZE, STRIDE, SIGMA = (96, 128), 4, 1.5
PLACE, LOW, HIGH = (40.0, 50.0), (UNSURE + SURE) / 2, 0.9


class Says(nn.Module):
    """Gives the same heatmaps, of bodies (x, y, w, h, peak), for all images."""

    def __init__(self, *bodies: tuple[float, ...]) -> None:
        super().__init__()
        self.bodies, self.one = bodies, nn.Parameter(torch.ones(()))

    def forward(self, image: Tensor) -> Tensor:
        maps = torch.zeros(1, 3, SIZE[0] // STRIDE, SIZE[1] // STRIDE)
        for *box, peak in self.bodies:
            one = encode_bodies(torch.tensor([[box]]), torch.ones(1, 1, dtype=torch.bool), SIZE, STRIDE, SIGMA)
            maps = torch.maximum(maps, peak * one)
        return self.one * maps.expand(len(image), -1, -1, -1)


def learns(*bodies: tuple[float, ...], hard: str = "none", easy: str = "none") -> SureFinds:
    codec = Codec(STRIDE, SIGMA, torch.arange(3))
    given = options("single", easy=easy, hard=hard, weight=2.0)
    return SureFinds([Says(*bodies)], codec, given, 2, 2)  # type: ignore[arg-type]


def images(count: int = 1) -> View:
    return View.of(torch.zeros(count, *SIZE, 3, dtype=torch.uint8), SIZE)


def taught(method: SureFinds, easy: View, view: View) -> Target:
    boxes, score = decode_bodies(method.students[0](easy.image).detach(), STRIDE, 4)
    return method.seen_from(boxes, score, easy, view)


@pytest.mark.parametrize("hard", ["none", "affine60", "flip100", "rotate180", "scale40"])
def test_a_sure_find_is_taught_where_the_other_view_shows_it(hard: str) -> None:
    method = learns((*PLACE, 24.0, 24.0, HIGH), hard=hard)
    easy = images()
    view = method.hard(easy, Draws(3, 0))
    target = taught(method, easy, view)
    boxes, score = decode_bodies(target.heatmaps, STRIDE, 2)
    step = easy.to(view)
    assert (score[0] > 0.5).tolist() == [True, False]
    assert (boxes[0, 0, :2] - move(step, torch.tensor([[PLACE]]))[0, 0]).abs().max() < STRIDE
    scale = step[0, :2, :2].det().abs().sqrt()
    assert (boxes[0, 0, 2:] / (24 * scale)).log2().abs().max() < 0.15


def test_a_long_body_turned_by_a_quarter_lies_across() -> None:
    method = learns((*PLACE, 40.0, 12.0, HIGH))
    easy = images()
    turned = View(easy.source, easy.base, torch.tensor([[[0.0, -1, 100], [1, 0, 10], [0, 0, 1]]]), SIZE)
    boxes, _ = decode_bodies(taught(method, easy, turned).heatmaps, STRIDE, 1)
    assert boxes[0, 0, 2:].tolist() == pytest.approx([12, 40], rel=0.1)


def test_where_it_is_unsure_nothing_is_taught() -> None:
    method = learns((*PLACE, 24.0, 24.0, HIGH), (96.0, 50.0, 24.0, 24.0, LOW))
    target = taught(method, images(), images())
    assert (target.weight[0, :, 12, 24] == 0).all() and (target.weight[0, :, 12, 10] == 1).all()
    assert target.heatmaps[0, 0, :, 20:].max() < 0.1 and (target.weight[0, 0, 0] == 1).all()


@pytest.mark.parametrize("peak", [0.0, LOW])
def test_an_image_without_a_sure_find_teaches_nothing(peak: float) -> None:
    method = learns((*PLACE, 24.0, 24.0, peak))
    assert not taught(method, images(), images()).weight.any()
    labels = Target(torch.zeros(1, 3, 24, 32), torch.ones(1, 3, 1, 1), images())
    outcome = method.step(labels, images(2), Draws(0, 0))
    assert outcome.losses["unsupervised"] == 0 and outcome.measures["finds/sure"] == 0


def test_what_the_easy_view_did_not_show_is_not_taught() -> None:
    method, easy = learns((*PLACE, 24.0, 24.0, HIGH)), images()
    moved = View(easy.source, easy.base, torch.tensor([[[1.0, 0, 40], [0, 1, 0], [0, 0, 1]]]), SIZE)
    target = taught(method, easy, moved)
    assert not target.weight[..., :9].any() and target.weight[..., 11:].all()


def test_the_student_learns_and_the_teacher_does_not() -> None:
    method = learns((*PLACE, 24.0, 24.0, HIGH), hard="flip100")
    labels = Target(torch.zeros(1, 3, 24, 32), torch.zeros(1, 3, 1, 1), images())
    outcome = method.step(labels, images(2), Draws(0, 0))
    assert outcome.losses["supervised"] == 0 and outcome.losses["unsupervised"] > 0
    assert outcome.measures["finds/sure"] == 1
    outcome.total.backward()
    (one,) = method.parameters()
    maps = method.students[0](images().image).detach()
    target = taught(method, images(), method.hard(images(2), Draws(0, 0))).heatmaps
    assert one.grad == pytest.approx(float(2 * ((maps - target) * maps).mean()), rel=1e-4)
