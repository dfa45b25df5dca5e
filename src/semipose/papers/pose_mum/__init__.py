"""Kim et al., Pose-MUM: Reinforcing Key Points Relationship for Semi-Supervised Human Pose Estimation."""

from __future__ import annotations

from semipose.papers.pose_mum.claims import CLAIMS
from semipose.papers.pose_mum.methods import SOURCES
from semipose.papers.pose_mum.plans import PLANS
from semipose.papers.pose_mum.tables import TABLES
from semipose.papers.tables import Paper, Recipe

RECIPES = {
    "mum": Recipe("mum"),
    "pose_mum": Recipe("pose-mum"),
    "pose_mum-affine": Recipe("pose-mum-affine"),
    "pose_mum_plus": Recipe("plus-resnet18-0.6"),
    "ema0.6": Recipe("ema-0.6"),
    "eman0.6": Recipe("eman-0.6"),
}

PAPER = Paper("Kim et al., Pose-MUM", "Kim", TABLES, PLANS, RECIPES, SOURCES, claims=CLAIMS)
