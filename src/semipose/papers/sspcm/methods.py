"""The constants of Huang et al., Semi-Supervised 2D Human Pose Estimation Driven by Position Inconsistency Pseudo Label
Correction Module (SSPCM), CVPR 2023.

Joint cut-occlude of two joints in the hard view, then a second affine on the easy crop; joints whose mean peak is 0.1
or less do not teach. The affines' strengths are ours: the easy view is that of Xie et al., and the second one as
strong, so that the two together are about their Affine 60.
"""

from __future__ import annotations

from typing import Any

from semipose.papers.xie2021.methods import DUAL_JC, EASY

SECOND = "affine30"
"""On the easy crop, and without a mirror, which that has."""
CROP: dict[str, Any] = {"easy": EASY, "hard_of": "easy"}
"""Views of the easy crop, blank where that ends."""

SSPCM: dict[str, Any] = {"name": "sspcm", **CROP, "hard": f"jo2+{SECOND}"}
PLAIN: dict[str, Any] = {**SSPCM, "pair": "plain"}
"""The third network learns the mean of the two as they are."""
DUAL: dict[str, Any] = {"name": "dual", **CROP, "hard": SSPCM["hard"]}
"""The pair without the third network; joints of low peaks teach too."""

SOURCES = {
    "epochs": "Huang: 30 at 1K, 70 at 5K, 100 at 10K labels",
    "optim.milestones": "Huang: 20 and 25 at 1K, 50 and 60 at 5K, 70 and 90 at 10K labels",
    "peer": "Huang, released configuration",
}
"""Of what is other than the default."""
__all__ = ["CROP", "DUAL", "DUAL_JC", "PLAIN", "SECOND", "SOURCES", "SSPCM"]
