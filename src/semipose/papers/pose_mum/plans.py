"""How each model of Kim et al., Pose-MUM, is trained: the plans that the rows of `tables.py` name.

The schedule at 1K labels is 30 epochs of Adam 1e-3, a tenth after 20 and 25 (section 4.1). A plan's method is the same
at both scales; at mini scale a network of twice the channels stands for ResNet101, and five and ten times the labels
for 5K and 10K.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from semipose.config.schema import Config
from semipose.papers import mini
from semipose.papers.datasets import coco
from semipose.papers.mini import TIMES, small, wider
from semipose.papers.pose_mum.methods import (
    EMA,
    EMAN,
    MUM,
    MUM_JC,
    MUM_RA,
    POSE_MUM,
    POSE_MUM_AFFINE,
    POSE_MUM_PLUS,
)
from semipose.papers.scale import LABELS, paper
from semipose.papers.tables import Plan
from semipose.papers.xie2021.methods import SINGLE, SINGLE_JC, SUPERVISED

SMALL, LARGE = "resnet18", "resnet101"
DECAYS = (0.999, 0.99, 0.9, 0.6, 0.5)
BEST = {SMALL: 0.6, LARGE: 0.9}
"""Decay of each backbone in Table 4, and so in Table 5."""
OFTEN = 60
"""Steps between evaluations, at mini scale, of the runs whose curves are Figures 3 and 4."""


def plan(
    method: Mapping[str, Any], labels: str = "1k", backbone: str = SMALL, eval_every: int = 0, **changes: Any
) -> Plan:
    """A model at both scales; `changes` replace options of the method."""
    method = {**method, **changes}

    def whole(seed: int, root: Path | None) -> Config:
        config = paper(coco, method, backbone=backbone)(seed, root)
        return short(config) if labels == "1k" else config

    people = {"labeled": partial(mini.people, "labeled", times=TIMES[labels])}
    of_run = {"eval_every": eval_every} if eval_every else {}
    at_mini = small(method, people, wider if backbone == LARGE else None, **of_run)
    return Plan({"paper": whole, "mini": at_mini}, LABELS[labels])


def short(config: Config) -> Config:
    """The schedule at 1K labels."""
    return replace(config, epochs=30, optim=replace(config.optim, milestones=[20 / 30, 25 / 30]))


def _by_labels(stem: str, method: Mapping[str, Any]) -> dict[str, Plan]:
    return {
        f"{stem}-{backbone}-{labels}": plan(method, labels, backbone)
        for backbone in (SMALL, LARGE)
        for labels in LABELS
        if (labels, backbone) != ("1k", SMALL)  # that is a row of Table 3
    }


def _plus() -> dict[str, Plan]:
    plans = {}
    for backbone, best in BEST.items():
        for decay in DECAYS:
            plans[f"plus-{backbone}-{decay:g}"] = plan(POSE_MUM_PLUS, backbone=backbone, decay=decay)
        for labels in ("5k", "10k"):
            plans[f"plus-{backbone}-{labels}"] = plan(POSE_MUM_PLUS, labels, backbone, decay=best)
    return plans


PLANS: dict[str, Plan] = {
    "supervised-1k": plan(SUPERVISED),
    "single-1k": plan(SINGLE, eval_every=OFTEN),
    "single-jc-1k": plan(SINGLE_JC),
    "ema-0.999": plan(EMA, decay=0.999, eval_every=OFTEN),
    "ema-0.6": plan(EMA, decay=0.6, eval_every=OFTEN),
    "eman-0.6": plan(EMAN, eval_every=OFTEN),
    "mum": plan(MUM),
    "mum-group2": plan(MUM, mix_group=2),
    "mum-layer2": plan(MUM, unmix="layer2"),
    "mum-decoder": plan(MUM, unmix="decoder"),
    "mum-jc": plan(MUM_JC),
    "mum-ra": plan(MUM_RA),
    "pose-mum-affine": plan(POSE_MUM_AFFINE),
    "pose-mum": plan(POSE_MUM),
    **_by_labels("single-jc", SINGLE_JC),
    **_plus(),
}
