"""Xie et al., An Empirical Study of the Collapsing Problem in Semi-Supervised 2D Human Pose Estimation, ICCV 2021."""

from __future__ import annotations

from semipose.papers.tables import Paper, Recipe
from semipose.papers.xie2021.claims import CLAIMS
from semipose.papers.xie2021.methods import SOURCES
from semipose.papers.xie2021.plans import LABELS, PLANS
from semipose.papers.xie2021.tables import TABLES

RECIPES = {
    "supervised": Recipe("supervised-1k"),
    "supervised-hard": Recipe("supervised-hard-10k", "hard augmentation of the labelled images"),
    "pseudopose": Recipe("pseudopose-1k", "a fixed teacher, named as method.teacher"),
    "datadistill": Recipe("datadistill-1k", "the same, taught by the sum of four views"),
    "naive": Recipe("naive", "both sides learn; collapses"),
    "naive-lambda0.1": Recipe("naive-0.1", "collapses later"),
    "naive-lambda0.01": Recipe("naive-0.01", "collapses later"),
    "single": Recipe("single-1k"),
    "single-jc": Recipe("single-jc-1k"),
    "dual-a": Recipe("dual-a-1k"),
    "dual-ra": Recipe("dual-ra-1k"),
    "dual": Recipe("dual-jc-1k"),
    "dual-mixed": Recipe("dual-mixed-1k"),
    "undetached": Recipe("undetached", "collapses"),
    "confident0.2": Recipe("confident-0.2", "much below supervised"),
    "confident0.4": Recipe("confident-0.4"),
    "confident0.6": Recipe("confident-0.6"),
    "confident0.8": Recipe("confident-0.8", "about supervised"),
    "mean-teacher0.99": Recipe("mean-teacher-0.99", "below supervised"),
    "mean-teacher0.999": Recipe("mean-teacher-0.999", "below supervised"),
    "foreground": Recipe("foreground", "collapses"),
    "easy-easy": Recipe("easy-easy", "collapses"),
    "hard-hard": Recipe("hard-hard", "degenerates"),
    "hard-easy": Recipe("hard-easy", "degenerates"),
    "released-single": Recipe("released-single", "as single-jc, with the released code's settings"),
    "released-dual": Recipe("released-dual", "as dual, with the released code's settings"),
}
OLD = {"dual-hrnet": "dual-mixed", **{f"dual-{labels}": f"dual-a-{labels}" for labels in LABELS}}

PAPER = Paper("Xie et al., ICCV 2021", "Xie", TABLES, PLANS, RECIPES, SOURCES, OLD, claims=CLAIMS)
