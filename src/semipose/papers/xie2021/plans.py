"""How each model of Xie et al., ICCV 2021, is trained: the plans that the rows of `tables.py` name.

A plan's method is the same at both scales; at mini scale it goes through `papers.mini`, with studio people for COCO and
Human3.6M and wild ones for MPII and AI Challenger. What the paper leaves open is ours: the values of lambda that it
tried, the views of its failed attempts (both sides as easy, since they were to prevent collapse without easy-hard
pairs), and the hard augmentation of supervised training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from semipose.config.schema import Config
from semipose.methods import needs
from semipose.papers import mini
from semipose.papers.datasets import coco, h36m, mpii, to_h36m
from semipose.papers.mini import TIMES, Network, People, deeper, mixed, small, wider
from semipose.papers.scale import LABELS, paper
from semipose.papers.tables import Make, Plan
from semipose.papers.xie2021.methods import (
    DATADISTILL,
    DUAL_A,
    DUAL_JC,
    DUAL_RA,
    EASY_EASY,
    HARD_EASY,
    HARD_HARD,
    MEAN_TEACHER,
    NAIVE,
    PSEUDOPOSE,
    PSEUDOPOSE_JC,
    RELEASED_DUAL,
    RELEASED_SINGLE,
    SINGLE,
    SINGLE_JC,
    SUPERVISED,
    SUPERVISED_HARD,
    UNDETACHED,
)

PCKH: dict[str, Any] = {"measure": "pckh", "threshold": 0.5}
JDR: dict[str, Any] = {"measure": "jdr", "threshold": 0.5}


def released(method: dict[str, Any]) -> Plan:
    """The released code's schedule at 1K labels: 70 epochs (50, 60)."""

    def make(seed: int, root: Path | None) -> Config:
        whole = paper(coco, method)(seed, root)
        return replace(whole, epochs=70, optim=replace(whole.optim, milestones=[50 / 70, 60 / 70]))

    return Plan({"paper": make, "mini": small(method)}, LABELS["1k"])


def on_coco(method: dict[str, Any], at_mini: Callable[..., Make] = small, **model: Any) -> dict[str, Plan]:
    """Plans with 1K, 5K and 10K labels."""
    plans = {}
    for name, labels in LABELS.items():
        more = partial(mini.people, "labeled", times=TIMES[name])
        scales = {"paper": paper(coco, method, **model), "mini": at_mini(method, {"labeled": more})}
        plans[name] = Plan(scales, labels, teacher=f"supervised-{name}" if needs(method["name"]).teacher else None)
    return plans


def attempt(**method: Any) -> Plan:
    """An experiment of section 3 or 6.3: 1K labels."""
    return Plan({"paper": paper(coco, method), "mini": small(method)}, LABELS["1k"])


def named(stem: str, plans: dict[str, Plan]) -> dict[str, Plan]:
    """Plans under their full names."""
    return {f"{stem}-{name}": plan for name, plan in plans.items()}


PRETRAIN = {"supervised": SUPERVISED, "pseudopose": PSEUDOPOSE_JC, "dual": DUAL_JC}
NETWORKS: dict[str, Network | None] = {
    "resnet50": None,
    "resnet101": deeper(2),
    "resnet152": deeper(3),
    "hrnet_w48": wider,
}
"""Backbone -> what stands for it at mini scale."""

ALL: People = {"labeled": partial(mini.people, "unlabeled"), "unlabeled": lambda seed: None}
"""All of TRAIN: the protocol's unlabelled people with their labels."""
ALL_WILD: People = {**ALL, "unlabeled": partial(mini.people, "more")}
"""All of TRAIN, and WILD."""
OUTDOORS: People = {
    "labeled": partial(mini.people, "unlabeled", domain="wild"),
    "unlabeled": partial(mini.people, "more", domain="wild"),
    "val": partial(mini.people, "val", domain="wild"),
}
"""MPII, and AI Challenger unlabelled."""
INDOORS: People = {**ALL_WILD, "labeled": OUTDOORS["labeled"]}
"""MPII, and Human3.6M unlabelled and for validation, in other poses."""


