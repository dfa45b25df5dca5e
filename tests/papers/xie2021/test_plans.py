"""What is trained for a row; the rows themselves are in test_tables.py beside this."""

from __future__ import annotations

from pathlib import Path

import pytest

from semipose.config import Config
from semipose.papers.xie2021.plans import PLANS, attempt, named, on_coco, released

ROOT = Path("R")


def at(name: str, scale: str = "paper", root: Path | None = ROOT) -> Config:
    return PLANS[name].scales[scale](0, root)


def test_1k_5k_and_10k_labels_at_both_scales() -> None:
    plans = on_coco({"name": "pseudopose"}, backbone="resnet50")
    assert {name: (plan.labels, plan.teacher) for name, plan in plans.items()} == {
        name: (labels, f"supervised-{name}") for name, labels in (("1k", 1000), ("5k", 5000), ("10k", 10000))
    }
    people = [str(plan.scales["mini"](0, None).data.labeled) for plan in plans.values()]
    assert [text.split("count=")[1].split("&")[0] for text in people] == ["20", "100", "200"]
    assert {plan.scales["paper"](0, None).model.backbone for plan in plans.values()} == {"resnet50"}
    assert all(plan.teacher is None for plan in on_coco({"name": "dual"}).values())
    assert list(named("a", plans)) == ["a-1k", "a-5k", "a-10k"]


def test_the_released_schedule() -> None:
    plan = released({"name": "single"})
    config = plan.scales["paper"](0, None)
    assert config.epochs == 70 and [round(70 * each) for each in config.optim.milestones] == [50, 60]
    assert plan.labels == 1000 and plan.scales["mini"](0, None).optim.milestones == [0.7, 0.9]


def test_an_attempt_is_of_1k_labels() -> None:
    plan = attempt(name="naive", weight=0.1)
    assert plan.labels == 1000 and {make(0, None).method.weight for make in plan.scales.values()} == {0.1}


@pytest.mark.parametrize(
    ("name", "builds_on", "labeled", "unlabeled"),
    [
        ("adapt-dual", (None, None), "mpii", "h36m"),
        ("adapt-pseudopose", (None, "adapt-supervised"), "mpii", "h36m"),
        ("pretrain-pseudopose", (None, "pretrain-supervised"), "mpii", "aic"),
        ("finetune-dual", ("pretrain-dual", None), "h36m", None),
        ("dual-all-resnet50", (None, None), "coco", "coco"),
        ("supervised-all-resnet50", (None, None), "coco", None),
        ("naive-all", (None, None), "coco", "coco"),
        ("dual-mpii", (None, None), "mpii", "aic"),
    ],
)
def test_whose_labels_and_images(name: str, builds_on: tuple, labeled: str, unlabeled: str | None) -> None:
    config, plan = at(name), PLANS[name]
    assert (plan.start, plan.teacher) == builds_on and plan.labels is None
    assert Path(str(config.data.labeled)).parts[1] == labeled
    assert (config.data.unlabeled and Path(str(config.data.unlabeled)).parts[1]) == unlabeled


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dual-large-hrnet_w48", ("hrnet_w48", [384, 288], 3.0, "quarter", "pck")),
        ("dual-dark-hrnet_w48", ("hrnet_w48", [384, 288], 3.0, "dark", "pck")),
        ("dual-mpii", ("hrnet_w32", [256, 256], 2.0, "quarter", "pckh")),
        ("adapt-dual", ("resnet18", [256, 256], 2.0, "quarter", "jdr")),
        ("dual-all-resnet152", ("resnet152", [256, 192], 2.0, "quarter", "pck")),
    ],
)
def test_networks_and_measures(name: str, expected: tuple) -> None:
    config = at(name)
    assert (config.model.backbone, config.model.size, config.model.sigma, config.decode, config.measure) == expected
    assert config.threshold == (0.1 if config.measure == "pck" else 0.5)
    assert at("dual-mixed-1k").peer == {"backbone": "hrnet_w48"}
