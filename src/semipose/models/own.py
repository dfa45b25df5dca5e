"""Weights that come with this package: `model.weights: people`."""

from __future__ import annotations

from pathlib import Path

from semipose.errors import UserError
from semipose.models.config import ModelConfig
from semipose.models.pose import SimpleBaseline
from semipose.models.tensors import description_of, load_weights
from semipose.skeleton import Skeleton

OWN = {"people": Path(__file__).with_name("people.safetensors")}
"""Name in `model.weights` -> file, with its description beside it. `people`: drawn people have taught it (recipe
`drawn-people`), from EfficientNet-Lite0's ImageNet weights (Google, Apache 2.0); half precision."""


def load_own(network: SimpleBaseline, config: ModelConfig, skeleton: Skeleton, head: bool = True) -> str:
    """Start a network from `config.weights`, a name in `OWN`; what is said of joints is as of `load_weights`.

    Raises:
        UserError: those weights are of another backbone or decoder.
    """
    file = OWN[config.weights]
    about = description_of(file)["model"]
    for key in ("backbone", "decoder"):
        if (theirs := about[key]) != (mine := getattr(config, key)):
            raise UserError(
                f"model.weights: {config.weights} is of {key} {theirs}, this network of {mine};"
                f" set model.{key}={theirs}, or model.weights=imagenet"
            )
    return load_weights(network, file, skeleton, head)
