"""Huang et al., Semi-Supervised 2D Human Pose Estimation Driven by Position Inconsistency Pseudo Label Correction
Module, CVPR 2023: SSPCM."""

from __future__ import annotations

from semipose.papers.sspcm.methods import SOURCES
from semipose.papers.sspcm.plans import PLANS
from semipose.papers.sspcm.tables import TABLES
from semipose.papers.tables import Paper, Recipe

RECIPES = {
    "sspcm": Recipe("sspcm-1k"),
    "sspcm-plain": Recipe("plain-1k"),
    "sspcm-mixed": Recipe("mixed-1k"),
    "dual-jo": Recipe("dual-1k"),
}

PAPER = Paper("Huang et al., SSPCM, CVPR 2023", "Huang", TABLES, PLANS, RECIPES, SOURCES)
