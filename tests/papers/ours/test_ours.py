from __future__ import annotations

from dataclasses import replace

import pytest

from semipose.methods import options
from semipose.papers.find import recipe
from semipose.papers.mini import base
from semipose.papers.ours import DUAL, FAST, METHODS, PAPER, config


def test_the_demo_s_dual_has_both_of_the_paper_s_hard_views() -> None:
    assert DUAL["hard"] == "affine60+flip50+ra20+jc5" and DUAL["name"] == "dual"


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_a_recipe_in_the_mini_protocol(name: str) -> None:
    method, about = METHODS[name]
    theirs = base(options(**method), 3)
    assert config(name, 3) == replace(theirs, optim=FAST, steps=400, eval_every=100, decode="dark")
    assert config(name).optim is not config(name).optim
    assert recipe(f"mini-{name}") == config(name) and PAPER.recipes[f"mini-{name}"].about == about != ""
    assert set(PAPER.plans[name].scales) == {"mini"}
