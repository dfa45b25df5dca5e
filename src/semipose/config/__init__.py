"""The whole configuration of a run: its sections, how layers are laid over each other, and what values can be."""

from semipose.config.schema import (
    Config,
    DataConfig,
    OptimConfig,
    differences,
    peer_of,
    to_dict,
)
from semipose.models.config import ModelConfig

__all__ = ["Config", "DataConfig", "ModelConfig", "OptimConfig", "differences", "peer_of", "to_dict"]
