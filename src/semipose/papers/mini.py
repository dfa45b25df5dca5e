"""The mini protocol: synthetic people and a small ResNet from scratch, minutes on two CPU cores.

Ours, not a paper's, and the same for every method. Fixed by supervised training and by the time that a Dual run
takes: 20 labels are learnt by heart in less than half of the steps, and more of them help (docs/DECISIONS.md). The
network is a ResNet of four basic blocks (32, 48, 96 and 128 channels) at 64x48 with output stride 16, so that its
encoder's 4x3 cells divide into Pose-MUM's tiles, and two deconvolutions to heatmaps of stride 4, as the papers'.
"""

from __future__ import annotations

from semipose.config import Config, DataConfig, MethodConfig, ModelConfig, OptimConfig
from semipose.data.refs import People
from semipose.papers.pose_mum import recipes as pose_mum
from semipose.papers.yu2024.recipes import REFINED, WHOLE

SOURCE = "ours: the mini protocol"
DOMAIN, LABELS, UNLABELED, VAL = "studio", 20, 2000, 500
STEPS = 1200
EASY, HARD = "affine30+flip50", "affine60+flip50"
SETS = {
    "labeled": (LABELS, 200_000),
    "unlabeled": (UNLABELED, 300_000),
    "more": (UNLABELED, 400_000),
    "val": (VAL, 900_000),
}
"""Set -> how many people from which on: none of them was drawn while the protocol was looked for. `more` are
unlabelled where the unlabelled ones have labels."""


def people(which: str, seed: int, domain: str = DOMAIN, times: int = 1) -> str:
    """The synthetic people of one of `SETS`, or `times` as many. Validation is the same for every seed."""
    count, start = SETS[which]
    return str(People(domain, count * times, 0 if which == "val" else seed, start))


def base(method: MethodConfig, seed: int = 0) -> Config:
    """The protocol for one method; `seed` draws other labelled and unlabelled people, validation stays."""
    labeled, unlabeled, val = (people(which, seed) for which in ("labeled", "unlabeled", "val"))
    data = DataConfig(labeled=labeled, unlabeled=unlabeled, val=val)
    model = ModelConfig(
        weights="none",
        options={"layers": [1, 1, 1, 1], "channels": [32, 48, 96, 128], "output_stride": 16},
        size=[64, 48],
        deconv=[64, 64],
    )
    return Config(data, model, method, OptimConfig(lr=3e-3, batch=16), steps=STEPS, eval_every=400, seed=seed)


def supervised(seed: int = 0) -> Config:
    """The mini protocol on labelled people alone."""
    return base(MethodConfig("supervised", EASY), seed)


def naive(seed: int = 0) -> Config:
    """The mini protocol with both sides learning."""
    return base(MethodConfig("naive", EASY), seed)


def single(seed: int = 0) -> Config:
    """The mini protocol with one network, without cutout."""
    return base(MethodConfig("single", EASY, HARD), seed)


def dual(seed: int = 0) -> Config:
    """The mini protocol with two networks, RandAugment and Joint Cutout together; the paper has one or the other."""
    return base(MethodConfig("dual", EASY, f"{HARD}+ra20+jc5"), seed)


def mum(seed: int = 0) -> Config:
    """The mini protocol with one network and mixed images, Affine 60."""
    return base(pose_mum.mum().method, seed)


def pose_mum_only(seed: int = 0) -> Config:
    """The mini protocol with one network and mixed images and features, no further affine."""
    return base(pose_mum.pose_mum().method, seed)


def pose_mum_plus(seed: int = 0) -> Config:
    """The mini protocol as mini-pose_mum, taught by EMAN of decay 0.6."""
    return base(pose_mum.pose_mum_plus().method, seed)


def dual_refine(seed: int = 0) -> Config:
    """As dual, taught by threshold-and-refine."""
    return base(MethodConfig("dual", EASY, f"{HARD}+ra20+jc5", **REFINED), seed)


def denoise_select(seed: int = 0) -> Config:
    """As dual, taught by what several views' predictions come to, of the surer network."""
    return base(MethodConfig("denoise_select", EASY, f"{HARD}+ra20+jc5", **WHOLE), seed)
