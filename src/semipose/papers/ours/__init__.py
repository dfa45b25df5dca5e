"""Our own recipes on synthetic people, minutes on two CPU cores: what the demo trains, and each method as a look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from semipose.config.schema import Config, DataConfig, OptimConfig
from semipose.methods import options
from semipose.models.config import ModelConfig
from semipose.papers import mini
from semipose.papers.pose_mum.methods import MUM, POSE_MUM, POSE_MUM_PLUS
from semipose.papers.tables import Make, Paper, Plan, Recipe
from semipose.papers.xie2021.methods import DUAL_JC, EASY, NAIVE, RA, SINGLE, SUPERVISED, A
from semipose.papers.yu2024.methods import REFINED, WHOLE

DUAL: dict[str, Any] = {**DUAL_JC, "hard": f"{RA}+jc5"}
"""RandAugment and Joint Cutout together; Xie et al. have one or the other."""
METHODS: dict[str, tuple[dict[str, Any], str]] = {
    "supervised": (SUPERVISED, "labels alone"),
    "naive": (NAIVE, "both sides learn"),
    "single": (SINGLE, "one network, without cutout"),
    "dual": (DUAL, "two networks, RandAugment and Joint Cutout"),
    "mum": (MUM, "mixed images"),
    "pose_mum": (POSE_MUM, "mixed images and features"),
    "pose_mum_plus": (POSE_MUM_PLUS, "the same, taught by EMAN"),
    "dual-refine": ({**DUAL, **REFINED}, "as dual, threshold-and-refine"),
    "denoise-select": ({**DUAL, "name": "denoise_select", **WHOLE}, "as dual, pooled views of the surer network"),
}


GUARDED: dict[str, Any] = {"name": "guarded", "easy": EASY, "hard": A}
"""The better of two networks: taught by itself with tiles mixed (MUM) once the labels are learnt out, and a twin of
labels alone."""
OCCLUDED: dict[str, Any] = {**GUARDED, "hard": "jo2+affine30", "hard_of": "easy", "weight": 4.0}
"""The same, but instead of tiles mixed the crops that the teacher saw, turned again, with joints covered, as SSPCM's
student sees them. They weigh as much as MultiAugs' four paths: for bodies that stand upright (docs/DECISIONS.md)."""
OCCLUDED_DUAL: dict[str, Any] = {**OCCLUDED, "name": "guarded_dual"}
"""The same of two networks, each of which is taught by the other."""
COLOURED = f"{EASY}+ra20"
DEMO: dict[str, dict[str, Any]] = {
    "supervised": SUPERVISED,
    "control": {**SUPERVISED, "labeled": COLOURED},
    "guarded": {**GUARDED, "labeled": COLOURED, "hard": RA},
}
"""What the demo trains: labels alone, plain and recoloured, and guarded, which sees labelled images as the latter."""
STEPS, DEMO_STEPS = 400, 600
FAST = OptimConfig(name="muon", lr=0.05, schedule="cosine", batch=16)
"""A third of the protocol's steps; chosen by supervised training on people that no result is of (docs/DECISIONS.md)."""


def _small(method: dict[str, Any]) -> Make:
    """The mini protocol's people and network with Muon and DARK decoding. The papers' rows keep the papers' Adam with
    its steps and the quarter of a cell."""
    return mini.small(method, optim=replace(FAST), steps=STEPS, eval_every=100, decode="dark")


def config(name: str, seed: int = 0) -> Config:
    """One of `METHODS` in the mini protocol; `seed` draws other labelled and unlabelled people, validation stays."""
    return _small(METHODS[name][0])(seed, None)


def demo(name: str, seed: int = 0) -> Config:
    """One of `DEMO` on the same people. All begin their rate anew halfway, where guarded's burn-in ends, so that what
    differs is what teaches."""
    optim = replace(FAST, restart=0.5)
    return mini.small(DEMO[name], optim=optim, steps=DEMO_STEPS, eval_every=150, decode="dark")(seed, None)


def auto(seed: int = 0, root: Path | None = None) -> Config:
    """What `semipose train data.yaml` trains where the file says nothing else; chosen on mice and photographs
    (docs/protocols.md)."""
    optim = OptimConfig(name="muon", lr=0.02, schedule="cosine", restart=0.5, batch=16)
    config = Config(method=options(**OCCLUDED), optim=optim, decode="dark", seed=seed)
    return replace(config, steps=2000, eval_every=500)


def auto_two(seed: int = 0, root: Path | None = None) -> Config:
    """`auto` for the time of two networks."""
    return replace(auto(seed), method=options(**OCCLUDED_DUAL))


def drawn_people(seed: int = 0, root: Path | None = None) -> Config:
    """What taught `model.weights: people`, the start that comes with this package."""
    return Config(
        DataConfig("synth:wild?count=2000", val="synth:wild?count=200&start=5000"),
        ModelConfig(
            "tf_efficientnet_lite0",
            size=[128, 96],
            sigma=1.5,
            padding=1.0,
            decoder="fpn",
            freeze=["stem", "layer1", "layer2"],
        ),
        options("supervised", easy="affine60+flip50+ra10"),
        OptimConfig(name="muon", lr=0.02, schedule="cosine", batch=16),
        steps=1500,
        eval_every=500,
        decode="dark",
        seed=seed,
    )


def pretrain(seed: int = 0, root: Path | None = None) -> Config:
    """A start from one's own unlabelled images, for `semipose train data.yaml --init-from`."""
    optim = OptimConfig(name="muon", lr=0.01, lr_rest=2e-3, schedule="cosine", batch=1, unlabeled_batch=16)
    config = Config(method=options("dense_contrast", share=0.0), optim=optim, decode="dark", seed=seed)
    return replace(config, steps=300, eval_every=0)


PAPER = Paper(
    "Synthetic people in minutes (ours)",
    "Ours",
    tables={},
    plans={
        **{name: Plan({"mini": _small(method)}) for name, (method, _) in METHODS.items()},
        "auto": Plan({"paper": auto}),
        "auto-two": Plan({"paper": auto_two}),
        "drawn-people": Plan({"paper": drawn_people}),
        "pretrain": Plan({"paper": pretrain}),
    },
    recipes={
        "auto": Recipe("auto", "the better of two networks: taught by itself after labels are learnt, or labels alone"),
        "auto-two": Recipe("auto-two", "the same for two networks' time: they teach each other, beside labels alone"),
        "drawn-people": Recipe("drawn-people", "labels of drawn people: what taught model.weights=people"),
        "pretrain": Recipe(
            "pretrain", "no labels: places of one's own images told apart, a start for another training"
        ),
        **{f"mini-{name}": Recipe(name, about) for name, (_, about) in METHODS.items()},
    },
)
