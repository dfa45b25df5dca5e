from __future__ import annotations

import pytest
import torch

from semipose.augment import parse
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.methods import options
from semipose.methods.multiaugs import apart, copies, follow_each
from semipose.methods.target import follow, seen_from, soft
from semipose.methods.teachers import Itself
from tests.fixtures.tiny import CODEC, FLIP, Tiny, view

PATHS = ["joco", "jccm", "jc2", "jo2"]


def made(paths: list[str], hard_of: str = "easy", hard: str = "affine30"):
    easy = parse("affine30+flip50")(view(4, 5), Draws(0))
    target = soft(Itself(Tiny()), easy)
    policies = options("multiaugs", paths=paths, hard_of=hard_of, hard=hard).policies()
    return target, copies(target, policies, seen_from, FLIP, Draws(1))


@pytest.mark.parametrize("hard_of", ["easy", "image"])
def test_copies_share_a_warp_and_a_target_and_are_occluded_apart(hard_of) -> None:
    hard = "affine30" if hard_of == "easy" else "affine60+flip50"
    target, found = made([*PATHS, "jo2"], hard_of, hard)
    moved = seen_from(target, found[0].frame, FLIP)
    for each in found:
        assert torch.equal(each.frame.matrix, found[0].frame.matrix)
        assert torch.equal(each.heatmaps, moved.heatmaps) and torch.equal(each.weight, moved.weight)
    images = [each.frame.image for each in found]
    assert not any(torch.equal(a, b) for i, a in enumerate(images) for b in images[:i]), "one that is repeated too"
    (plain,) = made(["none"], hard_of, hard)[1]
    assert torch.equal(plain.frame.matrix, moved.frame.matrix) and not torch.equal(
        plain.frame.matrix, target.frame.matrix
    )
    assert all((image == plain.frame.image).float().mean() > 0.4 for image in images)


def test_words_of_the_hard_view_are_the_same_in_all_copies() -> None:
    _, found = made(["none", "none"], hard="co5+affine30")
    assert torch.equal(found[0].frame.image, found[1].frame.image)


def test_numbers_apart_are_those_of_a_tag() -> None:
    policy, plain = parse("co5"), view(2)
    found = apart(policy, "path 3")(plain, Draws(4))
    assert torch.equal(found.image, policy(plain, Draws(4).again("path 3")).image)
    assert not torch.equal(found.image, apart(policy, "path 2")(plain, Draws(4)).image)


def test_losses_of_copies_are_summed_and_each_is_a_batch_of_its_own() -> None:
    _, found = made(PATHS)
    net = Tiny()
    whole = follow_each(net, found)
    apart = [follow(Tiny(), each) for each in found]
    torch.testing.assert_close(whole.loss, torch.stack([each.loss for each in apart]).sum())
    torch.testing.assert_close(whole.heatmaps, torch.cat([each.heatmaps for each in apart]))
    assert [len(image) for image in net.shown] == [4] * len(PATHS) and net.norm.num_batches_tracked == len(PATHS)
    assert whole.loss.requires_grad and not whole.heatmaps.requires_grad


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], r"method.paths is \[\]; give one path or more, as in \[joco, jccm\]"),
        (["joco", "jc5+affine60"], "method.paths has 'jc5\\+affine60', and affine moves the image: all paths share"),
        (["flip50"], "flip moves the image"),
        (["released-hard"], "released-hard moves the image"),
        (["jojo"], "augmentation 'jojo' is not understood"),
    ],
)
def test_paths_that_cannot_be_are_refused(paths, message) -> None:
    for name in ("multiaugs", "multiaugs_dual"):
        with pytest.raises(UserError, match=message):
            options(name, paths=paths).check()


def test_options_are_those_of_easy_and_hard() -> None:
    given = options("multiaugs", weight=0.5, outside="background", teach="confident0.2")
    given.check()
    assert (given.hard, given.hard_of, len(given.policies())) == ("affine30", "easy", 4)
    assert CODEC.sigma == 1.5 and len(given.changes(CODEC)) == 1
