from __future__ import annotations

import re
from threading import Barrier, Thread, current_thread

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose import augment
from semipose.augment import POLICIES, affine, compose, identity, parse, parts, without_mirror
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.target import Target
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
        "rotate180+scale25+flip50",
        "rotate-90",
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
        "rotate",
        "scale+flip50",
        "Rotate180",
        "jc" + "5" * 400 + "x",
    ],
)
def test_anything_else_is_an_error_that_says_what_can_be_joined(text) -> None:
    with pytest.raises(
        UserError, match=r"augmentation .* is not understood; join any of none, affine, flip, .*as in affine60\+jc5"
    ):
        parse(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("afine30", "affine30"),
        ("rotat90+flip50", "rotate180"),
        ("rot-90", "rotate180"),
        ("flip50+scal10", "scale25"),
        ("affine", "affine30"),
        ("flip50+jc", "jc5"),
        ("none5", "none"),
        ("released-hard2", "released-hard"),
        ("relased-jc5", "released-jc5"),
        ("rand20", "ra20"),
    ],
)
def test_the_nearest_word_is_suggested(text, hint) -> None:
    with pytest.raises(UserError, match=re.escape(f"as in affine60+jc5; did you mean {hint}?") + "$"):
        parse(text)


def test_an_error_names_its_part() -> None:
    with pytest.raises(
        UserError, match=r"^augmentation 'warp9' of 'flip50\+warp9' is not understood; .*affine60\+jc5$"
    ):
        parse("flip50+warp9")
    with pytest.raises(UserError, match=r"^augmentation 'rotate181' of 'rotate181\+jc5' is impossible; "):
        parse("rotate181+jc5")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("affine120", "affine takes the largest turn in degrees, 0 to below 120, as in affine30"),
        ("affine200", "affine takes the largest turn in degrees, 0 to below 120, as in affine30"),
        ("flip100.5", "flip takes a chance in percent, 0 to 100, as in flip50"),
        ("rotate180.1", "rotate takes the largest turn in degrees, 0 to 180, as in rotate180"),
        ("scale100", "scale takes the largest change of size in percent, 0 to below 100, as in scale25"),
        ("jc2.5", "jc takes how many joints are masked, a whole number, 0 to 100, as in jc5"),
        ("jc101", "jc takes how many joints are masked, a whole number, 0 to 100, as in jc5"),
        ("jc" + "9" * 400, "jc takes how many joints are masked, a whole number, 0 to 100, as in jc5"),
        (
            "released-jc0.5",
            "released-jc takes how many joints are masked, a whole number, 0 to 100, as in released-jc5",
        ),
        (
            "released-jc101",
            "released-jc takes how many joints are masked, a whole number, 0 to 100, as in released-jc5",
        ),
        ("ra30.5", "ra takes a magnitude without unit, 0 to 30, as in ra20"),
        ("released-ra31", "released-ra takes a magnitude without unit, 0 to 30, as in released-ra20"),
    ],
)
def test_numbers_out_of_range_are_refused(text, what) -> None:
    with pytest.raises(UserError, match=re.escape(f"augmentation '{text}' is impossible; {what}") + "$"):
        parse(text)


NUMBERED = [name for name, part in POLICIES.items() if part.number]


@pytest.mark.parametrize("name", NUMBERED)
def test_both_ends_of_a_range_make_images(name) -> None:
    part, plain = POLICIES[name], view(2)
    target = Target(torch.rand(2, 3, 16, 12), torch.ones(2, 3, 1, 1), plain)
    for number in (part.lowest, part.highest - 0.5 if part.below else part.highest):
        image = parse(f"{name}{number:g}")(plain, Draws(0), target).image
        assert image.isfinite().all() and image.shape == plain.image.shape


@pytest.mark.parametrize("name", NUMBERED)
@given(share=st.integers(0, 200), half=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_number_is_taken_in_its_range_alone(name, share, half) -> None:
    part = POLICIES[name]
    number = int(part.highest * share / 100) + half / 2
    low_enough = number < part.highest or (number == part.highest and name not in ("affine", "scale"))
    if low_enough and not (half and part.whole):
        assert parts(f"{name}{number:g}") == [(name, number)]
    else:
        with pytest.raises(UserError, match=f"{name} takes .* as in {name}{part.example:g}$"):
            parse(f"{name}{number:g}")


def test_a_name_is_read_as_its_parts() -> None:
    assert parts(" affine60 + jc-5+none") == [("affine", 60), ("jc", 5), ("none", 0)]


def test_the_top_of_the_file_lists_every_word_and_range() -> None:
    rows = [line for line in str(augment.__doc__).splitlines() if line.startswith("| `")]
    listed = {name: row for row in rows for name in re.findall(r"`([a-z-]+)[A-Z]?`", row)}
    assert set(listed) == set(POLICIES)
    for name in NUMBERED:
        span = POLICIES[name].range.rpartition(", ")[2]
        assert f" {span} |" in listed[name] and ("whole" in listed[name]) == POLICIES[name].whole


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
    for text in ("ra20", "jc5", "jo2", "co5", "cm2", "mu", "joco", "jccm", "released-jc5", "released-jo2"):
        assert torch.equal(parse(text)(plain, Draws(0), target).matrix, plain.matrix)


@pytest.mark.parametrize(
    "text",
    [
        "affine30+flip50",
        "ra20",
        "jc3",
        "co3",
        "released-easy+released-hard",
        "released-jc5",
        "jo2",
        "affine30+joco",
        "cm2",
        "affine60+mu",
        "released-jo2",
    ],
)
def test_two_ranks_draw_one_batch(text, monkeypatch) -> None:
    """Also what they paste of each other's images: threads that gather as processes do."""
    whole = view(6)
    maps = torch.rand(6, 3, 16, 12, generator=torch.Generator().manual_seed(2))
    expected = parse(text)(whole, Draws(1, 2), Target(maps, maps, whole)).image
    assert not torch.equal(expected, whole.image)
    met, sent = Barrier(2, timeout=10), dict[int, torch.Tensor]()

    def gather(parts: list[torch.Tensor], own: torch.Tensor) -> None:
        sent[int(current_thread().name)] = own
        met.wait()
        for rank, part in enumerate(parts):
            part.copy_(sent[rank])
        met.wait()

    monkeypatch.setattr(torch.distributed, "all_gather", gather)
    images = dict[int, torch.Tensor]()

    def draw(rank: int) -> None:
        rows = slice(3 * rank, 3 * rank + 3)
        part = type(whole)(whole.source[rows], whole.base, whole.matrix[rows], whole.size)
        images[rank] = parse(text)(part, Draws(1, 2, rank=rank, world=2), Target(maps[rows], maps[rows], part)).image

    ranks = [Thread(target=draw, args=(rank,), name=str(rank)) for rank in (0, 1)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    torch.testing.assert_close(torch.cat([images[0], images[1]]), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("text", "still"),
    [("affine30+flip50", "affine30"), ("affine60 + flip50+jc5", "affine60+jc5"), ("flip50", "none"), ("none", "none")],
)
def test_views_without_a_mirror(text: str, still: str) -> None:
    assert without_mirror(text) == still
