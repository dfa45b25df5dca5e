"""Zhou et al., MultiAugs, 2024: several strong augmentations of an unlabelled image side by side."""

from __future__ import annotations

from semipose.papers.multiaugs.methods import SOURCES
from semipose.papers.multiaugs.plans import PLANS
from semipose.papers.multiaugs.tables import TABLES
from semipose.papers.tables import Paper, Recipe

RECIPES = {
    "multiaugs": Recipe("single-1k", "one network, four paths"),
    "multiaugs-dual": Recipe("dual-1k", "two networks, four paths each"),
    "multiaugs-joco": Recipe("alone-joco", "one network, one path"),
}

PAPER = Paper("Zhou et al., MultiAugs, 2024", "Zhou", TABLES, PLANS, RECIPES, SOURCES)
