"""The constants of Xie et al., An Empirical Study of the Collapsing Problem in Semi-Supervised 2D Human Pose
Estimation, ICCV 2021: what a method's options are there.

Affine 30 and 60 (section 4.1), Joint Cutout on five joints (section 4.1), RandAugment of magnitude 20 (Figure 5). The
easy view's mirror is the released code's, the hard view's is ours; the paper's text gives none. What else is of the
paper, ResNet18 at 256x192 and 100 epochs of Adam 1e-3 with a tenth after 70 and 90 (section 6.1), is the default of
every run.
"""

from __future__ import annotations

from typing import Any

EASY = "affine30+flip50"
A = "affine60+flip50"
JC, RA = f"{A}+jc5", f"{A}+ra20"

SUPERVISED: dict[str, Any] = {"name": "supervised", "easy": EASY}
SUPERVISED_HARD: dict[str, Any] = {"name": "supervised", "easy": RA}
"""Section 6.2; the paper does not say which hard augmentation it means."""
NAIVE: dict[str, Any] = {"name": "naive", "easy": EASY}
"""Section 3.2, Eq. 2."""
SINGLE: dict[str, Any] = {"name": "single", "easy": EASY, "hard": A}
"""Section 3.3, Eq. 4."""
SINGLE_JC: dict[str, Any] = {**SINGLE, "hard": JC}
UNDETACHED: dict[str, Any] = {**SINGLE, "name": "undetached"}
"""Section 3.3: gradient through the teacher too."""
DUAL_A: dict[str, Any] = {"name": "dual", "easy": EASY, "hard": A}
"""Section 4.2, Eq. 7."""
DUAL_RA: dict[str, Any] = {**DUAL_A, "hard": RA}
DUAL_JC: dict[str, Any] = {**DUAL_A, "hard": JC}
"""The paper's default (section 6.2)."""
PSEUDOPOSE: dict[str, Any] = {"name": "pseudopose", "easy": EASY, "hard": A}
"""Section 5, Eq. 8: the teacher is trained on the labels before."""
PSEUDOPOSE_JC: dict[str, Any] = {**PSEUDOPOSE, "hard": JC}
"""As it is pre-trained for Tables 6 to 8."""
DATADISTILL: dict[str, Any] = {**PSEUDOPOSE, "name": "datadistill"}
"""Section 5: fresh Gaussians from the sum of four views; their number is ours."""
EASY_EASY: dict[str, Any] = {**SINGLE, "hard": EASY}
"""Sections 6.2 and 6.3: drawn twice. The failed attempts of Figure 8 do without easy-hard pairs and start here."""
HARD_HARD: dict[str, Any] = {**SINGLE, "easy": A}
"""Labelled images are seen through T_e too, as in Eq. 8."""
HARD_EASY: dict[str, Any] = {**SINGLE, "easy": A, "hard": EASY}
MEAN_TEACHER: dict[str, Any] = {**EASY_EASY, "name": "mean_teacher"}
"""Section 6.3."""

RELEASED: dict[str, Any] = {
    "easy": "released-easy",
    "hard": "released-jc5+released-hard",
    "hard_of": "easy",
    "outside": "background",
}
"""The released code: the hard view composed on the easy one, and sheared."""
RELEASED_SINGLE: dict[str, Any] = {"name": "single", **RELEASED}
RELEASED_DUAL: dict[str, Any] = {"name": "dual", **RELEASED, "share": 0.5}
"""And half of each supervised loss."""

SOURCES = {
    "method.weight": "ours; Xie gives no values",
    "model.sigma": "HRNet's published configuration at 384x288",
    "peer": "Xie, section 6.2",
}
"""Of what is other than the default."""
