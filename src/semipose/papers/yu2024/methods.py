"""The constants of Yu et al., Denoising and Selecting Pseudo-Heatmaps for Semi-Supervised Human Pose Estimation, WACV
2024.

Only the supplement was at hand: its Algorithm 1 is the method, and the values of the main text are not known. These are
ours: the threshold and the refined Gaussian's sigma (the labels'), the number and strength of views, and the margin,
all provisional (benchmarks/denoise_sweep.py compares); burn-in and decay of the teacher-student baseline, but for
0.9996, which is Unbiased Teacher's. Views and schedule are those of Xie et al., whose Dual the supplement builds on.
"""

from __future__ import annotations

from typing import Any

from semipose.papers.xie2021.methods import DUAL_JC, SUPERVISED

REFINED: dict[str, Any] = {"teach": "refined0.4"}
"""Threshold-and-refine (supplement, Table 2)."""
WHOLE: dict[str, Any] = {**REFINED, "views": 3, "multi": "affine15+flip50", "margin": 0.0}

DUAL = DUAL_JC
"""Supplement, Table 2, row 3: Dual-Student."""
DENOISE_SELECT: dict[str, Any] = {**DUAL, "name": "denoise_select", **WHOLE}
"""Supplement, Algorithm 1: pooled views, threshold-and-refine, the surer network teaches."""
TEACHER_STUDENT: dict[str, Any] = {**DUAL, "name": "unbiased_teacher", "burn_in": 0.1, "decay": 0.9996}
"""Supplement, Table 2, row 1: burn-in on labels, then an average of the student teaches."""

SOURCES = {
    "method.teach": "Yu: threshold-and-refine; its threshold is ours",
    "method.views": "ours",
    "method.multi": "ours",
    "method.burn_in": "ours",
    "method.decay": "0.9996 is Unbiased Teacher's, another ours",
    "pseudo": "ours",
}
"""Of what is other than the default."""
__all__ = ["DENOISE_SELECT", "DUAL", "REFINED", "SOURCES", "SUPERVISED", "TEACHER_STUDENT", "WHOLE"]
