"""How each model of Yu et al., WACV 2024, is trained: the plans that the rows of `yu2024_tables.py` name.

Labels are counted by image here ("1K labelled images"), by person in Xie et al. A plan's method settings are the same
at both scales, but for the average's decay, which belongs to a length.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from semipose.papers import mini
from semipose.papers.tables import Make, Plan
from semipose.papers.xie2021.plans import People, coco, paper, small
from semipose.papers.yu2024.recipes import EASY, HARD, REFINED, WHOLE

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


def plan(name: str, labels: int = 1000, **settings: Any) -> Plan:
    """A method with 1K labelled images, or with 500, which are half of the people at mini scale."""
    method = {"name": name, "easy": EASY, "hard": HARD, **settings}
    brief = {"decay": MINI_DECAY} if "decay" in settings else {}
    at_mini = small({**method, **brief}, HALF if labels == 500 else None)
    return Plan({"paper": measured(paper(coco, method)), "mini": measured(at_mini)}, labels, by_image=True)


TEACHER: dict[str, Any] = {"burn_in": 0.1, "decay": 0.9996}
PLANS: dict[str, Plan] = {
    "teacher-student": plan("unbiased_teacher", **TEACHER),
    "teacher-student-refine": plan("unbiased_teacher", **TEACHER, **REFINED),
    "dual": plan("dual"),
    "dual-refine": plan("dual", **REFINED),
    "denoise-select": plan("denoise_select", **WHOLE),
    "pool-none": plan("denoise_select", **WHOLE, pool="none"),
    "pool-mean": plan("denoise_select", **WHOLE, pool="mean"),
    "select-none": plan("denoise_select", **WHOLE, select="none"),
    "select-peer": plan("denoise_select", **WHOLE, select="peer"),
    "supervised-500": plan("supervised", 500),
    "dual-500": plan("dual", 500),
    "dual-refine-500": plan("dual", 500, **REFINED),
    "denoise-select-500": plan("denoise_select", 500, **WHOLE),
}
