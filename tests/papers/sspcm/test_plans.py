"""What is trained for a row; the rows themselves are in test_tables.py beside this."""

from __future__ import annotations

import pytest

from semipose.config import Config
from semipose.papers.mini import wider
from semipose.papers.scale import LABELS
from semipose.papers.sspcm.plans import PLANS, plan, scheduled


@pytest.mark.parametrize(
    ("labels", "epochs", "milestones"), [("1k", 30, (20, 25)), ("5k", 70, (50, 60)), ("10k", 100, (70, 90))]
)
def test_the_schedule_is_of_the_number_of_labels(labels, epochs, milestones) -> None:
    config = scheduled(lambda seed, root: Config(seed=seed), labels)(4, None)
    assert (config.seed, config.epochs) == (4, epochs)
    assert [each * epochs for each in config.optim.milestones] == pytest.approx(milestones)
    one = PLANS[f"sspcm-{labels}"]
    assert one.scales["paper"](0, None).epochs == epochs and one.labels == LABELS[labels]
    assert f"count={ {'1k': 20, '5k': 100, '10k': 200}[labels] }&" in one.scales["mini"](0, None).data.labeled


def test_a_larger_network_stands_in_at_both_scales() -> None:
    scales = PLANS["mixed-1k"].scales
    assert scales["paper"](0, None).peer == {"backbone": "resnet50"}
    mini = scales["mini"](0, None)
    assert mini.peer == wider(mini.model) != {}
    assert plan({"name": "sspcm"}).scales["mini"](0, None).peer == {}
