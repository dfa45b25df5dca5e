"""How each model of Huang et al., SSPCM, is trained: the plans that the rows of `tables.py` name.

A plan's method is the same at both scales; at mini scale a network of twice the channels stands for ResNet50, and five
and ten times the labels for 5K and 10K.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from semipose.config.schema import Config
from semipose.papers import mini
from semipose.papers.datasets import coco
from semipose.papers.mini import TIMES, mixed, small
from semipose.papers.scale import LABELS, paper
from semipose.papers.sspcm.methods import DUAL, DUAL_JC, PLAIN, SSPCM
from semipose.papers.tables import Make, Plan

SCHEDULES = {"1k": (30, (20, 25)), "5k": (70, (50, 60)), "10k": (100, (70, 90))}
"""Labels -> epochs, and those after which the rate is a tenth; of MultiAugs too."""


def scheduled(make: Make, labels: str) -> Make:
    """With the length and milestones for so many labels."""
    epochs, milestones = SCHEDULES[labels]

    def whole(seed: int, root: Path | None) -> Config:
        config = make(seed, root)
        optim = replace(config.optim, milestones=[each / epochs for each in milestones])
        return replace(config, epochs=epochs, optim=optim)

    return whole


def plan(method: Mapping[str, Any], labels: str = "1k", at_mini: Callable[..., Make] = small, **of_run: Any) -> Plan:
    """A method at both scales; `of_run`: other networks at paper scale."""
    people = {"labeled": partial(mini.people, "labeled", times=TIMES[labels])}
    whole = scheduled(paper(coco, method, **of_run), labels)
    return Plan({"paper": whole, "mini": at_mini(method, people)}, LABELS[labels])


PLANS: dict[str, Plan] = {
    **{f"sspcm-{labels}": plan(SSPCM, labels) for labels in LABELS},
    "plain-1k": plan(PLAIN),
    "dual-1k": plan(DUAL),
    "dual-jc-1k": plan(DUAL_JC),
    "mixed-1k": plan(SSPCM, at_mini=mixed, peer={"backbone": "resnet50"}),
}
