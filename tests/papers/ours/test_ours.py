from __future__ import annotations

from dataclasses import replace

import pytest

from semipose.methods import options
from semipose.papers.find import recipe
from semipose.papers.mini import base
from semipose.papers.ours import DEMO, DUAL, FAST, METHODS, PAPER, config, demo


def test_dual_has_both_of_the_paper_s_hard_views() -> None:
    assert DUAL["hard"] == "affine60+flip50+ra20+jc5" and DUAL["name"] == "dual"


def test_what_the_demo_trains_differs_in_the_method_alone() -> None:
    """The control has the colours that guarded's labelled images and student have; all have the same schedule."""
    rows = {name: demo(name, 3) for name in DEMO}
    plain, control, guarded = (rows[name].method for name in ("supervised", "control", "guarded"))
    assert all(replace(row, method=plain) == rows["supervised"] for row in rows.values())
    assert control == replace(plain, labeled="affine30+flip50+ra20") and guarded.labeled == control.labeled
    assert guarded == options("guarded", labeled=control.labeled, hard="affine60+flip50+ra20")
    assert rows["guarded"].optim == replace(FAST, restart=guarded.burn_in) and rows["guarded"].steps == 600
    assert demo("guarded", 3).data == config("dual", 3).data


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_a_recipe_in_the_mini_protocol(name: str) -> None:
    method, about = METHODS[name]
    theirs = base(options(**method), 3)
    assert config(name, 3) == replace(theirs, optim=FAST, steps=400, eval_every=100, decode="dark")
    assert config(name).optim is not config(name).optim
    assert recipe(f"mini-{name}") == config(name) and PAPER.recipes[f"mini-{name}"].about == about != ""
    assert set(PAPER.plans[name].scales) == {"mini"}
