"""Devices and processes, by Lightning Fabric."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor

from semipose.config import Config
from semipose.errors import UserError
from semipose.training.memory import keep_freed_memory


def launch(config: Config) -> Fabric:
    """Start the processes and devices that `config` asks for. Precision is `precision.py`'s: Fabric's own would round
    what a step is given, keypoints too.

    Raises:
        UserError: there is no such device or strategy.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    try:
        fabric = Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.num_nodes,
            strategy=config.strategy,
        )
    except Exception as error:  # Fabric raises a dozen kinds
        asked = f"accelerator={config.accelerator}, devices={config.devices}, strategy={config.strategy}"
        raise UserError(f"cannot train with {asked}: {' '.join(str(error).split())}") from error
    fabric.launch()
    if fabric.device.type == "cpu":
        keep_freed_memory()
    return fabric


def mean_over_ranks(values: Tensor, world: int) -> Tensor:
    """The mean over all processes, the same in each. Fabric's own `all_reduce` waits for the device."""
    if world > 1:
        torch.distributed.all_reduce(values)
        values /= world
    return values
