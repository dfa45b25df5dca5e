"""The whole configuration of a run: its sections, how layers are laid over each other, and what values can be."""

from semipose.config.schema import (
    Config,
    DataConfig,
    MethodConfig,
    ModelConfig,
    OptimConfig,
    differences,
    peer_of,
    to_dict,
)

__all__ = ["Config", "DataConfig", "MethodConfig", "ModelConfig", "OptimConfig", "differences", "peer_of", "to_dict"]
