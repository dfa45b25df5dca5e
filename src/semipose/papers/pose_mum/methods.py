"""The constants of Kim et al., Pose-MUM: Reinforcing Key Points Relationship for Semi-Supervised Human Pose Estimation.

Groups of 4 images in 4x3 tiles, unmixed after the encoder (Figure 1, section 4.2), decay 0.6 (Tables 2 and 4). Ours,
because the paper leaves them open: the stages that may mix (layer1, layer2 and layer3, each in half of the steps, with
a permutation of its own), lambda 1, and the batch of 32 + 32 and the views of Xie et al. "Without affine" is read as:
the student sees the teacher's own view, mixed. EMAN's student sees labelled and other images in one batch, as
EMAN's released code does.
"""

from __future__ import annotations

from typing import Any

from semipose.papers.xie2021.methods import EASY, JC, RA, A

SAME: dict[str, Any] = {"hard": "none", "hard_of": "easy"}
"""The student's view is the teacher's."""
BY_EMAN: dict[str, Any] = {"decay": 0.6, "joint": True}

EMA: dict[str, Any] = {"name": "mean_teacher", "easy": EASY, "hard": A}
"""Table 2."""
EMAN: dict[str, Any] = {"name": "eman", "easy": EASY, "hard": A, **BY_EMAN}
"""Table 2, Eq. 3."""
MUM: dict[str, Any] = {"name": "mum", "easy": EASY, "hard": A}
"""Section 3.1: the images' tiles mixed."""
MUM_JC: dict[str, Any] = {**MUM, "hard": JC}
MUM_RA: dict[str, Any] = {**MUM, "hard": RA}
POSE_MUM: dict[str, Any] = {"name": "pose_mum", "easy": EASY, **SAME}
"""Section 3.2: features mixed too, no further affine."""
POSE_MUM_AFFINE: dict[str, Any] = {**POSE_MUM, "hard": A, "hard_of": "image"}
"""Table 3: Pose-MUM-AT."""
POSE_MUM_PLUS: dict[str, Any] = {**POSE_MUM, "name": "pose_mum_plus", **BY_EMAN}
"""Section 4.4: taught by EMAN."""

SOURCES = {
    "method.hard_of": "ours: Kim's 'without affine' as we read it",
    "method.decay": "Kim, Tables 2 and 4",
    "method.joint": "EMAN's released code",
    "epochs": "Kim, section 4.1",
    "optim.milestones": "Kim, section 4.1",
}
"""Of what is other than the default."""
