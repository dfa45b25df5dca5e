"""The mini protocol: synthetic people and a small ResNet from scratch, minutes on two CPU cores.

Ours, not a paper's, and the same for every method. Fixed by supervised training and by the time that a Dual run
takes: 20 labels are learnt by heart in less than half of the steps, and more of them help (docs/DECISIONS.md). The
network is a ResNet of four basic blocks (32, 48, 96 and 128 channels) at 64x48 with output stride 16, so that its
encoder's 4x3 cells divide into Pose-MUM's tiles, and two deconvolutions to heatmaps of stride 4, as the papers'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semipose.config.schema import Config, DataConfig, OptimConfig
from semipose.data.refs import People as Drawn
from semipose.methods import options
from semipose.models.config import ModelConfig
from semipose.papers.tables import Make

if TYPE_CHECKING:
    from semipose.methods.base import Options

SOURCE = "ours: the mini protocol"
DOMAIN, LABELS, UNLABELED, VAL = "studio", 20, 2000, 500
STEPS = 1200
SETS = {
    "labeled": (LABELS, 200_000),
    "unlabeled": (UNLABELED, 300_000),
    "more": (UNLABELED, 400_000),
    "val": (VAL, 900_000),
}
"""Set -> how many people from which on: none of them was drawn while the protocol was looked for. `more` are
unlabelled where the unlabelled ones have labels."""


TIMES = {"1k": 1, "5k": 5, "10k": 10}
"""Of the protocol's labels, as many times stand for a paper's."""
People = Mapping[str, Callable[[int], str | None]]
"""Keys of the data section -> what they are for a seed."""
Network = Callable[[ModelConfig], dict[str, Any]]
"""The protocol's network -> what another has instead."""


def people(which: str, seed: int, domain: str = DOMAIN, times: int = 1) -> str:
    """The synthetic people of one of `SETS`, or `times` as many. Validation is the same for every seed."""
    count, start = SETS[which]
    return str(Drawn(domain, count * times, 0 if which == "val" else seed, start))


def base(method: Options, seed: int = 0) -> Config:
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


def small(
    method: Mapping[str, Any], changes: People | None = None, network: Network | None = None, **of_run: Any
) -> Make:
    """The mini protocol with a method's settings; `changes` replace parts of the data, `network` of the network, and
    `of_run` settings outside the sections."""

    def make(seed: int, root: Path | None = None) -> Config:
        config = base(options(**method), seed)
        replaced: dict[str, Any] = {key: change(seed) for key, change in (changes or {}).items()}
        model = replace(config.model, **network(config.model)) if network else config.model
        return replace(config, data=replace(config.data, **replaced), model=model, **of_run)

    return make


def wider(model: ModelConfig) -> dict[str, Any]:
    """A ResNet of twice the channels, for HRNet at mini scale, and for ResNet101 in Pose-MUM's tables; ours."""
    return {"options": {**model.options, "channels": [2 * width for width in model.options["channels"]]}}


def deeper(blocks: int) -> Network:
    """A ResNet of so many blocks a stage, for the larger ResNets at mini scale; ours."""
    return lambda model: {"options": {**model.options, "layers": [blocks] * 4}}


def mixed(method: Mapping[str, Any], changes: People | None = None) -> Make:
    """The mini protocol with a small network beside a larger one."""

    def make(seed: int, root: Path | None = None) -> Config:
        config = small(method, changes)(seed, root)
        return replace(config, peer=wider(config.model))

    return make
