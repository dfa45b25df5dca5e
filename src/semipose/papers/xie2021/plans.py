"""How each model of Xie et al., ICCV 2021, is trained: the plans that the rows of `xie2021_tables.py` name.

A plan's method settings are the same at both scales; at mini scale they go through `recipes.mini.base`, with studio
people for COCO and Human3.6M and wild ones for MPII and AI Challenger. What the paper leaves open is ours: the values
of lambda that it tried, the views of its failed attempts (both sides as easy, since they were to prevent collapse
without easy-hard pairs), and the hard augmentation of supervised training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from semipose.config import Config, DataConfig, MethodConfig, ModelConfig
from semipose.papers import mini
from semipose.papers.tables import Make, Plan

EASY = "affine30+flip50"
A = "affine60+flip50"
JC, RA = f"{A}+jc5", f"{A}+ra20"
LABELS = {"1k": 1_000, "5k": 5_000, "10k": 10_000}
TIMES = {"1k": 1, "5k": 5, "10k": 10}
"""Labels at mini scale, of the protocol's."""
OF_RUN = ("decode", "peer", "measure", "threshold")
PCKH: dict[str, Any] = {"measure": "pckh", "threshold": 0.5}
JDR: dict[str, Any] = {"measure": "jdr", "threshold": 0.5}
Data = Callable[[Path | None], DataConfig]
People = Mapping[str, Callable[[int], str | None]]
"""Keys of the data section -> what they are for a seed."""
Network = Callable[[ModelConfig], dict[str, Any]]
"""The protocol's network -> what another has instead."""


def coco(root: Path | None, wild: bool = False) -> DataConfig:
    """`ROOT/coco` as published; the boxes of WILD are a detector's, which the user brings."""
    if root is None:
        return DataConfig()
    notes, folder = root / "coco" / "annotations", root / "coco"
    return DataConfig(
        labeled=str(notes / "person_keypoints_train2017.json"),
        labeled_images=str(folder / "train2017"),
        unlabeled=str(notes / "person_boxes_unlabeled2017.json") if wild else None,
        unlabeled_images=str(folder / "unlabeled2017") if wild else None,
        val=str(notes / "person_keypoints_val2017.json"),
        val_images=str(folder / "val2017"),
    )


def mpii(root: Path | None) -> DataConfig:
    """Labelled MPII as pose repositories keep it, unlabelled AI Challenger (section 6.1)."""
    if root is None:
        return DataConfig()
    people, other = root / "mpii", root / "aic"
    return DataConfig(
        labeled=str(people / "annot" / "train.json"),
        labeled_images=str(people / "images"),
        unlabeled=str(other / "keypoint_train_annotations_20170909.json"),
        unlabeled_images=str(other / "keypoint_train_images_20170902"),
        val=str(people / "annot" / "valid.json"),
        val_images=str(people / "images"),
    )


def to_h36m(root: Path | None) -> DataConfig:
    """Labelled MPII, unlabelled Human3.6M, evaluated there (Table 6)."""
    if root is None:
        return DataConfig()
    own = h36m(root)
    labeled = replace(mpii(root), val=own.val, val_images=own.val_images)
    return replace(labeled, unlabeled=str(own.labeled), unlabeled_images=str(own.labeled_images))


def h36m(root: Path | None) -> DataConfig:
    """Human3.6M as pose repositories prepare it: S1, 5, 6, 7, 8 to train on, S9 and S11 to test (section 6.1)."""
    if root is None:
        return DataConfig()
    images = str(root / "h36m" / "images")
    notes = root / "h36m" / "annot"
    return DataConfig(
        str(notes / "h36m_train.json"), images, val=str(notes / "h36m_validation.json"), val_images=images
    )


def paper(data: Data, method: dict[str, Any], **model: Any) -> Make:
    """The paper's setting: ResNet18 at 256x192 unless `model` says otherwise; what is in `OF_RUN` is the run's."""
    of_run = {key: model.pop(key) for key in OF_RUN if key in model}
    return lambda seed, root: Config(data(root), ModelConfig(**model), MethodConfig(**method), seed=seed, **of_run)


