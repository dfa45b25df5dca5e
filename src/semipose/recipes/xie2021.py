"""Xie et al., An Empirical Study of the Collapsing Problem in Semi-Supervised 2D Human Pose Estimation, ICCV 2021.

Each function returns the paper's setting; data are the user's to name. The constants: ResNet18 at 256x192 (section
6.1), 100 epochs of Adam 1e-3, a tenth after 70 and 90 (section 6.1), Affine 30 and 60 (section 4.1), lambda 1 (section
3.2).
Batch 32 + 32 and horizontal flips in every affine view are its released code's; the paper's text gives neither.
"""

from __future__ import annotations

from semipose.config import Config, MethodConfig

AFFINE = "affine60+flip50"


def supervised() -> Config:
    """Section 6.1; on labelled images alone."""
    return Config(method=MethodConfig(name="supervised"))


def naive() -> Config:
    """Section 3.2, Eq. 2: two views of one strength, both sides learn."""
    return Config(method=MethodConfig(name="naive"))


def single() -> Config:
    """Section 3.3, Eq. 4: Affine 30 teaches Affine 60."""
    return Config(method=MethodConfig(name="single", hard=AFFINE))


def single_jc() -> Config:
    """As single, with Joint Cutout on five joints (section 4.1)."""
    return Config(method=MethodConfig(name="single", hard=f"{AFFINE}+jc5"))


def dual_a() -> Config:
    """Section 4.2, Eq. 7: two networks, Affine 30 teaches Affine 60."""
    return Config(method=MethodConfig(name="dual", hard=AFFINE))


def dual_ra() -> Config:
    """As dual_a, with RandAugment of magnitude 20 (Figure 5)."""
    return Config(method=MethodConfig(name="dual", hard=f"{AFFINE}+ra20"))


def dual() -> Config:
    """As dual_a, with Joint Cutout on five joints: the paper's default (section 6.2)."""
    return Config(method=MethodConfig(name="dual", hard=f"{AFFINE}+jc5"))


def released_single() -> Config:
    """The released code: hard composed on easy, sheared; 70 epochs (50, 60) at 1K labels."""
    return _released("single", share=1.0)


def released_dual() -> Config:
    """The released code: as released_single, and half of each supervised loss."""
    return _released("dual", share=0.5)


def _released(name: str, share: float) -> Config:
    hard = "released-jc5+released-hard"
    method = MethodConfig(name, "released-easy", hard, hard_of="easy", outside="background", share=share)
    config = Config(method=method, epochs=70)
    config.optim.milestones = [50 / 70, 60 / 70]
    return config
