"""The mini protocol: embedded people and a small ResNet from scratch, minutes on two CPU cores.

Ours, not a paper's, and the same for every method. The network is a ResNet of four basic blocks (32, 48, 96 and 128
channels) at 64x48 with output stride 16, so that its encoder's 4x3 cells divide into Pose-MUM's tiles, and three
deconvolutions to heatmaps of stride 2. The views are those of Xie et al.'s released code. Provisional: labels, views
and length were settled after Dual had been scored on this validation set (docs/DECISIONS.md).
"""

from __future__ import annotations

from semipose.config import Config, DataConfig, MethodConfig, ModelConfig, OptimConfig

DOMAIN, LABELS, UNLABELED, VAL = "studio", 50, 2000, 500
EASY = "released-easy"
HARD = "released-hard"


def base(method: MethodConfig, seed: int = 0) -> Config:
    """The protocol for one method; `seed` draws other labelled and unlabelled people, validation stays."""
    people = f"synth:{DOMAIN}?seed={{}}&count={{}}&start={{}}"
    data = DataConfig(
        labeled=people.format(seed, LABELS, 0),
        unlabeled=people.format(seed, UNLABELED, 100_000),
        val=people.format(0, VAL, 500_000),
    )
    model = ModelConfig(
        weights="none",
        options={"layers": [1, 1, 1, 1], "channels": [32, 48, 96, 128], "output_stride": 16},
        size=[64, 48],
        deconv=[64, 32, 32],
    )
    return Config(data, model, method, OptimConfig(lr=3e-3, batch=16), steps=1600, eval_every=400, seed=seed)


def supervised(seed: int = 0) -> Config:
    """The mini protocol on labelled people alone."""
    return base(MethodConfig(name="supervised", easy=EASY), seed)


def naive(seed: int = 0) -> Config:
    """The mini protocol with both sides learning."""
    return base(MethodConfig(name="naive", easy=EASY), seed)


def single(seed: int = 0) -> Config:
    """The mini protocol with one network, without cutout."""
    return base(_taught("single", HARD), seed)


def dual(seed: int = 0) -> Config:
    """The mini protocol with two networks and Joint Cutout."""
    return base(_taught("dual", f"released-jc5+{HARD}"), seed)


def _taught(name: str, hard: str) -> MethodConfig:
    return MethodConfig(name, EASY, hard, hard_of="easy", outside="background", burn_in=0.15)
