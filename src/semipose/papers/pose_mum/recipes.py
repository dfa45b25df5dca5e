"""Kim et al., Pose-MUM: Reinforcing Key Points Relationship for Semi-Supervised Human Pose Estimation.

Each function returns the paper's setting at 1K labels; data are the user's to name. The constants: ResNet18 at 256x192,
30 epochs of Adam 1e-3, a tenth after 20 and 25 (section 4.1), groups of 4 images in 4x3 tiles, unmixed after the
encoder (Figure 1, section 4.2), decay 0.6 (Tables 2 and 4). Ours, because the paper leaves them open: the stages that
may mix (layer1, layer2 and layer3, each in half of the steps, with a permutation of its own), lambda 1, and the batch
of 32 + 32 and the views of Xie et al. "Without affine" is read as: the student sees the teacher's own view, mixed.
EMAN's student sees labelled and other images in one batch, as EMAN's released code does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from semipose.config import Config, MethodConfig

EASY = "affine30+flip50"
AFFINE = "affine60+flip50"
SAME: dict[str, Any] = {"hard": "none", "hard_of": "easy"}
"""The student's view is the teacher's."""
EMAN: dict[str, Any] = {"decay": 0.6, "joint": True}
SOURCES = {
    "method.hard_of": "ours: Kim's 'without affine' as we read it",
    "method.decay": "Kim, Tables 2 and 4",
    "method.joint": "EMAN's released code",
    "epochs": "Kim, section 4.1",
    "optim.milestones": "Kim, section 4.1",
}
"""Of what is other than the default."""


def mum() -> Config:
    """Table 3, MUM: the images' tiles mixed, Affine 60."""
    return short(Config(method=MethodConfig(name="mum", hard=AFFINE)))


def pose_mum() -> Config:
    """Table 3, Pose-MUM: features mixed too, no further affine. Stages, their chance and lambda are ours."""
    return short(Config(method=_pose_mum("pose_mum")))


def pose_mum_affine() -> Config:
    """Table 3, Pose-MUM-AT: as pose_mum, with Affine 60."""
    return short(Config(method=MethodConfig(name="pose_mum", hard=AFFINE)))


def pose_mum_plus() -> Config:
    """Section 4.4, Pose-MUM+: as pose_mum, taught by EMAN of decay 0.6; labelled and mixed images in one batch."""
    return short(Config(method=_pose_mum("pose_mum_plus", **EMAN)))


def eman() -> Config:
    """Table 2, EMAN: an average of decay 0.6, statistics included, teaches Affine 60; the student's images in one
    batch."""
    return short(Config(method=MethodConfig(name="eman", hard=AFFINE, **EMAN)))


def ema() -> Config:
    """Table 2, EMA: an average of decay 0.6, with its own batch's statistics, teaches Affine 60."""
    return short(Config(method=MethodConfig(name="mean_teacher", hard=AFFINE, decay=0.6)))


def short(config: Config) -> Config:
    """The schedule at 1K labels: 30 epochs, a tenth after 20 and 25 (section 4.1)."""
    return replace(config, epochs=30, optim=replace(config.optim, milestones=[20 / 30, 25 / 30]))


def _pose_mum(name: str, **settings: Any) -> MethodConfig:
    return MethodConfig(name, **SAME, **settings)
