from __future__ import annotations

import pytest
import torch

from semipose.augment import affine, compose, identity, parse
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.methods.target import Target
from tests.fixtures.tiny import view


@pytest.mark.parametrize(
    "text",
    [
        "affine30",
        "affine60+jc5",
        " affine60 + ra20 ",
        "affine-30",
        "released-easy",
        "released-hard+released-jc5",
        "none",
        "flip12.5",
    ],
)
def test_names_are_understood(text) -> None:
    assert callable(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "affine30+",
        "afine30",
        "30",
        "affine",
        "jc",
        "flip+affine30",
        "none5",
        "affine30 jc5",
        "affine-x",
        "released-easy3",
    ],
)
def test_anything_else_is_an_error_that_says_what_can_be_joined(text) -> None:
    with pytest.raises(
        UserError, match=r"augmentation .* is not understood; join any of none, affine, flip, .*as in affine60\+jc5"
    ):
        parse(text)


@pytest.mark.parametrize("text", ["affine120", "affine200", "flip101", "jc2.5", "released-jc0.5", "ra31"])
def test_numbers_that_make_no_image_are_refused(text) -> None:
    with pytest.raises(UserError, match="impossible"):
        parse(text)


def test_none_is_the_view_itself() -> None:
    plain = view(1)
    assert parse("none")(plain, Draws(0)) is plain and identity(plain, Draws(0)) is plain


def test_joined_policies_run_from_left_to_right() -> None:
    plain = view(2)
    found = parse("affine30+flip100+affine60")(plain, Draws(3))
    draws, expected = Draws(3), plain
    for policy in (affine(30, 0.25), affine(0, 0, 1.0), affine(60, 0.5)):
        expected = policy(expected, draws)
    assert torch.equal(found.matrix, expected.matrix)
    assert torch.equal(
        found.matrix, compose(affine(30, 0.25), affine(0, 0, 1.0), affine(60, 0.5))(plain, Draws(3)).matrix
    )


def test_geometry_moves_and_pixels_do_not() -> None:
    plain = view(2)
    target = Target(torch.rand(2, 3, 16, 12), torch.ones(2, 3, 1, 1), plain)
    for text in ("ra20", "jc5", "released-jc5"):
        assert torch.equal(parse(text)(plain, Draws(0), target).matrix, plain.matrix)


@pytest.mark.parametrize("text", ["affine30+flip50", "ra20", "jc3", "released-easy+released-hard", "released-jc5"])
def test_two_ranks_draw_one_batch(text) -> None:
    whole = view(4)
    maps = torch.rand(4, 3, 16, 12, generator=torch.Generator().manual_seed(2))
    expected = parse(text)(whole, Draws(1, 2), Target(maps, maps, whole)).image
    assert not torch.equal(expected, whole.image)
    for rank in (0, 1):
        rows = slice(2 * rank, 2 * rank + 2)
        part = type(whole)(whole.source[rows], whole.base, whole.matrix[rows], whole.size)
        found = parse(text)(part, Draws(1, 2, rank=rank, world=2), Target(maps[rows], maps[rows], part)).image
        torch.testing.assert_close(found, expected[rows], atol=1e-4, rtol=0)
