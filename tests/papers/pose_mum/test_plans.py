"""What is trained for a row; the rows themselves are in test_tables.py beside this."""

from __future__ import annotations

import pytest

from semipose.config import Config
from semipose.papers.mini import base, wider
from semipose.papers.pose_mum.plans import BEST, DECAYS, OFTEN, PLANS, plan, short


def test_the_schedule_at_1k_labels_alone() -> None:
    assert short(Config()).epochs == 30 and short(Config()).optim.milestones == pytest.approx([20 / 30, 25 / 30])
    for labels, epochs, count in (("1k", 30, 1000), ("5k", 100, 5000), ("10k", 100, 10000)):
        one = plan({"name": "mum"}, labels)
        assert (one.labels, one.scales["paper"](0, None).epochs) == (count, epochs)
        assert one.scales["mini"](0, None).epochs == Config().epochs


def test_a_larger_network_at_both_scales() -> None:
    large = plan({"name": "mum"}, backbone="resnet101").scales
    assert large["paper"](0, None).model.backbone == "resnet101"
    mini = base(large["mini"](0, None).method).model
    assert large["mini"](0, None).model.options == wider(mini)["options"] != mini.options


def test_changes_are_of_the_method_and_often_of_the_mini_run() -> None:
    one = plan({"name": "mum", "mix_group": 4}, eval_every=OFTEN, mix_group=2).scales
    assert {make(0, None).method.mix_group for make in one.values()} == {2}
    assert (one["paper"](0, None).eval_every, one["mini"](0, None).eval_every) == (0, 60)
    assert plan({"name": "mum"}).scales["mini"](0, None).eval_every == 400


def test_decays_of_table_4_and_the_best_of_them_in_table_5() -> None:
    def decay(name: str) -> float:
        return PLANS[name].scales["paper"](0, None).method.decay

    for backbone, best in (("resnet18", 0.6), ("resnet101", 0.9)):
        assert BEST[backbone] == best
        assert [decay(f"plus-{backbone}-{each:g}") for each in DECAYS] == [0.999, 0.99, 0.9, 0.6, 0.5]
        assert {decay(f"plus-{backbone}-{labels}") for labels in ("5k", "10k")} == {best}
