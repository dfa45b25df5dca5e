"""The whole configuration of a run, as typed dataclasses: what `config.yaml` holds and `--section.key=value` sets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from semipose.methods import needs, options
from semipose.models.config import ModelConfig
from semipose.options import Limit, above_zero, at_least, every, one_of, option, whole, within

if TYPE_CHECKING:
    from semipose.methods.base import Options

SOURCES = (
    *("labeled", "labeled_images", "unlabeled", "unlabeled_images", "unlabeled_boxes", "val", "val_images", "split"),
)
"""Keys of the data section that are paths; in a YAML file they are relative to that file."""
FINDER = "finder"
BOXES = ("whole", "people", FINDER)
"""Words that `unlabeled_boxes` takes beside a path."""
FREE = ("workers", "threads", "save_every", "accelerator", "data.cache")
"""What a resumed run may have otherwise than it began with, and one that is recorded than the one asked for: no number
depends on it (on threads and accelerator the last bits of some)."""
MOST_IMAGES = 100_000
"""Of a step."""


@dataclass
class DataConfig:
    """Where the images are.

    Attributes:
        labeled: labelled data: annotations of COCO, MPII, AI Challenger, Human3.6M or LSP, a project of DeepLabCut or
            Lightning Pose, a .slp of SLEAP, a CSV, or synthetic people such as `synth:wild?count=300`; a list of
            several is joined by joint name.
        labeled_images: the image folder of a JSON, where it is not beside it; a list where `labeled` is one.
        unlabeled: images and videos (a folder, a pattern, a file, a .txt list), a JSON of boxes, or any labelled source
            (its labels are not read); or a list of these.
        unlabeled_images: the image folder of a JSON, where it is not beside it.
        unlabeled_boxes: what of unlabelled images and frames is looked at: `whole`, `people` (found by torchvision's
            detector), `finder` (the run's own, see `find`), a first run (its joints on whole images span the boxes), or
            a JSON of boxes.
        frames: which frames of each video: `all`, `rate2` (two a second), `uniform500`, or `diverse500` (500 that
            differ).
        val: validation data, read like `labeled`; scored on the joints it shares with it, by name.
        val_images: as `labeled_images`.
        split: a manifest written by `semipose split`, which picks the labelled, unlabelled and validation samples out
            of `labeled` alone.
        skeleton: what is said of the joints beyond the data, by name: `joints` (which, in which order), `pairs` (lists
            of left and right; `[]` for none), `limbs`, `sigmas`.
        category: which of the source's kinds of things, by name, where their joints differ (COCO, YOLO).
        outside: whether images are read where a path in a file of labels leads out of the folder of its images.
        occluded: whether joints that are labelled where they cannot be seen (v 1) teach; they are scored in any case,
            and also apart from the visible ones.
        boxes: of labelled and validation samples: `own`, the data's, which is the whole frame where it has none; or
            `labels`, the extent of each one's labelled joints; `corners`, the data's, which are x1, y1, x2, y2; or
            `whole`, the image, which then may show one alone.
        coordinates: what labels and their boxes count: `file`, pixels of the image as it is shown; `json`, of the size
            that the labels state; `stored`, of the picture before EXIF turns it; `shares` of width and height, 0 to 1;
            `percent` of them. Where none is named, `file`, and a training whose labels look otherwise is refused.
        window: unlabelled images come as windows of so many neighbouring frames, which a plan of `frames` counts: of
            `uniform500` and 4, 125 windows. In a folder of images, neighbours are those whose names count up by one.
        reach: crops are cut large enough that every view of `affine<reach>` finds pixels; wider views are blank there.
            35 has room for `rotate180+scale25` in crops of up to 4:3.
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
    category: str | None = None
    outside: bool = False
    occluded: bool = True
    boxes: Literal["own", "labels", "corners", "whole"] = "own"
    coordinates: Literal["file", "json", "stored", "shares", "percent"] | None = None
    window: int = option(1, whole(1, 64, "it is a number of frames, 1 (single images) to 64"), "ours")
    reach: float = option(30.0, at_least(0, "it is an angle in degrees, 0 or more"), "ours")
    cache: str = "~/.cache/semipose"
    store: str = option("raw", one_of("raw", "jpeg"))


TEXT, CODE = "Xie, section 6.1", "Xie, released code"
JORDAN = "Jordan et al. 2024, Muon"
PART = "it is a part of the length, from 0 to 1"


@dataclass
class OptimConfig:
    """The optimiser and its rates.

    Attributes:
        name: `adam`; `adamw`, with weight decay of kernels and matrices; or `muon`, which makes the momentum of kernels
            and matrices orthogonal, and takes AdamW for biases and batch norm.
        lr: the learning rate, before the schedule; of muon that of kernels and matrices, usually 0.02.
        lr_rest: of muon, the rate of biases and batch norm.
        momentum: of muon, Nesterov's.
        newton_schulz: of muon, iterations that make a matrix orthogonal: more take longer and come nearer.
        weight_decay: of adamw and muon, decoupled.
        backbone_rate: the part of the rate that backbones have; decoder and head have the whole.
        schedule: `step`, times `gamma` at each milestone; `cosine`, half a wave down to `final`; or `wsd`, constant,
            then straight down to `final` (warm-up, stable, decay).
        warmup: the rate first rises to its full height: below 1 a part of the length, from 1 on a number of steps.
        milestones: the parts of the training's length after which the rate is multiplied by `gamma`.
        gamma: the factor.
        decay: of wsd, the last part of the length, in which the rate falls.
        final: of cosine and wsd, the part of the rate that is left at the end.
        restart: the part of the length after which the schedule begins anew; not at all where it is 0. Where a burn-in
            ends, the labels are learnt out before their network teaches.
        average: how much of each network's average over its steps stays in a step, after t steps (1 + t) / (10 + t) at
            most; above 0 the averages are scored and saved instead of the networks, which learn and teach as before.
        batch: labelled images a step, over all devices.
        unlabeled_batch: unlabelled images a step, over all devices; `batch` when 0.
    """

    name: str = option("adam", one_of("adam", "adamw", "muon"), TEXT)
    lr: float = option(1e-3, at_least(0, "it can be 0 or more, usually about 1e-3, of muon 0.02"), TEXT)
    lr_rest: float = option(4e-3, at_least(0, "it can be 0 or more, usually about 4e-3"), "ours")
    momentum: float = option(0.95, Limit(lambda value: 0 <= value < 1, "it is 0 or more and below 1"), JORDAN)
    newton_schulz: int = option(3, within(1, 20, "it is a number of iterations, 1 to 20"), f"ours; 5 in {JORDAN}")
    weight_decay: float = option(0.0, at_least(0, "it can be 0 or more"), "none in Xie, section 6.1")
    backbone_rate: float = option(
        1.0,
        Limit(lambda value: 0 < value <= 1, "it is above 0 and up to 1; to keep stages as they are, see model.freeze"),
        "one rate in Xie, section 6.1",
    )
    schedule: str = option("step", one_of("step", "cosine", "wsd"), TEXT)
    warmup: float = option(0.0, at_least(0, "it is a part of the length below 1, or a number of steps"), TEXT)
    milestones: list[float] = option([0.7, 0.9], every(within(0, 1, "it is parts of the length, from 0 to 1")), TEXT)
    gamma: float = option(0.1, above_zero("it is above 0"), TEXT)
    decay: float = option(0.2, within(0, 1, PART), "Hu et al. 2024, MiniCPM, one to two tenths")
    final: float = option(
        0.0, within(0, 1, "it is a part of the rate, from 0 to 1"), "ours; Loshchilov and Hutter 2017"
    )
    restart: float = option(0.0, within(0, 1, PART), "ours; warm restarts, Loshchilov and Hutter 2017")
    average: float = option(
        0.0, Limit(lambda value: 0 <= value < 1, "it is 0 or more and below 1, usually about 0.99"), "none in Xie; ours"
    )
    batch: int = option(32, whole(1, MOST_IMAGES, f"it can be 1 or more, up to {MOST_IMAGES:,}"), CODE)
    unlabeled_batch: int = option(
        0,
        whole(0, MOST_IMAGES, f"it can be 1 or more, up to {MOST_IMAGES:,}, or 0 for optim.batch"),
        "as many as labelled ones (Xie, section 3.2)",
    )


@dataclass
class FindConfig:
    """The first of two networks of a run, which finds bodies in whole images: their centres and sizes at low resolution
    (`semipose.bodies`). The run's own network then sees a body's box alone (`data.boxes: labels`,
    `data.unlabeled_boxes: finder`). Every body of a labelled image is
    taken to be labelled or to have a box.

    Attributes:
        steps: its length in optimiser steps; 0: there is none.
        size: height and width at which it sees whole images.
        unlabeled: how much its own sure finds in unlabelled images count beside the labels, in the second half of its
            steps (an experiment: twice as long, and no gain where it was tried); 0: labels alone teach it.
    """

    steps: int = option(0, at_least(0, "it is a number of steps, or 0 for no finder"), "none in the papers")
    size: list[int] = option(
        [128, 128], every(whole(1, 2048, "it is a height and a width in pixels, up to 2048"), 2), "ours"
    )
    unlabeled: float = option(0.0, at_least(0, "it can be 0 (labels alone teach) or more"), "ours; 1 in FixMatch")


@dataclass
class LossesConfig:
    """Losses on unlabelled images that need no teacher, beside those of any method (`semipose.methods.video`). Each is
    the weight of one; 0: there is none.

    Attributes:
        temporal: a joint's jump between neighbouring frames (`data.window`), beyond what labelled neighbours do.
        shape: a joint's distance from where the labels' principal components let it be, beyond what labels do.
        jump: the jump that `temporal` lets be, as a part of the body's longer side, where no neighbouring frames are
            labelled.
        after: the part of the training's length in which there are none, so that the network has learnt the labels;
            with a method's own burn-in, the longer of the two.
    """

    temporal: float = option(0.0, at_least(0, "it is a weight, 0 (no such loss) or more"), "none in the papers")
    shape: float = option(0.0, at_least(0, "it is a weight, 0 (no such loss) or more"), "none in the papers")
    jump: float = option(0.1, above_zero("it is a part of the body's longer side, above 0, usually 0.1"), "ours")
    after: float = option(0.5, within(0, 1, PART), "ours")

    @property
    def used(self) -> bool:
        """Whether there is any."""
        return self.temporal > 0 or self.shape > 0


@dataclass
class Config:
    """A run.

    Attributes:
        method: the options of the method that its `name` says (`semipose.methods`).
        peer: what the second network of dual has otherwise than `model`, such as `{backbone: resnet50}`; it sees the
            same crops, so size, padding, sigma and heatmap stride are the same.
        find: the network that finds bodies in whole images, where there is one.
        losses: on unlabelled images, without a teacher, beside the method's.
        steps: length in optimiser steps; 0 means `epochs`.
        epochs: length in passes over the unlabelled images (over the labelled ones where there are none).
        seed: of everything random.
        eval_every: steps between evaluations; 0 evaluates at the end only.
        log_every: steps between rows of metrics.csv; 0 writes one row, at the end.
        save_every: steps between checkpoints; 0 saves at the end only, and where a signal stops the run.
        norm_batches: over how many batches of unlabelled images, in the easy view, batch norm's statistics are
            estimated anew where the training ends; 0 leaves them as they are.
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
        accelerator, devices, num_nodes, strategy: Lightning Fabric's.
        precision: `32-true`; `bf16-mixed`, autocast to bf16 in what students and teachers compute; or `auto`, which
            times a few passes before the first step and takes bf16, for each of the two, where it is clearly faster.
            Weights, batch norm's statistics, targets and losses have 32 bits in any case, and so has evaluation.
        threads: CPU threads; 0 leaves torch's choice.
    """

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    method: Options = field(default_factory=lambda: options("dual"))
    optim: OptimConfig = field(default_factory=OptimConfig)
    peer: dict[str, Any] = option({}, source="Xie, section 4.2")
    find: FindConfig = field(default_factory=FindConfig)
    losses: LossesConfig = field(default_factory=LossesConfig)
    steps: int = option(0, source="by epochs")
    epochs: int = option(100, source=TEXT)
    seed: int = option(0, within(0, 2**63 - 1, "it can be 0 or more, below 2^63"))
    eval_every: int = option(0, at_least(0, "it is a number of steps, or 0 to evaluate at the end only"))
    log_every: int = option(20, at_least(0, "it is a number of steps, or 0 for one row, at the end"))
    save_every: int = option(500, at_least(0, "it is a number of steps, or 0 to save at the end only"))
    norm_batches: int = option(0, at_least(0, "it is a number of batches, usually 25, or 0 for none"), "none in Xie")
    decode: str = option("quarter", source=CODE)
    flip_test: str = option("none", source=TEXT)
    measure: Literal["pck", "pckh", "jdr"] = option("pck", source="ours; semipose evaluate adds AP")
    threshold: float = option(0.1, above_zero("it is a part of what is measured by, above 0, usually 0.1"), "ours")
    pseudo: int = option(256, at_least(0, "it is a number of images, 0 for none"))
    stop_on_collapse: bool = False
    workers: int = option(0, within(0, 1024, "it is a number of processes, 0 to load in the training's own"))
    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    precision: str = option("32-true", one_of("32-true", "bf16-mixed", "auto"))
    strategy: str = "auto"
    threads: int = option(0, within(0, 1024, "it is a number of threads, or 0 for torch's choice"))


def learns_unlabeled(config: Config) -> bool:
    """Whether a run learns from unlabelled images: by its method, or by `losses`."""
    return needs(config.method.name).unlabeled or config.losses.used


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
