from __future__ import annotations

import pytest

from semipose.augment import parse
from semipose.draws import Draws
from semipose.methods import build_method, options
from semipose.methods.supervised import Supervised
from semipose.methods.target import mse, truth
from tests.fixtures.tiny import CODEC, Tiny, labeled, view


def test_labels_in_the_easy_view_and_nothing_else() -> None:
    method, known = build_method(options("supervised", easy="affine30"), [Tiny()], CODEC), labeled()
    assert type(method) is Supervised and method.pseudo(view(4, 5), Draws(3)) == []
    outcome = method(known, view(4, 5), Draws(3))
    seen = parse("affine30")(known.view, Draws(3))
    assert outcome.total.item() == pytest.approx(mse(Tiny()(seen.image), truth(known, seen, CODEC)).item(), rel=1e-6)
    assert list(outcome.losses) == ["supervised"]


def test_tiles_of_the_labelled_images_are_mixed_where_a_control_asks_for_it() -> None:
    plain, mixed = (
        build_method(options("supervised", mix_labeled=group, mix_tiles=[2, 2]), [Tiny()], CODEC) for group in (1, 4)
    )
    one, other = (method(labeled(), None, Draws(3)) for method in (plain, mixed))
    assert set(one.losses) == set(other.losses) and one.total.item() != other.total.item()
    (shown,), (mixture,) = (method.students[0].shown for method in (plain, mixed))
    assert shown.shape == mixture.shape and other.total.isfinite()
