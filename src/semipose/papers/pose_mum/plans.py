"""How each model of Kim et al., Pose-MUM, is trained: the plans that the rows of `pose_mum_tables.py` name.

A plan's method settings are the same at both scales; at mini scale they go through `recipes.mini.base`, where a network
of twice the channels stands for ResNet101, and five and ten times the labels for 5K and 10K. What is ours because the
paper leaves it open is named in `recipes/pose_mum.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from semipose.config import Config, MethodConfig, ModelConfig
from semipose.papers import mini
from semipose.papers.pose_mum.recipes import AFFINE, EASY, EMAN, SAME, short
from semipose.papers.tables import Plan
from semipose.papers.xie2021.plans import LABELS, TIMES, coco, wider

JC, RA = f"{AFFINE}+jc5", f"{AFFINE}+ra20"
SMALL, LARGE = "resnet18", "resnet101"
DECAYS = (0.999, 0.99, 0.9, 0.6, 0.5)
BEST = {SMALL: 0.6, LARGE: 0.9}
"""Decay of each backbone in Table 4, and so in Table 5."""
OFTEN = 60
"""Steps between evaluations, at mini scale, of the runs whose curves are Figures 3 and 4."""


def plan(name: str, labels: str = "1k", backbone: str = SMALL, eval_every: int = 0, **method: Any) -> Plan:
    """A model at both scales."""
    settings = {"name": name, "easy": EASY, **method}

    def paper(seed: int, root: Path | None) -> Config:
        whole = Config(coco(root), ModelConfig(backbone), MethodConfig(**settings), seed=seed)
        return short(whole) if labels == "1k" else whole

    def small(seed: int, root: Path | None = None) -> Config:
        config = mini.base(MethodConfig(**settings), seed)
        data = replace(config.data, labeled=mini.people("labeled", seed, times=TIMES[labels]))
        model = replace(config.model, **wider(config.model)) if backbone == LARGE else config.model
        return replace(config, data=data, model=model, eval_every=eval_every or config.eval_every)

    return Plan({"paper": paper, "mini": small}, LABELS[labels])


def _by_labels(stem: str, name: str, **method: Any) -> dict[str, Plan]:
    return {
        f"{stem}-{backbone}-{labels}": plan(name, labels, backbone, **method)
        for backbone in (SMALL, LARGE)
        for labels in LABELS
        if (labels, backbone) != ("1k", SMALL)  # that is a row of Table 3
    }


def _plus() -> dict[str, Plan]:
    plans = {}
    for backbone, best in BEST.items():
        for decay in DECAYS:
            settings = {**SAME, **EMAN, "decay": decay}
            plans[f"plus-{backbone}-{decay:g}"] = plan("pose_mum_plus", backbone=backbone, **settings)
        for labels in ("5k", "10k"):
            plans[f"plus-{backbone}-{labels}"] = plan(
                "pose_mum_plus", labels, backbone, **{**SAME, **EMAN, "decay": best}
            )
    return plans


PLANS: dict[str, Plan] = {
    "supervised-1k": plan("supervised"),
    "single-1k": plan("single", hard=AFFINE, eval_every=OFTEN),
    "single-jc-1k": plan("single", hard=JC),
    "ema-0.999": plan("mean_teacher", hard=AFFINE, decay=0.999, eval_every=OFTEN),
    "ema-0.6": plan("mean_teacher", hard=AFFINE, decay=0.6, eval_every=OFTEN),
    "eman-0.6": plan("eman", hard=AFFINE, **EMAN, eval_every=OFTEN),
    "mum": plan("mum", hard=AFFINE),
    "mum-group2": plan("mum", hard=AFFINE, mix_group=2),
    "mum-layer2": plan("mum", hard=AFFINE, unmix="layer2"),
    "mum-decoder": plan("mum", hard=AFFINE, unmix="decoder"),
    "mum-jc": plan("mum", hard=JC),
    "mum-ra": plan("mum", hard=RA),
    "pose-mum-affine": plan("pose_mum", hard=AFFINE),
    "pose-mum": plan("pose_mum", **SAME),
    **_by_labels("single-jc", "single", hard=JC),
    **_plus(),
}
