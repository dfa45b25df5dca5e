"""Weights that come with this package: `model.weights: people`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from semipose.errors import UserError
from semipose.files import read_json
from semipose.models.config import ModelConfig
from semipose.skeleton import Skeleton, likened

if TYPE_CHECKING:
    from semipose.models.pose import SimpleBaseline

OWN = {"people": Path(__file__).with_name("people.safetensors")}
"""Name in `model.weights` -> file, with its description beside it. `people`: drawn people have taught it (recipe
`drawn-people`), from EfficientNet-Lite0's ImageNet weights (Google, Apache 2.0); half precision."""


def suits(skeleton: Skeleton, name: str = "people") -> bool:
    """Whether half of the joints or more have a name, or a synonym, of a joint that the weights know."""
    known = Skeleton.from_dict(read_json(OWN[name].with_suffix(".json"))["skeleton"])
    return 2 * sum(joint is not None for joint in likened(known, skeleton)) >= len(skeleton)


def load_own(network: SimpleBaseline, config: ModelConfig, skeleton: Skeleton, head: bool = True) -> str:
    """Start a network from `config.weights`, a name in `OWN`; what is said of joints is as of `load_weights`.

    Raises:
        UserError: those weights are of another backbone or decoder.
    """
    from semipose.models.tensors import load_weights

    file = OWN[config.weights]
    about = read_json(file.with_suffix(".json"))["model"]
    for key in ("backbone", "decoder"):
        if (theirs := about[key]) != (mine := getattr(config, key)):
            raise UserError(
                f"model.weights: {config.weights} is of {key} {theirs}, this network of {mine};"
                f" set model.{key}={theirs}, or model.weights=imagenet"
            )
    return load_weights(network, file, skeleton, head)
