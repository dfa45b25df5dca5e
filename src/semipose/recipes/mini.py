"""The mini protocol: embedded people and a small ResNet from scratch, minutes on two CPU cores.

Ours, not a paper's, and the same for every method. The network is a ResNet of four basic blocks (32, 64, 128, 256
channels) at 64x48 with output stride 16, so that its encoder's 4x3 cells divide into Pose-MUM's tiles, and three
deconvolutions of 64 channels to heatmaps of stride 2.
"""

from __future__ import annotations

from dataclasses import replace

from semipose.config import Config, DataConfig, MethodConfig, ModelConfig, OptimConfig

DOMAIN, LABELS, UNLABELED, VAL = "studio", 30, 2000, 500


def base(method: MethodConfig, seed: int = 0, labels: int = LABELS) -> Config:
    """The protocol for one method; `seed` draws other labelled and unlabelled people, validation stays."""
    people = f"synth:{DOMAIN}?seed={{}}&count={{}}&start={{}}"
    data = DataConfig(
        labeled=people.format(seed, labels, 0),
        unlabeled=people.format(seed, UNLABELED, 100_000),
        val=people.format(0, VAL, 500_000),
    )
    model = ModelConfig(
        weights="none",
        options={"layers": [1, 1, 1, 1], "channels": [32, 64, 128, 256], "output_stride": 16},
        size=[64, 48],
        deconv=[64, 64, 64],
    )
    return Config(data, model, method, OptimConfig(lr=3e-3, batch=16), steps=1000, eval_every=250, seed=seed)


def supervised(seed: int = 0) -> Config:
    """The mini protocol on labelled people alone."""
    return base(MethodConfig(name="supervised"), seed)


def naive(seed: int = 0) -> Config:
    """The mini protocol with both sides learning; fewer labels, learnt by heart, make it collapse."""
    return replace(base(MethodConfig(name="naive"), seed), steps=1500)


def single(seed: int = 0) -> Config:
    """The mini protocol with Affine 30 teaching Affine 60."""
    return base(MethodConfig(name="single", hard="affine60+flip50"), seed)


def dual(seed: int = 0) -> Config:
    """The mini protocol with two networks and Joint Cutout."""
    return base(MethodConfig(name="dual", hard="affine60+flip50+jc5"), seed)
