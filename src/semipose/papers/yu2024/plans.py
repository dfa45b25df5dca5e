"""How each model of Yu et al., WACV 2024, is trained: the plans that the rows of `tables.py` name.

Labels are counted by image here ("1K labelled images"), by person in Xie et al. A plan's method is the same at both
scales, but for the average's decay, which belongs to a length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from semipose.papers import mini
from semipose.papers.datasets import coco
from semipose.papers.mini import People, small
from semipose.papers.scale import paper
from semipose.papers.tables import Make, Plan
from semipose.papers.yu2024.methods import DENOISE_SELECT, DUAL, REFINED, SUPERVISED, TEACHER_STUDENT

IMAGES = 1000
"""On which pseudo-heatmaps are measured, at most; ours."""
MINI_DECAY = 0.99


def half_of_the_labels(seed: int) -> str:
    """Half of the mini protocol's labelled people, as 0.5K is of 1K."""
    return mini.people("labeled", seed).replace(f"count={mini.LABELS}", f"count={mini.LABELS // 2}")


HALF: People = {"labeled": half_of_the_labels}


def measured(make: Make) -> Make:
    """With pseudo-heatmaps measured on many images."""
    return lambda seed, root: replace(make(seed, root), pseudo=IMAGES)


def plan(method: Mapping[str, Any], labels: int = 1000, **changes: Any) -> Plan:
    """A method with 1K labelled images, or with 500, which are half of the people at mini scale; `changes` replace
    its options."""
    method = {**method, **changes}
    brief = {"decay": MINI_DECAY} if "decay" in method else {}
    at_mini = small({**method, **brief}, HALF if labels == 500 else None)
    return Plan({"paper": measured(paper(coco, method)), "mini": measured(at_mini)}, labels, by_image=True)


PLANS: dict[str, Plan] = {
    "teacher-student": plan(TEACHER_STUDENT),
    "teacher-student-refine": plan(TEACHER_STUDENT, **REFINED),
    "dual": plan(DUAL),
    "dual-refine": plan(DUAL, **REFINED),
    "denoise-select": plan(DENOISE_SELECT),
    "pool-none": plan(DENOISE_SELECT, pool="none"),
    "pool-mean": plan(DENOISE_SELECT, pool="mean"),
    "select-none": plan(DENOISE_SELECT, select="none"),
    "select-peer": plan(DENOISE_SELECT, select="peer"),
    "supervised-500": plan(SUPERVISED, 500),
    "dual-500": plan(DUAL, 500),
    "dual-refine-500": plan(DUAL, 500, **REFINED),
    "denoise-select-500": plan(DENOISE_SELECT, 500),
}
