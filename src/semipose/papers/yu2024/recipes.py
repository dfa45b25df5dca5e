"""Yu et al., Denoising and Selecting Pseudo-Heatmaps for Semi-Supervised Human Pose Estimation, WACV 2024.

Each function returns a setting; data are the user's to name. Only the supplement was at hand: its Algorithm 1 is the
method, and the values of the main text are not known. These are ours: the threshold and the refined Gaussian's sigma
(the labels'), the number and strength of views, and the margin, all provisional (benchmarks/denoise_sweep.py compares);
burn-in and decay of the teacher-student baseline, but for 0.9996, which is Unbiased Teacher's. Views and schedule
are those of Xie et al., whose Dual the supplement builds on.
"""

from __future__ import annotations

from typing import Any

from semipose.config import Config, MethodConfig

EASY, HARD = "affine30+flip50", "affine60+flip50+jc5"
REFINED: dict[str, Any] = {"teach": "refined0.4"}
WHOLE: dict[str, Any] = {**REFINED, "views": 3, "multi": "affine15+flip50", "margin": 0.0}
SOURCES = {
    "method.teach": "Yu: threshold-and-refine; its threshold is ours",
    "method.views": "ours",
    "method.multi": "ours",
    "method.burn_in": "ours",
    "method.decay": "0.9996 is Unbiased Teacher's, another ours",
    "pseudo": "ours",
}
"""Of what is other than the default."""


def dual_refine() -> Config:
    """Supplement, Table 2, row 4: Dual, taught by threshold-and-refine."""
    return _of("dual", **REFINED)


def denoise_select() -> Config:
    """Supplement, Algorithm 1: pooled views, threshold-and-refine, the surer network teaches."""
    return _of("denoise_select", **WHOLE)


def unbiased_teacher() -> Config:
    """Supplement, Table 2, row 1: burn-in on labels, then an average of the student teaches."""
    return _of("unbiased_teacher", burn_in=0.1, decay=0.9996)


def unbiased_teacher_refine() -> Config:
    """Supplement, Table 2, row 2: as unbiased_teacher, taught by threshold-and-refine."""
    return _of("unbiased_teacher", burn_in=0.1, decay=0.9996, **REFINED)


def _of(name: str, **settings: Any) -> Config:
    return Config(method=MethodConfig(name, EASY, HARD, **settings))
