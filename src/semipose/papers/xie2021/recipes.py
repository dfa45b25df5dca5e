"""Xie et al., An Empirical Study of the Collapsing Problem in Semi-Supervised 2D Human Pose Estimation, ICCV 2021.

Each function returns the paper's setting; data are the user's to name. The constants: ResNet18 at 256x192 (section
6.1), 100 epochs of Adam 1e-3, a tenth after 70 and 90 (section 6.1), Affine 30 and 60 (section 4.1), lambda 1 (section
3.2). Batch 32 + 32 and the easy view's horizontal flip are its released code's, the hard view's flip is ours; the
paper's text gives none of them.
"""

from __future__ import annotations

from typing import Any

from semipose.config import Config, MethodConfig

EASY = "affine30+flip50"
AFFINE = "affine60+flip50"
SOURCES = {
    "method.weight": "ours; Xie gives no values",
    "model.sigma": "HRNet's published configuration at 384x288",
    "peer": "Xie, section 6.2",
}
"""Of what is other than the default."""


def supervised() -> Config:
    """Section 6.1; on labelled images alone."""
    return Config(method=MethodConfig(name="supervised"))


def supervised_hard() -> Config:
    """Section 6.2: hard augmentation in supervised training; the paper does not say which, Affine 60 with RandAugment
    is ours."""
    return Config(method=MethodConfig(name="supervised", easy=f"{AFFINE}+ra20"))


def naive() -> Config:
    """Section 3.2, Eq. 2: two views of one strength, both sides learn."""
    return Config(method=MethodConfig(name="naive"))


def naive_tenth() -> Config:
    """Section 3.2: as naive, with a lower lambda; the paper gives no values, 0.1 is ours."""
    return Config(method=MethodConfig(name="naive", weight=0.1))


def naive_hundredth() -> Config:
    """Section 3.2: as naive, with a lower lambda; the paper gives no values, 0.01 is ours."""
    return Config(method=MethodConfig(name="naive", weight=0.01))


def pseudopose() -> Config:
    """Section 5, Eq. 8: a fixed teacher, trained on the labels before; name it as method.teacher."""
    return Config(method=MethodConfig(name="pseudopose", hard=AFFINE))


def datadistill() -> Config:
    """Section 5: as pseudopose, taught by fresh Gaussians from the sum of four views; their number is ours."""
    return Config(method=MethodConfig(name="datadistill", hard=AFFINE))


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


def dual_hrnet() -> Config:
    """As dual_a, ResNet18 beside HRNet-w48 (section 6.2, Network Structures)."""
    return Config(method=MethodConfig(name="dual", hard=AFFINE), peer={"backbone": "hrnet_w48"})


def undetached() -> Config:
    """Section 3.3: as single, with gradient through the teacher too."""
    return Config(method=MethodConfig(name="undetached", hard=AFFINE))


def easy_easy() -> Config:
    """Sections 6.2 and 6.3: Affine 30 teaches Affine 30, drawn twice."""
    return Config(method=MethodConfig(name="single", easy=EASY, hard=EASY))


def hard_hard() -> Config:
    """Sections 6.2 and 6.3: Affine 60 teaches Affine 60; labelled images are seen through T_e too, as in Eq. 8."""
    return Config(method=MethodConfig(name="single", easy=AFFINE, hard=AFFINE))


def hard_easy() -> Config:
    """Sections 6.2 and 6.3: Affine 60 teaches Affine 30; labelled images are seen through T_e too, as in Eq. 8."""
    return Config(method=MethodConfig(name="single", easy=AFFINE, hard=EASY))


def confident_20() -> Config:
    """Section 6.3: as easy_easy, only peaks above 0.2 teach."""
    return _attempt(teach="confident0.2")


def confident_40() -> Config:
    """Section 6.3: as easy_easy, only peaks above 0.4 teach."""
    return _attempt(teach="confident0.4")


def confident_60() -> Config:
    """Section 6.3: as easy_easy, only peaks above 0.6 teach."""
    return _attempt(teach="confident0.6")


def confident_80() -> Config:
    """Section 6.3: as easy_easy, only peaks above 0.8 teach."""
    return _attempt(teach="confident0.8")


def mean_teacher_99() -> Config:
    """Section 6.3: as easy_easy, an average of decay 0.99 teaches."""
    return _attempt("mean_teacher", decay=0.99)


def mean_teacher_999() -> Config:
    """Section 6.3: as easy_easy, an average of decay 0.999 teaches."""
    return _attempt("mean_teacher", decay=0.999)


def foreground() -> Config:
    """Section 6.3: as easy_easy, cells weigh more the higher the teacher's heatmap; the function is ours."""
    return _attempt(teach="foreground")


def released_single() -> Config:
    """The released code: hard composed on easy, sheared; 70 epochs (50, 60) at 1K labels."""
    return _released("single", share=1.0)


def released_dual() -> Config:
    """The released code: as released_single, and half of each supervised loss."""
    return _released("dual", share=0.5)


def _attempt(name: str = "single", **settings: Any) -> Config:
    """Figure 8's attempts do without easy-hard pairs: both views are of one strength (docs/DECISIONS.md)."""
    return Config(method=MethodConfig(name, EASY, EASY, **settings))


def _released(name: str, share: float) -> Config:
    hard = "released-jc5+released-hard"
    method = MethodConfig(name, "released-easy", hard, hard_of="easy", outside="background", share=share)
    config = Config(method=method, epochs=70)
    config.optim.milestones = [50 / 70, 60 / 70]
    return config
