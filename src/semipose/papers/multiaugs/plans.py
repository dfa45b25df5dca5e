"""How each model of Zhou et al., MultiAugs, is trained: the plans that the rows of `tables.py` name.

A plan's method is the same at both scales; at mini scale five and ten times the labels stand for 5K and 10K, the
unlabelled people with their labels for all of TRAIN, and a network of twice the channels for HRNet.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from semipose.papers.datasets import coco
from semipose.papers.mini import Network, small, wider
from semipose.papers.multiaugs.methods import ALONE, DIFFERENT, DUAL, JOCO, SINGLE, WILD
from semipose.papers.scale import LABELS, paper
from semipose.papers.sspcm.plans import plan
from semipose.papers.tables import Plan
from semipose.papers.xie2021.plans import ALL_WILD

COUNTS = (2, 3, 4)
"""Of paths, in the comparison of one that is repeated with different ones."""


def paths(*names: str) -> Plan:
    """Single on some paths, with 1K labels."""
    return plan({**SINGLE, "paths": list(names)})


def wild(method: Mapping[str, Any], network: Network | None = None, **model: Any) -> Plan:
    """With all labels, and COCO's unlabelled images."""
    return Plan({"paper": paper(partial(coco, wild=True), method, **model), "mini": small(method, ALL_WILD, network)})


PLANS: dict[str, Plan] = {
    **{f"single-{labels}": plan(SINGLE, labels) for labels in LABELS},
    **{f"dual-{labels}": plan(DUAL, labels) for labels in LABELS},
    "wild-resnet50": wild(WILD, backbone="resnet50"),
    "wild-hrnet_w48": wild(WILD, wider, backbone="hrnet_w48", size=[384, 288], sigma=3.0),
    **{f"alone-{name}": paths(path) for name, path in ALONE.items()},
    **{f"repeated-{count}": paths(*[JOCO] * count) for count in COUNTS},
    **{f"different-{count}": paths(*DIFFERENT[:count]) for count in COUNTS if count < len(DIFFERENT)},
}
