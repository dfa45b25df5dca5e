"""Yu et al., Denoising and Selecting Pseudo-Heatmaps for Semi-Supervised Human Pose Estimation, WACV 2024."""

from __future__ import annotations

from semipose.papers.tables import Paper, Recipe
from semipose.papers.yu2024.claims import CLAIMS
from semipose.papers.yu2024.methods import SOURCES
from semipose.papers.yu2024.plans import PLANS
from semipose.papers.yu2024.tables import TABLES

RECIPES = {
    "unbiased-teacher": Recipe("teacher-student"),
    "unbiased-teacher-refine": Recipe("teacher-student-refine"),
    "dual-refine": Recipe("dual-refine"),
    "denoise-select": Recipe("denoise-select", "the whole method (supplement, Algorithm 1)"),
}

PAPER = Paper("Yu et al., WACV 2024", "Yu", TABLES, PLANS, RECIPES, SOURCES, claims=CLAIMS)