def small(method: dict[str, Any], changes: People | None = None, network: Network | None = None, **of_run: Any) -> Make:
    """The mini protocol with a method's settings; `changes` replace parts of the data, `network` of the network, and
    `of_run` what is in `OF_RUN`."""

    def make(seed: int, root: Path | None = None) -> Config:
        config = mini.base(MethodConfig(**method), seed)
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


def mixed(method: dict[str, Any], changes: People | None = None) -> Make:
    """The mini protocol with a small network beside a larger one."""

    def make(seed: int, root: Path | None = None) -> Config:
        config = small(method, changes)(seed, root)
        return replace(config, peer=wider(config.model))

    return make


def on_coco(
    method: dict[str, Any], teacher: bool = False, at_mini: Callable[..., Make] = small, **model: Any
) -> dict[str, Plan]:
    """Plans with 1K, 5K and 10K labels."""
    plans = {}
    for name, labels in LABELS.items():
        more = partial(mini.people, "labeled", times=TIMES[name])
        scales = {"paper": paper(coco, method, **model), "mini": at_mini(method, {"labeled": more})}
        plans[name] = Plan(scales, labels, teacher=f"supervised-{name}" if teacher else None)
    return plans


def attempt(**method: Any) -> Plan:
    """An experiment of section 3 or 6.3: 1K labels."""
    return Plan({"paper": paper(coco, method), "mini": small(method)}, LABELS["1k"])


def named(stem: str, plans: dict[str, Plan]) -> dict[str, Plan]:
    """Plans under their full names."""
    return {f"{stem}-{name}": plan for name, plan in plans.items()}


SUPERVISED = {"name": "supervised", "easy": EASY}
NAIVE = {"name": "naive", "easy": EASY}
SINGLE = {"name": "single", "easy": EASY, "hard": A}
SINGLE_JC = {"name": "single", "easy": EASY, "hard": JC}
DUAL = {"name": "dual", "easy": EASY, "hard": A}
DUAL_RA = {"name": "dual", "easy": EASY, "hard": RA}
DUAL_JC = {"name": "dual", "easy": EASY, "hard": JC}
PSEUDOPOSE = {"name": "pseudopose", "easy": EASY, "hard": A}
DATADISTILL = {"name": "datadistill", "easy": EASY, "hard": A}
PRETRAIN = {"supervised": SUPERVISED, "pseudopose": {**PSEUDOPOSE, "hard": JC}, "dual": DUAL_JC}
NETWORKS: dict[str, Network | None] = {
    "resnet50": None,
    "resnet101": deeper(2),
    "resnet152": deeper(3),
    "hrnet_w48": wider,
}
"""Backbone -> what stands for it at mini scale."""

ALL: People = {"labeled": partial(mini.people, "unlabeled"), "unlabeled": lambda seed: None}
"""All of TRAIN: the protocol's unlabelled people with their labels."""
ALL_WILD: People = {**ALL, "unlabeled": partial(mini.people, "more")}
"""All of TRAIN, and WILD."""
OUTDOORS: People = {
    "labeled": partial(mini.people, "unlabeled", domain="wild"),
    "unlabeled": partial(mini.people, "more", domain="wild"),
    "val": partial(mini.people, "val", domain="wild"),
}
"""MPII, and AI Challenger unlabelled."""
INDOORS: People = {**ALL_WILD, "labeled": OUTDOORS["labeled"]}
"""MPII, and Human3.6M unlabelled and for validation, in other poses."""


def _adaptation() -> dict[str, Plan]:
    """Labels in one domain, unlabelled images of another (Table 6); then those of Table 7 and 8, which pre-train on
    MPII and AI Challenger and are fine-tuned on labels of H36M."""
    plans = {}
    for name, method in PRETRAIN.items():
        taught = name == "pseudopose"
        square = {"size": [256, 256]}
        scales = {"paper": paper(to_h36m, method, **square, **JDR), "mini": small(method, INDOORS)}
        plans[f"adapt-{name}"] = Plan(scales, teacher="adapt-supervised" if taught else None)
        scales = {"paper": paper(mpii, method, **square, **PCKH), "mini": small(method, OUTDOORS)}
        plans[f"pretrain-{name}"] = Plan(scales, teacher="pretrain-supervised" if taught else None)
        scales = {"paper": paper(h36m, SUPERVISED, **square, **JDR), "mini": small(SUPERVISED)}
        plans[f"finetune-{name}"] = Plan(scales, start=f"pretrain-{name}")
    return plans