def _adaptation() -> dict[str, Plan]:
    """Labels in one domain, unlabelled images of another (Table 6); then those of Table 7 and 8, which pre-train on
    MPII and AI Challenger and are fine-tuned on labels of H36M."""
    plans = {}
    for name, method in PRETRAIN.items():
        taught = needs(method["name"]).teacher
        square = {"size": [256, 256]}
        scales = {"paper": paper(to_h36m, method, **square, **JDR), "mini": small(method, INDOORS)}
        plans[f"adapt-{name}"] = Plan(scales, teacher="adapt-supervised" if taught else None)
        scales = {"paper": paper(mpii, method, **square, **PCKH), "mini": small(method, OUTDOORS)}
        plans[f"pretrain-{name}"] = Plan(scales, teacher="pretrain-supervised" if taught else None)
        scales = {"paper": paper(h36m, SUPERVISED, **square, **JDR), "mini": small(SUPERVISED)}
        plans[f"finetune-{name}"] = Plan(scales, start=f"pretrain-{name}")
    return plans


def _many_labels() -> dict[str, Plan]:
    """All of TRAIN and WILD (Tables 3 and 4), and MPII with AI Challenger (Table 5)."""
    plans = {}
    wild = partial(coco, wild=True)
    for name, network in NETWORKS.items():
        scales = {"paper": paper(coco, SUPERVISED, backbone=name), "mini": small(SUPERVISED, ALL, network)}
        plans[f"supervised-all-{name}"] = Plan(scales)
        scales = {"paper": paper(wild, DUAL_JC, backbone=name), "mini": small(DUAL_JC, ALL_WILD, network)}
        plans[f"dual-all-{name}"] = Plan(scales)
    for kind, method, data in (("supervised", SUPERVISED, ALL), ("dual", DUAL_JC, ALL_WILD)):
        for stem, decode in (("large", "quarter"), ("dark", "dark")):
            large = paper(wild, method, backbone="hrnet_w48", size=[384, 288], sigma=3.0, decode=decode)
            scales = {"paper": large, "mini": small(method, data, wider, decode=decode)}
            plans[f"{kind}-{stem}-hrnet_w48"] = Plan(scales)
        square = paper(mpii, method, backbone="hrnet_w32", size=[256, 256], **PCKH)
        plans[f"{kind}-mpii"] = Plan({"paper": square, "mini": small(method, OUTDOORS, wider)})
    return plans


PLANS: dict[str, Plan] = {
    **named("supervised", on_coco(SUPERVISED)),
    "supervised-all": Plan({"paper": paper(coco, SUPERVISED), "mini": small(SUPERVISED, ALL)}),
    **named("supervised-hard", on_coco(SUPERVISED_HARD)),
    **named("pseudopose", on_coco(PSEUDOPOSE)),
    **named("datadistill", on_coco(DATADISTILL)),
    **named("single", on_coco(SINGLE)),
    **named("single-jc", on_coco(SINGLE_JC)),
    **named("dual-a", on_coco(DUAL_A)),
    **named("dual-ra", on_coco(DUAL_RA)),
    **named("dual-jc", on_coco(DUAL_JC)),
    **named("supervised-hrnet", on_coco(SUPERVISED, at_mini=partial(small, network=wider), backbone="hrnet_w48")),
    **named("dual-hrnet", on_coco(DUAL_A, at_mini=partial(small, network=wider), backbone="hrnet_w48")),
    **named("dual-mixed", on_coco(DUAL_A, at_mini=mixed, peer={"backbone": "hrnet_w48"})),
    "naive": attempt(**NAIVE),
    "naive-0.1": attempt(**NAIVE, weight=0.1),
    "naive-0.01": attempt(**NAIVE, weight=0.01),
    "naive-all": Plan({"paper": paper(partial(coco, wild=True), NAIVE), "mini": small(NAIVE, ALL_WILD)}),
    "undetached": attempt(**UNDETACHED),
    "easy-easy": attempt(**EASY_EASY),
    "hard-hard": attempt(**HARD_HARD),
    "hard-easy": attempt(**HARD_EASY),
    **{f"confident-{each}": attempt(**EASY_EASY, teach=f"confident{each}") for each in ("0.2", "0.4", "0.6", "0.8")},
    **{f"mean-teacher-{decay:g}": attempt(**MEAN_TEACHER, decay=decay) for decay in (0.99, 0.999)},
    "foreground": attempt(**EASY_EASY, teach="foreground"),
    "released-single": released(RELEASED_SINGLE),
    "released-dual": released(RELEASED_DUAL),
    **_adaptation(),
    **_many_labels(),
}