def _many_labels() -> dict[str, Plan]:
    """All of TRAIN and WILD (Tables 3 and 4), and MPII with AI Challenger (Table 5)."""
    plans = {}
    wild = partial(coco, wild=True)
    for name, network in NETWORKS.items():
        scales = {"paper": paper(coco, SUPERVISED, backbone=name), "mini": small(SUPERVISED, ALL, network)}
        plans[f"supervised-all-{name}"] = Plan(scales)
        scales = {"paper": paper(wild, DUAL_JC, backbone=name), "mini": small(DUAL_JC, ALL_WILD, network)}
        plans[f"dual-all-{name}"] = Plan(scales)
    for kind, method, data in (("supervised", SUPERVISED, ALL), ("dual", DUAL_JC, ALL_WILD)):
        for stem, decode in (("large", "quarter"), ("dark", "dark")):
            large = paper(wild, method, backbone="hrnet_w48", size=[384, 288], sigma=3.0, decode=decode)
            scales = {"paper": large, "mini": small(method, data, wider, decode=decode)}
            plans[f"{kind}-{stem}-hrnet_w48"] = Plan(scales)
        square = paper(mpii, method, backbone="hrnet_w32", size=[256, 256], **PCKH)
        plans[f"{kind}-mpii"] = Plan({"paper": square, "mini": small(method, OUTDOORS, wider)})
    return plans


PLANS: dict[str, Plan] = {
    **named("supervised", on_coco(SUPERVISED)),
    "supervised-all": Plan({"paper": paper(coco, SUPERVISED), "mini": small(SUPERVISED, ALL)}),
    **named("supervised-hard", on_coco({"name": "supervised", "easy": RA})),
    **named("pseudopose", on_coco(PSEUDOPOSE, teacher=True)),
    **named("datadistill", on_coco(DATADISTILL, teacher=True)),
    **named("single", on_coco(SINGLE)),
    **named("single-jc", on_coco(SINGLE_JC)),
    **named("dual", on_coco(DUAL)),
    **named("dual-ra", on_coco(DUAL_RA)),
    **named("dual-jc", on_coco(DUAL_JC)),
    **named("supervised-hrnet", on_coco(SUPERVISED, at_mini=partial(small, network=wider), backbone="hrnet_w48")),
    **named("dual-hrnet", on_coco(DUAL, at_mini=partial(small, network=wider), backbone="hrnet_w48")),
    **named("dual-mixed", on_coco(DUAL, at_mini=mixed, peer={"backbone": "hrnet_w48"})),
    "naive": attempt(**NAIVE),
    "naive-0.1": attempt(**NAIVE, weight=0.1),
    "naive-0.01": attempt(**NAIVE, weight=0.01),
    "naive-all": Plan({"paper": paper(partial(coco, wild=True), NAIVE), "mini": small(NAIVE, ALL_WILD)}),
    "undetached": attempt(name="undetached", easy=EASY, hard=A),
    "easy-easy": attempt(name="single", easy=EASY, hard=EASY),
    "hard-hard": attempt(name="single", easy=A, hard=A),
    "hard-easy": attempt(name="single", easy=A, hard=EASY),
    **{
        f"confident-{each}": attempt(name="single", easy=EASY, hard=EASY, teach=f"confident{each}")
        for each in ("0.2", "0.4", "0.6", "0.8")
    },
    **{
        f"mean-teacher-{decay:g}": attempt(name="mean_teacher", easy=EASY, hard=EASY, decay=decay)
        for decay in (0.99, 0.999)
    },
    "foreground": attempt(name="single", easy=EASY, hard=EASY, teach="foreground"),
    **_adaptation(),
    **_many_labels(),
}
